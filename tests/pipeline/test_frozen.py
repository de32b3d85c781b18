"""A trained run beside its own frozen start."""

import pytest

from reid_lib.core.errors import ModelError
from reid_lib.core.names import METRICS_JSON, ROLE, ROLES, TEST
from reid_lib.openset.answers import Answers
from reid_lib.openset.paired import COMPARED, compare_answers, to_entry
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import frozen
from reid_lib.pipeline.evaluation import answer_queries, compare_roles, embed_by_role
from reid_lib.pipeline.whole_run import run_all

SMALL = {"backbone": "test_resnet", "pretrained": False, "image_size": 32, "embedding_dim": 16, "batch_size": 16}


@pytest.fixture(autouse=True)
def dirs(tmp_path, cache, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REID_CACHE", str(cache))


def train(**params):
    return run_all(TrainParams.checked(SMALL | {"dataset": "demo:small", "num_epochs": 1} | params))


def test_a_training_says_whether_it_beat_its_own_frozen_start(capsys):
    """The differences are those of the untrained backbone, embedded and answered anew here."""
    from reid_lib.nets.network import build_model

    experiment, results = train()
    said = capsys.readouterr().out
    model = build_model("test_resnet", pretrained=False, image_size=32, embedding_dim=0)
    embeddings = embed_by_role(experiment, model, experiment.pixels(model))
    assert set(embeddings) == set(ROLES)
    start, _ = answer_queries(compare_roles(experiment, embeddings), 10)
    wanted = compare_answers(Answers.of(results.predictions), Answers.of(start), min_individuals=10)
    stored = experiment.run.read_json(METRICS_JSON)[frozen.FROZEN]
    assert stored[ROLE] == TEST and set(stored["differences"]) == set(wanted) == set(COMPARED)
    for metric, difference in wanted.items():
        assert stored["differences"][metric] == pytest.approx(to_entry(difference), nan_ok=True)
    line = frozen.describe_start(results.metrics)
    assert line in said and "its own frozen start" in line and "one seed" in line


def test_an_evaluation_has_no_start_of_its_own(evaluated):
    _, results, _ = evaluated
    assert frozen.FROZEN not in results.metrics and frozen.describe_start(results.metrics) == ""


def test_a_backbone_out_of_reach_costs_the_line_and_not_the_run(monkeypatch, caplog):
    def unreachable(experiment):
        raise ModelError("the hub cannot be reached")

    monkeypatch.setattr(frozen, "_answer_frozen", unreachable)
    experiment, results = train(num_epochs=1, seed=1)
    assert experiment.run.finished and frozen.FROZEN not in results.metrics
    assert "not compared with its own frozen start: the hub cannot be reached" in caplog.text
