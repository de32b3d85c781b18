"""Which known individual is it, or a new one: predictions, the threshold, the decision, the metrics.

With their intervals, and differences between runs with a verdict.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "predictions": "score_individuals",
        "query_unit": "combine_encounters",
        "threshold": "Threshold fit_threshold decide fit_oracle",
        "summary": "summarise headline",
        "answers": "Answers",
        "resample": "Resampled",
        "difference": "Difference",
        "leak": "measure_top1_by_split",
    },
)
