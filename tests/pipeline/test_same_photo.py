"""One photograph on both sides of an evaluation: found without labels, told, left out on demand."""

import json

import numpy as np
import pandas as pd
import pytest
from local_cases import pattern
from PIL import Image
from pipeline_cases import evaluate_frozen

from reid_lib.core.errors import ParameterError, SplitError
from reid_lib.core.names import (
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    IMAGES_CSV,
    METRICS_JSON,
    ROLE,
    SAME_PHOTOS_CSV,
    TEST,
    UNUSED,
    VAL,
)
from reid_lib.match.encounters import ByEncounter
from reid_lib.match.pairs import PairTable
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import same_photo, steps

N = 10  # animals


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Of each animal five patterns, the first of them twice: "0.png", and "crop.png" of it, darker."""
    root = tmp_path_factory.mktemp("photographs")
    for animal in range(N):
        folder = root / f"a{animal}"
        folder.mkdir()
        photos = {f"{k}": pattern(100 * animal + k, (160, 128)) for k in range(5)}
        photos["crop"] = (photos["0"][20:, 10:140] * 0.8).astype(np.uint8)
        for name, photo in photos.items():
            Image.fromarray(photo).save(folder / f"{name}.png")
    return root


@pytest.fixture(scope="module")
def study(tmp_path_factory, cache, photographs):
    return evaluate_frozen(tmp_path_factory, cache, photographs, query_unit="image")


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch, no_figure_is_left):
    monkeypatch.setenv("REID_CACHE", str(cache))


def expected(experiment, rows) -> dict[str, set[str]]:
    """By role, the queries whose other half is in the gallery, by their names."""
    stem = rows["path"].str.extract(r"(.*)/(0|crop)\.png")
    halves = rows.assign(whose=stem[0], half=stem[1]).dropna(subset="half")
    enrolled = set(halves.loc[halves[ROLE] == GALLERY, "whose"])
    return {r: set(halves.loc[(halves[ROLE] == r) & halves["whose"].isin(enrolled), IMAGE_ID]) for r in (VAL, TEST)}


def test_exactly_the_photographs_that_are_on_both_sides_are_found_and_told(study, capsys, monkeypatch):
    experiment, results = study
    wanted = expected(experiment, experiment.split.rows)
    assert wanted[VAL] and wanted[TEST]
    pairs = pd.read_csv(experiment.run.path(SAME_PHOTOS_CSV))
    found = pairs.groupby(f"{ROLE}_1")[f"{IMAGE_ID}_1"].agg(set).to_dict()
    assert found == wanted and (pairs[f"{ROLE}_2"] == GALLERY).all()
    assert (pairs[f"{IDENTITY}_1"] == pairs[f"{IDENTITY}_2"]).all()
    stored = json.loads(experiment.run.path(METRICS_JSON).read_text())["same_photo"]
    n = {role: int((experiment.split.rows[ROLE] == role).sum()) for role in (VAL, TEST)}
    assert {r: (e["queries"], e["of"]) for r, e in stored.items()} == {r: (len(wanted[r]), n[r]) for r in (VAL, TEST)}
    assert stored[TEST]["overall"]["top1"]["value"] < results.metrics[TEST]["overall"]["top1"]["value"]
    same_photo.show_own_photos(experiment)
    assert experiment.run.path("figures/same_photos.png").exists()
    monkeypatch.setenv("REID_RUNS", str(experiment.run.folder.parent))
    steps.finish(experiment, results)
    told = (
        f"{len(wanted[VAL])} of {n[VAL]} val queries and {len(wanted[TEST])} of {n[TEST]} test queries have their own"
    )
    assert told in capsys.readouterr().out
    assert told in experiment.run.path("report.html").read_text()


def test_left_out_they_are_not_asked_and_nothing_is_fitted_on_them(study, tmp_path_factory, cache, photographs):
    experiment, before = study
    wanted = expected(experiment, experiment.split.rows)
    other, results = evaluate_frozen(tmp_path_factory, cache, photographs, same_photo="leave_out")
    gone = wanted[VAL] | wanted[TEST]
    assert set(before.predictions[IMAGE_ID]) - set(results.predictions[IMAGE_ID]) == gone
    roles = pd.read_csv(other.run.path(IMAGES_CSV)).set_index(IMAGE_ID)[ROLE]
    assert set(roles.index[roles == UNUSED]) == gone
    for role in (VAL, TEST):
        with np.load(other.run.path(f"scores/{role}.npz"), allow_pickle=False) as scores:
            assert not set(scores["query"]) & gone and set(scores["query"]) <= set(roles.index[roles == role])
    metrics = results.metrics
    assert {role: metrics["left_out"][role] for role in (VAL, TEST)} == {r: len(wanted[r]) for r in (VAL, TEST)}
    assert metrics["test_fingerprint"] == other.split.test_fingerprint != before.metrics["test_fingerprint"]
    assert metrics[TEST]["overall"]["top1"]["value"] == pytest.approx(
        before.metrics["same_photo"][TEST]["overall"]["top1"]["value"], abs=0.35
    )


def test_the_labels_of_test_are_not_needed(study):
    """Found again with every label of test gone."""
    experiment, _ = study
    pairs = pd.read_csv(experiment.run.path(SAME_PHOTOS_CSV))
    local = same_photo.LocalScores(experiment)
    tables = {}
    for role in (VAL, TEST):
        rows = experiment.split.rows
        queries = rows[rows[ROLE] == role].reset_index(drop=True).assign(**{IDENTITY: None})
        gallery = rows[rows[ROLE] == GALLERY].reset_index(drop=True)
        with np.load(experiment.run.path(f"scores/{role}.npz"), allow_pickle=False) as stored:
            at = [
                pd.Index(side[IMAGE_ID]).get_indexer(stored[name])
                for side, name in ((queries, "query"), (gallery, "image"))
            ]
            tables[role] = PairTable(queries, gallery, *at, {"sift inliers": stored["sift inliers"]})
    found = same_photo.find_own_photos(experiment, local, tables)
    both = [f"{IMAGE_ID}_1", f"{IMAGE_ID}_2"]
    assert found[both].values.tolist() == pairs[both].values.tolist()
    # ... and a query without a label is not left out: it has to be answered, and counts nowhere
    cosines = {role: Part(table.queries) for role, table in tables.items()}
    left, kept = same_photo.leave_out_own(experiment, found, cosines, tables)
    assert all(len(kept[role].queries) == len(tables[role].queries) == left[role].n for role in (VAL, TEST))


class Part:
    """A similarity that tells how many queries are left of it."""

    def __init__(self, queries):
        self.queries = queries

    def part(self, queries, gallery):
        self.n = int(queries.sum())
        return self


def test_where_every_known_query_is_one_it_is_said_what_to_do(study):
    experiment, _ = study
    rows = experiment.split.rows
    queries = rows[(rows[ROLE] == VAL)].reset_index(drop=True)
    gallery = rows[rows[ROLE] == GALLERY].reset_index(drop=True)
    none = np.empty(0, np.int64)
    tables = {role: PairTable(queries, gallery, none, none) for role in (VAL, TEST)}
    found = pd.DataFrame({f"{IMAGE_ID}_1": queries[IMAGE_ID]})
    with pytest.raises(SplitError, match="Nothing is left to ask in val: photographs of another day"):
        same_photo.leave_out_own(experiment, found, {}, tables)


def test_an_encounter_has_its_own_photograph_where_any_of_its_photographs_has(study):
    experiment, _ = study
    rows = experiment.split.rows
    queries = rows[rows[ROLE] == TEST].reset_index(drop=True).assign(encounter=None)
    same = queries[queries[IDENTITY] == queries[IDENTITY].mode()[0]]
    assert len(same) > 1
    queries.loc[same.index, "encounter"] = "e"
    table = PairTable(queries, rows[rows[ROLE] == GALLERY].reset_index(drop=True), *(np.empty(0, np.int64),) * 2)
    grouped = ByEncounter(table.with_score("s", np.empty(0)).similarity("s"))
    found = same_photo._queries_with(grouped, {same[IMAGE_ID].max()})
    assert found == {same[IMAGE_ID].min()}


def test_without_local_scores_they_cannot_be_left_out():
    with pytest.raises(ParameterError, match=r"same_photo: .* local features"):
        EvaluateParams.checked({"scores": "embedding", "same_photo": "leave_out"})
    assert EvaluateParams.checked({"scores": "embedding"}).same_photo == "report"
