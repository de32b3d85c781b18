"""`reid export RUN --to FOLDER`: a model to share."""

import click

from reid_lib.cli.commands import check_either, example
from reid_lib.cli.completion import GALLERY, RUN


@click.command(epilog=example("export my-run --to shared/my-model", "export --gallery lynxes --to shared"))
@click.argument("run", type=RUN, default="", help="A finished run.")
@click.option("--gallery", default="", type=GALLERY, metavar="NAME", help="In place of RUN: the run that it is of.")
@click.option("--to", "folder", required=True, metavar="FOLDER", help="A folder that is empty or not there yet.")
@click.option("--onnx/--no-onnx", default=None, help="Write model.onnx; by default where its packages are installed.")
@click.option("--licence", default="", metavar="NAME", help="Of the model, for its card, such as cc-by-4.0.")
@click.option("--force", is_flag=True, help="Replace an export that is there.")
def export(run: str, gallery: str, folder: str, onnx: bool | None, licence: str, force: bool) -> None:
    """Write a run's network as a timm model with a card, and as ONNX.

    Both are read again and compared with the network on photographs before the folder is there.
    """
    check_either(run, gallery, what="a run")
    from reid_lib.pipeline.sharing import share_model

    if gallery:
        from reid_lib.pipeline.galleries import find_run

        run = find_run(gallery)
    shared = share_model(run, folder, onnx=onnx, force=force, licence=licence)
    for line in shared.told:
        click.echo(line)
    click.echo(f'load it: timm.create_model("local-dir:{shared.folder}", pretrained=True)')
