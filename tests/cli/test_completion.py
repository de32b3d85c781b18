"""Tab: the shells' scripts, and the names of what is there."""

import pytest
from click.testing import CliRunner
from main_cases import say
from plain_runs import make_plain

from reid_lib.cli import completion
from reid_lib.cli.main import commands


@pytest.mark.parametrize("shell", completion.LINES)
def test_each_shell_has_its_script_and_its_line_in_the_help(shell, capsys):
    if shell == "bash":  # click asks for its version
        pytest.importorskip("shutil").which("bash") or pytest.skip("there is no bash")
    code, out, _ = say(capsys, "completion", shell)
    assert code == 0 and "_REID_COMPLETE" in out and f"{shell}_complete" in out
    assert completion.LINES[shell] in say(capsys, "--help")[1]


def test_a_shell_is_asked_by_the_variable_of_the_script(clean_dirs):
    make_plain("alpha")
    make_plain("alps")
    make_plain("beta")
    (clean_dirs / "runs" / "notes").mkdir()

    def complete(words: str) -> list[str]:
        told = {completion.VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        out = CliRunner(env=told).invoke(commands, [], prog_name="reid").output
        return [line.removeprefix("plain,") for line in out.split()]

    assert complete("reid show al") == ["alpha", "alps"]
    assert complete("reid runs rename ") == ["alpha", "alps", "beta"]
    assert complete("reid comp") == ["compare", "completion"]
    assert complete("reid compare --base") == ["--baseline"]


def test_names_that_cannot_be_listed_are_none():
    def denied():
        raise PermissionError

    assert completion.Named("run", denied).shell_complete(None, None, "") == []
