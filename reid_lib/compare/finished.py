"""A finished run as its files say it, each read once. No torch, no widgets."""

from functools import cached_property

import pandas as pd

from reid_lib.core.errors import RunError
from reid_lib.core.names import (
    COSINE,
    DATASET,
    IDENTITY,
    IMAGE_ID,
    IMAGES_CSV,
    KNOWN,
    METRICS_JSON,
    PATH,
    PREDICTIONS_CSV,
    PROJECTION_CSV,
    ROLE,
    SCORE,
    UNIT,
    ranked_column,
)
from reid_lib.openset.answers import Answers
from reid_lib.openset.fitting import ThresholdFit, fit_best_threshold
from reid_lib.openset.outcomes import OUTCOME, classify_outcomes
from reid_lib.openset.threshold import Threshold
from reid_lib.runs.folder import CURE, RunFolder

# Tables that every view reads, and the columns that none can do without: a run that lacks one is not compared.
LOOKED_AT = {
    PREDICTIONS_CSV: (IMAGE_ID, ROLE, DATASET, IDENTITY, KNOWN, SCORE, ranked_column(IDENTITY, 1)),
    PROJECTION_CSV: (IMAGE_ID, "x", "y"),
    IMAGES_CSV: (IMAGE_ID, PATH),
}


class FinishedRun:
    """What the files of a finished run say; each is read once.

    Args:
        metrics: its metrics.json, where that was read already.
    """

    def __init__(self, folder: RunFolder, metrics: dict | None = None):
        self.folder, self.name, self._metrics = folder, folder.name, metrics
        self._fits: dict[tuple[str, str], ThresholdFit] = {}

    @cached_property
    def metrics(self) -> dict:
        """See `RunFolder.metrics`."""
        return self.folder.metrics() if self._metrics is None else self._metrics

    @property
    def unit(self) -> str:
        """Of its scores."""
        return self.metrics.get(UNIT, COSINE)

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row per epoch, see `RunFolder.history`."""
        return self.folder.history()

    @cached_property
    def threshold(self) -> Threshold:
        """The frozen one, fitted on val."""
        return Threshold.from_dict(self.metrics["threshold"])

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """One row per query of val and test, by image_id, with what became of it."""
        predictions = self._read
        rows = predictions.assign(**{OUTCOME: classify_outcomes(self.answers)})
        return rows.set_index(IMAGE_ID, drop=False).rename_axis(None)

    @cached_property
    def _read(self) -> pd.DataFrame:
        return self.folder.read_csv(PREDICTIONS_CSV)

    @cached_property
    def answers(self) -> Answers:
        """The same as arrays."""
        return Answers.of(self._read)

    def threshold_fit(self, role: str, dataset: str) -> ThresholdFit:
        """What any threshold gives on the queries of one role in one data set, and the best in hindsight."""
        if (role, dataset) not in self._fits:
            self._fits[role, dataset] = fit_best_threshold(self.answers.of_role(role).of_dataset(dataset))
        return self._fits[role, dataset]

    @cached_property
    def projection(self) -> pd.DataFrame:
        """2-D coordinates of every embedded image, what is known of it, and for queries how they were answered."""
        return self.places.join(self.predictions[[SCORE, OUTCOME]], on=IMAGE_ID)

    @cached_property
    def places(self) -> pd.DataFrame:
        """2-D coordinates of every embedded image, and what is known of it."""
        return self.folder.read_csv(PROJECTION_CSV)

    @cached_property
    def images(self) -> pd.DataFrame:
        """The catalogue with roles, by image_id."""
        return self.folder.read_csv(IMAGES_CSV).set_index(IMAGE_ID, drop=False).rename_axis(None)

    @cached_property
    def trouble(self) -> str | None:
        """Why this run cannot be looked at, in one line; None where it can."""
        try:
            for name, columns in LOOKED_AT.items():
                self.folder.look_at(name, columns)
            self.folder.history()
            _ = self.threshold
        except RunError as error:
            return self.folder.in_short(error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return f"{METRICS_JSON} cannot be read (its threshold: {error!r}): {CURE}"
        return None
