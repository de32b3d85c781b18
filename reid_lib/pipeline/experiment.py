"""What the steps of a run share: parameters, images with their roles, the run folder; and what an evaluation says."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.kernel import quick_imports
from reid_lib.core.names import (
    BBOX,
    COSINE,
    IMAGE_ID,
    IMAGES_CSV,
    MATCHES_NPZ,
    PATH,
    PREDICTIONS_CSV,
    PROJECTION_CSV,
    ROLE,
    TEST,
    THRESHOLD_CSV,
    UNIT,
    VAL,
)
from reid_lib.core.paths import locate
from reid_lib.data import pixels as images
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import Split
from reid_lib.figures.labels import metric_label
from reid_lib.figures.match_lines import MatchedPair
from reid_lib.figures.stored_matches import load_matches
from reid_lib.openset import summary
from reid_lib.openset.paired import tabulate_scores
from reid_lib.openset.threshold import Threshold
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.run import Run

if TYPE_CHECKING:
    from reid_lib.nets.network import ReidModel


@dataclass
class Experiment:
    """What the steps share: the parameters, the images with their roles, and the run folder."""

    params: TrainParams | EvaluateParams
    catalogue: Catalogue
    split: Split
    run: Run
    greys: np.ndarray | None = None  # all images, small, once they were decoded
    copies_note: str = ""  # what was said last of copies among them
    seconds: dict[str, float] = field(default_factory=dict)  # that each step took, by its name

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Around a step: how long it took is added to what it took before."""
        begun = time.monotonic()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - begun

    @cached_property
    def device(self) -> str:
        """The one the parameters mean: "cpu", "cuda" or "mps"."""
        with quick_imports():
            from reid_lib.nets.device import choose_device

        return choose_device(self.params.device)

    @property
    def local_device(self) -> str:
        """Where local features are found and matched: kornia's networks are not made for "mps"."""
        return "cuda" if self.device == "cuda" else "cpu"

    def pixels(self, model: "ReidModel", *, check: bool = True) -> np.ndarray:
        """All images as the model takes them: (n, s, s, 3) uint8, decoded once and kept in the cache."""
        how = {name: model.config[name] for name in ("image_size", "interpolation")}
        return images.load_pixels(self.catalogue, check=check, **how)

    def photo(self, image_id: str) -> np.ndarray:
        """The photograph of an image, for figures: (height, width, 3) uint8, its long side at most 320 px."""
        row = self._by_id.loc[image_id]
        return images.load_image(locate(self.catalogue.root, row[PATH]), bbox=row.get(BBOX), max_side_px=320)

    @cached_property
    def matches(self) -> dict[str, MatchedPair]:
        """Query -> where it matches its best candidate, for figures; none where no local features were used."""
        return load_matches(self.run.path(MATCHES_NPZ))

    @cached_property
    def _by_id(self) -> pd.DataFrame:
        return self.catalogue.rows.set_index(IMAGE_ID)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation says: answers, the frozen threshold, metrics with intervals, 2-D coordinates."""

    predictions: pd.DataFrame
    threshold: Threshold
    metrics: dict
    projection: pd.DataFrame

    @property
    def val(self) -> pd.DataFrame:
        return self.predictions[self.predictions[ROLE] == VAL]

    @property
    def test(self) -> pd.DataFrame:
        return self.predictions[self.predictions[ROLE] == TEST]

    @property
    def judged(self) -> pd.DataFrame:
        """Predictions of the test, or of val where no test query is labelled; `about` says so."""
        return self.predictions[self.predictions[ROLE] == summary.judged_role(self.metrics)]

    @property
    def about(self) -> str:
        """What a table or figure of `judged` has to say of itself; "" for the test."""
        return summary.ON_VAL if summary.judged_role(self.metrics) == VAL else ""

    @property
    def unit(self) -> str:
        """Of the scores."""
        return self.metrics.get(UNIT, COSINE)

    def table(self, role: str = "") -> pd.DataFrame:
        """Metrics by data set and averaged: value and 95 % interval. Of the test, or as `judged`, which it says."""
        of_role = self.metrics[role or summary.judged_role(self.metrics)]
        table = summary.tabulate_summary(of_role).rename(index=metric_label)
        return table if role or not self.about else table.rename_axis(columns=self.about)

    def scores(self) -> pd.DataFrame:
        """Each score alone beside the fused answer; empty where the embedding answers alone."""
        return tabulate_scores(self.metrics) if "than_alone" in self.metrics else pd.DataFrame()


def load_evaluation(run: RunFolder) -> Evaluation:
    """The results of a finished run, from its files alone."""
    metrics = run.metrics()
    threshold = Threshold.from_dict(metrics["threshold"], curve=run.read_csv(THRESHOLD_CSV))
    return Evaluation(run.read_csv(PREDICTIONS_CSV), threshold, metrics, run.read_csv(PROJECTION_CSV))


def experiment_of(run: Run) -> Experiment:
    """A run with its images and their roles, as its owner read them; nothing is audited again."""
    described = run.described()
    split = Split(run.read_csv(IMAGES_CSV), described["split_policy"])
    catalogue = Catalogue(split.rows, Path(described["root"]), described["params"]["dataset"])
    return Experiment(TrainParams(**run.params), catalogue, split, run)
