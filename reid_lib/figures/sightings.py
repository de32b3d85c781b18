"""Who was seen how often, and when: figures of a data set before training."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import DATASET, GALLERY, IDENTITY, INDIVIDUAL, KNOWN, ROLE, TEST, UNUSED, VAL
from reid_lib.data.occasions import has_occasions
from reid_lib.data.sightings import DAY, ENCOUNTERS, PHOTOGRAPHS, tabulate_animals, tabulate_days
from reid_lib.figures.labels import shorten_names
from reid_lib.figures.legible import legible
from reid_lib.figures.style import (
    BLACK,
    COLOURS,
    CYCLE,
    DPI,
    GREY,
    LABEL_PT,
    MARKERS,
    TICK_PT,
    TITLE_PT,
    dress,
    in_legend,
    legend_above,
    legend_pad,
    new_axes,
    write_message,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 30  # animals whose names stand on an axis
NAME_WIDTH = 22  # characters
NO_NAME = "no photograph has the name of an animal"
NO_DATE = "no photograph has a date that can be read"
MOST_BINS = 10  # encounters; more are one bar
LEGEND_SETS = len(CYCLE)  # data sets told apart by colour and marker
# Role and known or not -> label, colour, hatch. Hue says known or unknown, hatching says val.
ROLE_STYLES = {
    (GALLERY, True): ("gallery: trained on", COLOURS["gallery"], ""),
    (VAL, True): ("val, known", COLOURS["known"], "////"),
    (TEST, True): ("test, known", COLOURS["known"], ""),
    (VAL, False): ("val, unknown", COLOURS["unknown"], "////"),
    (TEST, False): ("test, unknown", COLOURS["unknown"], ""),
    (UNUSED, False): ("not used", "#FFFFFF", "...."),
}


@legible
def counts_panels(rows: pd.DataFrame) -> "Figure":
    """Animals by number of encounters, and the photographs of each animal; names where there are at most 30.

    Args:
        rows: of a catalogue.

    Returns:
        the matplotlib Figure.
    """
    import matplotlib.pyplot as plt

    animals = tabulate_animals(rows)
    named = len(animals) <= MOST_NAMED
    height = max(3.2, 1.3 + 0.2 * len(animals)) if named else 3.6
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, height), dpi=DPI, layout="constrained")
    unit = ENCOUNTERS if has_occasions(rows) else "photographs (encounters unknown)"
    _histogram(left, animals, unit)
    (_bars_with_names if named else _bars_by_rank)(right, animals)
    if not len(animals):
        for ax in (left, right):
            write_message(ax, NO_NAME)
    return figure


@legible
def sighting_calendar(rows: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Days on which each animal was photographed: one row each, by first day; markers grow with photographs.

    Args:
        rows: of a catalogue; those without a date are counted in the title.
    """
    days = tabulate_days(rows)
    first = days.groupby(INDIVIDUAL, sort=False)[DAY].min().sort_values(kind="stable")
    place = pd.Series(range(len(first)), index=first.index)
    named = len(first) <= MOST_NAMED
    height = 1.6 + (0.2 * len(first) if named else min(0.03 * len(first), 4.5) + 2.5)
    ax = new_axes(ax, width_in=8.0, height_in=max(2.6, height) if len(days) else 1.2)
    sets = sorted(days[DATASET].unique())
    told = sets if 1 < len(sets) <= LEGEND_SETS else []
    without = int(rows[INDIVIDUAL].notna().sum() - days[PHOTOGRAPHS].sum())
    title = "When each animal was photographed"
    title += f" ({counted(without, 'photograph')} without a date)" if without else ""
    pad = legend_pad(len(told)) if told else 8
    dress(
        ax,
        title=title,
        x="" if len(days) else "date",
        y="" if named else f"animals, by first sighting ({len(first):,})",
        title_pad=pad,
    )
    if not len(days):
        ax.set(xticks=[], yticks=[], xlabel="")
        ax.spines[["left", "bottom"]].set_visible(False)
        write_message(ax, NO_DATE if rows[INDIVIDUAL].notna().any() else NO_NAME)
        return ax
    for k, name in enumerate(told or [None]):
        own = days if name is None else days[days[DATASET] == name]
        size = (14 if named else max(7.0, 14 - len(first) / 25)) * np.sqrt(own[PHOTOGRAPHS].to_numpy(float))
        style = {"color": CYCLE[k % len(CYCLE)], "marker": MARKERS[k % len(MARKERS)], "label": in_legend(str(name))}
        ax.scatter(
            own[DAY], place[own[INDIVIDUAL]].to_numpy(), s=size, linewidth=0, alpha=0.85, gid="sightings", **style
        )
    for handle in legend_above(ax).legend_handles if told else ():
        handle.set_sizes([30])
    if named:
        names = days.drop_duplicates(INDIVIDUAL).set_index(INDIVIDUAL).loc[first.index, IDENTITY]
        ax.set_yticks(range(len(first)), _short(names))
        ax.grid(axis="y", linewidth=0.3, color=COLOURS["gallery"])
    ax.set_ylim(len(first) - 0.4, -0.6)
    _date_axis(ax, days[DAY])
    return ax


@legible
def split_roles(rows: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """What the split does with the photographs of each animal: one bar each, known animals first.

    Args:
        rows: of a `Split`: individual, role, known.
    """
    counts = _count_roles(rows)
    named = len(counts) <= MOST_NAMED
    ax = new_axes(ax, width_in=8.0, height_in=max(2.6, 1.7 + 0.2 * len(counts)) if named else 4.0)
    kinds = [kind for kind in ROLE_STYLES if kind in counts.columns and counts[kind].any()]
    title = "What each animal's photographs are used for"
    base = np.zeros(len(counts))
    for kind in kinds:
        label, colour, hatch = ROLE_STYLES[kind]
        style = {"color": colour, "hatch": hatch, "edgecolor": "white" if kind[0] != UNUSED else GREY, "linewidth": 0}
        draw = ax.barh if named else ax.bar
        options = {"left" if named else "bottom": base, "height" if named else "width": 0.8 if named else 1.0}
        draw(range(len(counts)), counts[kind], label=label, gid=label, **options, **style)
        base += counts[kind].to_numpy()
    across = f"animals ({len(counts):,}), those trained on first"
    pad = legend_pad(len(kinds), 3)
    dress(ax, title=title, x=PHOTOGRAPHS if named else across, y="" if named else PHOTOGRAPHS, title_pad=pad)
    if not len(counts):
        write_message(ax, NO_NAME)
        return ax
    legend_above(ax, 3)
    (ax.set_xlim if named else ax.set_ylim)(0, 1.03 * base.max())
    (ax.xaxis if named else ax.yaxis).get_major_locator().set_params(integer=True)
    if named:
        ax.set_yticks(range(len(counts)), _short(counts.index.get_level_values(IDENTITY)))
        ax.set_ylim(len(counts) - 0.4, -0.6)
    else:
        ax.set_xlim(-1, len(counts))
    return ax


def _short(names: pd.Series) -> list[str]:
    """Names of animals as they fit an axis; two that differ stay different."""
    shortened = shorten_names(names, NAME_WIDTH)
    return [shortened[str(name)] for name in names]


def _histogram(ax: "Axes", animals: pd.DataFrame, unit: str) -> None:
    """Animals by number of encounters; those of one are another colour, and said."""
    count = animals[ENCOUNTERS].clip(upper=MOST_BINS)
    heights = count.value_counts().reindex(range(1, MOST_BINS + 1), fill_value=0)
    heights = heights.loc[: max(int(count.max()) if len(count) else 1, 2)]
    colours = [COLOURS["unknown"] if n == 1 else COLOURS["known"] for n in heights.index]
    bars = ax.bar(range(len(heights)), heights, color=colours, width=0.8, gid="animals")
    ax.bar_label(bars, [f"{n:,}" if n else "" for n in heights], fontsize=TICK_PT, color=BLACK, padding=1)
    labels = [f"{n}" if n < MOST_BINS else f"{n}+" for n in heights.index]
    ax.set_xticks(range(len(heights)), labels)
    once = int((animals[ENCOUNTERS] == 1).sum())
    dress(
        ax,
        title=f"{len(animals):,} animal{'' if len(animals) == 1 else 's'}, {once:,} of them seen once (orange)",
        x=unit,
        y="animals",
    )
    ax.margins(y=0.12)
    ax.yaxis.get_major_locator().set_params(integer=True)


def _bars_with_names(ax: "Axes", animals: pd.DataFrame) -> None:
    shown = animals.sort_values(PHOTOGRAPHS, ascending=False, kind="stable")
    bars = ax.barh(range(len(shown)), shown[PHOTOGRAPHS], color=_seen(shown), height=0.75, gid="photographs")
    ax.bar_label(bars, fontsize=TICK_PT, color=BLACK, padding=2)
    dress(ax, title="Photographs of each animal", x=PHOTOGRAPHS)
    ax.set_yticks(range(len(shown)), _short(shown[IDENTITY]))
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.margins(x=0.12)
    ax.xaxis.get_major_locator().set_params(integer=True)


def _bars_by_rank(ax: "Axes", animals: pd.DataFrame) -> None:
    shown = animals.sort_values(PHOTOGRAPHS, ascending=False, kind="stable")
    ax.bar(range(1, len(shown) + 1), shown[PHOTOGRAPHS], color=_seen(shown), width=1.0, gid="photographs")
    middle = float(shown[PHOTOGRAPHS].median())
    dress(
        ax,
        title=f"Photographs of each animal (median {middle:g})",
        x="animals, most photographs first",
        y=PHOTOGRAPHS,
    )
    ax.set_xlim(0, len(shown) + 1)
    ax.yaxis.get_major_locator().set_params(integer=True)


def _seen(animals: pd.DataFrame) -> list[str]:
    """Orange: seen once; blue: again."""
    return [COLOURS["unknown"] if n < 2 else COLOURS["known"] for n in animals[ENCOUNTERS]]


def _count_roles(rows: pd.DataFrame) -> pd.DataFrame:
    """Photographs by animal (rows: individual, identity) and (role, known): animals of the gallery first."""
    named = rows[rows[INDIVIDUAL].notna()]
    known = named[KNOWN].fillna(False).astype(bool) | (named[ROLE] == GALLERY)
    known &= named[ROLE] != UNUSED
    table = named.assign(kind=list(zip(named[ROLE], known, strict=True)))
    counts = table.groupby([INDIVIDUAL, IDENTITY, "kind"], sort=True).size().unstack("kind", fill_value=0)
    if not len(counts):
        return counts
    kinds = [kind for kind in ROLE_STYLES if kind in counts.columns]
    order = pd.DataFrame(
        {"first": (counts[kinds] > 0).to_numpy().argmax(axis=1), "all": -counts.sum(axis=1).to_numpy()}
    )
    return counts.iloc[order.sort_values(["first", "all"], kind="stable").index]


def _date_axis(ax: "Axes", days: pd.Series) -> None:
    """Dates that say their year, as many as fit."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    if days.nunique() == 1:
        ax.set_xlim(days.iloc[0] - pd.Timedelta(days=3), days.iloc[0] + pd.Timedelta(days=3))
    locator = AutoDateLocator(minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.tick_params(axis="x", labelsize=TICK_PT)
    ax.set_xlabel("date", fontsize=LABEL_PT)
    ax.xaxis.get_offset_text().set(size=TICK_PT, color=BLACK)
    ax.title.set_fontsize(TITLE_PT)
