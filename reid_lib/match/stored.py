"""Fits and recipes that are written as JSON and read back (calibration.json, recipe.json): each class is its schema."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from reid_lib.core.errors import ParameterError


class Stored(BaseModel):
    """Numbers, names and further parts of this kind, which come back from JSON equal to the last bit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, texts, lists and dictionaries, for JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """What `to_dict` gave.

        Raises:
            ParameterError: something is missing, not known, or not what it should be.
        """
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "all of it"
            what = "is missing" if first["type"] == "missing" else f"{first['msg'].lower()}, not {first['input']!r:.60}"
            raise ParameterError(
                f"the stored calibration cannot be read: {where}: {what}; fit it again, or copy the run again"
            ) from error
