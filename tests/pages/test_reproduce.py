"""The command line that makes a run again leads to its parameters; durations and memory in words."""

import shlex

import pytest

from reid_lib.core.paths import project_root
from reid_lib.pages.reproduce import describe_command, describe_cost, describe_time
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.params.papermill import papermill_params


@pytest.mark.parametrize(
    ("notebook", "params"),
    [
        (
            "train",
            TrainParams(
                dataset="folder", data_root="my photos/2024's", run_name="007", lr=1e-5, pretrained=False, num_epochs=3,
                margin=0.25, encounter="{identity}/{encounter}_*", columns="identity:true path:file", reference="none",
            ),
        ),
        ("evaluate", EvaluateParams(run="1e5", scores="embedding", dataset="demo:small")),
    ],
)  # fmt: skip
def test_the_command_line_leads_to_the_very_parameters(notebook, params):
    words = shlex.split(describe_command(params.model_dump()))
    assert words[:3] == ["papermill", f"notebooks/{notebook}.ipynb", "out.ipynb"]
    assert (project_root() / words[1]).is_file()
    assert papermill_params(words[3:], notebook) == params


def test_parameters_of_another_version_are_left_out():
    assert describe_command({"gone": 3}) == "papermill notebooks/train.ipynb out.ipynb"


def test_what_a_run_took_is_said_as_far_as_it_is_known():
    status = {"started": 100.0, "ended": 152.0, "peak_memory_bytes": 1_450_000_000}
    assert describe_cost(status, now=0) == {"took": "52 s", "memory at most": "1.4 GB"}
    running = {"started": 100.0, "peak_gpu_memory_bytes": 10**9}
    assert describe_cost(running, now=110) == {"took": "10 s", "of the GPU": "1.0 GB"}
    assert describe_cost({}, now=0) == {}
    steps = {"training": 40.4, "evaluation": 9.0, "nothing": 0.2}
    assert describe_cost(status | {"step_seconds": steps}, now=0)["of that"] == "training 40 s, evaluation 9 s"


def test_an_ended_run_says_its_time_in_a_sentence_and_no_other_does():
    status = {"started": 100.0, "ended": 165.0}
    told = describe_time(status | {"step_seconds": {"training": 61.0}})
    assert told == "took: training 1 min 1 s; from start to end 1 min 5 s"
    running = {"started": 100.0, "step_seconds": {"training": 61.0}}
    assert describe_time(status) == describe_time(running) == describe_time({}) == describe_time({"ended": 3.0}) == ""
