"""A finished run as its files say it: thresholds of every kind, solved by hand and by loops."""

import numpy as np
import pytest
from made_runs import catalogue, make_runs

from reid_lib.compare.comparison import Comparison
from reid_lib.core.names import DATASET, ROLE, TEST, VAL
from reid_lib.openset.outcomes import count_outcomes


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    rows = catalogue(n_known=8, n_unknown=6, images=2)
    return Comparison(make_runs(tmp_path_factory.mktemp("finished"), rows, {"plain": {"skill": 1.0}}))


def test_frozen_threshold_gives_the_stored_metrics_and_the_best_the_stored_oracle(comparison):
    for name in comparison.names:
        run = comparison.run(name)
        for dataset, stored in run.metrics[TEST]["datasets"].items():
            fitted = run.threshold_fit(TEST, dataset)
            found = fitted.rates(run.threshold.values[dataset])
            for metric in ("baks", "baus", "geometric_mean"):
                assert found[metric] == pytest.approx(stored[metric]["value"], abs=1e-12)
            oracle = run.metrics["oracle"]["datasets"][dataset]["geometric_mean"]
            assert fitted.rates(fitted.best)["geometric_mean"] == pytest.approx(oracle, abs=1e-12)


def test_counts_equal_a_plain_loop_at_many_thresholds(comparison):
    run = comparison.run("plain")
    rows = run.predictions[(run.predictions[ROLE] == VAL) & (run.predictions[DATASET] == "a")]
    answers = run.threshold_fit(VAL, "a").answers
    for threshold in np.linspace(-1, 1, 23):
        counts = dict.fromkeys(
            ("named rightly", "named wrongly", "known refused", "unknown refused", "unknown accepted"), 0
        )
        for row in rows.itertuples():
            named = row.score >= threshold
            if row.known and named:
                counts["named rightly" if row.identity_1 == row.identity else "named wrongly"] += 1
            elif row.known:
                counts["known refused"] += 1
            else:
                counts["unknown accepted" if named else "unknown refused"] += 1
        assert count_outcomes(answers, threshold) == counts
