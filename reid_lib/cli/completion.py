"""`reid completion`: Tab completes commands, options, and names of runs, galleries, reviews and plans."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from reid_lib.cli.commands import SCRIPT, example
from reid_lib.core.names import PARAMS_JSON
from reid_lib.core.paths import VARIANTS, galleries_root, project_root, reviews_root, runs_root

VARIABLE = f"_{SCRIPT.upper()}_COMPLETE"  # click's own
LINES = {
    "bash": 'eval "$(reid completion bash)"',
    "zsh": 'eval "$(reid completion zsh)"',
    "fish": "reid completion fish | source",
}


class Named(click.ParamType):
    """A name that Tab completes; what is typed passes as it is.

    Args:
        name: what is named, "run".
        there: the names there are, as cheaply as they can be listed.
    """

    def __init__(self, name: str, there: Callable[[], Iterable[str]]):
        self.name, self._there = name, there

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin as typed; none where they cannot be listed: a shell is no place for an error."""
        try:
            return [CompletionItem(name) for name in sorted(self._there()) if name.startswith(incomplete)]
        except OSError:
            return []


def _folders(root: Path, file: str) -> list[str]:
    return [path.parent.name for path in root.glob(f"*/{file}") if not path.parent.name.startswith(".")]


RUN = Named("run", lambda: _folders(runs_root(), PARAMS_JSON))
GALLERY = Named("gallery", lambda: _folders(galleries_root(), "gallery.json"))
REVIEW = Named("review", lambda: _folders(reviews_root(), "review.json"))
PLAN = Named("plan", lambda: _folders(project_root() / VARIANTS, "plan.yaml"))


@click.command(epilog=example(*(f"completion {shell}" for shell in LINES)))
@click.argument("shell", type=click.Choice(list(LINES)), help="The shell that you type in.")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Completion by Tab, for bash, zsh or fish.

    \b
    bash: add to ~/.bashrc                    eval "$(reid completion bash)"
    zsh:  add to ~/.zshrc, below compinit     eval "$(reid completion zsh)"
    fish: add to ~/.config/fish/config.fish   reid completion fish | source
    """
    made = get_completion_class(shell)(ctx.find_root().command, {}, SCRIPT, VARIABLE)
    click.echo(made.source())
