"""`reid sightings`: answers or a catalogue in the formats of other programs."""

import tempfile
from pathlib import Path

import click

from reid_lib.cli.commands import check_either, example, with_options
from reid_lib.cli.completion import GALLERY
from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.exports.offered import FORMATS, OCCASIONS, SAMPLING

HISTORIES = with_options(
    click.option(
        "--occasion",
        type=click.Choice(OCCASIONS),
        default="day",
        show_default=True,
        help="Of capture histories: what counts as one.",
    ),
    click.option("--fill", is_flag=True, help="Occasions between, of which there is no photograph, count, too."),
)
PLACES = with_options(
    click.option("--gps", is_flag=True, help="Write where it was; without it no coordinate leaves."),
    click.option("--round", "decimals", type=click.IntRange(0, 8), help="Decimals of coordinates; 2 is about 1 km."),
    click.option(
        "--photos",
        type=click.Path(exists=True, file_okay=False),
        help="Photographs: with --gps they tell coordinates; for boxes in pixels (camtrap-dp) how large they are.",
    ),
)
TOLD = with_options(
    click.option("--zone", default="", metavar="+HH:MM", help="Of the times that tell none (camtrap-dp)."),
    click.option("--title", default="", help="Of the project (camtrap-dp)."),
    click.option("--contributor", default="", help="Who answers for the data (camtrap-dp)."),
    click.option("--sampling", default="", type=click.Choice(["", *SAMPLING]), help="Sampling design (camtrap-dp)."),
    click.option("--submitter", default="", help="Your user name (wildbook)."),
)
HELP = "\b\n" + "\n".join(f"{name:<11} {what}" for name, what in FORMATS.items())


@click.command(
    epilog=example(
        "sightings answers.csv --as inp --occasion week --to mark",
        "sightings runs/my-run/images.csv --as camtrap-dp --gps --zone +02:00 --to package",
        "sightings --gallery lynxes --as histories --to histories",
    ),
    short_help="Answers or a catalogue for MARK, secr, Camtrap DP, Wildbook.",
    help="Write TABLE (answers.csv, images.csv of a run, or any table of photographs, animals and dates), or all "
    f"photographs of a gallery under their present names, for other programs, as:\n\n{HELP}\n\nDoubtful answers that "
    "nobody accepted name no animal.",
)
@click.argument("table", type=click.Path(exists=True), required=False, help="answers.csv, images.csv, or any table.")
@click.option("--gallery", default="", type=GALLERY, metavar="NAME", help="In place of TABLE.")
@click.option("--as", "form", type=click.Choice(list(FORMATS)), required=True, help="The format, see above.")
@click.option("--to", "folder", type=click.Path(file_okay=False), required=True, help="Folder to write to.")
@click.option("--columns", default="", help="ours:theirs, e.g. 'identity:Tier location:\"Kamera Nr\"'.")
@click.option("--species", default="", help="Scientific name, where the table tells none.")
@click.option("--doubtful", is_flag=True, help="Take doubtful answers, too.")
@HISTORIES
@PLACES
@TOLD
def sightings(
    table: str | None,
    gallery: str,
    form: str,
    folder: str,
    columns: str,
    species: str,
    doubtful: bool,
    **options: object,
) -> None:
    """See `help`, which names the formats."""
    from reid_lib.data.exif_dates import read_offset
    from reid_lib.exports import Options, read_sightings, write_sightings

    check_either(table, gallery, what="a table")
    if options["zone"] and not read_offset(str(options["zone"])):
        raise ReidError(f"--zone {options['zone']}: expected an offset from UTC such as +02:00")
    photos = Path(str(options["photos"])) if options["photos"] else None
    given = options | {"zone": read_offset(str(options["zone"])), "photos": photos}
    with tempfile.TemporaryDirectory() as made:
        source = _write_gallery(gallery, Path(made)) if gallery else Path(str(table))
        found = read_sightings(source, columns=columns, species=species, doubtful=doubtful)
    notes = [*found.notes, *write_sightings(found, form, Path(folder), Options(**given))]
    for note in notes:
        LOGGER.warning(note)
    named = found.rows["identity"]
    told = f"{counted(len(found.rows), 'photograph')}, {counted(named.nunique(), 'animal')}"
    click.echo(f"{told}: {form} in {Path(folder).absolute()}")


def _write_gallery(name: str, folder: Path) -> Path:
    """The catalogue of a gallery as a table."""
    from reid_lib.gallery.store import open_gallery
    from reid_lib.pipeline.galleries import write_catalogue

    table = folder / "catalogue.csv"
    write_catalogue(open_gallery(name), table)
    return table
