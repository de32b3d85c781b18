"""How large and how sharp the photographs are, and the ones that something is the matter with."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.messages import counted
from reid_lib.core.names import IMAGE_ID, PATH
from reid_lib.data.audit import BAD_BBOX, COPY, DETAIL, KIND, MISSING, NO_TEXT, TWO_IDENTITIES, UNREADABLE
from reid_lib.data.quality import BLURRED, HEIGHT, SHARPNESS, SMALL, SMALL_SHARE, WIDTH
from reid_lib.figures.labels import shorten
from reid_lib.figures.legible import legible
from reid_lib.figures.placing import LoadImage
from reid_lib.figures.style import (
    BLACK,
    COLOURS,
    DPI,
    TITLE_PT,
    dress,
    write_message,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 6  # photographs side by side
CAPTION_WIDTH = 20  # characters below a photograph
FEW_WORDS = {
    COPY: "saved twice",
    TWO_IDENTITIES: "under two names",
    UNREADABLE: "unreadable",
    MISSING: "missing",
    BAD_BBOX: "unusable bbox",
    NO_TEXT: "name not UTF-8",
}


@legible
def quality_panels(quality: pd.DataFrame, image_size: int) -> "Figure":
    """Shorter sides and sharpness of all photographs; what is small or blurred is another colour.

    Args:
        quality: as `quality.measure_quality` gives it.
        image_size: px, the side that a network sees.

    Returns:
        the matplotlib Figure.
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.4), dpi=DPI, layout="constrained")
    n_small, n_blurred = int(quality[SMALL].sum()), int(quality[BLURRED].sum())
    _split_histogram(left, quality[[WIDTH, HEIGHT]].min(axis=1), quality[SMALL])
    _split_histogram(right, quality[SHARPNESS].clip(lower=1e-2), quality[BLURRED])
    dress(
        left,
        title=f"{n_small:,} of {len(quality):,} smaller than {SMALL_SHARE * image_size:g} px (orange)",
        x="shorter side (px)",
        y="photographs",
    )
    dress(
        right,
        title=f"{n_blurred:,} much less sharp than the others (orange)",
        x=f"variance of the Laplacian at {image_size} px (grey levels²)",
        y="photographs",
    )
    if len(quality):
        left.axvline(image_size, color=BLACK, linewidth=1.2, linestyle="--", gid="image_size")
        left.annotate(
            f"{image_size} px: what the network sees",
            (image_size, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -2),
            textcoords="offset points",
            rotation=90,
            va="top",
            fontsize=7.5,
            color=BLACK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9},
        )
    return figure


@legible
def photo_cards(cards: pd.DataFrame, load_image: LoadImage, *, title: str, n: int = 12) -> "Figure":
    """Photographs with words below each; a grey field says why where one cannot be shown.

    Args:
        cards: image_id, and `words`: one or two lines.
        load_image: image_id -> uint8 (H, W, 3); an error of it is what the grey field says.
        title: of the figure; how many there are is added.
        n: most photographs.

    Returns:
        the matplotlib Figure.
    """
    import matplotlib.pyplot as plt

    shown = cards.head(n)
    n_rows = max(1, -(-len(shown) // COLUMNS))
    size = (9.0, 0.55 + 2.0 * n_rows if len(shown) else 0.9)
    figure, grid = plt.subplots(n_rows, COLUMNS, figsize=size, dpi=DPI, layout="constrained", squeeze=False)
    for ax in grid.flat:
        ax.axis("off")
    for ax, (_, card) in zip(grid.flat, shown.iterrows(), strict=False):
        _card(ax, card, load_image)
    more = f" ({len(shown)} of {len(cards):,})" if len(cards) > len(shown) else ""
    figure.suptitle(f"{title}{more}", x=0.01, ha="left", fontsize=TITLE_PT, color=BLACK)
    if not len(shown):
        write_message(grid.flat[0], "none")
    return figure


def describe_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Cards of what the audit found: image_id and words, files of one content side by side.

    Args:
        findings: image_id, path, kind, detail, as the audit gives them.
    """
    ordered = findings.sort_values([KIND, DETAIL, PATH], kind="stable")
    paths = ordered[PATH].map(lambda path: shorten(path, CAPTION_WIDTH))
    kinds = ordered[KIND].map(lambda kind: shorten(FEW_WORDS.get(kind, kind), CAPTION_WIDTH))
    return pd.DataFrame({IMAGE_ID: ordered[IMAGE_ID], "words": paths + "\n" + kinds})


def describe_blurred(quality: pd.DataFrame) -> pd.DataFrame:
    """Cards of the photographs that are blurred or small: the least sharp first."""
    odd = quality[quality[BLURRED] | quality[SMALL]]
    odd = odd.sort_values([BLURRED, SHARPNESS], ascending=[False, True], kind="stable")
    size = odd.apply(lambda row: f"{row[WIDTH]:.0f} x {row[HEIGHT]:.0f} px, {row[SHARPNESS]:.0f}", axis=1)
    names = odd[IMAGE_ID].map(lambda name: shorten(name, CAPTION_WIDTH))
    return pd.DataFrame({IMAGE_ID: odd[IMAGE_ID], "words": names + "\n" + size}) if len(odd) else odd.assign(words="")


def _split_histogram(ax: "Axes", values: pd.Series, odd: pd.Series) -> None:
    """Counts over a logarithmic axis, those that are odd stacked in orange, hatched."""
    values, odd = values.to_numpy(float), odd.to_numpy(bool)
    there = np.isfinite(values) & (values > 0)
    if not there.any():
        write_message(ax, f"no size is known of {counted(len(values), 'photograph')}")
        return
    low, high = values[there].min(), values[there].max()
    if high / low < 1.5:  # all alike
        low, high = low / 1.25, high * 1.25
    edges = np.geomspace(low * 0.999, high * 1.001, 31)
    parts = [values[there & ~odd], values[there & odd]]
    _, _, bars = ax.hist(parts, bins=edges, stacked=True, color=[COLOURS["known"], COLOURS["unknown"]])
    for bar in bars[1]:
        bar.set(hatch="////", edgecolor="white", linewidth=0, gid="odd")
    ax.set_xscale("log")
    ax.yaxis.get_major_locator().set_params(integer=True)
    _plain_ticks(ax, low, high)


def _plain_ticks(ax: "Axes", low: float, high: float) -> None:
    """Plain numbers on a logarithmic axis, few enough to be read."""
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    steps = np.array([1, 1.5, 2, 3, 4, 5, 7] if high / low < 8 else [1, 2, 5] if high / low < 200 else [1])
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    places = np.concatenate([decades * step for step in steps])
    places = np.sort(places[(places >= low) & (places <= high)])
    if len(places) < 2:
        places = np.array([low, high])
    ax.set_xticks(places)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_minor_locator(NullLocator())


def _card(ax: "Axes", card: pd.Series, load_image: LoadImage) -> None:
    try:
        ax.imshow(load_image(card[IMAGE_ID]), interpolation="antialiased", gid="photograph")
    except Exception as error:  # what is wrong with it is the very reason why it is here
        reason = shorten(getattr(error, "reason", "") or error, 60)
        ax.imshow(np.full((3, 4, 3), 225, dtype=np.uint8), gid="no photograph")
        ax.text(1.5, 1.0, _fold(reason), ha="center", va="center", fontsize=7, color=BLACK)
    ax.text(0.5, -0.04, card["words"], transform=ax.transAxes, ha="center", va="top", fontsize=7.5, color=BLACK)
    ax.set_anchor("S")


def _fold(words: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(words, 18)[:4])
