"""A figure as a PNG file: rendered, written whole, shown again."""

import io
import sys
from pathlib import Path

from reid_lib.core import files
from reid_lib.figures.style import DPI

FILE_DPI = 150  # of a figure that is kept


def rendered(figure, *, dpi: int = FILE_DPI) -> bytes:
    """A figure (or the figure an axes belongs to) as a PNG. The figure stays open."""
    figure = figure if hasattr(figure, "savefig") else figure.figure
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, bbox_inches="tight", facecolor="white")
    return drawn.getvalue()


def save_figure(figure, path, *, dpi: int = FILE_DPI) -> Path:
    """Writes a figure (or the figure an axes belongs to) as a PNG, whole or not at all; returns the path.

    Drawn in memory first, so that a failure while drawing leaves an older file as it was. The figure stays open.

    Raises:
        RunError: the file cannot be written (for example, the disk is full).
    """
    drawn = rendered(figure, dpi=dpi)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic(path) as temporary:
        temporary.write_bytes(drawn)
    return path


def open_figures() -> list[int]:
    """Numbers of pyplot's open figures."""
    pyplot = sys.modules.get("matplotlib.pyplot")  # not imported: none is open
    return pyplot.get_fignums() if pyplot else []


def close_figures(*, besides: list[int]) -> None:
    """Close pyplot's figures but these: what a failed drawing left is not to be shown."""
    for number in set(open_figures()) - set(besides):
        sys.modules["matplotlib.pyplot"].close(number)


def show_saved(figure, path) -> None:
    """In a notebook: the file that `save_figure` wrote in place of drawing the figure once more, at its size on paper.

    Elsewhere nothing happens. The figure (or the figure an axes belongs to; None: there is none) is closed.
    """
    if "IPython" not in sys.modules or sys.modules["IPython"].get_ipython() is None:
        return
    import matplotlib.pyplot as plt
    from IPython.display import Image, display

    if figure is not None:
        plt.close(figure if hasattr(figure, "savefig") else figure.figure)
    picture = Path(path).read_bytes()
    display(Image(data=picture, format="png", width=round(_png_width(picture) * DPI / FILE_DPI)))


def _png_width(data: bytes) -> int:
    """Pixels, from the header of a PNG."""
    return int.from_bytes(data[16:20], "big")
