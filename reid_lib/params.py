"""Every parameter of a run: its name, default, unit and range. The parameters cells of the notebooks repeat them."""

import difflib
import hashlib
import math
import re
from pathlib import PurePath
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from reid_lib.errors import ParameterError, is_text

RADIANS, COSINE, DISTANCE = "radians", "cosine", "distance"


class LossDefaults(NamedTuple):
    """What a loss uses when nothing is given; None where it has no such thing."""

    margin: float | None = None
    margin_unit: str = ""
    scale: float | None = None  # factor on the cosine


LOSS_DEFAULTS = {
    "arcface": LossDefaults(0.3, RADIANS, 30.0),
    "cosface": LossDefaults(0.35, COSINE, 30.0),
    "subcenter_arcface": LossDefaults(0.3, RADIANS, 30.0),
    "triplet": LossDefaults(0.2, DISTANCE),
    "contrastive": LossDefaults(0.5, DISTANCE),
    "multisimilarity": LossDefaults(),
}
# A margin beyond these is a slip of the unit (degrees, say): no angle exceeds pi, no distance of unit vectors 2.
MARGIN_LIMITS = {RADIANS: math.pi / 2, COSINE: 1.0, DISTANCE: 2.0}

# Names people type, those of the replaced system among them.
ALIASES = {
    "learning_rate": "lr",
    "epochs": "num_epochs",
    "n_epochs": "num_epochs",
    "model": "backbone",
    "model_name": "backbone",
    "resize": "image_size",
    "img_size": "image_size",
    "size": "image_size",
    "loss_type": "loss",
    "loss_fn": "loss",
    "filename": "run_name",
    "name": "run_name",
    "reference_model": "reference",
    "remote": "data_root",
    "root": "data_root",
    "data": "data_root",
    "path": "data_root",
    "data_set": "dataset",
    "wd": "weight_decay",
    "bs": "batch_size",
    "workers": "num_workers",
    "gpus": "num_gpus",
    "amp": "precision",
    "augment": "augmentation",
    "images_per_class": "m",
}
LARGEST_SEED = 2**64 - 1  # of torch's generators
LONGEST_NAME = 80  # characters of a run name that is made
MANY = 10**9  # no study has so many images, animals or epochs; larger numbers are slips
TRUE_WORDS, FALSE_WORDS = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class NotebookParams(BaseModel):
    """Base of the parameters of a notebook: strict about types, forgiving about how a shell or YAML spells them."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    # What a run can differ in without giving another result.
    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {"run_name", "reference", "device", "num_gpus", "data_root", "num_workers", "torch_compile"}
    )
    RUN_PREFIX: ClassVar[str] = ""  # of the names made for runs

    @classmethod
    def from_notebook(cls):
        """The parameters as the notebook's parameters cell, and papermill after it, set them.

        Raises:
            ParameterError: naming every unknown name, wrong type and value out of range at once.
        """
        import pandas as pd

        from reid_lib.notebook import notebook_values

        pd.set_option("display.max_colwidth", 200)  # of the notebook's tables: the meaning of a parameter in full
        return cls.checked(notebook_values(set(cls.model_fields)))

    @classmethod
    def checked(cls, values: dict[str, Any]):
        """Build from a dictionary, with messages for people.

        Raises:
            ParameterError: as `from_notebook`.
        """
        unknown = [cls._unknown(name) for name in values if name not in cls.model_fields]
        known = {name: value for name, value in values.items() if name in cls.model_fields}
        try:
            params = cls(**known)
        except ValidationError as error:
            raise ParameterError("\n".join(unknown + [_say(cls, problem) for problem in error.errors()])) from None
        if unknown:
            raise ParameterError("\n".join(unknown))
        return params

    @classmethod
    def _unknown(cls, name: str) -> str:
        same = [field for field in cls.model_fields if _plain(field) == _plain(name)]
        alias = [field for field in cls.model_fields if field == ALIASES.get(name.lower())]
        close = same or alias or difflib.get_close_matches(name.lower(), cls.model_fields, n=1)
        advice = f"; did you mean {close[0]!r}?" if close else f"; expected one of {', '.join(cls.model_fields)}"
        return f"unknown parameter {name!r}{advice}"

    @field_validator("*", mode="before")
    @classmethod
    def _spelling(cls, value, info):
        """What a shell or YAML 1.1 makes of a value: "1e-4", "false" and "" are understood; a mix-up is refused."""
        return _read(value, cls.model_fields[info.field_name].annotation)

    def differences(self) -> dict[str, Any]:
        """The parameters that are not at their default."""
        return {n: v for n, v in self.model_dump().items() if v != type(self).model_fields[n].default}

    def default_name(self) -> str:
        """A legal run name made from what differs from the defaults: "default", "loss-cosface_lr-0.0001", ...

        The last folder of data_root stands in it, since photographs of two folders are two runs.
        """
        left_out = self.NOT_IDENTITY - {"data_root"}
        changed = {name: value for name, value in self.differences().items() if name not in left_out}
        if "data_root" in changed:
            changed["data_root"] = PurePath(changed["data_root"]).name
        return made_name(changed, self.RUN_PREFIX) or "default"

    def table(self):
        """DataFrame(value, default, meaning) of the parameters that are not at their default."""
        import pandas as pd

        fields = type(self).model_fields
        rows = {
            name: {"value": str(value), "default": str(fields[name].default), "meaning": fields[name].description}
            for name, value in self.differences().items()
        }
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "default", "meaning"])
        return table.rename_axis("parameter" if rows else "all parameters are at their defaults")


def made_name(values: dict[str, Any], prefix: str = "") -> str:
    """A legal name made from parameters, at most `LONGEST_NAME` long: "prefix_lr-0.0003_seed-1"; empty for nothing."""
    parts = ([prefix] if prefix else []) + [f"{name}-{_short(value)}" for name, value in values.items()]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(parts))
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        changes = made_name(values) if prefix else ""
        room = LONGEST_NAME - len(changes) - 10
        # What a run differs in from the one it is named after is what its name is read for.
        name = f"{name[:room]}-{digest}_{changes}" if changes and room > 8 else f"{name[: LONGEST_NAME - 9]}-{digest}"
    return name


def _plain(name: str) -> str:
    """`batchSize`, `Batch-Size` and `batch_size` are one name to a person."""
    return re.sub(r"[\W_]", "", name.lower())


def _short(value) -> str:
    """A value in a run name: a float with as few digits as tell it apart from every other."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short


def _read(value, kind):
    """`value` as the type of the field; raises ValueError with words that `_say` passes on."""
    number, optional = kind in (int, float, float | None), kind == float | None
    if optional and (value is None or (isinstance(value, str) and value.strip() in ("", "None"))):
        return None
    if kind is bool and isinstance(value, str) and value.strip().lower() in TRUE_WORDS + FALSE_WORDS:
        return value.strip().lower() in TRUE_WORDS
    if kind is bool and not isinstance(value, bool):
        raise ValueError("expected True or False")
    if number and isinstance(value, bool):
        raise ValueError("expected a number, not True or False")
    if number:
        return _number(value, whole=kind is int)
    if kind is not bool and not isinstance(value, str):
        shown = _cut(str(value))
        raise ValueError(f"expected text: quote it, or with papermill pass -r instead of -p (-r NAME {shown})")
    if isinstance(value, str) and ("\x00" in value or not is_text(value)):
        raise ValueError("expected text that UTF-8 can write, without NUL bytes (rename a folder of another encoding)")
    return value


def _cut(text: str) -> str:
    """What was typed, as much of it as tells a person what it was."""
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 20]}... ({len(text)} characters)"


def _number(value, *, whole: bool) -> float | int:
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    except (TypeError, ValueError):
        raise ValueError("expected a number") from None
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    if not whole:
        return number
    if not number.is_integer():
        raise ValueError("expected a whole number")
    try:
        return int(str(value))  # not by way of a float, which would round a seed above 2**53
    except ValueError:
        return int(number)


def _say(cls, problem: dict) -> str:
    """A pydantic problem as one line: which parameter, what was expected, what came."""
    if not problem["loc"]:
        return problem["msg"].removeprefix("Value error, ")
    name = str(problem["loc"][0])
    field = cls.model_fields[name]
    text = problem["msg"].removeprefix("Value error, ").replace("Input should be", "expected").replace("NAME", name)
    if problem["type"].startswith(("greater_than", "less_than")):
        text = f"expected {_range(field)}"
    return f"{name}: {text}; got {_cut(repr(problem['input']))} ({field.description})"


def _range(field) -> str:
    """The limits of a field in words, both of them: "at least 0 and at most 0.5"."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [(word, getattr(limit, key, None)) for limit in field.metadata for key, word in words.items()]
    return " and ".join(f"{word} {_short(limit)}" for word, limit in limits if limit is not None)


class DataParams(NotebookParams):
    """Which photographs, and which role each gets: shared by training and evaluation."""

    dataset: str = Field(
        "demo",
        description="demo, demo:small, demo:large, folder, csv, animalclef2025, wildlife:<Class>, ...: see README",
    )
    data_root: str = Field("", description="where the photographs lie; empty means REID_DATA (demo needs none)")
    columns: str = Field("", description="csv only, ours:theirs separated by spaces, e.g. identity:animal path:file")
    skip_unreadable: bool = Field(False, description="leave bad images out (and say so) instead of stopping")
    run_name: str = Field("", description="empty: made from what differs from these defaults")
    reference: str = Field("", description="run to compare with; empty: the promoted one")
    backbone: str = Field("tf_efficientnet_lite0", description="any timm name, or hf-hub:owner/model")
    pretrained: bool = Field(True, description="start from pretrained weights")
    split_policy: Literal["auto", "official", "encounter", "random"] = Field(
        "auto", description="what stays on one side: auto, official, encounter, random"
    )
    val_split: float = Field(0.2, ge=0, le=0.5, description="share of a known individual's encounters asked in val")
    test_split: float = Field(0.2, ge=0, le=0.5, description="share of a known individual's encounters asked in test")
    unknown_split: float = Field(
        0.15, ge=0, le=0.4, description="share of the individuals held out whole, for val and once more for test"
    )
    threshold_individuals: int = Field(
        10, ge=1, le=MANY, description="known and unknown val individuals a data set needs for a threshold of its own"
    )
    split_seed: int = Field(0, ge=0, le=LARGEST_SEED, description="split, drawing of the demo data")
    batch_size: int = Field(24, ge=2, le=65536, description="images")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="auto, cpu, cuda, mps")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto, fp32, bf16: of training; embeddings stay true to fp32"
    )
    num_workers: int = Field(-1, ge=-1, le=256, description="image loading processes; -1: chosen for the machine")
    torch_compile: Literal["auto", "always", "never"] = Field(
        "auto", description="compile the network: auto (where it repays itself), always, never"
    )


class TrainParams(DataParams):
    """Parameters of train.ipynb."""

    image_size: int = Field(
        160, ge=32, le=2048, description="px, side of the square that the whole image is resized to"
    )
    embedding_dim: int = Field(512, ge=2, le=8192, description="numbers in an embedding")
    loss: Literal["arcface", "cosface", "subcenter_arcface", "triplet", "contrastive", "multisimilarity"] = Field(
        "arcface", description="arcface, cosface, subcenter_arcface, triplet, contrastive, multisimilarity"
    )
    margin: float | None = Field(
        None,
        ge=0,
        description="None: the loss's own. Radians (arcface), cosine (cosface), distance (triplet, contrastive)",
    )
    scale: float | None = Field(
        None, gt=0, le=1000, description="None: the loss's own; arcface, subcenter_arcface and cosface have one"
    )
    lr: float = Field(1e-3, gt=0, le=10, description="learning rate of the backbone")
    head_lr_factor: float = Field(10.0, gt=0, le=1000, description="head and class weights learn this much faster")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="AdamW, per unit of learning rate")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of pooled features dropped before the head")
    scheduler: Literal["cosine", "plateau", "none"] = Field("cosine", description="cosine, plateau, none")
    warmup: float = Field(1.0, ge=0, le=1000, description="epochs of linear warm-up")
    num_epochs: int = Field(7, ge=1, le=100000, description="passes over the training images")
    eval_every: int = Field(2, ge=1, le=MANY, description="epochs between evaluations on val")
    patience: int = Field(
        0, ge=0, le=MANY, description="evaluations without a better val score before stopping; 0: never"
    )
    m: int = Field(4, ge=1, description="images per individual in a batch")
    n: int = Field(0, ge=0, le=MANY, description="most training images; 0: all")
    classes: Literal["identity", "identity+orientation"] = Field(
        "identity", description="identity, or identity+orientation (each flank a class of its own in the loss)"
    )
    augmentation: bool = Field(True, description="vary pose, scale, light and sharpness while training")
    flip: bool = Field(False, description="mirror at random; a mirrored flank is another animal")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="weights, order, augmentation")
    num_gpus: int = Field(1, ge=0, le=1024, description="GPUs of a machine to train on; 0: all; on a CPU: processes")

    @model_validator(mode="after")
    def _fit_together(self):
        problems = self._problems_of_the_loss()
        if self.m > self.batch_size:
            problems.append(f"m: {self.m} images per individual do not fit into a batch_size of {self.batch_size}")
        if self.n == 1:
            problems.append("n: nothing can be told apart in one training image; expected 0 (all) or at least 2")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems_of_the_loss(self) -> list[str]:
        own, problems = LOSS_DEFAULTS[self.loss], []
        for what in ("margin", "scale"):
            if getattr(self, what) is not None and getattr(own, what) is None:
                having = ", ".join(name for name, d in LOSS_DEFAULTS.items() if getattr(d, what) is not None)
                problems.append(f"{what}: the loss {self.loss!r} has none (those that have: {having}); leave it empty")
        most = MARGIN_LIMITS.get(own.margin_unit, math.inf)
        if self.margin is not None and self.margin > most:
            problems.append(f"margin: {self.loss!r} takes {own.margin_unit}, at most {most:.3g}; got {self.margin:g}")
        return problems


class EvaluateParams(DataParams):
    """Parameters of evaluate.ipynb."""

    RUN_PREFIX: ClassVar[str] = "eval"

    run: str = Field("", description="a finished run to evaluate; empty: the backbone as it comes, without a head")
    dataset: str = Field("", description="empty: the run's own data and split, or demo without a run")
    image_size: int = Field(0, ge=0, le=2048, description="px; 0: the backbone's own")
    batch_size: int = Field(64, ge=1, le=65536, description="images at a time")
