"""Threshold and metrics."""

import numpy as np
from contending import Clock, contender


def _predictions(options: dict):
    """Queries of known and unknown individuals with a score and a name, as `score_individuals` leaves them."""
    import pandas as pd

    rng = np.random.default_rng(0)
    n, individuals = options["queries"], options["queries"] // 15
    who = rng.integers(0, individuals, n)
    known = who < individuals * 0.75
    score = rng.normal(0.4 + 0.15 * known, 0.12, n)
    named = np.where(known & (rng.random(n) < 0.6), who, rng.integers(0, int(individuals * 0.75), n))
    name = np.array([f"a{k}" for k in range(individuals)], dtype=object)
    return pd.DataFrame({
        "image_id": [f"i{k}" for k in range(n)], "dataset": "d", "identity": name[who], "individual": "d/" + name[who],
        "role": "val", "known": pd.array(known, dtype="boolean"), "score": score, "identity_1": name[named],
        "rank": np.where(known & (named == who), 1.0, np.where(known, 7.0, np.nan)),
        "average_precision": np.where(known, rng.random(n), np.nan),
    })  # fmt: skip


@contender
def threshold_reid_lib(options: dict, clock: Clock) -> dict:
    """Every distinct score as a candidate, then BAKS, BAUS and their geometric mean at the best one."""
    from reid_lib.openset import metrics
    from reid_lib.openset import threshold as thresholds
    from reid_lib.openset.answers import Answers

    rows = _predictions(options)
    with clock:
        threshold = thresholds.fit_threshold(Answers.of(rows))
        answered = thresholds.decide(rows, threshold)
        known = rows["known"].to_numpy(bool)
        correct = np.where(known, answered == rows["identity"], answered == "new_individual")
        value = metrics.geometric_mean(correct, known, rows["individual"].to_numpy())
    return {"n": len(rows), "geometric_mean": float(value)}


@contender
def threshold_replaced(options: dict, clock: Clock) -> dict:
    """As the scripts did it that this library replaced: 50 thresholds, wildlife_datasets' BAKS and BAUS at each."""
    from wildlife_datasets.metrics import BAKS, BAUS

    rows = _predictions(options)
    truth, name, score = (rows[c].to_numpy() for c in ("identity", "identity_1", "score"))
    unknown = sorted(set(truth[~rows["known"].to_numpy(bool)]))
    with clock:
        best = 0.0
        for threshold in np.linspace(score.min(), score.max(), 50):
            answered = np.where(score < threshold, "new_individual", name)
            baks = BAKS(truth, answered, unknown)
            baus = BAUS(truth, answered, unknown, "new_individual")
            best = max(best, float(np.sqrt(baks * baus)))
    return {"n": len(rows), "geometric_mean": best}


@contender
def bootstrap_reid_lib(options: dict, clock: Clock) -> dict:
    """All metrics of `metrics.json` with their intervals: 1,000 repetitions."""
    from reid_lib.openset import summary, threshold
    from reid_lib.openset.answers import Answers

    rows = _predictions(options)
    rows = rows.assign(predicted=threshold.decide(rows, threshold.fit_threshold(Answers.of(rows))))
    with clock:
        summary.summarise(Answers.of(rows))
    return {"n": len(rows)}
