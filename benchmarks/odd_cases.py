"""What the lists of odd inputs share: a small herd, the way of a user's photographs, and what may be expected."""

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from reid_lib.core.errors import ReidError, SplitError
from reid_lib.core.names import IDENTITY
from reid_lib.data.catalogue import Catalogue, audit, read_catalogue
from reid_lib.data.pixels import load_pixels
from reid_lib.data.split import Split, assign_roles

ANIMALS, PHOTOS, SIZE = "abcdefgh", 4, (48, 40)
NAMES = [f"{animal}/{k}.png" for animal in ANIMALS for k in range(PHOTOS)]
SEEDS = 9
USUAL = ("encounters are unknown", "no photograph carries an EXIF time", "columns understood")  # of the plain herd, too
_stock: list[Path] = []


@dataclass(frozen=True)
class Case:
    """One odd input.

    Attributes:
        area: what kind of input.
        name: what is odd.
        run: handed an empty folder, makes the input there and lets it go a user's way.
        expect: handed the result or the error of ours, says what is wrong about it; "" where nothing is.
    """

    area: str
    name: str
    run: Callable[[Path], Any]
    expect: Callable[[Any], str]


@dataclass(frozen=True)
class Read:
    """What became of photographs."""

    catalogue: Catalogue
    split: Split
    pixels: np.ndarray
    notes: list[str] = field(default_factory=list)


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def stock_herd(folder: Path) -> None:
    """Draw the plain herd once: eight animals, four photographs each."""
    for seed, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(folder / name)
    _stock[:] = [folder]


def herd(folder: Path, names: Iterable[str] = NAMES) -> Path:
    """The plain herd in a folder, its photographs under other names if asked for."""
    for plain, name in zip(NAMES, names, strict=False):
        target = os.path.join(os.fsencode(folder), name if isinstance(name, bytes) else os.fsencode(name))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(_stock[0] / plain, target)
    return folder


def frame(**columns) -> pd.DataFrame:
    """The table of the plain herd, with further or other columns: one value, or one for each photograph."""
    return pd.DataFrame({"path": NAMES, "identity": [name[0] for name in NAMES]} | columns, dtype=object)


def text_of(table: pd.DataFrame, separator: str = ",", end: str = "\n", **options) -> str:
    return table.to_csv(index=False, sep=separator, lineterminator=end, **options)


def read(folder: Path, dataset: str = "csv", root: object = None, **options) -> Read:
    """Read, audit, split and decode, as data.ipynb and train.ipynb do."""
    catalogue = read_catalogue(dataset, str(folder if root is None else root), progress=False, **options)
    audit(catalogue, progress=False)
    split = _split(catalogue.rows)
    pixels = load_pixels(catalogue, image_size=32, progress=False)
    notes = [note for note in (*catalogue.notes, *split.notes) if not note.startswith(USUAL)]
    return Read(catalogue, split, pixels, notes)


def _split(rows: pd.DataFrame) -> Split:
    """Few animals may draw roles that are of no use: another split_seed then, as the message advises."""
    for seed in range(SEEDS):
        try:
            return assign_roles(rows, seed=seed)
        except SplitError:
            if seed == SEEDS - 1:
                raise


def read_table(content: str | bytes, *, name: str = "table.csv", encoding: str = "utf-8", **options):
    """A case's `run`: the plain herd beside a table of this content."""

    def run(folder: Path) -> Read:
        herd(folder)
        (folder / name).write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return read(folder, **options)

    return run


def refused(*words: str) -> Callable[[Any], str]:
    """A message of ours, with these words."""

    def expect(found: Any) -> str:
        if not isinstance(found, ReidError):
            return f"accepted, expected a message with {words}"
        absent = [word for word in words if word not in str(found)]
        return f"the message lacks {absent}" if absent else ""

    return expect


def told(*words: str) -> Callable[[Any], str]:
    """A result with these words in its notes, or a message of ours with them."""

    def expect(found: Any) -> str:
        said = str(found) if isinstance(found, ReidError) else "\n".join(found.notes)
        absent = [word for word in words if word not in said]
        return f"without a word on {absent}" if absent else ""

    return expect


def well(*checks: Callable[[Read], str]) -> Callable[[Any], str]:
    """A result that passes the checks."""

    def expect(found: Any) -> str:
        if isinstance(found, ReidError):
            return "refused"
        return next((complaint for check in checks if (complaint := check(found))), "")

    return expect


def anything(found: Any) -> str:
    """A result or a message of ours, whichever."""
    return ""


def same_animals(identities: Iterable[str] | None = None) -> Callable[[Read], str]:
    """These identities, by default the plain ones, and the pixels of the plain herd, photograph by photograph."""
    wanted = [name[0] for name in NAMES] if identities is None else list(identities)

    def check(found: Read) -> str:
        plain = np.stack(
            [np.asarray(picture(seed).resize((32, 32), 3, reducing_gap=2.0)) for seed in range(len(NAMES))]
        )
        place = {picture.tobytes(): seed for seed, picture in enumerate(plain)}
        seeds = [place.get(picture.tobytes()) for picture in found.pixels]
        if None in seeds or sorted(seeds) != list(range(len(NAMES))):
            return f"{len(set(seeds) - {None})} of {len(NAMES)} photographs are those that were given"
        given = dict(zip(seeds, found.catalogue.rows[IDENTITY], strict=True))
        other = [(wanted[seed], given[seed]) for seed in sorted(given) if not _same(wanted[seed], given[seed])]
        return f"{len(other)} photographs have another animal, e.g. {other[0]}" if other else ""

    return check


def _same(wanted, given) -> bool:
    return pd.isna(given) if wanted is None else not pd.isna(given) and wanted == given


same = well(same_animals())


def spoil(make: Callable[[Path], object], **options):
    """A case's `run`: the plain herd, then what `make` does to it."""

    def run(folder: Path) -> Read:
        make(herd(folder))
        return read(folder, "folder", **options)

    return run
