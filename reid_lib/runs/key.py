"""The key of a run: what makes two runs the same, and how two keys differ, in words.

params.json and status.json call it `identity`, from the time before `identity` was the animal alone.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reid_lib.core.files import without_nan

if TYPE_CHECKING:
    from reid_lib.params.base import NotebookParams

STORED_AS = "identity"  # in params.json the key itself, in status.json its digest, in case params.json is lost
# Fingerprints of the data, in words.
DATA_DIFFERS = {
    "catalogue": "the photographs, or who is on them, are not those of then (added, removed or changed)",
    "split": "so the roles of the photographs are not those of then",
}
OTHER_ROLES = "the roles of the same photographs are not those of then: another version of this library drew them"


def make_run_key(params: "NotebookParams", catalogue_fingerprint: str, split_fingerprint: str) -> dict[str, Any]:
    """The parameters that change the result of a run, the data and their split.

    Args:
        params: a `NotebookParams`; its `NOT_IDENTITY` names those that change no result, its `LATER` those that runs of
            before do not know.
    """
    changed = params.differences()
    own = {
        name: value
        for name, value in params.model_dump().items()
        if name not in params.NOT_IDENTITY and (name not in params.LATER or name in changed)
    }
    return own | {"catalogue": catalogue_fingerprint, "split": split_fingerprint}


def list_differences(stored: Mapping[str, Any], key: Mapping[str, Any]) -> list[str]:
    """One line for each entry that differs; none where the keys are the same."""
    given = without_nan(key)
    differing = [name for name in {**stored, **given} if stored.get(name) != given.get(name)]
    if differing == ["split"]:
        return [OTHER_ROLES]
    return [DATA_DIFFERS.get(k, f"{k}: {stored.get(k)!r} there, {given.get(k)!r} here") for k in differing]
