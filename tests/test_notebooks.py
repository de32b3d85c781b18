"""The notebooks as their users run them: papermill typed inside notebooks/, from the root, cell by cell (nbval).

A kernel costs a quarter of a minute: what a notebook does with other data, its cells show in this process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from hub import serve
from notebook_cells import run_cells
from PIL import Image

from reid_lib.cli.fetch import BUILD
from reid_lib.core.errors import RunDiffersError
from reid_lib.core.names import (
    ALL_METRICS_CSV,
    EMBEDDINGS,
    FIGURES,
    HISTORY_CSV,
    METRICS_JSON,
    MODEL_WEIGHTS,
    PREDICTIONS_CSV,
    PROJECTION_CSV,
    STATUS_JSON,
    SUBMISSION_CSV,
    THRESHOLD_CSV,
)
from reid_lib.core.paths import project_root

pytestmark = pytest.mark.slow
ROOT = project_root()
QUICK = ["-p", "dataset", "demo:small", "-p", "num_epochs", "1", "-p", "image_size", "64"]
OF_QUICK = {"dataset": "demo:small", "num_epochs": 1, "image_size": 64, "run_name": "quick"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Empty runs and cache: nothing an earlier run left can make a test pass."""
    folder = tmp_path_factory.mktemp("notebooks")
    scripts = str(Path(sys.executable).parent)
    return os.environ | {
        "REID_RUNS": str(folder / "runs"),
        "REID_CACHE": str(folder / "cache"),
        "PATH": scripts + os.pathsep + os.environ["PATH"],
    }


@pytest.fixture
def here(environment, monkeypatch, no_figure_is_left):
    """The same runs and cache in this process."""
    for name in ("REID_RUNS", "REID_CACHE"):
        monkeypatch.setenv(name, environment[name])


def papermill(environment, *arguments, cwd=ROOT / "notebooks", notebook="train.ipynb"):
    out = Path(environment["REID_CACHE"]).parent / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(notebook), str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=600)
    return done, out


def run_folder(environment, name) -> Path:
    return Path(environment["REID_RUNS"]) / name


def text_of(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    outputs = [o for c in cells if c.cell_type == "code" for o in c.outputs]
    return "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs)


@pytest.fixture(scope="module")
def quick_run(environment):
    done, out = papermill(environment, *QUICK, "-p", "lr", "1e-4", "-r", "run_name", "quick")
    assert done.returncode == 0, done.stderr
    return run_folder(environment, "quick"), out


def test_papermill_inside_notebooks_leaves_a_whole_run_folder(quick_run, environment):
    folder, _ = quick_run
    for name in (
        HISTORY_CSV,
        METRICS_JSON,
        MODEL_WEIGHTS,
        PREDICTIONS_CSV,
        PROJECTION_CSV,
        SUBMISSION_CSV,
        THRESHOLD_CSV,
    ):
        assert (folder / name).stat().st_size > 0, name
    assert {p.stem for p in (folder / EMBEDDINGS).iterdir()} == {"gallery", "val", "test"}
    assert {p.stem for p in (folder / FIGURES).iterdir()} >= {
        "loss",
        "scores",
        "threshold",
        "projection",
        "confusion",
        "retrieval",
        "animals",
        "detection",
        "calibration",
    }
    assert json.loads((folder / STATUS_JSON).read_text())["state"] == "finished"
    assert not list(folder.rglob("*.tmp*"))
    table = pd.read_csv(folder.parent / ALL_METRICS_CSV)
    assert table["run"].tolist() == ["quick"]
    params = json.loads((folder / "params.json").read_text())["params"]
    assert (params["lr"], params["num_epochs"], params["dataset"]) == (1e-4, 1, "demo:small")


def test_metrics_follow_from_the_predictions_written(quick_run):
    """The headline, computed again from predictions.csv by hand."""
    folder, _ = quick_run
    metrics = json.loads((folder / METRICS_JSON).read_text())
    rows = pd.read_csv(folder / PREDICTIONS_CSV, dtype={"identity": str, "predicted": str})
    test = rows[rows.role == "test"]
    means = []
    for _, part in test.groupby("dataset"):
        right = part.predicted == part.identity.where(part.known, "new_individual")
        baks = right[part.known].groupby(part.identity).mean().mean()
        baus = right[~part.known].groupby(part.identity).mean().mean()
        both = (baks * baus) ** 0.5
        means.append(0 if np.isnan(both) else both)  # a data set without unknown animals, as the scorer does
    assert metrics["test"]["overall"]["geometric_mean"]["value"] == pytest.approx(sum(means) / len(means))


def test_a_finished_run_says_so_and_is_not_trained_again(quick_run, here):
    folder, _ = quick_run
    before = (folder / MODEL_WEIGHTS).stat().st_mtime_ns, (folder / METRICS_JSON).read_text()
    assert "is finished" in run_cells("train.ipynb", **OF_QUICK, lr=1e-4).text
    assert before == ((folder / MODEL_WEIGHTS).stat().st_mtime_ns, (folder / METRICS_JSON).read_text())


def test_other_parameters_under_the_same_name_are_refused_with_the_difference(quick_run, here):
    with pytest.raises(RunDiffersError) as caught:
        run_cells("train.ipynb", **OF_QUICK, lr=2e-4)
    assert all(said in str(caught.value) for said in ("lr", "0.0002", "0.0001"))


def test_bad_parameters_stop_before_anything_is_made(environment):
    done, _ = papermill(environment, "-p", "learning_rate", "1", "-p", "lr", "fast", "-r", "run_name", "never")
    assert done.returncode != 0
    assert "did you mean 'lr'" in done.stderr and "lr: expected a number" in done.stderr
    assert not run_folder(environment, "never").exists()


def test_a_failing_cell_fails_the_job_and_the_run(environment, tmp_path):
    notebook = nbformat.read(ROOT / "notebooks/train.ipynb", as_version=4)
    last_training = next(i for i, cell in enumerate(notebook.cells) if "pipeline.train(" in cell.source)
    notebook.cells.insert(last_training, nbformat.v4.new_code_cell("raise RuntimeError('the disk fell over')"))
    nbformat.write(notebook, tmp_path / "broken.ipynb")
    done, _ = papermill(environment, *QUICK, "-r", "run_name", "broken", notebook=tmp_path / "broken.ipynb")
    assert done.returncode != 0
    status = json.loads((run_folder(environment, "broken") / STATUS_JSON).read_text())
    assert status["state"] == "failed"
    assert "the disk fell over" in status["error"]
    assert "broken" not in pd.read_csv(Path(environment["REID_RUNS"]) / ALL_METRICS_CSV)["run"].tolist()


def test_evaluate_a_backbone_of_the_hub_with_its_own_preprocessing(environment, tmp_path):
    """The real client against a hub on this machine, which breaks off in mid-download; offline the next time."""
    name, own = "BVRA/MegaDescriptor-T-224", {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    of_hub = environment | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = ["-p", "backbone", f"hf-hub:{name}", "-p", "dataset", "demo:small", "-p", "scores", "embedding"]
    with serve(tmp_path / "hub") as hub:
        hub.add(name, "test_vit", safe=False, input_size=[3, 160, 160], interpolation="bilinear", **own)
        hub.break_at = 500_000
        online = of_hub | {"HF_ENDPOINT": hub.url}
        command += ["-r", "run_name", "mega"]
        done, _ = papermill(online, *command, cwd=ROOT, notebook="notebooks/evaluate.ipynb")
        assert done.returncode == 0, done.stderr
        assert hub.break_at is None, "nothing was cut off"
    config = json.loads((run_folder(environment, "mega") / "model.json").read_text())
    assert config["backbone"] == f"hf-hub:{name}" and config["weights"] == name
    assert {key: config[key] for key in own} == own and config["interpolation"] == "bilinear"
    # From the hub's cache, as the next run has it.
    again = [sys.executable, "-c", BUILD, f"hf-hub:{name}", "True"]
    done = subprocess.run(again, env=of_hub | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == config["weights_sha256"]


def test_evaluate_a_finished_run(quick_run, environment, here):
    run_cells("evaluate.ipynb", run="quick", run_name="again", mask="none")
    first, again = (json.loads((run_folder(environment, n) / METRICS_JSON).read_text()) for n in ("quick", "again"))
    assert again["test_fingerprint"] == first["test_fingerprint"]
    value = again["alone"]["embedding"]["test"]["top1"]["value"]
    assert value == pytest.approx(first["test"]["overall"]["top1"]["value"], abs=0.02)


def test_evaluate_a_folder_without_exif_times_to_its_end(environment, here, tmp_path):
    """Exported or scanned photographs: the one figure that needs encounters says so, everything else is there."""
    rng = np.random.default_rng(0)
    for animal in range(12):
        (tmp_path / "photos" / f"animal {animal}").mkdir(parents=True)
        own = rng.integers(0, 255, (48, 48, 3))
        for k in range(5):
            pixels = np.clip(own + rng.normal(0, 30, own.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / f"animal {animal}" / f"{k}.png")
    given = {"dataset": "folder", "data_root": str(tmp_path / "photos"), "image_size": 64, "scores": "embedding"}
    done = run_cells("evaluate.ipynb", **given, run_name="timeless")
    folder = run_folder(environment, "timeless")
    assert json.loads((folder / STATUS_JSON).read_text())["state"] == "finished"
    assert "figure 'leak' is not drawn: encounters are unknown" in done.text
    assert "encounters are unknown" in (folder / FIGURES / "leak.txt").read_text()
    assert {p.stem for p in (folder / FIGURES).glob("*.png")} >= {"threshold", "confusion", "projection", "retrieval"}
    assert "timeless" in pd.read_csv(folder.parent / ALL_METRICS_CSV)["run"].tolist()


def draw_competition(root, *, train, test, alone):
    """As AnimalCLEF lays it out: metadata.csv and images/<data set>/; the test part has no identities."""
    rng, rows = np.random.default_rng(0), []
    for dataset in ("LynxID2025", "SalamanderID2025", "SeaTurtleID2022", *alone):
        (root / "images" / dataset).mkdir(parents=True)
        for animal in range(15):
            own = rng.integers(0, 255, (48, 48, 3))
            for k in range(6):
                split = test if k > 3 or animal > 11 or dataset in alone else train
                path = f"images/{dataset}/{animal}-{k}.jpg"
                Image.fromarray(np.clip(own + rng.normal(0, 30, own.shape), 0, 255).astype(np.uint8)).save(root / path)
                identity = f"{dataset}_{animal}" if split == train else None
                date = f"2019-06-{k + 1:02d}" if dataset == "SeaTurtleID2022" else None
                rows.append((len(rows), identity, path, date, "left", dataset[:5].lower(), split, dataset))
    columns = ["image_id", "identity", "path", "date", "orientation", "species", "split", "dataset"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(root / "metadata.csv", index=False)
    sample = table.loc[table["split"] == test, ["image_id"]][::-1]
    answer = {"cluster": "cluster_" + table["dataset"] + "_0"} if alone else {"identity": "new_individual"}
    sample.assign(**answer).to_csv(root / "sample_submission.csv", index=False)


@pytest.mark.parametrize(
    ("year", "layout"),
    [
        (2025, {"train": "database", "test": "query", "alone": ()}),
        (2026, {"train": "train", "test": "test", "alone": ("TexasHornedLizards",)}),
    ],
)
def test_a_competition_whose_test_has_no_labels_shows_val_and_says_so(environment, here, tmp_path, year, layout):
    draw_competition(tmp_path / "clef", **layout)
    data = {"dataset": f"animalclef{year}", "data_root": str(tmp_path / "clef"), "run_name": f"clef{year}"}
    done = run_cells("evaluate.ipynb", **data, image_size=64, scores="embedding", mask="none")
    folder, said = run_folder(environment, f"clef{year}"), done.text
    headline = said[said.index("on val (the test has no labels): geometric") :].splitlines()[0]
    assert "undefined" not in headline and "fitted on these very queries" in headline
    assert "headline, table and figures are those of val" in said
    values = json.loads((folder / METRICS_JSON).read_text())
    assert f"geometric mean {values['val']['overall']['geometric_mean']['value']:.3f}" in headline
    table = next(shown for shown in done.html if "BAUS" in shown)
    # Undefined are what takes 100 unknown queries (two metrics) and another flank (one), in four columns.
    assert "on val (the test has no labels)" in table and table.count("undefined") == 3 * 4
    submitted = pd.read_csv(folder / SUBMISSION_CSV)
    sample = pd.read_csv(tmp_path / "clef" / "sample_submission.csv")
    assert submitted["image_id"].tolist() == sample["image_id"].tolist() and list(submitted) == list(sample)


def nbval(environment, notebook: Path | str):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "-q", str(notebook)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "notebooks", env=environment, timeout=900)


SMALLER = 'dataset: str = "demo:small"'
LESS = {
    "train.ipynb": {'dataset: str = "demo"': SMALLER, "num_epochs: int = 0": "num_epochs: int = 1"},
    "evaluate.ipynb": {'dataset: str = ""': SMALLER},
}
LEFT = {
    "train.ipynb": f"demo-small_epochs-1/{HISTORY_CSV}",
    "evaluate.ipynb": f"eval_demo-small/{METRICS_JSON}",
}


@pytest.mark.parametrize("notebook", list(LESS))
def test_nbval_runs_the_notebook_with_its_defaults(environment, tmp_path, notebook):
    """But those for which the same cells take less time."""
    nb = nbformat.read(ROOT / "notebooks" / notebook, as_version=4)
    for default, less in LESS[notebook].items():
        assert default in nb.cells[1].source
        nb.cells[1].source = nb.cells[1].source.replace(default, less)
    nbformat.write(nb, tmp_path / notebook)
    done = nbval(environment, tmp_path / notebook)
    assert done.returncode == 0, done.stdout
    # otherwise a run that was finished before would make this vacuous
    assert run_folder(environment, LEFT[notebook]).exists(), list(Path(environment["REID_RUNS"]).iterdir())


def test_identify_answers_drawn_animals_where_nothing_is_named(environment, tmp_path):
    runs = tmp_path / "runs"
    done, out = papermill(environment | {"REID_RUNS": str(runs)}, notebook="identify.ipynb")
    assert done.returncode == 0, done.stderr
    (folder,) = (runs / "answers").iterdir()
    answers = pd.read_csv(folder / "answers.csv")
    assert answers["decision"].notna().all() and answers["probability"].between(0, 1).all()
    said = text_of(out)
    assert f"{len(answers)} photographs: " in said and "Searched: run eval" in said and "answers.html" in said
    shown = [o for c in nbformat.read(out, 4).cells if c.cell_type == "code" for o in c.outputs if "data" in o]
    assert any("<svg" in o["data"].get("text/html", "") for o in shown)
    assert "take the answer" in json.dumps(nbformat.read(out, 4).metadata["widgets"])


def test_review_shows_what_is_asked_first_and_applies_what_was_decided(quick_run, environment):
    """Nothing to click: the first questions as a table and as pictures, what is left, the effect of no decision."""
    done, out = papermill(environment, "-p", "run", "quick", "-p", "who", "ada", notebook="review.ipynb")
    assert done.returncode == 0, done.stderr
    folder = Path(environment["REID_RUNS"]).parent / "reviews" / "quick"
    pairs = pd.read_csv(folder / "pairs.csv")
    assert set(pairs["doubt"]) == {"cluster", "answer", "label"} and pairs["probability"].between(0, 1).all()
    said = text_of(out)
    assert f"{len(pairs):,} pairs that can be asked" in said and "questions are left" in said
    assert "0 decisions (nobody) applied: 0 photographs moved" in said and "One animal or two?" in said
    shown = [o for c in nbformat.read(out, 4).cells if c.cell_type == "code" for o in c.outputs if "data" in o]
    assert any("image/png" in o["data"] for o in shown)
    assert any("application/vnd.jupyter.widget-view+json" in o["data"] for o in shown)
    clusters = pd.read_csv(folder / "applied" / "clusters.csv")
    assert clusters["changed_by"].isna().all()
    assert not (folder / "decisions.csv").exists()


def test_nbval_runs_data_which_makes_no_run(environment, tmp_path):
    done = nbval(environment | {"REID_RUNS": str(tmp_path / "none")}, "data.ipynb")
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "none").exists()


def test_compare_without_a_single_run(tmp_path, here, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "none"))
    run_cells("compare.ipynb")


def test_compare_shows_the_runs_that_train_left(environment, quick_run):
    done, out = papermill(environment, notebook="compare.ipynb")
    assert done.returncode == 0, done.stderr
    cells = [cell for cell in nbformat.read(out, as_version=4).cells if cell.cell_type == "code"]
    assert not any(output.output_type in ("error", "stream") for cell in cells for output in cell.outputs)
    state = json.dumps(nbformat.read(out, as_version=4).metadata["widgets"])
    assert "quick" in state and "finished runs" in state
