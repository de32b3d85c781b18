"""What new photographs are compared with: a gallery, or the named photographs of a finished run."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import CatalogueError, ParameterError
from reid_lib.core.messages import counted
from reid_lib.core.names import DATASET, IMAGE_ID, INDIVIDUAL, ROLE, TEST
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.new_photographs import NewPhotographs, read_photographs
from reid_lib.data.readers.table_file import ENDINGS
from reid_lib.gallery.photographs import Photographs
from reid_lib.gallery.store import open_gallery
from reid_lib.params.fields import EvaluateParams, IdentifyParams
from reid_lib.pipeline.enrolment import Network, enroll_run, measure_shift
from reid_lib.pipeline.recipes import FinishedRun
from reid_lib.runs.folder import FINISHED, state_of

DRAWN = {"dataset": "demo:small", "scores": "embedding"}  # the evaluation that answers where nothing is named


@dataclass(frozen=True, eq=False)
class Target:
    """What is searched.

    Attributes:
        name: "gallery NAME" or "run NAME".
        state: what tells two states of it apart: the version of a gallery, the fingerprint of a run's photographs.
        when: date of that state.
        network: that answers, with its recipe.
        enrolled: named photographs.
        finished: the run, where it is one.
    """

    name: str
    state: str
    when: str
    network: Network
    enrolled: Photographs
    finished: FinishedRun | None = None

    @property
    def animals(self) -> int:
        """Number of animals that are enrolled."""
        return int(self.enrolled.rows[INDIVIDUAL].nunique())

    @property
    def words(self) -> str:
        """Which gallery was searched, in words that stand beside every answer."""
        return f"{self.name} ({counted(self.animals, 'animal')}, {counted(len(self.enrolled), 'image')}, {self.when})"


def open_target(params: IdentifyParams) -> Target:
    """Load what is searched.

    Raises:
        GalleryError, RunError: it is not there, or made by other weights or views than those of the run that is named.
        ParameterError: nothing is named.
    """
    if params.gallery:
        gallery = open_gallery(params.gallery)
        if params.run:
            finished = FinishedRun.load(params.run)
            gallery.check_embeddings(finished.weights_sha256, finished.views["used"], run=params.run)
        network = Network(gallery.model_folder, gallery.recipe(), params.device)
        version, enrolled = gallery.load()
        when = f"{datetime.fromtimestamp(version.when):%Y-%m-%d}"
        return Target(f"gallery {gallery.name}", f"version {version.number}", when, network, enrolled)
    if not params.run and params.photos:
        raise ParameterError("which run answers? pass run (reid runs lists them) or gallery")
    return open_run(params.run or make_drawn_run(), params)


def open_run(name: str, params: IdentifyParams) -> Target:
    """The named photographs of a finished run; where no photographs are given, without those of its test."""
    finished = FinishedRun.load(name)
    if params.photos and Path(params.photos).suffix.lower() not in ENDINGS:  # a table may say it row by row
        _choose_dataset(params, f"run {name}", sorted(finished.catalogue.rows[DATASET].unique()))
    network = Network(finished.model_folder, finished.recipe(), params.device)
    enrolled = enroll_run(finished, network, enrolled=params.enrolled)
    if not params.photos:
        rows = finished.catalogue.rows
        asked = rows.loc[rows[ROLE] == TEST, IMAGE_ID]
        enrolled = enrolled.where(~enrolled.rows[IMAGE_ID].isin(asked))
    ended = finished.run.status().get("ended")
    when = f"{datetime.fromtimestamp(ended):%Y-%m-%d}" if ended else ""
    state = f"{finished.split.fingerprint} {finished.catalogue.fingerprint} {params.enrolled}"
    return Target(f"run {name}", state, when, network, enrolled, finished)


def find_shift(target: Target) -> dict:
    """What a larger gallery does to the threshold: as stored with a gallery, measured now for a run."""
    if target.finished is None:
        return target.network.recipe.shift
    return measure_shift(target.finished, target.network)


def find_asked(params: IdentifyParams, target: Target) -> NewPhotographs:
    """The photographs that are asked about, each with the data set that it is compared with.

    Raises:
        CatalogueError: nothing is there, or it is not said which data set of several they belong to.
    """
    known = sorted(target.enrolled.rows[DATASET].unique())
    if not params.photos:
        rows = target.finished.catalogue.rows
        test = rows[rows[ROLE] == TEST].reset_index(drop=True)
        nothing = pd.DataFrame({"path": [], "reason": []}, dtype=object)
        return NewPhotographs(Catalogue(test, target.finished.catalogue.root, "photos"), nothing)
    of_rows = Path(params.photos).suffix.lower() in ENDINGS
    chosen = _choose_dataset(params, target.name, known, of_rows=of_rows)
    given = {"folders": params.folders, "columns": params.columns}
    found = read_photographs(params.photos, **given, dataset=chosen or "?")
    rows = found.catalogue.rows
    if len(rows) and not (unknown := rows.loc[~rows[DATASET].isin(known), DATASET]).empty:
        if not chosen:
            raise _not_said(target.name, known)
        if params.dataset:
            rows = rows.assign(**{DATASET: params.dataset})
            return NewPhotographs(
                Catalogue(rows, found.catalogue.root, "photos", found.catalogue.notes), found.rejected
            )
        raise CatalogueError(f"{target.name} has no data set {unknown.iloc[0]!r}: it has {', '.join(known)}")
    return found


def _choose_dataset(params: IdentifyParams, name: str, known: list[str], *, of_rows: bool = False) -> str:
    """The data set that is meant; "" where each row has to say it. Asked before anything is embedded."""
    if params.dataset and params.dataset not in known:
        near = did_you_mean(find_near(params.dataset, known), f": expected one of {', '.join(known)}")
        raise CatalogueError(f"{name} has no data set {params.dataset!r}{near}")
    chosen = params.dataset or (known[0] if len(known) == 1 else "")
    if not chosen and not of_rows:
        raise _not_said(name, known)
    return chosen


def _not_said(name: str, known: list[str]) -> CatalogueError:
    return CatalogueError(
        f"{name} has several data sets ({', '.join(known)}): say which one the photographs belong to, "
        "by dataset (`reid identify ... --dataset NAME`) or by a column of that name"
    )


def make_drawn_run() -> str:
    """The evaluation of the frozen backbone on drawn animals, made now where it is not there."""
    from reid_lib.pipeline import takeover, whole_run  # what trains and evaluates is not needed to answer

    params = takeover.settle_params(EvaluateParams(**DRAWN))
    if state_of(params.run_name) != FINISHED:
        whole_run.run_all(params)
    return params.run_name
