"""A run is never asked about what it was trained on: not when the folder grows, moves or is split anew."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.core.errors import RunError, SplitError
from reid_lib.core.names import (
    CHECKSUMS_JSON,
    GALLERY,
    IMAGE_ID,
    IMAGES_CSV,
    INDIVIDUAL,
    KNOWN,
    METRICS_JSON,
    ROLE,
    TEST,
    TRAINED_CSV,
    UNUSED,
    VAL,
)
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import assign_roles
from reid_lib.openset.summary import headline
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import data, steps, takeover, trained

SMALL = {"backbone": "test_resnet", "pretrained": False, "image_size": 32, "embedding_dim": 16, "batch_size": 16}


def add_animals(root, names, photos=5):
    for name in names:
        (root / name).mkdir(parents=True)
        rng = np.random.default_rng(list(name.encode()))
        for k in range(photos):
            Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(root / name / f"IMG_{k}.jpg")
    return root


@pytest.fixture(scope="module")
def run_of_twelve(tmp_path_factory):
    """A run trained on twelve animals; each test has a copy of it, and of the photographs."""
    folder = tmp_path_factory.mktemp("twelve")
    add_animals(folder / "photos", [f"a{k:02d}" for k in range(12)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(folder / "runs"))
        patch.setenv("REID_CACHE", str(folder / "cache"))
        given = {"dataset": "folder", "data_root": str(folder / "photos"), "num_epochs": 1, "run_name": "mine"}
        params = TrainParams.checked(SMALL | given)
        catalogue = data.read(params)
        experiment = steps.start(params, catalogue, data.split(catalogue, params))
        steps.train(experiment)
        steps.finish(experiment, steps.evaluate(experiment))
    return folder


@pytest.fixture
def mine(run_of_twelve, tmp_path, monkeypatch):
    """(photographs, run folder) of this test alone."""
    for name in ("photos", "runs", "cache"):
        shutil.copytree(run_of_twelve / name, tmp_path / name)
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "photos", tmp_path / "runs" / "mine"


def gallery_of(run) -> pd.DataFrame:
    rows = pd.read_csv(run / IMAGES_CSV)
    return rows[rows[ROLE] == GALLERY]


def split_for(photos, **given):
    """The photographs of this test lie elsewhere than those of the run: that may be, without a data set of its own."""
    params = takeover.settle_params(EvaluateParams(run="mine", **({"data_root": str(photos)} | given)))
    catalogue = data.read(params)
    return params, catalogue, data.split(catalogue, params)


def queries(split, role=None) -> pd.DataFrame:
    return split.rows[split.rows[ROLE].isin([role] if role else [VAL, TEST])]


def unknown(rows) -> set:
    return set(rows.loc[~rows[KNOWN].astype(bool), INDIVIDUAL])


def test_a_folder_that_grew_is_evaluated_without_a_photograph_trained_on(mine, capsys):
    """One more animal, and one more photograph of each old one."""
    photos, run = mine
    add_animals(photos, ["a12"])
    for k in range(12):
        shutil.copy(photos / "a12" / "IMG_0.jpg", photos / f"a{k:02d}" / "IMG_9.jpg")
        (photos / f"a{k:02d}" / "IMG_9.jpg").write_bytes((photos / "a12" / "IMG_0.jpg").read_bytes() + bytes([k + 1]))
    learnt = gallery_of(run)
    params, catalogue, split = split_for(photos)
    assert len(catalogue) == 12 * 6 + 5
    assert set(split.rows.loc[split.rows[IMAGE_ID].isin(learnt[IMAGE_ID]), ROLE]) == {GALLERY}
    assert not unknown(queries(split)) & set(learnt[INDIVIDUAL])
    assert split.left_out == {} and "left out" not in capsys.readouterr().out
    experiment = steps.start(params, catalogue, split)
    results = steps.evaluate(experiment)
    assert not set(results.predictions[IMAGE_ID]) & set(learnt[IMAGE_ID])
    assert "left_out" not in results.metrics


def test_another_split_of_the_same_photographs_leaves_out_what_was_trained_on_and_says_how_many(mine, capsys):
    """The split seed stands for whatever deals the roles anew: a run of an earlier version, another library."""
    photos, run = mine
    learnt = gallery_of(run)
    params, catalogue, split = split_for(photos, dataset="folder", split_seed=1)
    whole = assign_roles(catalogue.rows, seed=1)
    out = {}
    for role in (VAL, TEST):
        asked = queries(whole, role)
        seen = asked[IMAGE_ID].isin(learnt[IMAGE_ID])
        out[role] = set(asked.loc[seen | (asked[INDIVIDUAL].isin(learnt[INDIVIDUAL]) & ~asked[KNOWN]), IMAGE_ID])
        assert set(queries(split, role)[IMAGE_ID]) == set(asked[IMAGE_ID]) - out[role]
    assert out[VAL] and out[TEST] and split.left_out == {role: len(ids) for role, ids in out.items()}
    assert (split.rows.loc[split.rows[IMAGE_ID].isin(out[VAL] | out[TEST]), ROLE] == UNUSED).all()
    said = (
        f"{len(out[VAL])} of {len(queries(whole, VAL))} val queries and "
        f"{len(out[TEST])} of {len(queries(whole, TEST))} test queries are left out: run 'mine' was trained on"
    )
    assert f"note: {said}" in capsys.readouterr().out
    experiment = steps.start(params, catalogue, split)
    results = steps.evaluate(experiment)
    steps.finish(experiment, results)
    assert set(results.predictions[IMAGE_ID]) == set(queries(split)[IMAGE_ID])
    assert results.threshold.n_known_individuals[""] == queries(split, VAL).query(KNOWN)[INDIVIDUAL].nunique()
    stored = json.loads(experiment.run.path(METRICS_JSON).read_text())
    assert {role: stored["left_out"][role] for role in (VAL, TEST)} == split.left_out
    assert said in headline(experiment.run.metrics()) and said in capsys.readouterr().out


def test_photographs_that_moved_under_other_names_are_known_by_their_content(mine):
    """Other names of animals and files, and a table instead of folders: nothing but the bytes is the same."""
    photos, run = mine
    learnt = gallery_of(run)
    rows = []
    for animal in sorted(photos.iterdir()):
        for k, photo in enumerate(sorted(animal.iterdir())):
            new = photos.parent / "moved" / f"{animal.name[::-1]}-{k}.jpg"
            new.parent.mkdir(exist_ok=True)
            shutil.copy(photo, new)
            rows.append({"path": new.name, "identity": animal.name[::-1], "was": f"{animal.name}/{photo.name}"})
    table = pd.DataFrame(rows)
    table.drop(columns="was").to_csv(photos.parent / "moved" / "metadata.csv", index=False)
    was_learnt = table["was"].isin(learnt[IMAGE_ID])
    for seed in range(3):
        _, _, split = split_for(photos.parent / "moved", dataset="csv", split_seed=seed)
        asked = queries(split)
        assert not set(asked["path"]) & set(table.loc[was_learnt, "path"])
        assert not {name.removeprefix("csv/") for name in unknown(asked)} & set(table.loc[was_learnt, "identity"])
        assert sum(split.left_out.values()) > 0


def test_another_herd_whose_files_have_the_same_names_is_evaluated_whole(mine):
    photos, _ = mine
    other = photos.parent / "other"
    for k in range(12):
        add_animals(other, [f"b{k:02d}"])
        (other / f"b{k:02d}").rename(other / f"a{k + 8:02d}")  # a third of the animals' names, and all files' names
    _, catalogue, split = split_for(other, dataset="folder")
    assert split.left_out == {} and split.fingerprint == assign_roles(catalogue.rows).fingerprint


def test_photographs_saved_again_smaller_are_known_by_their_names(mine, capsys):
    photos, run = mine
    for path in photos.rglob("*.jpg"):
        Image.open(path).resize((36, 36)).save(path)
    learnt = gallery_of(run)
    _, _, split = split_for(photos, dataset="folder", split_seed=1)
    assert not set(queries(split)[IMAGE_ID]) & set(learnt[IMAGE_ID])
    assert not unknown(queries(split)) & set(learnt[INDIVIDUAL])
    assert "of these photographs, going by their names" in capsys.readouterr().out


def test_a_run_is_evaluated_with_the_roles_it_was_trained_with_whatever_would_be_drawn_now(mine):
    """A run of a version that drew roles in another way, and kept no contents."""
    photos, run = mine
    (run / TRAINED_CSV).unlink()
    (run / CHECKSUMS_JSON).unlink()
    rows = pd.read_csv(run / IMAGES_CSV)
    swapped = {GALLERY: GALLERY, VAL: TEST, TEST: VAL}
    rows.assign(role=rows[ROLE].map(swapped)).to_csv(run / IMAGES_CSV, index=False)
    _, _, split = split_for(photos)
    assert split.rows.set_index(IMAGE_ID)[ROLE].to_dict() == dict(
        zip(rows[IMAGE_ID], rows[ROLE].map(swapped), strict=True)
    )
    assert split.left_out == {}
    # and when the folder grew, so that the roles are drawn anew, what it was trained on is known by name
    rows.assign(role=rows[ROLE].map({GALLERY: TEST, VAL: GALLERY, TEST: GALLERY})).to_csv(run / IMAGES_CSV, index=False)
    add_animals(photos, ["a12"])
    learnt = set(rows.loc[rows[ROLE] != GALLERY, IMAGE_ID])
    try:
        _, _, split = split_for(photos)
    except SplitError as error:
        assert "Nothing is left to ask" in str(error)
    else:
        assert not set(queries(split)[IMAGE_ID]) & learnt and sum(split.left_out.values()) > 0


def test_a_copy_of_a_training_photograph_among_the_queries_of_its_own_run_is_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))
    photos = add_animals(tmp_path / "photos", [f"a{k}" for k in range(10)], photos=6)
    params = TrainParams.checked(SMALL | {"dataset": "folder", "data_root": str(photos)})
    before = data.split(data.read(params), params)
    for path in before.rows.loc[before.queries(GALLERY), "path"]:
        shutil.copy(photos / path, (photos / path).with_name(f"copy_of_{path.split('/')[1]}"))
    catalogue = data.read(params)
    capsys.readouterr()
    split = data.split(catalogue, params)
    whole = queries(assign_roles(catalogue.rows))
    copies = whole[whole["path"].str.contains("copy_of_")]
    assert len(copies) and set(whole[IMAGE_ID]) - set(queries(split)[IMAGE_ID]) == set(copies[IMAGE_ID])
    said = capsys.readouterr().out
    assert f"this run is trained on copies of {len(copies)} of these photographs" in said
    assert ("val queries" in said) == bool(split.left_out[VAL]) and " 0 of " not in said


def test_where_nothing_is_left_to_ask_the_evaluation_is_refused(mine):
    photos, _ = mine
    _, catalogue, split = split_for(photos)
    everything = trained.list_photographs(catalogue, np.ones(len(catalogue), dtype=bool))
    with pytest.raises(SplitError, match=r"run 'x' was trained on \d+ of these.*Nothing is left to ask in val: add"):
        trained.exclude_trained(split, catalogue, everything, who="run 'x' was trained on")


def test_under_the_official_split_a_val_image_that_is_not_asked_stays_enrolled_for_test(mine):
    _, catalogue, _ = split_for(mine[0])
    number = catalogue.rows["path"].str.extract(r"IMG_(\d)")[0].astype(int)
    rows = catalogue.rows.assign(split=np.where(number == 4, "test", "train"))
    catalogue = Catalogue(rows, catalogue.root, "folder")
    split = assign_roles(rows)
    val = np.flatnonzero(split.queries(VAL) & split.rows[KNOWN].fillna(False))
    learnt = trained.list_photographs(catalogue, np.isin(np.arange(len(rows)), val[:3]))
    left = trained.exclude_trained(split, catalogue, learnt, who="run 'x' was trained on")
    assert (left.rows[ROLE].iloc[val[:3]] == GALLERY).all()
    assert (left.gallery_for(TEST) == split.gallery_for(TEST)).all()
    assert left.test_fingerprint == split.test_fingerprint


def test_a_backbone_as_it_comes_was_trained_on_nothing_of_ours(mine):
    params = takeover.settle_params(
        EvaluateParams(backbone="test_resnet", pretrained=False, image_size=32, run_name="frozen")
    )
    params = params.model_copy(update={"dataset": "folder", "data_root": str(mine[0])})
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    steps.finish(experiment, steps.evaluate(experiment))
    assert trained.trained_on(experiment.run).empty and not experiment.run.path(TRAINED_CSV).exists()


def test_a_run_that_lost_its_list_of_images_is_not_evaluated_blindly(mine):
    photos, run = mine
    (run / CHECKSUMS_JSON).unlink()
    (run / TRAINED_CSV).write_text("nothing,of,this\n1,2,3\n")
    with pytest.raises(RunError, match=r"trained\.csv cannot be read.*it has no column 'image_id'"):
        split_for(photos)
