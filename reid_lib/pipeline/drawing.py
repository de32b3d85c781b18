"""Figures of a run, kept in its folder; one that cannot be drawn says why and costs nothing else."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from reid_lib.core.errors import ReidError, RunError
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import EMBEDDINGS, FIGURES, ROLES, SUSPECTS_CSV, TEST
from reid_lib.discover.measures import tabulate_discovery
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.figures import clusters, intervals, saving, sheets, style
from reid_lib.match.cosine import Cosine
from reid_lib.openset.leak import measure_top1_by_split
from reid_lib.pipeline.experiment import Experiment
from reid_lib.runs.adding import add_file
from reid_lib.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save_figure(experiment: Experiment, name: str, draw: Callable, *data, about: str = "", **options) -> None:
    """Keep the figure of `draw(*data, **options)` (an axes or a figure) as figures/<name>.png of the run, and show that
    file. A finished run's figures are shown as they were kept; one that it lacks is added. `about` is written above the
    figure.

    Whatever goes wrong in drawing costs this figure alone: a note in the notebook says why, figures/<name>.txt keeps it
    (with the traceback, where the error is none of ours), and the run goes on.

    Raises:
        RunError: the file cannot be written (the disk is full), or the run is no longer open for writing here.
    """
    run, picture, reason = experiment.run, f"{FIGURES}/{name}.png", f"{FIGURES}/{name}.txt"
    kept, open_before = run.path(picture), saving.open_figures()
    if run.finished and kept.exists():
        return saving.show_saved(None, kept)
    if run.finished and run.path(reason).exists():
        return LOGGER.warning(run.path(reason).read_text(encoding="utf-8").partition("\n\n")[0].strip())
    try:
        drawn = style.add_heading(draw(*data, **options), about)
        content = saving.render_png(drawn)
    except Exception as error:
        saving.close_figures(besides=open_before)
        kept.unlink(missing_ok=True)  # of an attempt before this one
        return report_undrawn(run, f"figure {name!r}", reason, error)
    if run.finished:
        with suppress(RunError, OSError):  # somebody else's run, perhaps: the figure is shown all the same
            with add_file(run, picture) as temporary:
                temporary.write_bytes(content)
    else:
        with run.write(picture) as temporary:
            temporary.write_bytes(content)
        run.path(reason).unlink(missing_ok=True)
    if kept.exists():
        saving.show_saved(drawn, kept)


def report_undrawn(run: Run, what: str, reason: str, error: Exception) -> None:
    """Say in the notebook that something could not be drawn, and leave the reason in the run folder."""
    expected = isinstance(error, ReidError)
    said = f"{what} is not drawn: {error if expected else repr(error)}"
    LOGGER.warning(said)
    more = "" if expected else "\n\n" + "".join(traceback.format_exception(error))
    if not run.finished:
        with run.write(reason) as temporary:
            temporary.write_text(said + more + "\n", encoding="utf-8")


def measure_leak(experiment: Experiment) -> pd.DataFrame:
    """What the background gives away, from the stored embeddings; see `leak.measure_top1_by_split`."""
    stored = [
        EmbeddingSet.load(experiment.run.path(f"{EMBEDDINGS}/{role}.npz"), experiment.split.rows) for role in ROLES
    ]
    return measure_top1_by_split(stored, experiment.params, partial(Cosine, device=experiment.device))


def draw_leak(experiment: Experiment) -> "Axes":
    """The figure of `measure_leak`."""
    return intervals.leak(measure_leak(experiment))


def show_suspects(experiment: Experiment) -> None:
    """Show the photographs that look like one photograph under two animals, where there are any."""
    stored = experiment.run.path(SUSPECTS_CSV)
    if stored.exists() and len(pairs := experiment.run.read_csv(SUSPECTS_CSV)):
        save_figure(experiment, stored.stem, sheets.suspects, pairs, experiment.photo)


def show_clusters(experiment: Experiment) -> None:
    """Show how right the clusters of the test photographs are, where they were made and their animals are known."""
    found = experiment.run.metrics().get("discovery")
    if not found or not found[TEST]["counts"]:
        return
    from IPython.display import display

    display(tabulate_discovery(found[TEST]))
    save_figure(experiment, "clusters", clusters.clusters_panels, found[TEST])
