"""What a parameter does to a metric, over many runs."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.figures.labels import metric_label, metric_word, shorten_names
from reid_lib.figures.legible import legible
from reid_lib.figures.performance import numbers, reference_of
from reid_lib.figures.pointing import name_run, point_out, say_result
from reid_lib.figures.style import (
    BLACK,
    COLOURS,
    GREY,
    TICK_PT,
    dress,
    legend_above,
    legend_pad,
    new_axes,
    write_message,
)
from reid_lib.params.fields import TrainParams
from reid_lib.runs.labels import label_runs
from reid_lib.runs.table import ASKED, PARAM, RUN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEED = "seed"
VALUE_WIDTH = 24  # characters of a value below the axis
LOG_SPAN = 20  # from this ratio of the largest to the smallest value on, the axis is logarithmic


@legible
def parameter_impact(
    table: pd.DataFrame, parameter: str, metric: str, *, reference: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """A metric by the value of one parameter: a point per run with its 95 % interval, a line through the seeds' means.

    Filled are the runs that differ from each other in nothing but this parameter and the seed, and were asked the same
    test queries: those like the reference, else the most. The others are hollow and belong to no line. The title says
    what is drawn and names no best value: that is for a paired difference to tell (`verdicts.tabulate_differences`).

    Args:
        table: `table.tabulate_metrics()`: `run`, `param_<name>`, `<metric>`, and when there its `_low` and `_high`.
        parameter: its name ("lr"). Numbers are drawn to scale; words, switches and missing values side by side.
        metric: a column, also "val_<metric>".
        reference: run that is marked, see `performance.reference_of`.
    """
    ax = new_axes(ax)
    runs = _defined(table, parameter, metric)
    marked = reference_of(runs, reference)
    y = metric_label(metric) if len(metric_label(metric)) < 45 else metric_word(metric)
    if runs.empty:
        dress(ax, title=f"{metric_word(metric)} by {parameter}", x=parameter, y=y)
        ax.set(xticks=[], yticks=[])
        write_message(ax, f"no run has both {parameter} and {metric_word(metric)}")
        return ax
    alike = comparable(runs, parameter, marked)
    scale, places = _places(runs, alike, parameter)
    filled = runs.assign(place=places, value=_values(runs, parameter))
    hollow, filled = filled[~alike], filled[alike]
    title, note = _title(filled, parameter, metric), _note(runs, alike, parameter)
    entries = 1 + (not hollow.empty) + (filled["value"].nunique() > 1) + (marked is not None)
    dress(ax, title=title, x=parameter + note, y=y, title_pad=legend_pad(entries, 2))
    _points(ax, hollow, metric, filled=False)
    _points(ax, filled, metric, filled=True)
    _means(ax, filled, metric, scale)
    _scale(ax, runs, parameter, scale)
    if marked is not None:
        _mark(ax, pd.concat([filled, hollow]), marked, metric)
    _point_out_runs(ax, pd.concat([filled, hollow]), parameter, metric, len(filled))
    legend_above(ax, 2)
    return ax


def has_impact(table: pd.DataFrame, parameter: str, metric: str, *, reference: str | None = None) -> bool:
    """Has `parameter_impact` something to show: runs of two values of the parameter that differ in nothing else?

    Args:
        table, parameter, metric, reference: as there.
    """
    runs = _defined(table, parameter, metric)
    if runs.empty:
        return False
    alike = comparable(runs, parameter, reference_of(runs, reference))
    return _values(runs, parameter)[alike].nunique() > 1


def comparable(runs: pd.DataFrame, parameter: str, reference: str | None = None) -> np.ndarray:
    """Boolean (n,): runs that agree in every parameter except this one, the seed, and what changes no result, and that
    were asked the same test queries.

    Of several such sets the reference's, else the one with the most values of the parameter, then the most runs.
    """
    free = {parameter, SEED} | TrainParams.NOT_IDENTITY
    held = [c for c in runs if c == ASKED or c.startswith(PARAM) and c.removeprefix(PARAM) not in free]
    keys = pd.Series([tuple(_text(v) for v in row) for row in runs[held].itertuples(index=False)], index=runs.index)
    if reference is not None and (runs[RUN] == reference).any():
        chosen = keys[runs[RUN] == reference].iloc[0]
    else:
        values = _values(runs, parameter)
        sizes = {key: (values[keys == key].nunique(), int((keys == key).sum())) for key in dict.fromkeys(keys)}
        chosen = max(sizes, key=sizes.get)
    return (keys == chosen).to_numpy(bool)


def _text(value) -> str:
    """A value as written: 8 and 8.0 are one (a column with a missing entry holds floats), and so are all missing."""
    if pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, int | float | np.number) and not isinstance(value, bool) else str(value)


def _defined(table, parameter, metric) -> pd.DataFrame:
    if PARAM + parameter not in table or table.empty:
        return table.iloc[:0]
    return table[np.isfinite(numbers(table, metric))].reset_index(drop=True)


def _values(runs, parameter) -> pd.Series:
    """The values as text, one spelling each."""
    return runs[PARAM + parameter].map(_text)


def _is_numeric(runs, parameter) -> bool:
    values = runs[PARAM + parameter]
    if values.map(lambda value: isinstance(value, bool | np.bool_)).any():
        return False
    return bool(np.isfinite(pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)).all())


def _categories(runs, parameter) -> list[str]:
    """Values side by side: the missing one first, numbers in their order, words by the alphabet."""

    def key(text):
        try:
            return (bool(text), 0, float(text), text)
        except ValueError:
            return (bool(text), 1, 0.0, text)

    return sorted(_values(runs, parameter).unique(), key=key)


def _places(runs, alike, parameter) -> tuple[str, np.ndarray]:
    """("linear" | "log" | "categories", x of each run); runs of one value stand side by side."""
    if _is_numeric(runs, parameter):
        x = numbers(runs, PARAM + parameter)
        spread = x.max() / x.min() if x.min() > 0 else np.inf if x.max() > x.min() else 1
        scale = "log" if x.min() > 0 and spread > LOG_SPAN else "linear"
        positive = x[x > 0]
        if x.min() == 0 and len(positive) and positive.max() / positive.min() > LOG_SPAN:
            scale = "categories"  # zero has no place on a logarithmic axis
    else:
        scale = "categories"
    if scale == "categories":
        order = _categories(runs, parameter)
        x = _values(runs, parameter).map(order.index).to_numpy(dtype=float)
    even = np.log10(x) if scale == "log" else x.astype(float)
    distinct = np.unique(even)
    gap = np.diff(distinct).min() if len(distinct) > 1 else 1.0
    span = distinct[-1] - distinct[0] or 1.0
    result = even.copy()
    for value in distinct:
        here = np.flatnonzero(even == value)
        # The hollow ones stand to the right of the filled: neither hides the other.
        here = sorted(here, key=lambda i: (not alike[i], _seed(runs, i)))
        centre = (max(1, alike[here].sum()) - 1) / 2
        step = min(0.022 * span, 0.45 * gap / len(here))
        result[here] = value + step * (np.arange(len(here)) - centre)
    return scale, 10**result if scale == "log" else result


def _seed(runs, i) -> float:
    return float(runs[PARAM + SEED].iloc[i]) if PARAM + SEED in runs and pd.notna(runs[PARAM + SEED].iloc[i]) else 0.0


def _points(ax, runs, metric, *, filled: bool):
    if runs.empty:
        return
    x, value = runs["place"].to_numpy(float), numbers(runs, metric)
    low, high = numbers(runs, f"{metric}_low"), numbers(runs, f"{metric}_high")
    known = np.isfinite(low) & np.isfinite(high)
    colour = COLOURS["known"] if filled else GREY
    ax.vlines(x[known], low[known], high[known], color=colour, linewidth=1.0, alpha=0.6, gid="intervals")
    label = "a run, with its 95 % interval" if filled else "differs in more than this"
    style = {"markerfacecolor": colour if filled else "white", "markeredgecolor": colour, "markersize": 6}
    ax.plot(x, value, "o", label=label, gid="alike" if filled else "others", zorder=3, **style)


def _point_out_runs(ax, runs, parameter, metric, n_filled):
    """What the pointer says of each run; the filled ones come first."""
    labels = label_runs(runs)
    for k, (_, row) in enumerate(runs.iterrows()):
        value, seed = row["value"] or "not set", row.get(PARAM + SEED)
        of_seed = f", seed {_text(seed)}" if parameter != SEED and pd.notna(seed) else ""
        more = "" if k < n_filled else f"differs in more than {_free(parameter)}"
        words = [*name_run(row, labels), f"{parameter} {value}{of_seed}", say_result(row, metric), more]
        point_out(ax, row["place"], row[metric], words)


def _free(parameter: str) -> str:
    """In what comparable runs may differ."""
    return "the seed" if parameter == SEED else f"{parameter} and the seed"


def _by_value(filled, metric) -> pd.DataFrame:
    """One row per value: x, mean of the metric and of its interval's ends, number of runs; from left to right."""
    ends = {"mean": metric, "low": f"{metric}_low", "high": f"{metric}_high"}
    table = filled[["value", "place"]].assign(**{name: numbers(filled, column) for name, column in ends.items()})
    groups = table.groupby("value", sort=False)
    result = groups[["place", "mean", "low", "high"]].mean().assign(n=groups.size())
    return result.reset_index().sort_values("place")


def _means(ax, filled, metric, scale):
    means = _by_value(filled, metric)
    if len(means) < 2:
        return
    label = "mean of the runs of one value"
    if scale == "categories":  # words have no order that a line could follow
        style = {"color": BLACK, "linewidth": 1.6, "label": label, "gid": "means", "zorder": 2}
        ax.hlines(means["mean"], means["place"] - 0.22, means["place"] + 0.22, **style)
    else:
        ax.plot(means["place"], means["mean"], "-", color=BLACK, linewidth=1.3, label=label, gid="means", zorder=2)


def _scale(ax, runs, parameter, scale):
    if scale == "categories":
        values = _categories(runs, parameter)
        short = shorten_names(values, VALUE_WIDTH)
        names = [short[value] or "not set" for value in values]
        turned = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if sum(map(len, names)) > 60 else {}
        ax.set_xticks(range(len(names)), names, fontsize=TICK_PT, **turned)
        ax.set_xlim(-0.6, len(names) - 0.4)
        return
    distinct = np.unique(numbers(runs, PARAM + parameter))
    if scale == "log":
        ax.set_xscale("log")
    if len(distinct) <= 8:  # the values that were tried, and no others
        ax.set_xticks(distinct, [f"{value:g}" for value in distinct], fontsize=TICK_PT)
        ax.set_xticks([], minor=True)
    if len(distinct) == 1:
        ax.set_xlim(distinct[0] - 1, distinct[0] + 1)
    else:
        ax.margins(x=0.08)


def _mark(ax, runs, marked, metric):
    row = runs[runs[RUN] == marked].iloc[[0]]
    style = {"markersize": 12, "markerfacecolor": "none", "markeredgecolor": COLOURS["wrong"], "markeredgewidth": 1.6}
    ax.plot(row["place"], numbers(row, metric), "s", label="reference", gid="reference", zorder=4, **style)


def _title(filled, parameter, metric) -> str:
    word, n = metric_word(metric), len(filled)
    word = word[:1].upper() + word[1:]
    values = filled["value"].unique()
    if len(values) == 1:
        return f"{word} by {parameter}: all comparable runs have {values[0] or 'none'}"
    return f"{word} by {parameter}: {n} runs that differ in nothing else" + " but the seed" * (parameter != SEED)


def _note(runs, alike, parameter) -> str:
    """Why some runs are hollow, below the name of the axis."""
    if alike.all():
        return ""
    n = int((~alike).sum())
    note = f"{n} hollow run{'' if n == 1 else 's'} differ{'s' if n == 1 else ''} in more than {_free(parameter)}"
    others = int((runs.loc[~alike, ASKED] != runs.loc[alike, ASKED].iloc[0]).sum()) if ASKED in runs else 0
    return f"\n{note}" + (f"; {others} of them: other test photographs" if others else "")
