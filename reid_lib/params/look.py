"""Parameters of data.ipynb: those of a training that say which photographs are read and how they are split."""

from copy import copy
from typing import Any

from pydantic import Field, create_model

from reid_lib.params.base import NotebookParams
from reid_lib.params.fields import TrainParams

# With the names and meanings, and but for the data set the defaults, that they have in train.ipynb.
SHARED = (
    *("dataset", "data_root", "columns", "encounter"),
    *("split_policy", "val_split", "test_split", "unknown_split", "threshold_individuals", "split_seed", "image_size"),
)
_FIELDS: dict[str, Any] = {
    name: (TrainParams.model_fields[name].annotation, copy(TrainParams.model_fields[name])) for name in SHARED
}
_FIELDS["dataset"] = (
    str,
    Field("demo:small", description="demo, demo:small, folder, csv, wildlife:<Class>, ...: see docs/formats.md"),
)  # a small one is enough to look at

LookParams = create_model("LookParams", __base__=NotebookParams, __module__=__name__, **_FIELDS)
LookParams.__doc__ = "Parameters of data.ipynb; its photographs are read and split as a training with them would."
