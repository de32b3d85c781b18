"""Results per animal, and the answers to the photographs of each encounter."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import DATASET, ENCOUNTER, IDENTITY, NEW_INDIVIDUAL, PREDICTED
from reid_lib.figures.labels import NAME_WIDTH, shorten, shorten_names
from reid_lib.figures.legible import legible
from reid_lib.figures.style import (
    BLACK,
    COLOURS,
    DPI,
    TICK_PT,
    dress,
    legend_above,
    legend_pad,
    new_axes,
    write_message,
)
from reid_lib.openset.answers import Answers
from reid_lib.openset.outcomes import OUTCOME, classify_outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 30  # animals with a row of their own
MOST_ENCOUNTERS = 15
PHOTOGRAPHS = "photographs"
# Outcome -> label, colour, hatch, marker; what is right first.
KNOWN_ONES = {
    "known right": ("named rightly", COLOURS["right"], "", "o"),
    "known wrong": ("given another's name", COLOURS["wrong"], "////", "X"),
    "known refused": ("called new", COLOURS["refused"], "....", "D"),
}
UNKNOWN_ONES = {
    "unknown right": ("called new, rightly", COLOURS["known"], "", "s"),
    "unknown wrong": ("given a name", COLOURS["unknown"], "////", "^"),
}


@legible
def animal_panels(predictions: pd.DataFrame) -> "Figure":
    """What became of the photographs of each animal, the least well answered first: known ones left, unknown right.

    A bar is an animal, its parts are photographs; the numbers are those answered rightly. Of more than 30 animals the
    30 least well answered are shown, which the title says.

    Args:
        predictions: one row per query, with decision.
    """
    import matplotlib.pyplot as plt

    counts = count_by_animal(predictions)
    parts = [table[table.sum(axis=1) > 0] for table in (counts[list(KNOWN_ONES)], counts[list(UNKNOWN_ONES)])]
    rows = max(2, *(min(len(part), MOST_NAMED) for part in parts))
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 1.7 + 0.21 * rows), dpi=DPI, layout="constrained")
    for ax, part, kinds, kind in zip(axes, parts, (KNOWN_ONES, UNKNOWN_ONES), ("known", "unknown"), strict=True):
        _draw_animals(ax, part, kinds, kind, rows)
    return figure


def count_by_animal(predictions: pd.DataFrame) -> pd.DataFrame:
    """Photographs by animal (rows: dataset, identity) and outcome (a column each); the least well answered first."""
    kinds = classify_outcomes(Answers.of(predictions))
    table = predictions.reset_index(drop=True).assign(**{OUTCOME: kinds})[kinds != "unlabelled"]
    counts = table.groupby([DATASET, IDENTITY, OUTCOME]).size().unstack(OUTCOME, fill_value=0)
    counts = counts.reindex(columns=[*KNOWN_ONES, *UNKNOWN_ONES], fill_value=0)
    right = counts["known right"] + counts["unknown right"]
    order = pd.DataFrame({"share": right / counts.sum(axis=1), "n": -counts.sum(axis=1)}, index=counts.index)
    return counts.loc[order.sort_values(["share", "n"], kind="stable").index]


def _draw_animals(ax: "Axes", counts: pd.DataFrame, kinds: dict, kind: str, rows: int) -> None:
    right, total = counts[next(iter(kinds))], counts.sum(axis=1)
    always, never = int((right == total).sum()), int((right == 0).sum())
    title = f"{counted(len(counts), f'{kind} animal')}: {always} always right, {never} never"
    shown = counts.head(MOST_NAMED)
    title += f"\nshown: the {len(shown)} least well answered" if len(shown) < len(counts) else ""
    dress(ax, title="", x=PHOTOGRAPHS)
    ax.set_title(title, loc="left", fontsize=10, color=BLACK, pad=legend_pad(len(kinds), 2))
    if not len(counts):
        ax.set(xticks=[], yticks=[], xlabel="")
        ax.set_title(f"No {kind} animals", loc="left", fontsize=10, color=BLACK)
        write_message(ax, f"no photograph of {'a' if kind == 'known' else 'an'} {kind} animal was asked about")
        return
    base = np.zeros(len(shown))
    for outcome, (label, colour, hatch, _) in kinds.items():
        style = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0, "height": 0.78}
        ax.barh(range(len(shown)), shown[outcome], left=base, label=label, gid=outcome, **style)
        base += shown[outcome].to_numpy()
    for place, (good, n) in enumerate(zip(right[shown.index], total[shown.index], strict=True)):
        at = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": TICK_PT - 1}
        ax.annotate(f"{good} of {n}", (n, place), color="#555555", gid="counts", **at)
    ax.set_yticks(range(len(shown)), _names_of(shown), fontsize=TICK_PT - 1)
    ax.set_ylim(max(len(shown), rows) - 0.4, -0.6)
    ax.set_xlim(0, 1.22 * base.max())
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    legend_above(ax, 2)


def _names_of(counts: pd.DataFrame) -> list[str]:
    """Names of animals, with their data set where there are several."""
    several = counts.index.get_level_values(DATASET).nunique() > 1
    names = [f"{identity} ({dataset})" if several else str(identity) for dataset, identity in counts.index]
    short = shorten_names(names, NAME_WIDTH)
    return [short[name] for name in names]


@legible
def encounter_answers(predictions: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """The answers to the photographs of each encounter: do they agree, and are they right?

    A row is an encounter, a mark a photograph. Encounters with wrong answers come first; of more than 15 the first 15
    are shown, which the axis says.

    Args:
        predictions: one row per query, with decision and `encounter`; those without one are left out.
    """
    rows = predictions.reset_index(drop=True).assign(**{OUTCOME: classify_outcomes(Answers.of(predictions))})
    rows = rows[rows[ENCOUNTER].notna() & (rows[OUTCOME] != "unlabelled")]
    groups = sorted(rows.groupby([DATASET, ENCOUNTER]), key=_share_right)
    shown, kinds = groups[:MOST_ENCOUNTERS], KNOWN_ONES | UNKNOWN_ONES
    ax = new_axes(ax, width_in=8.0, height_in=1.6 + 0.23 * max(2, len(shown)))
    agree = sum(own[PREDICTED].nunique() == 1 for _, own in groups)
    right = sum(own[OUTCOME].str.endswith("right").all() for _, own in groups)
    there = [kind for kind in kinds if any((own[OUTCOME] == kind).any() for _, own in shown)]
    title = f"{counted(len(groups), 'encounter')}: in {agree} all photographs get one answer, in {right} all are right"
    more = f" ({len(shown)} of {len(groups)} shown, wrong answers first)" if len(shown) < len(groups) else ""
    dress(ax, title=title if groups else "No encounters", x=f"photographs of the encounter{more}",
          title_pad=legend_pad(len(there), 3))  # fmt: skip
    if not groups:
        ax.set(xticks=[], yticks=[], xlabel="")
        write_message(ax, "encounters of these photographs are not known")
        return ax
    widest = max(len(own) for _, own in shown)
    for place, (_, own) in enumerate(shown):
        ax.annotate(
            _say_answers(own),
            (len(own) + 0.5, place),
            va="center",
            fontsize=TICK_PT - 1,
            color="#555555",
            gid="answers",
        )
    for kind in there:
        label, colour, _, marker = kinds[kind]
        at = [
            (x + 1, y) for y, (_, own) in enumerate(shown) for x, one in enumerate(sorted(own[OUTCOME])) if one == kind
        ]
        ax.plot(*np.transpose(at), marker, color=colour, markersize=6, label=label, gid=kind)
    names = shorten_names([str(encounter) for (_, encounter), _ in shown], NAME_WIDTH)
    ax.set_yticks(range(len(shown)), [names[str(encounter)] for (_, encounter), _ in shown], fontsize=TICK_PT - 1)
    ax.set(ylim=(len(shown) - 0.4, -0.6), xlim=(0.4, max(14, 1.3 * widest + 10)))
    ax.set_xticks(range(1, widest + 1, max(1, widest // 5)))
    legend_above(ax, 3)
    return ax


def _share_right(group: tuple) -> tuple:
    (dataset, encounter), own = group
    return own[OUTCOME].str.endswith("right").mean(), -len(own), str(dataset), str(encounter)


def _say_answers(own: pd.DataFrame) -> str:
    """What was answered, the most frequent first, and what is true: "S002 (2), new (1); is S002"."""
    counts = own[PREDICTED].value_counts()
    said = ", ".join(f"{'new' if name == NEW_INDIVIDUAL else shorten(name, 16)} ({n})" for name, n in counts.items())
    known = own[OUTCOME].str.startswith("known").any()
    truth = ", ".join(shorten(name, 16) for name in own[IDENTITY].unique())
    return f"{said}; is {truth if known else 'not in the gallery'}"
