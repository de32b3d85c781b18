"""Figures: what is drawn, read back from the artists. Pixels only where a file is written."""

import base64
import io
from pathlib import Path

import matplotlib
import pytest
from drawn import HAND
from PIL import Image

from reid_lib.figures import saving, scores

matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_figure_is_written_as_png_from_figure_or_axes_and_nothing_else_is_left(tmp_path):
    ax = scores.confusion(HAND)
    for name, what in (("a.png", ax), ("folder/b", ax.figure)):
        path = saving.save_figure(what, tmp_path / name)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert [p.name for p in path.parent.iterdir() if p.is_file()] == [path.name]


def test_failure_while_drawing_keeps_the_older_file(tmp_path, monkeypatch):
    ax = scores.confusion(HAND)
    path = saving.save_figure(ax, tmp_path / "a.png")
    before = path.read_bytes()
    monkeypatch.setattr(ax.figure, "savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        saving.save_figure(ax, path)
    assert path.read_bytes() == before


def test_failure_while_writing_keeps_the_older_file_and_no_temporary_one(tmp_path, monkeypatch):
    ax = scores.confusion(HAND)
    path = saving.save_figure(ax, tmp_path / "a.png")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(Exception, match="space|disk"):
        saving.save_figure(ax, path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("close", [False, True])
def test_a_figure_is_closed_once_it_is_a_picture_where_that_is_asked_for(close):
    import matplotlib.pyplot as plt

    ax = plt.figure().add_subplot()
    assert (
        saving.render_png(ax, close=close)[:8] == b"\x89PNG\r\n\x1a\n" and plt.fignum_exists(ax.figure.number) != close
    )
    plt.close(ax.figure)


def test_a_figure_that_is_not_cut_keeps_its_size():
    from matplotlib.figure import Figure

    picture = saving.render_png(Figure(figsize=(3, 2)), dpi=50, tight=False)
    assert (int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")) == (150, 100)


def test_no_other_module_writes_a_figure():
    package = Path(__file__).parents[2] / "reid_lib"
    assert [file.name for file in package.rglob("*.py") if ".savefig(" in file.read_text()] == ["saving.py"]


def test_a_figure_is_shown_once_in_a_notebook_and_stays_open_outside(monkeypatch, tmp_path):
    import IPython.display
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **how: shown.append((data, how)))
    monkeypatch.setattr(saving, "find_ipython", lambda: None)
    ax = scores.confusion(HAND)
    saving.show(ax)
    assert not shown and plt.get_fignums()
    monkeypatch.setattr(saving, "find_ipython", lambda: object())
    saving.show(ax)
    assert len(shown) == 1 and not plt.get_fignums()
    ax = scores.confusion(HAND)
    saving.show_saved(ax, saving.save_figure(ax, tmp_path / "confusion.png"))
    assert len(shown) == 2 and not plt.get_fignums()
    for data, how in shown:
        picture = base64.b64decode(data["image/png"])
        assert picture[:4] == b"\x89PNG" and how["raw"]
        width = Image.open(io.BytesIO(picture)).width * saving.DPI / saving.FILE_DPI
        assert how["metadata"] == {"image/png": {"width": round(width)}}
    # What a log without pictures has: not an object's address.
    assert [data["text/plain"] for data, _ in shown] == ["(figure)", "(figure: confusion.png)"]
