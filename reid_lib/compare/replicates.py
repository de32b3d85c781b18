"""Replicates of the bootstrap of finished runs, kept in the cache and read again."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict

import numpy as np

from reid_lib.core import files
from reid_lib.core.errors import RunError
from reid_lib.core.names import PREDICTIONS_CSV, TEST
from reid_lib.core.paths import cache_root
from reid_lib.openset.answers import Answers
from reid_lib.openset.resample import REPLICATES, Resampled, resample
from reid_lib.runs import seals
from reid_lib.runs.folder import CURE, RunFolder

_FORMAT = 1  # of the cache: another number whenever the same file would give other replicates


def cached_resample(
    run: RunFolder, *, metric: str = "geometric_mean", role: str = TEST, repetitions: int = 1000, seed: int = 0
) -> Resampled:
    """`resample` of a finished run's predictions.csv, kept in the cache by the content of that file.

    Raises:
        RunError: predictions.csv is not there.
    """
    path = run.path(PREDICTIONS_CSV)
    try:
        seals.check(run.folder, PREDICTIONS_CSV)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({seals.explain(error)}): {CURE}") from error
    options = {"metric": metric, "role": role, "repetitions": repetitions, "seed": seed}
    options["min_individuals"] = run.params.get("threshold_individuals", 10)
    key = hashlib.sha256(json.dumps([_FORMAT, content, options]).encode()).hexdigest()
    kept = cache_root() / "resampled" / f"{key[:32]}.json"
    try:
        return _from_json(files.read_checked_json(kept), repetitions)
    except (OSError, ValueError, KeyError, TypeError):  # not there yet, or damaged
        found = resample(Answers.of(run.read_csv(PREDICTIONS_CSV)), **options)
    with suppress(OSError, RunError):  # no room: it can be made again
        files.write_checked_json(kept, asdict(found) | {what: getattr(found, what).tolist() for what in REPLICATES})
    return found


def _from_json(stored: dict, repetitions: int) -> Resampled:
    arrays = {what: np.array(stored[what], dtype=float) for what in REPLICATES}
    if any(values.shape != (repetitions,) for values in arrays.values()):
        raise ValueError("damaged")
    return Resampled(**stored | arrays | {"value": float(np.float64(stored["value"]))})
