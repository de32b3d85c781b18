"""A run's network in a folder for others: timm and ONNX give its very embeddings, or nothing is written."""

import json
import os
import shutil

import numpy as np
import pytest
import timm
import torch

from reid_lib.core.errors import ModelError, ReidError, RunError
from reid_lib.core.names import IMAGE_ID, TEST
from reid_lib.data.photo import open_upright
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.nets import onnx_form, timm_form
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import sharing, takeover
from reid_lib.pipeline.whole_run import run_all
from reid_lib.runs.folder import RunFolder

SMALL = {"backbone": "resnet10t", "pretrained": False, "image_size": 32, "dataset": "demo:small"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training, and an evaluation by encounter that took its network over."""
    places = {"REID_RUNS": tmp_path_factory.mktemp("runs"), "REID_CACHE": tmp_path_factory.mktemp("cache")}
    old = {name: os.environ.get(name) for name in places}
    os.environ |= {name: str(folder) for name, folder in places.items()}
    try:
        run_all(TrainParams(**SMALL, run_name="trained", num_epochs=1, n=32, embedding_dim=16, batch_size=16))
        from reid_lib.pipeline import data, steps

        asked = EvaluateParams(run="trained", run_name="asked", query_unit="encounter", scores="embedding")
        params = takeover.settle_params(asked)
        catalogue = data.read(params)
        experiment = steps.start(params, catalogue, data.split(catalogue, params))
        steps.finish(experiment, steps.evaluate(experiment))
        yield experiment
    finally:
        for name, value in old.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def copy_run(trained, name, tmp_path, monkeypatch):
    """A run to be edited, with the one that it took over, in a folder of runs of its own."""
    for other in ("trained", "asked"):
        shutil.copytree(trained.run.folder.parent / other, tmp_path / "runs" / other)
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs" / name / "checksums.json").unlink()
    return tmp_path / "runs" / name


@pytest.fixture(autouse=True)
def places(request, monkeypatch):
    if "trained" in request.fixturenames:
        experiment = request.getfixturevalue("trained")
        monkeypatch.setenv("REID_RUNS", str(experiment.run.folder.parent))


def test_timm_gives_the_stored_embeddings_from_the_files(trained, tmp_path):
    shared = sharing.share_model("trained", tmp_path / "out", licence="cc-by-4.0")
    assert sorted(path.name for path in shared.folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.onnx",
        "model.safetensors",
    ]
    model = timm.create_model(f"local-dir:{shared.folder}", pretrained=True).eval()
    prepare = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    catalogue = trained.catalogue
    stored = EmbeddingSet.load(trained.run.folder.parent / "trained" / "embeddings" / f"{TEST}.npz", catalogue.rows)
    files = [catalogue.root / path for path in stored.rows["path"]]
    with torch.inference_mode():
        batch = torch.stack([prepare(open_upright(file)) for file in files])
        found = torch.nn.functional.normalize(model(batch)).numpy()
    # A photograph of 96 px is shrunk to 32 px in two steps by us, in one by timm.
    assert (found * stored.features).sum(axis=1).min() > 0.999
    by_onnx = onnx_form.run_onnx(shared.folder / "model.onnx", batch.numpy())
    assert (found * by_onnx).sum(axis=1).min() > 0.9999
    assert shared.agreement.timm >= 0.9999 and shared.agreement.onnx >= 0.9999
    assert shared.agreement.n == 12 and "photographs of the run" in shared.told[-1]
    assert len({file.stat().st_mode for file in shared.folder.iterdir()}) == 1
    card = (shared.folder / "README.md").read_text()
    assert "license: cc-by-4.0" in card and "of which 32 at most" in card


def test_an_evaluation_that_took_a_network_over_says_whose_it_is(trained, tmp_path):
    shared = sharing.share_model("asked", tmp_path / "out", onnx=False)
    assert shared.told[0].startswith("run 'asked' only evaluates: exported is the network of run 'trained' (resnet10t)")
    card = (shared.folder / "README.md").read_text()
    assert "one query is: an encounter" in card
    assert "trained on: demo:small" in card and not (shared.folder / "model.onnx").exists()
    # the threshold is that of a photograph's cosine, not of the encounters that the run answers
    own = RunFolder(trained.run.folder.parent / "trained").metrics()["threshold"]["values"]["lynxes"]
    assert own != trained.run.metrics()["threshold"]["values"]["lynxes"] and f"| lynxes | {own:.4f} |" in card


def test_of_a_fused_run_the_card_tells_of_the_embedding_alone(trained, tmp_path, monkeypatch):
    copied = copy_run(trained, "asked", tmp_path, monkeypatch)
    metrics = json.loads((copied / "metrics.json").read_text())
    alone = {"top1": {"value": 0.123, "low": 0.1, "high": 0.2, "n": 9}}
    metrics |= {"score": "fused", "unit": "probability", "alone": {"embedding": {"test": alone}}}
    metrics["threshold"]["values"] = dict.fromkeys(metrics["threshold"]["values"], 0.777)
    (copied / "metrics.json").write_text(json.dumps(metrics))
    card = (sharing.share_model("asked", tmp_path / "out", onnx=False).folder / "README.md").read_text()
    assert "| top-1: nearest individual is right | 0.123 (0.100 to 0.200) |" in card and "BAKS:" not in card
    assert "what stands here is of the embedding alone" in card and "0.777" not in card


def test_a_form_that_gives_other_embeddings_is_refused_and_nothing_is_left(trained, tmp_path, monkeypatch):
    spoil = timm_form.TimmForm.save

    def save(form, folder):
        with torch.no_grad():
            next(form.network.parameters()).add_(0.05 * torch.randn(next(form.network.parameters()).shape))
        spoil(form, folder)

    monkeypatch.setattr(timm_form.TimmForm, "save", save)
    with pytest.raises(ModelError, match="timm form does not give the embeddings.*Nothing was written"):
        sharing.share_model("trained", tmp_path / "out", onnx=False)
    monkeypatch.undo()
    monkeypatch.setenv("REID_RUNS", str(trained.run.folder.parent))
    other = onnx_form.run_onnx
    monkeypatch.setattr(onnx_form, "run_onnx", lambda path, images: np.roll(other(path, images), 1, axis=0))
    with pytest.raises(ModelError, match="onnx form.*--no-onnx"):
        sharing.share_model("trained", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_without_the_photographs_the_check_takes_built_in_ones(trained, tmp_path, monkeypatch):
    copied = copy_run(trained, "trained", tmp_path, monkeypatch)
    text = (copied / "params.json").read_text()
    (copied / "params.json").write_text(text.replace(str(trained.catalogue.root), str(tmp_path / "gone")))
    shared = sharing.share_model("trained", tmp_path / "out", onnx=False)
    assert shared.agreement.photographs == "built-in drawings" and shared.agreement.timm >= 0.9999


def test_what_is_in_the_way_is_told_before_anything_is_computed(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(timm_form, "convert_to_timm", lambda model: pytest.fail("computed"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(ReidError, match="notes.txt"):
        sharing.share_model("trained", tmp_path / "mine", force=True)
    with pytest.raises(RunError, match="there is no run 'nobody'"):
        sharing.share_model("nobody", tmp_path / "out")


def test_without_the_packages_of_onnx_the_rest_is_written_and_that_is_said(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_form, "NEEDED", ("no_such_package",))
    shared = sharing.share_model("trained", tmp_path / "out")
    assert any("no model.onnx was written, for want of no_such_package" in line for line in shared.told)
    with pytest.raises(ModelError, match="needs no_such_package"):
        sharing.share_model("trained", tmp_path / "other", onnx=True)


def test_the_photographs_that_are_compared_come_from_all_of_the_run(trained):
    rows = trained.split.rows
    chosen = sharing._spread(rows)
    assert len(chosen) == 12 and chosen[IMAGE_ID].iloc[-1] == rows[IMAGE_ID].iloc[-1]
    assert len(sharing._spread(rows.head(3))) == 3
