"""Why a network without local scores gave an answer: cells of the photographs it found most alike."""

import numpy as np
import pytest

from reid_lib.core.names import IMAGE_ID, ranked_column
from reid_lib.figures.sheets import examples
from reid_lib.nets.feature_maps import map_features
from reid_lib.nets.model_files import load_model
from reid_lib.pipeline import cells


@pytest.fixture
def wide(evaluated, cache, monkeypatch):
    """The evaluation, whose network sees its images of 32 px in one cell alone, at 96 px."""
    monkeypatch.setenv("REID_CACHE", str(cache))
    experiment, results, _ = evaluated
    enlarge = lambda model, pixels, **how: map_features(model, pixels.repeat(3, axis=1).repeat(3, axis=2), **how)  # noqa: E731
    monkeypatch.setattr("reid_lib.nets.feature_maps.map_features", enlarge)
    return experiment, results


def test_each_query_is_matched_with_its_best_candidate(wide):
    experiment, results = wide
    rows = examples(results.judged, n=3)
    pairs = cells.match_best_cells(experiment, rows)
    candidates = rows[ranked_column("image", 1)]
    assert [(p.query, p.candidate) for p in pairs] == list(zip(rows[IMAGE_ID], candidates, strict=True))
    for pair in pairs:
        assert pair.cell == (1 / 3, 1 / 3) and pair.inlier.all() and len(pair.ours) >= 1
        assert set(np.round(pair.ours.ravel() * 6)) <= {1, 3, 5}  # middles of three cells
        assert f"{len(pair.ours)} of 9 cells" in pair.words


def test_a_photograph_matches_itself_cell_by_cell(wide):
    experiment, results = wide
    row = results.judged.head(1)
    row = row.assign(**{ranked_column("image", 1): row[IMAGE_ID]})
    (pair,) = cells.match_best_cells(experiment, row)
    np.testing.assert_allclose(pair.ours, pair.theirs)
    assert len(pair.ours) == 9
    assert load_model(experiment.run.folder)  # the network of the run, which nothing has changed


def test_queries_without_a_candidate_are_left_out(wide):
    experiment, results = wide
    row = results.judged.head(1).assign(**{ranked_column("image", 1): None})
    assert cells.match_best_cells(experiment, row) == []
