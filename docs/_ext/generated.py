"""Directives that write parts of the site from the code, so that no page goes stale.

`{parameters} GROUP`, `{losses}`, `{commands}` and `{expected-intervals}`; all give MyST Markdown, which is parsed in
place.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from reid_lib.cli.main import commands
from reid_lib.openset.enough import expected_interval
from reid_lib.params import LOSS_DEFAULTS, NOTEBOOKS
from reid_lib.params.base import describe_range

# What a person wants -> the parameters for it. What stands in none of them comes last, with the names of runs.
GROUPS = {
    "photographs": "dataset data_root columns encounter skip_unreadable",
    "split": "split_policy val_split test_split unknown_split threshold_individuals split_seed",
    "network": "backbone pretrained image_size embedding_dim views",
    "learning": "loss margin scale lr head_lr_factor weight_decay dropout scheduler warmup num_epochs eval_every "
    "patience batch_size m n classes augmentation flip seed",
    "matching": "scores local_features shortlist mask fusion rerank same_photo",
    "answering": "run photos gallery folders enrolled answers query_unit clusters clusters_by",
    "people": "name who decisions",
    "speed": "device precision num_workers torch_compile",
    "cluster": "num_gpus",
    "names": "run_name reference mirror",
}
REST = "names"
MOVED = {"../CONTRIBUTING.md": "develop/contributing.md", "../runs/README.md": "reference/run-folder.md"}
ANIMALS = (5, 10, 20, 50, 100, 200)


def tabulate_parameters(group: str) -> str:
    """A group's table: parameter, default, meaning, what it takes, the notebooks that have it."""
    head = "| parameter | default | meaning | takes | notebooks |", "|---|---|---|---|---|"
    lines = [":::{table}", ":class: parameters", "", *head]
    for name in list_group(group):
        for (meaning, takes), defaults in _meanings(name).items():
            alike = len(set(defaults.values())) == 1
            shown = [next(iter(defaults.values()))] if alike else [f"{v} ({n})" for n, v in defaults.items()]
            cells = f"`{name}`", "<br>".join(shown), meaning, takes, ", ".join(defaults)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ":::"])


def _meanings(name: str) -> dict[tuple[str, str], dict[str, str]]:
    """(meaning, what it takes) -> notebook -> default, of the notebooks that have the parameter."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for notebook, kind in NOTEBOOKS.items():
        if field := kind.model_fields.get(name):
            meaning = _markdown(field.description)
            found.setdefault((meaning, describe_values(field)), {})[notebook] = _default(field.default)
    return found


def _markdown(text: str) -> str:
    """A meaning as Markdown: what would be read as HTML or as emphasis is not."""
    return text.replace("<", "&lt;").replace("*", "\\*").replace("{", "\\{")


def _default(value: Any) -> str:
    return "empty" if value in ("", None) else f"`{value}`"


def describe_values(field: Any) -> str:
    """What a parameter takes: its choices, its type and range in words."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    words = {bool: "`True`, `False`", int: "a whole number", float: "a number", float | None: "a number, or empty"}
    limits = re.sub(r" and at most \d{9,}$", "", describe_range(field))  # there against slips alone
    return words.get(field.annotation, "text") + (f", {limits}" if limits else "")


def list_group(group: str) -> list[str]:
    """Parameters of a group; of the last one, those that stand in none, too.

    Raises:
        ValueError: a group names what is no parameter, or is in another group.
    """
    listed = " ".join(GROUPS.values()).split()
    there = dict.fromkeys(name for kind in NOTEBOOKS.values() for name in kind.model_fields)
    if wrong := sorted({name for name in listed if name not in there or listed.count(name) > 1}):
        raise ValueError(f"docs/_ext/generated.py: no parameters, or in two groups: {', '.join(wrong)}")
    rest = [name for name in there if name not in listed] if group == REST else []
    return GROUPS[group].split() + rest


def tabulate_losses() -> str:
    """Margin and scale of each loss."""
    lines = ["| loss | margin | scale |", "|---|---|---|"]
    for name, own in LOSS_DEFAULTS.items():
        margin = "none" if own.margin is None else f"{own.margin:g} {own.margin_unit}"
        lines.append(f"| `{name}` | {margin} | {'none' if own.scale is None else f'{own.scale:g}'} |")
    return "\n".join(lines)


def tabulate_intervals() -> str:
    """Width of the interval by the number of animals, at a half and at nine tenths."""
    lines = ["| animals | half of them right | nine tenths right |", "|---|---|---|"]
    for n in ANIMALS:
        ends = [expected_interval(round(n * share), n) for share in (0.5, 0.9)]
        lines.append(f"| {n} | " + " | ".join(f"{low:.2f} to {high:.2f}" for low, high in ends) + " |")
    return "\n".join(lines)


def list_commands() -> Iterator[tuple[str, str]]:
    """(command as it is typed, its help text) of every command and subcommand."""

    def walk(command: click.Command, typed: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
        context = click.Context(command, info_name=typed.split()[-1], parent=parent, terminal_width=78)
        context.help_option_names = ["-h", "--help"]
        yield typed, command.get_help(context)
        for name in command.list_commands(context) if isinstance(command, click.Group) else ():
            yield from walk(command.get_command(context, name), f"{typed} {name}", context)

    yield from walk(commands, "reid", None)


def describe_commands() -> str:
    """A section for each command, with what `--help` says."""
    parts = []
    for typed, told in list_commands():
        level = "##" if typed.count(" ") < 2 else "###"
        parts.append(f"{level} `{typed}`\n\n```{{code-block}} text\n:class: help\n\n{told}\n```\n")
    return "\n".join(parts)


class _Written(SphinxDirective):
    """A directive whose content is Markdown that `write` gives."""

    optional_arguments = 1

    def write(self) -> str:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(self.write(), allow_section_headings=True)


class Parameters(_Written):
    required_arguments, optional_arguments = 1, 0

    def write(self) -> str:
        return tabulate_parameters(self.arguments[0])


class Losses(_Written):
    def write(self) -> str:
        return tabulate_losses()


class ExpectedIntervals(_Written):
    def write(self) -> str:
        return tabulate_intervals()


class CommandLine(_Written):
    def write(self) -> str:
        return describe_commands()


def _lead_to_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Links that are right where a file lies in the project lead to its page here."""
    for file, page in MOVED.items():
        source[0] = source[0].replace(f"]({file})", f"]({page})")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives (Sphinx calls it)."""
    app.connect("source-read", _lead_to_pages)
    for name, directive in {
        "parameters": Parameters,
        "losses": Losses,
        "expected-intervals": ExpectedIntervals,
        "commands": CommandLine,
    }.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
