"""`reid gallery list | show | export | add | remove | merge | rename | undo`, and `accept`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reid_lib.cli.commands import as_json, echo_json, example, program
from reid_lib.cli.completion import GALLERY, RUN
from reid_lib.core.errors import GalleryError
from reid_lib.core.messages import counted

if TYPE_CHECKING:
    from reid_lib.gallery.store import Gallery
    from reid_lib.gallery.versions import Version
    from reid_lib.pipeline.galleries import Enrolled

LOGGED = {"number", "when", "who", "what", "animals", "images"}  # of a version, as JSON has it
SHOWN = 20  # photographs that a message lists
of_device = click.option("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, mps (auto).")


@click.group(epilog=example("gallery export my-run --gallery lynxes", "gallery add lynxes new/Anna --identity Anna"))
def gallery() -> None:
    """Named photographs that are searched: made of a run, changed, undone."""


@gallery.command("list", epilog=example("gallery list", "gallery list --json"))
@as_json
def list_all(as_json: bool) -> None:
    """All galleries."""
    from reid_lib.core.paths import galleries_root
    from reid_lib.gallery.store import list_galleries

    found = list_galleries()
    if as_json:
        echo_json([_describe(one, one.version()) for one in found])
        return
    for one in found:
        version = one.version()
        click.echo(f"{one.name}: {_told(version)}, by run {one.recipe().run}")
    if not found:
        click.echo(f"no gallery in {galleries_root()} yet: {program()} gallery export RUN --gallery NAME")


@gallery.command(epilog=example("gallery show lynxes", "gallery show lynxes --log"))
@click.argument("name", type=GALLERY, help="The gallery.")
@click.option("--log", "log", is_flag=True, help="Who changed what, and when.")
@as_json
def show(name: str, log: bool, as_json: bool) -> None:
    """The animals of a gallery, or its log."""
    from reid_lib.gallery.store import open_gallery

    opened = open_gallery(name)
    if log:
        if as_json:
            echo_json([version.model_dump(include=LOGGED) for version in opened.log()])
            return
        for version in opened.log():
            click.echo(f"{version.number:>5}  {_when(version)}  {version.who}: {version.what}")
        return
    version, rows = opened.rows()
    if as_json:
        animals = rows["individual"].value_counts(sort=False).to_dict()
        echo_json(_describe(opened, version) | {"photographs_of": animals})
        return
    click.echo(f"{opened.name}: {_told(version)}, by run {opened.recipe().run}; {opened.folder}")
    for individual, photographs in rows.groupby("individual"):
        click.echo(f"  {individual}: {len(photographs)}")


@gallery.command(epilog=example("gallery export my-run --gallery lynxes"))
@click.argument("run", type=RUN, help="A finished run.")
@click.option("--gallery", "name", default="", metavar="NAME", help="Name of the gallery (that of the run).")
@of_device
def export(run: str, name: str, device: str) -> None:
    """Make a gallery of all named photographs of a finished run."""
    from reid_lib.pipeline.galleries import export_run

    made = export_run(run, name or run, device=device)
    click.echo(f"gallery {made.name}: {_told(made.version())}; {made.folder}")


@gallery.command(epilog=example("gallery add lynxes new/Anna --identity Anna", "gallery add lynxes table.csv"))
@click.argument("name", type=GALLERY, help="The gallery.")
@click.argument("photos", type=click.Path(), help="A folder, one file or a table.")
@click.option("--identity", default="", metavar="ANIMAL", help="Whose they are; else one folder an animal.")
@click.option("--dataset", default="", metavar="NAME", help="Of the gallery, where it has several.")
@click.option("--columns", default="", metavar="PAIRS", help='Of a table: "identity:animal path:file".')
@of_device
def add(name: str, photos: str, **how: str) -> None:
    """Enroll photographs of named animals: a folder, a file or a table."""
    from reid_lib.gallery.store import open_gallery
    from reid_lib.pipeline.galleries import add_folder

    _tell_enrolled(name, add_folder(open_gallery(name), photos, **how))


@gallery.command(epilog=example("gallery remove lynxes Anna", "gallery remove lynxes --image IMG_1.jpg"))
@click.argument("name", type=GALLERY, help="The gallery.")
@click.argument("animal", default="", help="Its name; with --image and --purge none.")
@click.option("--image", "images", multiple=True, metavar="IMAGE_ID", help="A photograph, not an animal; repeat it.")
@click.option("--purge", is_flag=True, help="Delete it from the disk, too: nothing before can be undone then.")
def remove(name: str, animal: str, images: tuple[str, ...], purge: bool) -> None:
    """Take an animal, or photographs, out of a gallery."""
    from reid_lib.gallery import changes
    from reid_lib.gallery.store import open_gallery

    if bool(animal) == bool(images) and not (purge and not animal):
        raise GalleryError("what is to be removed? an ANIMAL, or photographs by --image; --purge alone clears the disk")
    opened = open_gallery(name)
    if animal or images:
        _tell(name, changes.remove_photographs(opened, animal=animal, images=list(images) or None))
    if purge:
        click.echo(f"{changes.purge(opened)} segments deleted from the disk")


@gallery.command(epilog=example("gallery merge lynxes Anna Berta"))
@click.argument("name", type=GALLERY, help="The gallery.")
@click.argument("animal", help="The name that goes.")
@click.argument("into", help="The name that stays.")
def merge(name: str, animal: str, into: str) -> None:
    """Two animals are one: the first gets the name of the second."""
    from reid_lib.gallery.changes import merge_animals

    _change(name, lambda opened: merge_animals(opened, animal, into))


@gallery.command(epilog=example("gallery rename lynxes new-0001 Clara"))
@click.argument("name", type=GALLERY, help="The gallery.")
@click.argument("animal", help="Its name so far.")
@click.argument("to", help="Its new name.")
def rename(name: str, animal: str, to: str) -> None:
    """Give an animal another name."""
    from reid_lib.gallery.changes import rename_animal

    _change(name, lambda opened: rename_animal(opened, animal, to))


@gallery.command(epilog=example("gallery undo lynxes"))
@click.argument("name", type=GALLERY, help="The gallery.")
def undo(name: str) -> None:
    """Take the last change back; again, the one before it."""
    from reid_lib.gallery.changes import undo as take_back

    _change(name, lambda opened: take_back(opened)[1])


@click.command(epilog=example("accept runs/answers/my-run_photos-new/answers.csv --gallery lynxes"))
@click.argument("answers", type=click.Path(path_type=Path), help="answers.csv, its column accepted filled in.")
@click.option("--gallery", "name", required=True, type=GALLERY, metavar="NAME", help="Where accepted photographs go.")
@click.option("--catalogue", type=click.Path(path_type=Path), metavar="FILE", help="Corrected catalogue, a new file.")
@of_device
def accept(answers: Path, name: str, catalogue: Path | None, device: str) -> None:
    """Put accepted answers into a gallery, and write a corrected catalogue.

    The column `accepted` of answers.csv says "yes", the name of an animal, or "new".
    """
    from reid_lib.pipeline.accepting import accept_answers

    found = accept_answers(answers, name, catalogue=catalogue, device=device)
    _tell_enrolled(name, found)
    click.echo(f"corrected catalogue: {found.catalogue}")


def _change(name: str, change: Callable) -> None:
    from reid_lib.gallery.store import open_gallery

    _tell(name, change(open_gallery(name)))


def _tell(name: str, version: "Version") -> None:
    click.echo(f"{version.what}; gallery {name}: {_told(version)}")


def _tell_enrolled(name: str, found: "Enrolled") -> None:
    for path, reason in found.rejected.to_numpy().tolist():
        click.echo(f"not usable: {path}: {reason}")
    for words in found.there[:SHOWN]:
        click.echo(f"enrolled before: {words}")
    if len(found.there) > SHOWN:
        click.echo(f"... and {len(found.there) - SHOWN} more")
    click.echo(f"{counted(found.added, 'photograph')} added; gallery {name}: {_told(found.version)}")


def _told(version: "Version") -> str:
    holds = f"{counted(version.animals, 'animal')}, {counted(version.images, 'photograph')}"
    return f"{holds}, version {version.number} of {_when(version)}"


def _when(version: "Version") -> str:
    return f"{datetime.fromtimestamp(version.when):%Y-%m-%d %H:%M}"


def _describe(one: "Gallery", version: "Version") -> dict[str, Any]:
    """A gallery as JSON has it."""
    counts = {"version": version.number, "animals": version.animals, "photographs": version.images}
    return {"gallery": one.name, "folder": str(one.folder), "run": one.recipe().run, **counts, "changed": version.when}
