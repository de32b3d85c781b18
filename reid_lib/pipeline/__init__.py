"""The steps wired together, one call for each cell of a notebook.

read -> split -> start (a run folder) -> train -> evaluate -> finish
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "data": "read split",
        "steps": "start train evaluate finish",
        "drawing": "save_figure measure_leak draw_leak show_suspects show_clusters",
        "answer_figures": "show_answers",
        "explain": "show_matches show_reliability",
        "same_photo": "show_own_photos",
        "look": "look_at show_figure Look",
        "masks": "show_masks",
        "takeover": "settle_params",
        "identification": "Identified identify",
        "review": "Review open_review",
        "experiment": "Experiment Evaluation load_evaluation",
    },
)
