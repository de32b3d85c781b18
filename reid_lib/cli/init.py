"""`reid init`: a folder to work in, with notebooks and recipes, where the library was installed from a wheel."""

import shutil
from pathlib import Path

import click

from reid_lib.cli.commands import example, program
from reid_lib.core.errors import ReidError
from reid_lib.core.messages import counted
from reid_lib.core.paths import NOTEBOOKS, PACKAGED, SOURCE, VARIANTS, in_checkout


@click.command(epilog=example("init my-study", "init"))
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path), help="Made if need be (here).")
def init(folder: Path) -> None:
    """A folder to work in: notebooks and recipes are copied there, runs will lie there.

    A checkout has them already. What is there stays as it is.
    """
    copied, kept = copy_project(folder)
    click.echo(f"{counted(copied, 'file')} copied into {folder.absolute()}" + (f", {kept} were there" if kept else ""))
    click.echo(f"next: cd {folder} && {program()} train, or jupyter lab {NOTEBOOKS}")


def copy_project(folder: Path) -> tuple[int, int]:
    """Copy notebooks and recipes into a folder; returns how many, and how many were there and stay.

    Raises:
        ReidError: the installed package has none.
        OSError: the folder cannot be written.
    """
    root = SOURCE if in_checkout() else PACKAGED
    found = [path for part in (NOTEBOOKS, VARIANTS) for path in sorted((root / part).glob("*.*"))]
    found = [path for path in found if path.suffix in (".ipynb", ".yaml")]
    if not found:
        raise ReidError(f"{root} holds no notebooks: install the wheel again, or work in a checkout")
    copied = 0
    for path in found:
        target = folder / path.parent.name / path.name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            copied += 1
    return copied, len(found) - copied
