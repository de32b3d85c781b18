"""The views that val speaks for: where they help they are used, elsewhere they are not; test says nothing."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import GalleryError
from reid_lib.core.names import (
    DATASET,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    ORIENTATION,
    ROLE,
    ROLES,
    TEST,
    UNUSED,
    VAL,
)
from reid_lib.data.catalogue import Catalogue
from reid_lib.openset.difference import Difference
from reid_lib.openset.results import check_results
from reid_lib.params.fields import EvaluateParams, IdentifyParams
from reid_lib.pipeline import data, enrolment, evaluation, galleries, steps, takeover, viewing
from reid_lib.pipeline.recipes import FinishedRun
from reid_lib.pipeline.target import open_target
from reid_lib.pipeline.viewing import Viewing, choose_views, embed_viewed, pick_views

SMALL = {"backbone": "resnet10t", "pretrained": False, "image_size": 32, "dataset": "demo:small", "scores": "embedding"}


@pytest.fixture(autouse=True)
def dirs(tmp_path, cache, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(cache))


def started(**given):
    params = takeover.settle_params(EvaluateParams(**SMALL | given))
    catalogue = data.read(params)
    return steps.start(params, catalogue, data.split(catalogue, params))


@pytest.fixture
def network(evaluated):
    from reid_lib.nets.model_files import load_model

    return load_model(evaluated[0].run.folder)


def difference(metric: str, value: float, low: float) -> Difference:
    verdict = "better" if low > 0 else "not distinguishable"
    return Difference(metric, VAL, value, low, 2 * value - low, 0.01, 30, 30, verdict)


def test_what_is_better_by_an_interval_above_zero_is_taken_and_of_several_the_best():
    surely, hardly, worse, best = (0.05, 0.01), (0.05, -0.01), (-0.05, -0.06), (0.08, 0.001)

    def picked(flip, crops):
        told = zip(("flip", "crops"), (flip, crops), strict=True)
        return pick_views({name: {"geometric_mean": difference("geometric_mean", *d)} for name, d in told})

    assert picked(surely, hardly) == ("flip", "flip: better than one view on val by 0.050")
    assert picked(surely, best)[0] == "crops" and picked(best, surely)[0] == "flip"
    used, why = picked(hardly, worse)
    assert used == "one" and "flip is not better" in why and "crops is not better" in why
    few = replace(difference("geometric_mean", *surely), verdict="too few")
    assert pick_views({"flip": {"geometric_mean": few}}) == (
        "one",
        "one: val has too few animals to tell flip from one view",
    )
    one_of_top1 = {"crops": {"top1": difference("top1", *surely), "auroc": difference("auroc", *worse)}}
    assert pick_views(one_of_top1)[0] == "crops"
    assert pick_views({"crops": {"auroc": difference("auroc", *surely)}})[0] == "one" == pick_views({})[0]


class Spoilt:
    """Embeddings that name animals better by the views of `good` than by others."""

    def __init__(self, monkeypatch, experiment, good: str):
        self.good, self.asked = good, []
        names = sorted(experiment.split.rows[INDIVIDUAL].unique())
        self.place = {name: k for k, name in enumerate(names)}
        monkeypatch.setattr(viewing, "embed_viewed", self)

    def __call__(self, experiment, model, pixels, viewing, roles):
        from reid_lib.embed.embedding_set import EmbeddingSet

        self.asked.append((viewing.used, tuple(roles)))
        rows = experiment.split.rows
        rows = rows[rows[ROLE].isin(roles)]
        strength = 2.0 if viewing.used == self.good else 0.3
        features = np.random.default_rng(0).standard_normal((len(rows), len(self.place)))
        for k, name in enumerate(rows[INDIVIDUAL]):
            features[k, self.place.get(name, 0)] += strength * 3
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        return EmbeddingSet(features.astype(np.float32), rows)


@pytest.mark.parametrize("good", ["crops", "flip", "none"])
def test_auto_takes_what_val_speaks_for_and_never_looks_at_test(monkeypatch, good, capsys):
    experiment = started(views="auto")
    rows = experiment.split.rows
    spoilt = Spoilt(monkeypatch, experiment, good)
    monkeypatch.setattr("reid_lib.openset.difference.ENOUGH", 2)  # of an interval that is to be believed
    experiment.split = replace(experiment.split, rows=rows.drop(columns=ORIENTATION, errors="ignore"))
    found = choose_views(experiment, None, None)
    assert found.used == (good if good != "none" else "one") and found.why.startswith(f"{found.used}: ")
    assert found.asked == "auto" and set(found.tried) == {"flip", "crops"}
    assert {used for used, _ in spoilt.asked} == {"one", "flip", "crops"}
    assert all(TEST not in roles for _, roles in spoilt.asked)
    said = capsys.readouterr().out
    assert f"views {found.why}" in said and "views crops" in said and "(on val)" in said
    shuffled = rows.drop(columns=ORIENTATION, errors="ignore").copy()
    of_test = shuffled[ROLE] == TEST
    for name in (IDENTITY, INDIVIDUAL, KNOWN):
        shuffled.loc[of_test, name] = np.random.default_rng(1).permutation(shuffled.loc[of_test, name].to_numpy())
    experiment.split = replace(experiment.split, rows=shuffled)
    assert choose_views(experiment, None, None) == found


def test_where_every_photograph_shows_a_flank_no_mirror_image_is_tried(monkeypatch):
    experiment = started(views="auto")
    rows = experiment.split.rows
    experiment.split = replace(experiment.split, rows=rows.assign(**{ORIENTATION: "left"}))
    assert set(choose_views_of(monkeypatch, experiment).tried) == {"crops"}


def choose_views_of(monkeypatch, experiment) -> Viewing:
    Spoilt(monkeypatch, experiment, "none")
    return choose_views(experiment, None, None)


def test_one_view_is_the_default_and_metrics_say_nothing_of_it(evaluated):
    experiment, results, _ = evaluated
    assert choose_views(experiment, None, None) == Viewing() and Viewing().to_dict() == {}
    assert "views" not in results.metrics


def test_photographs_whose_orientation_nobody_knows_are_mirrored_with_a_note(monkeypatch, caplog, capsys):
    rows = pd.DataFrame({IMAGE_ID: list("abcd"), DATASET: "d", ROLE: ["gallery", VAL, TEST, UNUSED]})
    experiment = SimpleNamespace(params=SimpleNamespace(views="flip"), split=SimpleNamespace(rows=rows))
    assert choose_views(experiment, None, None) == Viewing("flip", mirrored=3, asked="flip")
    assert "3 of 3 photographs are mirrored" in caplog.text and "of another animal" in caplog.text
    caplog.clear()
    experiment.split.rows = rows.assign(**{ORIENTATION: ["left", "front", None, None]})
    assert choose_views(experiment, None, None) == Viewing("flip", mirrored=1, flanked=("d",), asked="flip")
    assert "not known" not in caplog.text and "1 of 3 photographs are mirrored" in capsys.readouterr().out


def test_a_run_with_views_says_them_and_new_photographs_are_embedded_alike(evaluated, network, monkeypatch, tmp_path):
    """By the run and by its gallery; a run of the same weights with one view is refused there.

    To the last bit, though they are few and nothing is in the cache; with one view they would be others."""
    experiment = started(views="flip")
    results = steps.evaluate(experiment)
    steps.finish(experiment, results)
    said = results.metrics["views"]
    rows = experiment.split.rows
    sides = rows[ORIENTATION].astype(str).str.contains("left|right")
    may = ~sides & ~(rows[ORIENTATION].isna() & rows[DATASET].isin(rows.loc[sides, DATASET]))
    assert said["used"] == "flip" and said["mirrored"] == int((may & rows[ROLE].isin(ROLES)).sum()) > 0
    assert said["flanked"] == sorted(rows.loc[sides, DATASET].unique())
    assert check_results(results.metrics).views.used == "flip"
    plain = evaluation.embed_by_role(experiment, network, experiment.pixels(network))
    finished = FinishedRun.load(experiment.run.name)
    recipe = finished.recipe()
    assert (recipe.views, recipe.flanked) == ("flip", said["flanked"])
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "empty"))
    stored, asked = finished.embeddings[TEST], rows[rows[ROLE] == TEST].iloc[[7, 1, 4, 30]].reset_index(drop=True)
    place = [stored.rows[IMAGE_ID].tolist().index(name) for name in asked[IMAGE_ID]]
    alike = enrolment.Network(finished.model_folder, recipe, "cpu")
    found = enrolment.describe_photographs(alike, Catalogue(asked, finished.catalogue.root, "photos"))
    assert (found.embeddings.features == stored.features[place]).all()
    same = (stored.features == plain[TEST].features).all(axis=1)
    assert (same == ~may[rows[ROLE] == TEST].to_numpy()).all()
    monkeypatch.setenv("REID_GALLERIES", str(tmp_path / "galleries"))
    galleries.export_run(experiment.run.name, "mine", device="cpu")
    target = open_target(IdentifyParams(gallery="mine", run=experiment.run.name))
    assert target.network.recipe.views == "flip" and target.network.recipe.flanked == said["flanked"]
    plain_run = evaluated[0].run
    shutil.copytree(plain_run.folder, experiment.run.folder.parent / plain_run.name)
    with pytest.raises(GalleryError, match="views 'flip'"):
        open_target(IdentifyParams(gallery="mine", run=plain_run.name))


def test_embeddings_of_some_roles_are_those_of_all(network, evaluated):
    experiment = evaluated[0]
    pixels = experiment.pixels(network)
    whole = embed_viewed(experiment, network, pixels, Viewing("crops"), ROLES)
    part = embed_viewed(experiment, network, pixels, Viewing("crops"), (VAL,))
    assert (part.features == whole.where(whole.rows[ROLE] == VAL).features).all()
