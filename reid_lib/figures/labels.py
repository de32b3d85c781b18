"""Words for metrics, losses and names of runs, the same in every figure and table."""

from reid_lib.figures.style import BLACK, COLOURS, GREY
from reid_lib.openset.difference import LOWER_IS_BETTER

# History column -> (label, colour, line style, marker).
LOSSES = {
    "train_loss": ("in training (augmented)", GREY, ":", "s"),
    "train_eval_loss": ("training photographs, as they are", COLOURS["known"], "-", "o"),
    "val_loss": ("validation photographs", COLOURS["wrong"], "--", "^"),
}
SCORES = {
    "val_score": ("best geometric mean", BLACK, "-", "o"),
    "val_top1": ("top-1 of the known", COLOURS["known"], "--", "s"),
    "val_auroc": ("AUROC known/unknown", COLOURS["wrong"], "-.", "^"),
    "val_baks_baus_area": ("BAKS–BAUS area", COLOURS["right"], ":", "D"),
}
# Name of a metric -> what a reader should see.
METRIC_LABELS = {
    "geometric_mean": "geometric mean of BAKS and BAUS",
    "baks": "BAKS: known individuals named rightly",
    "baus": "BAUS: unknown individuals called new",
    "top1": "top-1: nearest individual is right",
    "top5": "top-5: right one among five nearest",
    "top1_individual": "top-1, averaged over individuals",
    "mean_average_precision": "mean average precision",
    "auroc": "AUROC known against unknown",
    "fpr_at_95_tpr": "FPR at 95 % TPR (lower is better)",
    "oscr": "OSCR",
    "dir_at_1": "identified at 1 % false alarms",
    "dir_at_10": "identified at 10 % false alarms",
    "top1_same_orientation": "top-1 where the same flank is enrolled",
    "top1_other_orientation": "top-1 where only another flank is",
    "right_from_other_orientation": "right answers found by another flank",
    "baks_baus_area": "area under the BAKS–BAUS curve",
}

LOSS = "loss (no unit)"
ONE_LOSS = "losses compare only between runs that minimise the same one"
# History column -> (what it is, axis with its unit, is lower or higher better, or neither).
HISTORY = {
    "train_loss": ("training loss (augmented)", LOSS, "lower"),
    "train_eval_loss": ("loss on training photographs", LOSS, "lower"),
    "val_loss": ("validation loss", LOSS, "lower"),
    "val_score": ("val score", "val score: best geometric mean (0 to 1)", "higher"),
    "val_top1": ("top-1 on val", "top-1 of the known, on val (0 to 1)", "higher"),
    "val_auroc": ("AUROC on val", "AUROC known/unknown, on val (0 to 1)", "higher"),
    "val_baks_baus_area": ("BAKS–BAUS area on val", "area under the BAKS–BAUS curve, on val (0 to 1)", "higher"),
    "lr": ("learning rate", "learning rate (no unit)", ""),
    "images_per_s": ("speed of training", "speed (photographs per second)", ""),
    "seconds": ("time of an epoch", "time of an epoch (s)", ""),
}
ON_VAL = "val_"  # prefix of the metrics on val in the table
NAME_WIDTH = 30  # characters of a run's name in a figure
# Where the words before the colon of plots.METRIC_LABELS are too many for a title or the head of a column.
FEW_WORDS = {
    "geometric_mean": "geometric mean",
    "top1_individual": "top-1 by individual",
    "mean_average_precision": "mAP",
    "auroc": "AUROC",
    "fpr_at_95_tpr": "FPR at 95 % TPR",
    "dir_at_1": "found at 1 % alarms",
    "dir_at_10": "found at 10 % alarms",
    "top1_same_orientation": "top-1, same flank",
    "top1_other_orientation": "top-1, other flank",
    "right_from_other_orientation": "by another flank",
    "baks_baus_area": "BAKS–BAUS area",
}
HEADLINE = ("geometric_mean", "baks", "baus", "top1", "top5", "mean_average_precision", "auroc")


def shortened(names, width: int = NAME_WIDTH) -> dict[str, str]:
    """Name -> the name with its middle left out where it is longer than `width`; wider where two would look alike."""
    names = list(dict.fromkeys(map(str, names)))
    while True:
        short = {name: _without_middle(name, width) for name in names}
        if len(set(short.values())) == len(names):
            return short
        width += 4


def _without_middle(name: str, width: int) -> str:
    head, tail = width // 2, width - 1 - width // 2
    return name if len(name) <= width else f"{name[:head]}…{name[-tail:]}"


def metric_label(metric: str) -> str:
    """A metric's column in words; "..., on val" for those on val."""
    if metric in METRIC_LABELS:
        return METRIC_LABELS[metric]
    own = metric.removeprefix(ON_VAL)
    return (METRIC_LABELS.get(own) or own.replace("_", " ")) + (", on val" if metric.startswith(ON_VAL) else "")


def metric_word(metric: str) -> str:
    """The same in few words, for a title or a column: "BAKS", "FPR at 95 % TPR"."""
    own = metric.removeprefix(ON_VAL)
    words = FEW_WORDS.get(own) or METRIC_LABELS.get(own, own.replace("_", " ")).split(":")[0]
    return words + (" (val)" if metric.startswith(ON_VAL) else "")


def lower_is_better(metric: str) -> bool:
    return metric.removeprefix(ON_VAL) in LOWER_IS_BETTER


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
