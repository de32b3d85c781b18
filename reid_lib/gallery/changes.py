"""Changes of a gallery: one process at a time, each change whole or not at all, logged, and undone by another one."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from reid_lib.core.errors import GalleryError
from reid_lib.core.locks import hold_lock
from reid_lib.core.messages import counted
from reid_lib.core.names import CONTENT, DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL
from reid_lib.core.paths import writing
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.gallery import segments, versions
from reid_lib.gallery.photographs import Photographs
from reid_lib.gallery.store import LOCK, Gallery, commit
from reid_lib.gallery.versions import Edit, Version

MOST_SEGMENTS = 32  # beyond, small ones are joined: each is some files to open
SMALL = 10_000  # photographs; larger segments are not written again


@contextmanager
def changing(gallery: Gallery) -> Iterator[Version]:
    """Hold the lock of a gallery; yields the version that counts."""
    waiting = f"another process changes gallery {gallery.name!r}, and is waited for"
    with writing(gallery.folder, "REID_GALLERIES", GalleryError):
        with hold_lock(gallery.folder / LOCK, waiting=waiting):
            yield gallery.version()


def add_photographs(gallery: Gallery, photographs: Photographs, *, what: str) -> tuple[Version, int]:
    """Put photographs of named animals into a gallery. No embedding or keypoint that is there is read or written again.

    Args:
        photographs: by the gallery's own network and local features; an `image_id` that is taken gets another one. One
            that is enrolled already, by its content, is left out: another process may have been quicker.
        what: the change in words, for the log.

    Returns:
        The version afterwards, and how many were added; the version before where that is none.

    Raises:
        GalleryError: a photograph has no name, or there is no room.
    """
    if photographs.rows[IDENTITY].fillna("").str.strip().eq("").any():
        raise GalleryError("only photographs of named animals can be enrolled: give each an identity")
    with changing(gallery) as before:
        stored = [segments.read_rows(gallery.folder, entry) for entry in before.segments]
        parts = [before.apply(rows, k) for k, rows in enumerate(stored)]
        enrolled = {content for rows in parts for content in rows[CONTENT].dropna()}
        fresh = photographs.where(~photographs.rows[CONTENT].isin(enrolled))
        if not len(fresh):
            return before, 0
        taken = {name for rows in stored for name in rows[IMAGE_ID]}  # removed ones, too: an id means one photograph
        fresh = fresh.with_rows(_with_free_ids(fresh.rows, taken))
        entry = segments.write_segment(gallery.folder, fresh)
        counts = _counts(pd.concat([rows[[DATASET, IDENTITY]] for rows in (*parts, fresh.rows)]))
        after = versions.make_next_version(before, segments=[*before.segments, entry], what=what, **counts)
        after = commit(gallery, _join_small(gallery, after))
        _clear(gallery, after)
        return after, len(fresh)


def rename_animal(gallery: Gallery, animal: str, to: str) -> Version:
    """Give an animal another name, which no other one has.

    Raises:
        GalleryError: there is no such animal, or the name is taken: `merge_animals` makes two of them one.
    """
    if not (to := to.strip()):
        raise GalleryError("an animal needs a name that is not blank")
    with changing(gallery) as before:
        rows = gallery.rows()[1]
        dataset, identity = find_animal(rows, animal)
        if ((rows[DATASET] == dataset) & (rows[IDENTITY] == to)).any():
            raise GalleryError(f"there is an animal {to!r} already: if both are one, merge them (gallery merge)")
        edit = {"kind": "rename", "dataset": dataset, "identity": identity, "to": to}
        return _edit(gallery, before, edit, what=f"renamed {identity} to {to}")


def merge_animals(gallery: Gallery, animal: str, into: str) -> Version:
    """Make two animals one, under the name of the second.

    Raises:
        GalleryError: one of them is not there, both are one, or they are of two data sets.
    """
    with changing(gallery) as before:
        rows = gallery.rows()[1]
        (dataset, identity), (other, name) = find_animal(rows, animal), find_animal(rows, into)
        if dataset != other:
            told = f"{animal!r} is of data set {dataset!r}, {into!r} of {other!r}"
            raise GalleryError(f"{told}: only animals of one data set can be one")
        if identity == name:
            raise GalleryError(f"{animal!r} and {into!r} are one animal already")
        edit = {"kind": "rename", "dataset": dataset, "identity": identity, "to": name}
        return _edit(gallery, before, edit, what=f"merged {identity} into {name}")


def remove_photographs(gallery: Gallery, *, animal: str = "", images: list[str] | None = None) -> Version:
    """Take all photographs of an animal, or some photographs, out of a gallery.

    From now on nothing of them is searched. On the disk they stay for `undo`, until `purge`.

    Args:
        images: image ids; instead of an animal.

    Raises:
        GalleryError: there is no such animal or photograph.
    """
    with changing(gallery) as before:
        rows = gallery.rows()[1]
        if images is None:
            dataset, identity = find_animal(rows, animal)
            images = rows.loc[(rows[DATASET] == dataset) & (rows[IDENTITY] == identity), IMAGE_ID].tolist()
            what = f"removed {identity} ({counted(len(images), 'photograph')})"
        else:
            if missing := sorted(set(images) - set(rows[IMAGE_ID])):
                raise GalleryError(f"gallery {gallery.name!r} has no photograph {missing[0]!r}")
            what = f"removed {counted(len(images), 'photograph')}"
        return _edit(gallery, before, {"kind": "remove", "images": images}, what=what)


def undo(gallery: Gallery) -> tuple[Version, Version]:
    """Take back the last change that is not undone yet.

    Returns:
        That change, and the version that has the state before it.

    Raises:
        GalleryError: there is none.
    """
    with changing(gallery) as now:
        if now.previous is None:
            raise GalleryError(f"gallery {gallery.name!r} has no change that could be undone")
        try:
            undone, before = (versions.read_version(gallery.folder, number) for number in (now.state_of, now.previous))
        except FileNotFoundError as error:
            raise GalleryError(f"{error.filename} is missing: the change cannot be undone; {versions.CURE}") from error
        names = ("segments", "edits", "images", "animals", "previous", "state_of")
        state = {name: getattr(before, name) for name in names}
        return undone, commit(gallery, versions.make_next_version(now, **state, what=f"undone: {undone.what}"))


def purge(gallery: Gallery) -> int:
    """Delete from the disk what the photographs of the present version do not need; no earlier change can be undone.

    What was done, when and by whom stays in the log.

    Returns:
        Number of segments that were deleted.
    """
    with changing(gallery) as before:
        entries = []
        for k, segment in enumerate(before.segments):
            edited = any(k < edit.segments for edit in before.edits)
            entries += _write_again(gallery, before, [k]) if edited else [segment]
        state = {"segments": entries, "edits": [], "previous": None, "what": "purged: nothing before can be undone"}
        after = commit(gallery, versions.make_next_version(before, **state))
        for old in versions.list_versions(gallery.folder, before.number):
            blank = {"segments": [], "edits": [], "previous": None}
            versions.write_version(gallery.folder, old.model_copy(update=blank))
        return _clear(gallery, after)


def find_animal(rows: pd.DataFrame, animal: str) -> tuple[str, str]:
    """Data set and identity of an animal that is named by its identity, or as "<dataset>/<identity>".

    Raises:
        GalleryError: there is none, or several data sets have one.
    """
    known = rows[[DATASET, IDENTITY, INDIVIDUAL]].drop_duplicates()
    found = known[(known[INDIVIDUAL] == animal) | (known[IDENTITY] == animal)]
    if len(found) == 1:
        return found[DATASET].iloc[0], found[IDENTITY].iloc[0]
    if len(found):
        raise GalleryError(f"{animal!r} is in several data sets: say {' or '.join(found[INDIVIDUAL])}")
    near = did_you_mean(find_near(animal, list(known[IDENTITY])), "; `gallery show` lists all")
    raise GalleryError(f"there is no animal {animal!r}{near}")


def list_all_names(gallery: Gallery) -> set[str]:
    """All identities, also of renamed and removed animals, of every version that `undo` could go back to."""
    names: set[str] = set()
    read: dict[str, set[str]] = {}
    for version in gallery.log():
        names |= {edit.to for edit in version.edits}
        for entry in version.segments:
            if entry["id"] not in read:
                read[entry["id"]] = set(segments.read_rows(gallery.folder, entry)[IDENTITY])
                names |= read[entry["id"]]
    return names


def _edit(gallery: Gallery, before: Version, edit: dict, *, what: str) -> Version:
    """The caller holds the lock, and has checked the edit under it."""
    made = Edit(**edit, segments=len(before.segments))
    after = versions.make_next_version(before, edits=[*before.edits, made], what=what)
    return commit(gallery, after.model_copy(update=_counts(gallery.rows_of(after))))


def _join_small(gallery: Gallery, version: Version) -> Version:
    """The version with the small segments at its end written as one, where there are many."""
    if len(version.segments) <= MOST_SEGMENTS:
        return version
    large = [k for k, entry in enumerate(version.segments) if entry["images"] > SMALL]
    start = large[-1] + 1 if large else 0
    which = list(range(start, len(version.segments)))
    if len(which) < 2:
        return version
    kept = [edit.model_copy(update={"segments": min(edit.segments, start)}) for edit in version.edits]
    state = {"edits": [edit for edit in kept if edit.segments]}
    state["segments"] = [*version.segments[:start], *_write_again(gallery, version, which)]
    return version.model_copy(update=state)


def _write_again(gallery: Gallery, version: Version, which: list[int]) -> list[dict]:
    """Some segments as one, edits applied; none where nothing is left of them."""
    left = sum(len(version.apply(segments.read_rows(gallery.folder, version.segments[k]), k)) for k in which)
    return [segments.write_segment(gallery.folder, gallery.photographs_of(version, which))] if left else []


def _clear(gallery: Gallery, version: Version) -> int:
    """Delete segments that no version names; their number."""
    every = [*versions.list_versions(gallery.folder, version.number - 1), version]
    return segments.remove_leftovers(gallery.folder, {entry["id"] for one in every for entry in one.segments})


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    return {"images": len(rows), "animals": len(rows[[DATASET, IDENTITY]].drop_duplicates())}


def _with_free_ids(rows: pd.DataFrame, taken: set[str]) -> pd.DataFrame:
    """The rows with image ids that are not taken: a number follows where they are."""
    found = []
    for name in rows[IMAGE_ID]:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}#{number}"
        taken.add(free)
        found.append(free)
    return rows.assign(**{IMAGE_ID: found})
