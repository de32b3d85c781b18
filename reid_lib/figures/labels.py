"""Words for metrics, histories and names of runs, the same in every figure and table.

The words of a metric are where it is defined (`openset.measures`).
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from reid_lib.figures.style import BLACK, COLOURS, GREY
from reid_lib.openset.measures import METRICS

ON_VAL = "val_"  # prefix of the metrics on val in the table and in a history
NAME_WIDTH = 30  # characters of a name in a figure
LABEL_WIDTH = 48  # of a line of a run's label (`runs.labels`)
# Shown beside each other where there is room for more than `names.HEADLINE`.
MAIN_METRICS = ("geometric_mean", "baks", "baus", "top1", "top5", "mean_average_precision", "auroc")
# What a threshold gives -> (colour, line style), wherever it is drawn.
RATE_STYLES = {"baks": (COLOURS["known"], "-"), "baus": (COLOURS["unknown"], "--"), "geometric_mean": (BLACK, "-")}

LOSS = "loss (no unit)"
ONE_LOSS = "losses compare only between runs that minimise the same one"


def metric_label(metric: str) -> str:
    """A metric's column in words; "..., on val" for those on val."""
    own = metric.removeprefix(ON_VAL)
    words = METRICS[own].label if own in METRICS else own.replace("_", " ")
    return words + (", on val" if metric.startswith(ON_VAL) else "")


def metric_word(metric: str) -> str:
    """The same in few words, for a title, a column or a list: "BAKS", "top-1 on val"."""
    own = metric.removeprefix(ON_VAL)
    words = METRICS[own].word if own in METRICS else own.replace("_", " ")
    return words + (" on val" if metric.startswith(ON_VAL) else "")


def lower_is_better(metric: str) -> bool:
    """Is a low value of this metric a good one? No for columns that are no metric."""
    own = metric.removeprefix(ON_VAL)
    return own in METRICS and METRICS[own].lower_is_better


class HistoryColumn(NamedTuple):
    """A column of a history in words: what it is, its axis with the unit, which direction is better ("": neither)."""

    word: str
    axis: str
    better: str = ""


def _on_val(metric: str) -> HistoryColumn:
    return HistoryColumn(metric_word(metric), f"{metric_label(metric)} (0 to 1)", "higher")


HISTORY = {
    "loss": HistoryColumn("loss", LOSS, "lower"),  # training and validation together
    "train_loss": HistoryColumn("training loss (augmented)", LOSS, "lower"),
    "train_eval_loss": HistoryColumn("loss on training photographs", LOSS, "lower"),
    "val_loss": HistoryColumn("validation loss", LOSS, "lower"),
    "val_score": HistoryColumn("val score", "val score: best geometric mean (0 to 1)", "higher"),
    **{column: _on_val(column) for column in ("val_top1", "val_auroc", "val_baks_baus_area")},
    "lr": HistoryColumn("learning rate", "learning rate (no unit)"),
    "images_per_s": HistoryColumn("speed of training", "speed (photographs per second)"),
    "seconds": HistoryColumn("time of an epoch", "time of an epoch (s)"),
}
# Lines in the figures of one run: history column -> (label, colour, line style, marker).
LOSSES = {
    "train_loss": ("in training (augmented)", GREY, ":", "s"),
    "train_eval_loss": ("training photographs, as they are", COLOURS["known"], "-", "o"),
    "val_loss": ("validation photographs", COLOURS["wrong"], "--", "^"),
}
SCORES = {
    "val_score": ("best geometric mean", BLACK, "-", "o"),
    "val_top1": (METRICS["top1"].word, COLOURS["known"], "--", "s"),
    "val_auroc": (METRICS["auroc"].word, COLOURS["wrong"], "-.", "^"),
    "val_baks_baus_area": (METRICS["baks_baus_area"].word, COLOURS["right"], ":", "D"),
}


def history_column(column: str) -> HistoryColumn:
    """The words of a history's column; one that is not known is called by its name."""
    plain = column.replace("_", " ")
    return HISTORY.get(column, HistoryColumn(plain, plain))


def shorten_names(names: Iterable[str], width: int = NAME_WIDTH) -> dict[str, str]:
    """Name -> the name with its middle left out where it is longer than `width`; wider where two would look alike."""
    return _told_apart(names, width, _without_middle)


def wrap_names(names: Iterable[str], width: int = NAME_WIDTH) -> dict[str, str]:
    """Name -> the name in lines of at most `width` characters, broken between the parts of a label
    ("loss triplet, margin 0.2,\\nlr 3e-4"): a value is never cut. Only a part that is longer than a line, as the name
    of a run is, loses its middle; wider where two would look alike.
    """
    return _told_apart(names, width, _in_lines)


def _told_apart(names: Iterable[str], width: int, fit: Callable[[str, int], str]) -> dict[str, str]:
    """Name -> the name made to fit a width, as wide as it takes for no two to look alike."""
    names = list(dict.fromkeys(map(str, names)))
    while True:
        fitted = {name: fit(name, width) for name in names}
        if len(set(fitted.values())) == len(names):
            return fitted
        width += 4


def _in_lines(name: str, width: int) -> str:
    lines: list[str] = []
    for part in name.split(", "):
        part = _without_middle(part, width)
        if lines and len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f", {part}"
        else:
            lines += [part]
    return ",\n".join(lines)


def shorten(text: object, width: int) -> str:
    """One line of at most `width` characters: its beginning and its end, in which names and paths differ."""
    return _without_middle(" ".join(str(text).split()), width)


def _without_middle(name: str, width: int) -> str:
    head, tail = width // 2, width - 1 - width // 2
    return name if len(name) <= width else f"{name[:head]}…{name[-tail:]}"


def capital(text: str) -> str:
    """The text with a capital at its beginning, the rest as it is."""
    return text[:1].upper() + text[1:]
