"""What all commands share, asked through click's own runner: help with an example, near names, exit codes."""

import click
import pytest
from click.testing import CliRunner

from reid_lib import __version__
from reid_lib.cli.main import commands, main
from reid_lib.core.errors import ReidError
from reid_lib.runs import listing


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "runs"


def ask(*words: str):
    return CliRunner().invoke(commands, list(words), prog_name="reid")


def every_command(group: click.Group = commands, before: tuple[str, ...] = ()):
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*before, name))


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_every_command_has_a_help_text_with_an_example(words, asked):
    told = ask(*words, asked)
    assert told.exit_code == 0 and f"reid {' '.join(words)}" in told.output.split("Example:")[1]


def test_the_commands_are_those_of_the_readme_and_the_scripts():
    names = {" ".join(words) for words in every_command()}
    assert names == {
        *"train evaluate identify compare runs sweep gallery accept review sightings export".split(),
        *"show state stop report name folder download init doctor completion".split(),
        *("cache", "cache show", "cache clear"),
        *(f"runs {action}" for action in ("promote", "rm", "rename", "tag", "note")),
        *(f"sweep {action}" for action in ("plan", "submit", "run", "status", "variant")),
        *(f"gallery {action}" for action in ("list", "show", "export", "add", "remove", "merge", "rename", "undo")),
        *(f"review {action}" for action in ("list", "show", "apply")),
    }


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_every_argument_and_option_says_what_it_is(words):
    command = commands
    for word in words:
        command = command.commands[word]
    assert all(param.help for param in command.params), [param.name for param in command.params if not param.help]


def test_the_version_is_told():
    assert ask("--version").output == f"reid_lib {__version__}\n"


@pytest.mark.parametrize(
    "words, near", [(["stat", "x"], "Did you mean 'state'?"), (["sweep", "pln"], "Did you mean 'plan'?")]
)
def test_an_unknown_command_is_told_with_the_nearest_and_exit_code_2(words, near):
    told = ask(*words)
    assert told.exit_code == 2 and told.stdout == "" and near in told.stderr


@pytest.mark.parametrize(
    "words",
    [["folder"], ["folder", "a", "b"], ["folder", "a", "--bogus"], ["runs", "promte"], ["sweep", "variant", "x"]],
)
def test_a_call_that_is_none_is_told_with_its_usage_and_exit_code_2(words, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("Usage: reid ")


@pytest.mark.parametrize(
    "typed, shown",
    [("/venv/bin/reid", "reid"), ("/venv/reid_lib/__main__.py", "python -m reid_lib"), ("/pytest/__main__.py", "reid")],
)
def test_usage_says_what_was_typed(typed, shown, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [typed])
    assert main(["folder"]) == 2
    assert capsys.readouterr().err.startswith(f"Usage: {shown} folder ")


def test_options_that_are_not_ours_are_papermills_wherever_they_stand():
    told = ask("name", "-p", "dropout", "0.25", "--log-output", "--notebook", "train", "-r", "run_name", "-odd-007")
    assert told.exit_code == 1 and "letters, digits" in told.stderr  # the value arrived: a name does not begin with -
    told = ask("name", "-p", "lr", "-1e-4")
    assert "got -0.0001" in told.stderr
    assert ask("name", "-p", "dropout", "0.25", "--log-output", "--notebook", "train").output == "dropout-0.25\n"


def test_an_error_is_one_message_and_its_traceback_comes_on_request(monkeypatch):
    def wrong(**_):
        raise ReidError("a: what was expected\nb: and what to do")

    monkeypatch.setattr(listing, "tabulate_runs", wrong)
    told = ask("runs")
    assert (told.exit_code, told.stdout, told.stderr) == (1, "", "error: a: what was expected\nb: and what to do\n")
    told = ask("runs", "--traceback")
    assert told.exit_code == 1 and told.stderr.startswith("Traceback") and told.stderr.endswith("and what to do\n")


def test_an_error_that_is_not_the_users_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(listing, "tabulate_runs", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["runs"])
