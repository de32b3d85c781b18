"""The margin equals a plain loop."""

import numpy as np
from pair_cases import rows_of

from reid_lib.match.cues import add_margins, margin_of
from reid_lib.match.pairs import PairTable


def test_the_margin_equals_a_loop():
    rng = np.random.default_rng(0)
    queries, gallery = rows_of("q", ["x"] * 8), rows_of("g", [f"a{k}" for k in rng.integers(0, 3, 15)])
    query, image = np.nonzero(rng.random((8, 15)) < 0.4)
    score = rng.integers(0, 5, len(query)).astype(float)
    score[::7] = np.nan
    table = add_margins(PairTable(queries, gallery, query, image, {"s": score, "t": -score}), ["s"])
    assert list(table.scores) == ["s", "t", "margin of s"]
    who = gallery["identity"].to_numpy()[image]
    for k in range(len(query)):
        mine = (query == query[k]) & ~np.isnan(score)
        rivals = score[mine & (who != who[k])]
        margin = score[k] - rivals.max() if len(rivals) else np.nan
        np.testing.assert_allclose(table.scores[margin_of("s")][k], margin)


def test_a_query_without_rivals_and_an_empty_table():
    one = PairTable(rows_of("q", ["x"]), rows_of("g", ["a", "a"]), [0, 0], [0, 1], {"s": [1.0, 2.0]})
    found = add_margins(one).scores
    assert np.isnan(found["margin of s"]).all()
    assert len(add_margins(one.where(np.zeros(2, bool))).scores["margin of s"]) == 0
