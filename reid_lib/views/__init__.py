"""The views of compare.ipynb, which follow the choice of one `RunPicker`; those of identify.ipynb and review.ipynb."""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "base": "RunPicker",
        "numbers": "MetricsTable",
        "curves": "Curves Figures",
        "threshold": "ThresholdSlider",
        "embeddings": "EmbeddingView",
        "mistakes": "Mistakes",
        "remarks": "TagsAndNotes",
        "export": "Export",
        "review": "ReviewScreen",
        "accepting": "AcceptAnswers",
    },
)
