"""Plans of sweeps: one change at a time, grids, seeds, losses with other units, what is refused."""

import pandas as pd
import pytest
import yaml
from made_runs import catalogue, make_run, write_photos

from reid_lib.core import frames
from reid_lib.core.errors import ParameterError, ReidError
from reid_lib.core.names import HISTORY_CSV
from reid_lib.params.fields import TrainParams
from reid_lib.runs import table
from reid_lib.sweep.plan import PLAN, estimate_seconds, load_plan, make_plan


@pytest.fixture(autouse=True)
def no_reference(clean_dirs):
    return clean_dirs


def planned(tmp_path, *vary, **options):
    return make_plan(list(vary), root=tmp_path / "variants", **options)


def names(made) -> list[str]:
    return [variant.run for variant in made.variants]


def test_each_variant_changes_one_parameter_of_the_defaults(tmp_path):
    made = planned(tmp_path, "margin=0.5,0.7", "lr=1e-4")
    assert [v.params for v in made.variants] == [{}, {"margin": 0.5}, {"margin": 0.7}, {"lr": 1e-4}]
    assert names(made) == ["default", "margin-0.5", "margin-0.7", "lr-1e-4"]


def test_names_are_those_that_papermill_arguments_would_lead_to(tmp_path):
    for variant in planned(tmp_path, "margin=0.5", "backbone=resnet50", seeds=2).variants:
        assert variant.run == TrainParams(**variant.params).default_name()


def test_a_run_has_one_name_typed_or_swept_in_whatever_order(tmp_path):
    """And whether the reference is the promoted default run, or nothing is promoted yet."""
    typed = TrainParams(num_epochs=2, lr=3e-4).default_name()
    swept = planned(tmp_path, "lr=3e-4", name="a", base={"num_epochs": 2})
    turned = planned(tmp_path, "num_epochs=2", name="b", base={"lr": 3e-4})
    grid = planned(tmp_path, "num_epochs=2", "lr=3e-4", name="c", grid=True)
    assert names(swept)[1] == names(turned)[1] == names(grid)[1] == typed
    rows = catalogue(n_known=3, n_unknown=2, images=2)
    make_run("default", rows, skill=1, photos=write_photos(rows, tmp_path / "photos"))
    table.promote("default")
    promoted = planned(tmp_path, "num_epochs=2", "lr=3e-4", name="d", grid=True, seeds=2)
    assert names(promoted) == [
        "default",
        "seed-1",
        typed,
        TrainParams(num_epochs=2, lr=3e-4, seed=1).default_name(),
    ]


def test_changes_of_a_named_base_have_one_order(tmp_path):
    base = {"run_name": "mine", "m": 8}
    there = planned(tmp_path, "lr=3e-4", "num_epochs=2", name="a", grid=True, base=base)
    back = planned(tmp_path, "num_epochs=2", "lr=3e-4", name="b", grid=True, base=base)
    assert names(there) == names(back) == ["mine", "mine_lr-3e-4_epochs-2"]


def test_a_grid_holds_every_combination(tmp_path):
    made = planned(tmp_path, "margin=0.5,0.7", "lr=1e-4,3e-4", grid=True, with_base=False)
    pairs = {(v.params["margin"], v.params["lr"]) for v in made.variants}
    assert pairs == {(m, lr) for m in (0.5, 0.7) for lr in (1e-4, 3e-4)} and len(made.variants) == 4


def test_a_grid_with_a_value_of_the_base_holds_no_run_twice(tmp_path):
    made = planned(tmp_path, "lr=1e-3,1e-4", "m=4,8", grid=True)  # 1e-3 and 4 are the defaults
    assert [v.params for v in made.variants] == [{}, {"m": 8}, {"lr": 1e-4}, {"lr": 1e-4, "m": 8}]


def test_seeds_of_training_vary_and_the_split_stays(tmp_path):
    made = planned(tmp_path, "m=8", seeds=3, base={"seed": 5, "split_seed": 2})
    seeds = [v.params["seed"] for v in made.variants]
    assert seeds == [5, 6, 7] * 2 and {v.params["split_seed"] for v in made.variants} == {2}
    assert len(set(names(made))) == 6


def test_a_value_of_the_base_is_left_out_and_said(tmp_path):
    made = planned(tmp_path, "margin=0.3,0.5", "lr=0.001")  # 0.3 rad is ArcFace's own
    assert [v.params for v in made.variants] == [{}, {"margin": 0.5}]
    assert made.notes == ("margin 0.3 is the base's own", "lr 0.001 is the base's own")


def test_nothing_but_values_of_the_base_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="nothing to run"):
        planned(tmp_path, "lr=0.001", with_base=False)


def test_another_loss_leaves_the_margin_of_the_base_behind(tmp_path):
    made = planned(tmp_path, "loss=triplet,cosface", base={"margin": 0.5, "scale": 40})
    base, triplet, cosface = made.variants
    assert base.params == {"margin": 0.5, "scale": 40} and triplet.params == {"loss": "triplet"}
    assert cosface.params == {"loss": "cosface"} and "without the base's margin and scale" in cosface.why


def test_everything_wrong_is_told_at_once_and_nothing_is_written(tmp_path):
    with pytest.raises(ParameterError) as told:
        planned(tmp_path, "margn=0.3", "lr=x,1e-4", "m", "seed=1,2", "run_name=a", "num_epochs=-1")
    for words in (
        "did you mean 'margin'",
        "lr: expected a number",
        "PARAMETER=VALUE",
        "--seeds",
        "run_name",
        "num_epochs",
    ):
        assert words in str(told.value)
    assert not (tmp_path / "variants").exists()


def test_values_that_only_a_program_reads_as_numbers_are_refused(tmp_path):
    wanted = [
        "lr=1e-4,1_0e-5",
        "num_epochs=\uff11\uff12",
        "scale=1e400,1e30",
        "m=True",
        "split_seed=18446744073709551615",
    ]
    with pytest.raises(ParameterError) as told:
        planned(tmp_path, *wanted)
    lines = [line.split(";")[0] for line in str(told.value).splitlines()]
    plain = "expected a number in plain digits, as 10 or 1e-4"
    assert lines == [
        f"lr: {plain}",
        f"num_epochs: {plain}",
        "scale: expected a finite number",
        "scale: expected more than 0 and at most 1000",
        "m: expected a number",
        "split_seed: expected at least 0 and at most 9223372036854775807",
    ]


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_value_of_several_lines_is_refused(tmp_path, end):
    """Files of a plan say at their head, in a comment, what varies: a second line of that would be a parameter."""
    with pytest.raises(ParameterError, match="--vary backbone: expected values of one line each"):
        planned(tmp_path, f"backbone=resnet18{end}num_epochs: 500")
    assert not (tmp_path / "variants").exists()


@pytest.mark.parametrize("name", ["../outside", "a/b", ""])
def test_a_plan_cannot_lie_elsewhere(tmp_path, name):
    with pytest.raises(ReidError):
        planned(tmp_path, "m=8", name=name)


def test_files_are_what_papermill_takes_and_say_why(tmp_path):
    made = planned(tmp_path, "lr=1e-5", "pretrained=false")
    for variant in made.variants:
        text = made.file(variant).read_text()
        assert text.startswith("# ") and "measured against the defaults" in text
        params = TrainParams.checked(yaml.safe_load(text))
        assert params.run_name == variant.run
        assert {k: v for k, v in params.differences().items() if k != "run_name"} == variant.params


def test_a_plan_comes_back_from_its_files_as_it_was(tmp_path):
    made = planned(tmp_path, "lr=1e-4", "loss=triplet", seeds=2)
    assert load_plan(root=tmp_path / "variants") == made


def test_the_same_plan_again_is_left_alone_and_another_needs_force(tmp_path):
    made = planned(tmp_path, "m=8")
    before = (made.folder / PLAN).stat().st_mtime_ns
    planned(tmp_path, "m=8")
    assert (made.folder / PLAN).stat().st_mtime_ns == before
    with pytest.raises(ParameterError, match="--force"):
        planned(tmp_path, "m=2")
    assert names(load_plan(root=tmp_path / "variants")) == ["default", "m-8"]
    (made.folder / "notes.txt").write_text("mine")
    planned(tmp_path, "m=2", force=True)
    assert sorted(p.name for p in made.folder.iterdir()) == ["default.yaml", "m-2.yaml", "notes.txt", PLAN]


def test_a_plan_that_is_not_there_or_damaged_says_what_to_do(tmp_path):
    with pytest.raises(ParameterError, match="sweep plan --vary"):
        load_plan(root=tmp_path / "variants")
    made = planned(tmp_path, "m=8")
    (made.folder / PLAN).write_text("runs: [")
    with pytest.raises(ParameterError, match="damaged.*--force"):
        load_plan(root=tmp_path / "variants")
    planned(tmp_path, "m=8", force=True)
    made.file(made.variants[1]).unlink()
    with pytest.raises(ParameterError, match="m-8.yaml is not there"):
        load_plan(root=tmp_path / "variants")


def test_the_base_is_the_promoted_run_and_its_own_run_stands_for_it(tmp_path):
    rows = catalogue(n_known=3, n_unknown=2, images=2)
    make_run("mine", rows, skill=1, photos=write_photos(rows, tmp_path / "photos"), lr=3e-4, margin=0.5, seed=4)
    table.promote("mine")
    made = planned(tmp_path, "margin=0.5,0.7", "lr=1e-3", seeds=2)
    assert made.base == "the reference 'mine'"
    assert names(made)[:4] == ["mine", "mine_seed-5", "mine_margin-0.7", "mine_margin-0.7_seed-5"]
    assert made.variants[2].params == {"lr": 3e-4, "margin": 0.7, "seed": 4}
    assert made.variants[4].params == {"margin": 0.5, "seed": 4}  # lr back at its default


def test_a_long_name_keeps_what_the_variant_changes(tmp_path):
    base = {"dataset": "demo:small", "backbone": "mobilenetv3_small_100", "pretrained": False, "image_size": 96}
    made = planned(tmp_path, "embedding_dim=16,32", base=base | {"weight_decay": 0.001})
    assert [name.endswith(f"_dim-{d}") for name, d in zip(names(made)[1:], (16, 32), strict=True)] == [True] * 2
    assert all(len(name) <= 48 for name in names(made)) and len(set(names(made))) == 3


def test_force_leaves_files_alone_that_are_no_part_of_the_plan(tmp_path):
    planned(tmp_path, "m=5,6")
    folder = tmp_path / "variants/sweep"
    (folder / "mine.yaml").write_text("lr: 0.1\n")
    planned(tmp_path, "m=5,7", force=True)
    assert {path.name for path in folder.iterdir()} == {
        "plan.yaml",
        "default.yaml",
        "m-5.yaml",
        "m-7.yaml",
        "mine.yaml",
    }


def test_time_is_the_references_for_every_epoch_that_is_left_to_train(tmp_path):
    assert estimate_seconds(planned(tmp_path, "m=8")) is None
    rows = catalogue(n_known=3, n_unknown=2, images=2)
    folder = make_run("mine", rows, skill=1, photos=write_photos(rows, tmp_path / "photos"))
    frames.write_csv(folder / HISTORY_CSV, pd.DataFrame({"epoch": [0, 1, 2], "seconds": [None, 10.0, 30.0]}))
    table.promote("mine")
    made = planned(tmp_path, "num_epochs=3,5", name="second")
    assert names(made)[0] == "mine"  # finished: nothing of it is left
    assert estimate_seconds(made) == 20 * (3 + 5)


def test_a_new_plan_forgets_the_job_of_the_old_one(tmp_path):
    made = planned(tmp_path, "m=8")
    (made.folder / "slurm.json").write_text("{}")
    planned(tmp_path, "m=8")
    assert (made.folder / "slurm.json").exists()
    planned(tmp_path, "m=2", force=True)
    assert not (made.folder / "slurm.json").exists()
