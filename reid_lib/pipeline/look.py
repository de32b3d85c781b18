"""A data set looked at before training: no run folder, nothing is left but decoded pixels in the cache."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reid_lib.core.errors import ReidError, SplitError
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.core.names import BBOX, DATASET, IMAGE_ID, KNOWN, LEFT_OUT_CSV, PATH, ROLE, SUSPECTS_CSV, UNUSED
from reid_lib.core.paths import locate
from reid_lib.data.audit import KIND, NOT_READ, find_problems
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.near_copies import shrink_to_grey
from reid_lib.data.pixels import load_image, load_pixels
from reid_lib.data.quality import BLURRED, SMALL, SMALL_SHARE, measure_quality
from reid_lib.data.sightings import ENCOUNTERS, PHOTOGRAPHS, tabulate_animals
from reid_lib.data.split import Split
from reid_lib.discover.suspects import Suspects, find_suspects
from reid_lib.figures import saving
from reid_lib.figures.quality import describe_blurred, describe_findings
from reid_lib.openset.enough import Enough, judge_data
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import data
from reid_lib.pipeline.automatic import settle_image_size

if TYPE_CHECKING:
    from reid_lib.params.look import LookParams

SHOWN_PX = 320  # long side of a photograph as shown


@dataclass(frozen=True)
class Look:
    """A data set as a training would read and split it, and what is the matter with it.

    Attributes:
        params: of the training.
        catalogue: what can be used; `catalogue.left_out` is what cannot.
        split: None where it is refused.
        refused: why the split is refused; "" where it is not.
        findings: what the audit found, left out or not: image_id, path, kind, detail.
    """

    params: TrainParams
    catalogue: Catalogue
    split: Split | None
    refused: str
    findings: pd.DataFrame

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Of the catalogue, with their roles where there is a split."""
        if self.split is None:
            return self.catalogue.rows.assign(**{ROLE: UNUSED, KNOWN: pd.NA})
        return self.split.rows

    def summary(self) -> pd.DataFrame:
        """By data set: photographs, animals, how many of these were seen more than once, encounters, and the typical
        number of photographs of an animal."""
        animals = tabulate_animals(self.rows)
        again = animals[animals[ENCOUNTERS] > 1].groupby(DATASET).size()
        table = self.catalogue.summary()
        table["seen more than once"] = again.reindex(table.index, fill_value=0)
        table["photographs of an animal (median)"] = animals.groupby(DATASET)[PHOTOGRAPHS].median()
        return table

    def tables(self) -> list[pd.DataFrame]:
        """What the split does: photographs and animals by role, and its leakage audit; none where it is refused."""
        return [] if self.split is None else [self.split.table(), self.split.leakage_table()]

    @cached_property
    def pixels(self) -> np.ndarray:
        """All photographs as the network of a training sees them, decoded once and kept in the cache."""
        return load_pixels(self.catalogue, image_size=self.params.image_size)

    @cached_property
    def quality(self) -> pd.DataFrame:
        """Size and sharpness of every photograph, see `quality.measure_quality`."""
        return measure_quality(self.pixels, self.rows, self.catalogue.states, progress=True)

    @cached_property
    def copies(self) -> Suspects:
        """Copies of photographs under two animals, and on both sides of the split."""
        found = find_suspects(shrink_to_grey(self.pixels, progress=True), self.rows)
        LOGGER.warning(found.note.replace(f" ({SUSPECTS_CSV})", ""))  # no run keeps that file
        return found

    @property
    def suspects(self) -> pd.DataFrame:
        """Pairs that look like one photograph under two animals, see `suspects.find_suspects`."""
        return self.copies.pairs

    @cached_property
    def verdict(self) -> Enough:
        """Whether there is enough to train on, with what was found of the photographs themselves."""
        judged = judge_data(
            self.rows, self.split, refused=self.refused, min_individuals=self.params.threshold_individuals
        )
        return Enough(judged.level, judged.answer, (*judged.reasons, *self._about_photographs()), judged.cures)

    def photo(self, image_id: str) -> np.ndarray:
        """A photograph to look at: (height, width, 3) uint8, cut to its bbox; pixels only, so no place or time of EXIF
        goes with it.

        Raises:
            UnreadablePhoto: it cannot be decoded.
        """
        row = self._by_id.loc[image_id]
        box = row.get(BBOX)
        file = locate(self.catalogue.root, row[PATH])
        return load_image(file, bbox=box if isinstance(box, str) else None, max_side_px=SHOWN_PX)

    @property
    def odd(self) -> pd.DataFrame:
        """Cards of the photographs that are blurred or small."""
        return describe_blurred(self.quality)

    @property
    def found(self) -> pd.DataFrame:
        """Cards of what the audit found."""
        return describe_findings(self.findings)

    @cached_property
    def _by_id(self) -> pd.DataFrame:
        every = pd.concat([self.catalogue.rows, self.findings[[IMAGE_ID, PATH]]])
        return every.drop_duplicates(IMAGE_ID).set_index(IMAGE_ID)

    def _about_photographs(self) -> list[str]:
        told, table = [], self.quality
        small = f"smaller than {SMALL_SHARE * self.params.image_size:g} px"
        for column, words in ((SMALL, small), (BLURRED, "much less sharp than the others")):
            if n := int(table[column].sum()):
                told.append(f"{n:,} of {len(table):,} photographs {'is' if n == 1 else 'are'} {words}")
        if n := len(self.suspects):
            pairs = "pair looks" if n == 1 else "pairs look"
            told.append(f"{n:,} {pairs} like one photograph under two animals: correct that first")
        if n := self.copies.leaked:
            queries = counted(n, "query has", "queries have")
            told.append(f"{queries} a near copy of the same animal in the gallery: that is too easy to answer")
        left_out = self.catalogue.left_out
        if n := left_out.loc[left_out[KIND] != NOT_READ, PATH].nunique():  # what is passed over stops no training
            told.append(f"{counted(n, 'file')} cannot be used: training stops there without -p skip_unreadable True")
        return told


def look_at(params: "LookParams") -> Look:
    """Read and split the photographs as a training with these parameters would, without stopping at bad files.

    Raises:
        CatalogueError: nothing can be used.
    """
    training = TrainParams(**params.model_dump(), skip_unreadable=True)
    catalogue = data.read_quietly(training)
    training = training.model_copy(update={"image_size": settle_image_size(training, catalogue)})
    for note in catalogue.notes:
        LOGGER.warning(note.replace(f"; all of them stand in {LEFT_OUT_CSV} of the run folder", ""))
    try:
        split, refused = data.split(catalogue, training), ""
    except SplitError as error:
        split, refused = None, str(error)
        LOGGER.warning(f"no split is possible: {refused}")
    kept = find_problems(catalogue.rows, catalogue.root, states=catalogue.states)  # copies, which are no reason to stop
    findings = pd.concat([catalogue.left_out, kept], ignore_index=True)
    return Look(training, catalogue, split, refused, findings[findings[KIND] != NOT_READ])


def show_figure(draw: Callable, *data: Any, **options: Any) -> None:
    """Show the figure of `draw(*data, **options)` (an axes or a figure) in the notebook, without keeping a file.

    Whatever goes wrong in drawing costs this figure alone: a note says why.
    """
    before = saving.open_figures()
    try:
        saving.show(draw(*data, **options))
    except Exception as error:
        saving.close_figures(besides=before)
        LOGGER.warning(f"not drawn: {error if isinstance(error, ReidError) else repr(error)}")
