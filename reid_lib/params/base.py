"""Parameters of a notebook as a pydantic model: spellings that are understood, mix-ups that are refused."""

import math
import re
from numbers import Real
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic.fields import FieldInfo

from reid_lib.core.errors import ParameterError, is_text
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.params.run_names import LONGEST_NAME, LONGEST_SPELLED, short_name, short_value, spelled_name

if TYPE_CHECKING:
    import pandas as pd

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
TRUE_WORDS, FALSE_WORDS = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
NUMBERS = (int, float, float | None)  # kinds of fields
# Python also reads "1_0" as ten, and digits of any script: here that is a slip.
PLAIN = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?")
NOT_PLAIN = "expected a number in plain digits, as 10 or 1e-4"


class NotebookParams(BaseModel):
    """Base of the parameters of a notebook: strict about types, forgiving about how a shell or YAML spells them."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    # What a run can differ in without giving another result.
    NOT_IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {"run_name", "reference", "device", "num_gpus", "data_root", "num_workers", "torch_compile", "mirror"}
    )
    # What came after the first runs: at its default it is no part of their key.
    LATER: ClassVar[frozenset[str]] = frozenset({"encounter", "rerank", "views"})
    RUN_PREFIX: ClassVar[str] = ""  # of the names made for runs

    @classmethod
    def from_notebook(cls) -> Self:
        """The parameters as the notebook's parameters cell, and papermill after it, set them.

        Raises:
            ParameterError: naming every unknown name, wrong type and value out of range at once.
        """
        import pandas as pd

        from reid_lib.params.cells import notebook_values

        pd.set_option("display.max_colwidth", 200)  # of the notebook's tables: the meaning of a parameter in full
        pd.set_option("display.width", 240)  # as text, in papermill's log: not broken into two halves
        return cls.checked(notebook_values(set(cls.model_fields)))

    @classmethod
    def checked(cls, values: dict[str, Any]) -> Self:
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
    def check_typed(cls, values: dict[str, Any], typed: dict[str, str]) -> None:
        """Refuse numbers that only a program reads as such: "1_0" (ten to papermill), "010" (eight to YAML).

        Args:
            values: as papermill read them.
            typed: the texts that it read.

        Raises:
            ParameterError: naming all of them.
        """
        problems = []
        for name, text in typed.items():
            value, field = values.get(name), cls.model_fields.get(name)
            if field is None or field.annotation not in NUMBERS or not isinstance(value, int | float):
                continue
            if isinstance(value, bool) or not math.isfinite(value) or _reads_as(text, value):
                continue
            problems.append(f"{name}: {NOT_PLAIN}; got {_cut(repr(text))}, read as {value} ({field.description})")
        if problems:
            raise ParameterError("\n".join(problems))

    @classmethod
    def _unknown(cls, name: str) -> str:
        same = [field for field in cls.model_fields if _plain(field) == _plain(name)]
        alias = [field for field in cls.model_fields if field == ALIASES.get(name.lower())]
        near = same[:1] or alias or find_near(name, cls.model_fields)
        return f"unknown parameter {name!r}" + did_you_mean(near, f"; expected one of {', '.join(cls.model_fields)}")

    @field_validator("*", mode="before")
    @classmethod
    def _spelling(cls, value, info):
        """What a shell or YAML 1.1 makes of a value: "1e-4", "false" and "" are understood; a mix-up is refused."""
        return _read(value, cls.model_fields[info.field_name].annotation)

    def differences(self) -> dict[str, Any]:
        """The parameters that are not at their default."""
        return {n: v for n, v in self.model_dump().items() if v != type(self).model_fields[n].default}

    def default_name(self, *, longest: int = LONGEST_NAME) -> str:
        """A legal run name made from what differs from the defaults: "default", "demo-small_cosface_lr-1e-4", ...

        The last folder of data_root stands in it, since photographs of two folders are two runs.
        """
        return short_name(self._named(), self.RUN_PREFIX, longest=longest) or "default"

    def name_before(self) -> str:
        """What a run of these parameters was called before names became short: "dataset-demo-small_lr-0.0001"."""
        return spelled_name(self._named(), self.RUN_PREFIX) or "default"

    def _named(self) -> dict[str, Any]:
        """What differs from the defaults and stands in the name of a run."""
        left_out = self.NOT_IDENTITY - {"data_root"}
        changed = {name: value for name, value in self.differences().items() if name not in left_out}
        if "data_root" in changed:
            changed["data_root"] = PurePath(changed["data_root"]).name
        return changed

    def table(self) -> "pd.DataFrame":
        """DataFrame(value, default, meaning) of the parameters not at their default; where all are, a row says so."""
        import pandas as pd

        fields = type(self).model_fields
        rows = {
            name: {"value": str(value), "default": str(fields[name].default), "meaning": fields[name].description}
            for name, value in self.differences().items()
        }
        rows = rows or {"all parameters": {"value": "at their defaults", "default": "", "meaning": ""}}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "default", "meaning"])
        return table.rename_axis("parameter")


def _plain(name: str) -> str:
    """`batchSize`, `Batch-Size` and `batch_size` are one name to a person."""
    return re.sub(r"[\W_]", "", name.lower())


def _read(value, kind):
    """`value` as the type of the field; raises ValueError with words that `_say` passes on."""
    number, optional = kind in NUMBERS, kind == float | None
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
        raise ValueError(
            "expected text: quote it, or with papermill pass -r instead of -p, and the text as you typed it (-p reads "
            "007 as 7, -r NAME 007 does not)"
        )
    if isinstance(value, str) and ("\x00" in value or not is_text(value)):
        raise ValueError("expected text that UTF-8 can write, without NUL bytes (rename a folder of another encoding)")
    return value


def _cut(text: str) -> str:
    """What was typed, as much of it as tells a person what it was."""
    return text if len(text) <= LONGEST_SPELLED else f"{text[: LONGEST_SPELLED - 20]}... ({len(text)} characters)"


def _number(value, *, whole: bool) -> float | int:
    if not isinstance(value, str | Real):
        raise ValueError("expected a number")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    except ValueError:
        raise ValueError("expected a number") from None
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    if isinstance(value, str) and not PLAIN.fullmatch(value.strip()):
        raise ValueError(NOT_PLAIN)
    if not whole:
        return number
    if not number.is_integer():
        raise ValueError("expected a whole number")
    try:
        return int(str(value))  # not by way of a float, which would round a seed above 2**53
    except ValueError:
        return int(number)


def _reads_as(text: str, value: float) -> bool:
    """Does a person read this number in a text?"""
    if not PLAIN.fullmatch(text.strip()):
        return False
    try:
        return int(text) == value  # not by way of a float, as above
    except ValueError:
        return float(text) == value


def _say(cls, problem: dict) -> str:
    """A pydantic problem as one line: which parameter, what was expected, what came."""
    if not problem["loc"]:
        return problem["msg"].removeprefix("Value error, ")
    name = str(problem["loc"][0])
    field = cls.model_fields[name]
    text = problem["msg"].removeprefix("Value error, ").replace("Input should be", "expected").replace("NAME", name)
    if problem["type"].startswith(("greater_than", "less_than")):
        text = f"expected {describe_range(field)}"
    return f"{name}: {text}; got {_cut(repr(problem['input']))} ({field.description})"


def describe_range(field: FieldInfo) -> str:
    """The limits of a field in words, both of them: "at least 0 and at most 0.5"; "" where it has none."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [(word, getattr(limit, key, None)) for limit in field.metadata for key, word in words.items()]
    return " and ".join(f"{word} {short_value(limit)}" for word, limit in limits if limit is not None)
