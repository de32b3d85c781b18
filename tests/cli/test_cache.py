"""`reid cache`: shown, and cleared after a question."""

import json

import pytest
from click.testing import CliRunner
from main_cases import say
from plain_runs import make_plain

from reid_lib.cli.main import commands


@pytest.fixture(autouse=True)
def root(clean_dirs):
    for kind, size in (("pixels", 2000), ("demo", 500)):
        (clean_dirs / "cache" / kind).mkdir(parents=True)
        (clean_dirs / "cache" / kind / "a").write_bytes(b"x" * size)
    return clean_dirs / "cache"


def test_show_tells_sizes_and_where(capsys, root):
    out = say(capsys, "cache", "show")[1]
    assert "2.0 kB" in out and out.splitlines()[-1].startswith(f"2.5 kB in {root}; ")
    told = json.loads(say(capsys, "cache", "show", "--json")[1])
    assert told["bytes"] == 2500 and {one["kind"]: one["bytes"] for one in told["caches"]}["demo"] == 500


def test_clear_asks_and_no_is_no(root):
    make_plain("busy", finish=False)
    asked = CliRunner().invoke(commands, ["cache", "clear"], input="n\n")
    assert asked.exit_code == 1 and "pixels: 2.0 kB" in asked.output and "busy is running" in asked.output
    assert (root / "pixels" / "a").exists()


def test_one_kind_is_cleared_without_a_question(capsys, root):
    assert say(capsys, "cache", "clear", "pixels", "--yes")[1].endswith("2.0 kB are free again")
    assert not (root / "pixels" / "a").exists() and (root / "demo" / "a").exists()
    assert say(capsys, "cache", "clear", "pixels")[1] == "nothing to delete: it is empty"
    code, _, err = say(capsys, "cache", "clear", "pixel")
    assert code == 1 and "did you mean 'pixels'" in err
