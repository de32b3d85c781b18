"""A figure as a PNG: rendered, written whole, shown again. Every PNG of a figure is made here."""

import base64
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reid_lib.core import files
from reid_lib.core.kernel import find_ipython
from reid_lib.figures.style import DPI, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE_DPI = 150  # of a figure that is kept
PNG = "image/png"
COMPRESSION = 4  # of a PNG: half the time of zlib's usual 6, photographs are 3 % larger


def render_png(figure: "Figure", *, dpi: int = FILE_DPI, tight: bool = True, close: bool = False) -> bytes:
    """A figure (or the figure an axes belongs to) as a PNG.

    Args:
        dpi: pixels per inch.
        tight: cut to what is drawn; False keeps the size of the figure, so that places in it are known.
        close: the figure, which pyplot else keeps in memory.
    """
    drawn = io.BytesIO()
    shape, how = {"bbox_inches": "tight"} if tight else {}, {"compress_level": COMPRESSION}
    figure_of(figure).savefig(drawn, format="png", dpi=dpi, facecolor="white", pil_kwargs=how, **shape)
    if close:
        close_figure(figure)
    return drawn.getvalue()


def save_figure(figure: "Figure", path: str | Path, *, dpi: int = FILE_DPI, close: bool = False) -> Path:
    """Writes a figure (or the figure an axes belongs to) as a PNG, whole or not at all; returns the path.

    Drawn in memory first, so that a failure while drawing leaves an older file as it was. `close` as in `render_png`.

    Raises:
        RunError: the file cannot be written (for example, the disk is full).
    """
    drawn = render_png(figure, dpi=dpi, close=close)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic(path) as temporary:
        temporary.write_bytes(drawn)
    return path


def open_figures() -> list[int]:
    """Numbers of pyplot's open figures."""
    pyplot = sys.modules.get("matplotlib.pyplot")  # not imported: none is open
    return pyplot.get_fignums() if pyplot else []


def close_figure(figure: "Figure") -> None:
    """Close a figure (or the figure an axes belongs to), where pyplot knows of it."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure_of(figure))


def close_figures(*, besides: list[int]) -> None:
    """Close pyplot's figures but these: what a failed drawing left is not to be shown."""
    for number in set(open_figures()) - set(besides):
        sys.modules["matplotlib.pyplot"].close(number)


def show(figure: "Figure") -> None:
    """In a notebook: a figure (or the figure an axes belongs to) as a PNG at its size on paper; it is closed.

    Outside a notebook nothing happens: it stays open.
    """
    if find_ipython() is not None:
        _display(render_png(figure, close=True))


def show_saved(figure: "Figure | None", path: str | Path) -> None:
    """In a notebook: the file that `save_figure` wrote in place of drawing the figure once more, at its size on paper.

    The figure (or the figure an axes belongs to; None: there is none) is closed, so that it is not shown twice. Outside
    a notebook nothing happens: it stays open.
    """
    if find_ipython() is None:
        return
    if figure is not None:
        close_figure(figure)
    path = Path(path)
    _display(path.read_bytes(), f"(figure: {path.name})")


def _display(picture: bytes, said: str = "(figure)") -> None:
    """A PNG at its size on paper; its width in pixels stands in its header. `said`: what a log without pictures has."""
    from IPython.display import display

    width = round(int.from_bytes(picture[16:20], "big") * DPI / FILE_DPI)
    shown = {PNG: base64.b64encode(picture).decode(), "text/plain": said}
    display(shown, metadata={PNG: {"width": width}}, raw=True)
