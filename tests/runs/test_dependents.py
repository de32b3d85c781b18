"""Which runs name another one."""

from plain_runs import make_plain

from reid_lib.runs.dependents import find_dependents


def test_evaluations_and_those_compared_are_found_and_damaged_ones_say_nothing(clean_dirs):
    make_plain("base", reference="base")
    make_plain("eval_base", run="base")
    make_plain("own", reference="base")
    make_plain("both", run="base", reference="base")
    make_plain("other", run="else")
    make_plain("damaged", run="base").path("params.json").write_text("{")
    found = find_dependents("base")
    assert [run.name for run in found.evaluations] == ["both", "eval_base"]
    assert [run.name for run in found.compared] == ["both", "own"]
    assert [run.name for run in found.all] == ["both", "eval_base", "own"]
