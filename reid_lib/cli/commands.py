"""What the commands share: errors as one message, arguments handed on to papermill, an example below each help text,
JSON for programs.
"""

import json
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from reid_lib.core.errors import ReidError
from reid_lib.core.files import without_nan
from reid_lib.core.messages import ERROR, STOPPED, TRACEBACK, describe_error
from reid_lib.params.papermill import PAPERMILL_HELP

LIBRARY, SCRIPT = "reid_lib", "reid"
MODULE = f"python -m {LIBRARY}"
HELP = {"help_option_names": ["-h", "--help"]}
# Unknown options are papermill's. Without -h: `-fhigh.yaml` would be read as -h among others.
PASSED_ON = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


def check_either(named: str, gallery: str, *, what: str) -> None:
    """Of a command that takes `what`, or --gallery in its place.

    Raises:
        ReidError: both are given, or none.
    """
    if bool(named) == bool(gallery):
        raise ReidError(f"expected either {what} or --gallery NAME; got {'both' if named else 'none of the two'}")


class Message(click.ClickException):
    """What a user did wrong, as one line on stderr; exit code 1."""

    def show(self, file: Any = None) -> None:
        """Print it as every message of the library is printed."""
        click.echo(f"{ERROR} {self.message}", err=file is None, file=file)


class Commands(click.Group):
    """The commands of `reid`: `--traceback` may stand anywhere, errors are told in one message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order in which they are defined."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click; `--traceback` is brought to the front, also from between papermill's arguments."""
        asked = [TRACEBACK] if TRACEBACK in args else []
        return super().parse_args(ctx, asked + [word for word in args if word != TRACEBACK])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            Message: the command could not do what was asked.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # `... | head`: click ends quietly
            raise
        except (ReidError, OSError) as error:
            if ctx.params["traceback"]:
                traceback.print_exc()
            raise Message(describe_error(error)) from error
        except KeyboardInterrupt:
            click.echo(f"{STOPPED} by Ctrl-C", err=True)
            ctx.exit(128 + signal.SIGINT)


class PapermillCommand(click.Command):
    """A command whose unknown options are papermill's; they arrive as `papermill`, a tuple of words."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.context_settings = PASSED_ON
        self.params.append(
            click.Argument(
                ["papermill"],
                nargs=-1,
                type=click.UNPROCESSED,
                metavar="[-p NAME VALUE]...",
                help=f"{PAPERMILL_HELP[0].upper()}{PAPERMILL_HELP[1:]}.",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click; -h is help where it stands alone."""
        return super().parse_args(ctx, ["--help" if word == "-h" else word for word in args])


def program() -> str:
    """What was typed: "reid", or "python -m reid_lib"."""
    return MODULE if Path(sys.argv[0]).parts[-2:] == (LIBRARY, "__main__.py") else SCRIPT


def example(*lines: str) -> str:
    """The end of a help text: commands as they are typed."""
    return "\b\nExample:\n" + "\n".join(f"  {program()} {line}" for line in lines)


as_json = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


def echo_json(value: Any) -> None:
    """Print a value as JSON; what is undefined is null."""
    click.echo(json.dumps(without_nan(value), indent=2, ensure_ascii=False, allow_nan=False))


def with_options(*options: Callable) -> Callable:
    """One decorator of several, in the order in which the help lists them."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
