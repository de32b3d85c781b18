"""Training: losses, batches, augmentation, the loop with exact resume, validation.

Knows no run folder: it is handed an object to report to.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "loop": "fit",
        "losses": "make_loss",
        "batches": "TrainingImages",
        "group": "ALONE Group",
        "validation": "Validation",
    },
)
