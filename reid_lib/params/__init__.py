"""What a user may set: every parameter with its default, unit and range.

Read from a notebook's cell, or from papermill's arguments.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "fields": "TrainParams EvaluateParams IdentifyParams ReviewParams",
        "look": "LookParams",
        "base": "NotebookParams",
        "papermill": "papermill_params NOTEBOOKS",
        "loss_units": "LOSS_DEFAULTS LossDefaults",
    },
)
