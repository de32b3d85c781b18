"""A gallery on disk: made, found, read. Readers see one version, old or new, never half of one, without any lock."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd

from reid_lib.core import files
from reid_lib.core.errors import GalleryError, ParameterError, first_line
from reid_lib.core.files import hash_file
from reid_lib.core.locks import hold_lock
from reid_lib.core.names import DATASET, IDENTITY, INDIVIDUAL, MODEL_JSON, MODEL_WEIGHTS
from reid_lib.core.paths import check_folder_name, galleries_root, writing
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.gallery import segments, versions
from reid_lib.gallery.photographs import REQUIRED, Photographs, join_photographs, select_columns
from reid_lib.gallery.recipe import Recipe
from reid_lib.gallery.versions import Version

FORMAT = 1
GALLERY_JSON, RECIPE_JSON, MODEL, LOCK = "gallery.json", "recipe.json", "model", ".lock"
LONGEST = 120  # characters of a name, as of a run: a gallery is called like it where nothing else is said
TRIES = 5  # of a reader, where the version that it reads is purged meanwhile
Read = TypeVar("Read")


class Gallery:
    """A gallery to read; `changes` changes it.

    Args:
        folder: of the gallery; see `open_gallery` and `create_gallery`.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def model_folder(self) -> Path:
        """Folder of the model that made it, as `nets.model_files` reads it."""
        return self.folder / MODEL

    def version(self) -> Version:
        """The version that counts now.

        Raises:
            GalleryError: it is damaged, or of another format.
        """
        number = self._number()
        while True:
            try:
                version = versions.read_version(self.folder, number)
            except FileNotFoundError as error:
                missing, number = number, self._number()
                if number != missing:  # another one counts by now
                    continue
                raise GalleryError(f"{error.filename} is missing: {versions.CURE}") from error
            before, number = number, self._number()
            if version.segments or number == before:  # else it may have been emptied since (`changes.purge`)
                return version

    def log(self) -> list[Version]:
        """All changes, oldest first."""
        return versions.list_versions(self.folder, self.version().number)

    def recipe(self) -> Recipe:
        """How photographs are answered.

        Raises:
            GalleryError: it is damaged.
        """
        path = self.folder / RECIPE_JSON
        try:
            return Recipe.from_dict(files.read_checked_json(path))
        except (OSError, ValueError, ParameterError) as error:
            raise GalleryError(f"{path} cannot be read ({error}): copy the gallery again") from error

    def check_embeddings(self, sha256: str, views: str, *, run: str) -> None:
        """Refuse a run whose embeddings do not compare with those of this gallery.

        Args:
            sha256: of the run's weights.
            views: of each photograph that an embedding of the run is the mean of.
            run: its name, for the message.

        Raises:
            GalleryError: its weights or its views are others.
        """
        own = self.recipe()
        cure = (
            f"Make one by this run (reid gallery export {run} --gallery OTHER), or leave the run out: "
            "the gallery brings its own"
        )
        if own.weights_sha256 != sha256:
            raise GalleryError(
                f"gallery {self.name!r} was made by other weights ({own.weights_sha256[:12]}, of run {own.run!r}) than "
                f"run {run!r} has ({sha256[:12]}): embeddings of two networks do not compare. {cure} network"
            )
        if own.views != views:
            raise GalleryError(
                f"gallery {self.name!r} was made with views {own.views!r} of each photograph (of run {own.run!r}), run "
                f"{run!r} has {views!r}: their embeddings do not compare. {cure} recipe"
            )

    def rows(self) -> tuple[Version, pd.DataFrame]:
        """The version, and the rows of all photographs in it; nothing else is read."""
        return self._read(self.rows_of)

    def rows_of(self, version: Version) -> pd.DataFrame:
        """Rows of all photographs of a version."""
        parts = [version.apply(segments.read_rows(self.folder, entry), k) for k, entry in enumerate(version.segments)]
        return with_individuals(pd.concat(parts or [select_columns(pd.DataFrame(columns=REQUIRED))], ignore_index=True))

    def load(self) -> tuple[Version, Photographs]:
        """The version, and all photographs in it with what the recipe compares.

        Raises:
            GalleryError: it is empty or damaged.
        """
        return self._read(lambda version: self.photographs_of(version, range(len(version.segments))))

    def photographs_of(self, version: Version, which: range | list[int]) -> Photographs:
        """Photographs of some segments (places in `version.segments`) as a version has them.

        Raises:
            GalleryError: there are none, or a file is damaged.
        """
        features, parts = self.recipe().local_features, []
        for k in which:
            stored = segments.read_segment(self.folder, version.segments[k], features)
            rows = version.apply(stored.rows, k)
            part = stored.where(stored.rows.index.isin(rows.index))
            parts.append(part.with_rows(with_individuals(rows.reset_index(drop=True))))
        if not sum(map(len, parts)):
            raise GalleryError(f"gallery {self.name!r} is empty: add photographs (reid gallery add)")
        return join_photographs([part for part in parts if len(part)])

    def _number(self) -> int:
        """Number of the version that counts now."""
        path = self.folder / GALLERY_JSON
        try:
            stored = files.read_checked_json(path)
            number, found = int(stored["version"]), stored["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GalleryError(f"{path} cannot be read ({first_line(error)}): copy the gallery again") from error
        if found != FORMAT:
            raise GalleryError(f"{path} is of format {found!r}, not {FORMAT}: another version of this library wrote it")
        return number

    def _read(self, function: Callable[[Version], Read]) -> tuple[Version, Read]:
        """What the version that counts holds; read again where it is cleared away meanwhile (`changes.purge`)."""
        for attempt in range(TRIES):
            version = self.version()
            try:
                return version, function(version)
            except FileNotFoundError as error:
                if attempt == TRIES - 1 or self.version().number == version.number:
                    raise GalleryError(f"{error.filename} is missing: copy gallery {self.name!r} again") from error
        raise AssertionError("the last attempt returns or raises")


def create_gallery(name: str, recipe: Recipe, model_folder: Path, photographs: Photographs, *, what: str) -> Gallery:
    """Make a gallery; it is there as soon as its first version is whole.

    Args:
        model_folder: with model.json and model.safetensors, which are copied.
        photographs: of named animals.
        what: for the log.

    Raises:
        GalleryError: one of this name is there, or nothing can be written.
    """
    folder = check_unused(name)
    gallery = Gallery(folder)
    with writing(folder, "REID_GALLERIES", GalleryError):
        folder.mkdir(parents=True, exist_ok=True)
        with hold_lock(folder / LOCK):
            check_unused(name)
            segments.remove_leftovers(folder, set())  # of a killed process
            for file in (MODEL_JSON, MODEL_WEIGHTS):
                with files.atomic(folder / MODEL / file) as temporary:
                    shutil.copyfile(model_folder / file, temporary)
            if hash_file(folder / MODEL / MODEL_WEIGHTS) != recipe.weights_sha256:
                raise GalleryError(f"{model_folder / MODEL_WEIGHTS} changed while it was copied: try again")
            files.write_checked_json(folder / RECIPE_JSON, recipe.to_dict())
            entry = segments.write_segment(folder, photographs)
            counts = {"images": len(photographs), "animals": int(photographs.rows[INDIVIDUAL].nunique())}
            commit(gallery, versions.make_next_version(None, segments=[entry], what=what, **counts))
    return gallery


def check_unused(name: str) -> Path:
    """Folder of a gallery that is to be made.

    Raises:
        GalleryError: the name cannot be one, or a gallery has it.
    """
    folder = _folder_of(name)
    if (folder / GALLERY_JSON).exists():
        raise GalleryError(f"there is a gallery {name!r} already: take another name, or add to it")
    return folder


def commit(gallery: Gallery, version: Version) -> Version:
    """Make a version the one that counts. The caller holds the lock."""
    versions.write_version(gallery.folder, version)
    files.write_checked_json(gallery.folder / GALLERY_JSON, {"format": FORMAT, "version": version.number})
    return version


def open_gallery(name: str) -> Gallery:
    """A gallery that is there.

    Raises:
        GalleryError: there is none of this name; the message names those that are.
    """
    folder = _folder_of(name)
    if not (folder / GALLERY_JSON).is_file():
        there = [gallery.name for gallery in list_galleries()]
        told = did_you_mean(find_near(name, there), f"; there are: {', '.join(there) or 'none yet'}")
        raise GalleryError(
            f"there is no gallery {name!r} in {galleries_root()}{told}. Make one from a finished run: "
            f"reid gallery export RUN --gallery {name}"
        )
    return Gallery(folder)


def list_galleries() -> list[Gallery]:
    """All galleries, by name."""
    return [Gallery(path.parent) for path in sorted(galleries_root().glob(f"*/{GALLERY_JSON}"))]


def with_individuals(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the key of each animal by its present name."""
    return rows.assign(**{INDIVIDUAL: rows[DATASET] + "/" + rows[IDENTITY]})


def _folder_of(name: str) -> Path:
    return galleries_root() / check_folder_name(name, kind="gallery", longest=LONGEST, error=GalleryError)
