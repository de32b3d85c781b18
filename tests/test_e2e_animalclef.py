"""AnimalCLEF 2026 from metadata.csv to submission.csv, emulated with drawn animals whose names are kept aside.

Four data sets in the layout of the competition; of one there are no training photographs. Our submission is read by the
rules of the competition (see `official_score`), and its score is the one that the library reports where it is told the
names.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from reid_lib.core.errors import CatalogueError
from reid_lib.data.demo.study import draw_demo
from reid_lib.discover.measures import describe_discovery
from reid_lib.params.fields import EvaluateParams
from reid_lib.pipeline import data, steps, takeover
from reid_lib.pipeline.whole_run import run_all

NAMES = {"salamander": "SalamanderID2025", "turtle": "SeaTurtleID2022", "lynx": "LynxID2025"}
LIZARDS = "TexasHornedLizards"


def official_score(solution: pd.DataFrame, submission: pd.DataFrame) -> dict[str, float]:
    """ARI by data set and their mean, by the rules that the organisers' own scoring keeps, restated.

    Theirs is `score` in baselines/AnimalCLEF2026/submissions.ipynb of github.com/WildlifeDatasets/wildlife-datasets
    (read in commit 10d15f3): both tables as pandas reads them; the image ids of both alike, line by line; clusters that
    are text and begin with a data set; data sets are those of the solution. Where a rule is broken it gives no score.
    """
    assert {"image_id", "cluster"} <= set(submission)
    assert np.array_equal(submission["image_id"], solution["image_id"])
    assert pd.api.types.is_string_dtype(submission["cluster"])
    assert submission["cluster"].str.startswith(tuple(f"cluster_{name}_" for name in (*NAMES.values(), LIZARDS))).all()
    scores = {
        str(name): adjusted_rand_score(part["identity"], submission["cluster"][part.index])
        for name, part in solution.groupby("dataset")
    }
    return scores | {"mean": float(np.mean(list(scores.values())))}


@pytest.fixture(scope="module")
def own_folders(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("REID_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


@pytest.fixture(scope="module")
def competition(own_folders, tmp_path_factory) -> tuple[Path, Path, pd.DataFrame]:
    """The folder as it is downloaded; one with all names; the solution: image_id, dataset, identity of the test."""
    drawn, root = draw_demo("small", 0, progress=False), tmp_path_factory.mktemp("clef")
    rows = pd.read_csv(drawn / "metadata.csv", dtype=str)
    animal = rows["identity"].str[1:].astype(int)
    lizards = rows["identity"].str.startswith("S") & (animal > 5)
    rows["dataset"] = rows["species"].map(lambda of: next(new for old, new in NAMES.items() if old in of.lower()))
    rows.loc[lizards, "dataset"] = LIZARDS
    last = rows.groupby("identity")["encounter"].transform("max")
    rows["split"] = np.where(lizards | (animal > 6) | (rows["encounter"] == last), "test", "train")
    rows["from"] = drawn / rows["path"].map(Path)
    rows["image_id"] = np.random.default_rng(0).permutation(len(rows)).astype(str)
    rows["path"] = "images/" + rows["dataset"] + "/" + rows["image_id"] + ".jpg"
    for source, path in zip(rows["from"], rows["path"], strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, root / path)
    test = rows["split"] == "test"
    write_metadata(root, rows.assign(identity=rows["identity"].mask(test)))
    solution = rows.loc[test, ["image_id", "dataset", "identity"]].sample(frac=1, random_state=1, ignore_index=True)
    sample = solution[["image_id"]].assign(cluster="cluster_" + solution["dataset"] + "_0")
    sample.to_csv(root / "sample_submission.csv", index=False)
    told = tmp_path_factory.mktemp("told")
    shutil.copytree(root, told, dirs_exist_ok=True)
    write_metadata(told, rows)
    return root, told, solution


def write_metadata(root: Path, rows: pd.DataFrame) -> None:
    columns = ["image_id", "identity", "path", "date", "orientation", "species", "split", "dataset"]
    rows[columns].to_csv(root / "metadata.csv", index=False)


def evaluate(root: Path, name: str):
    given = {"backbone": "resnet10t", "pretrained": False, "image_size": 32, "mask": "none", "run_name": name}
    return run_all(takeover.settle_params(EvaluateParams(**given, dataset="animalclef2026", data_root=str(root))))


def test_the_submission_is_taken_and_its_score_is_the_one_that_is_reported(competition):
    root, told, solution = competition
    experiment, results = evaluate(root, "clef")
    solution.to_csv(told / "solution.csv", index=False)
    scores = official_score(pd.read_csv(told / "solution.csv"), pd.read_csv(experiment.run.path("submission.csv")))
    assert scores["mean"] > 0.2 and len(scores) == 5
    assert "nothing says how right" in describe_discovery(results.metrics)
    known, reported = evaluate(told, "told")
    measured = reported.metrics["discovery"]["test"]
    found = {name: of["ari"]["value"] for name, of in measured["datasets"].items()}
    assert found | {"mean": measured["overall"]["ari"]["value"]} == pytest.approx(scores)
    assert known.run.path("submission.csv").read_bytes() == experiment.run.path("submission.csv").read_bytes()


def test_a_sample_that_lacks_a_photograph_is_refused_before_anything_is_computed(competition, tmp_path):
    root, _, solution = competition
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    solution[["image_id"]][1:].assign(cluster="").to_csv(tmp_path / "sample_submission.csv", index=False)
    params = takeover.settle_params(EvaluateParams(dataset="animalclef2026", data_root=str(tmp_path), run_name="lacks"))
    catalogue = data.read(params)
    with pytest.raises(CatalogueError, match=f"1 .as {solution['image_id'][0]}. are test photographs"):
        steps.start(params, catalogue, data.split(catalogue, params))
