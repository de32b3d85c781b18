"""The widget of a plot: the browser's half is whole, what is drawn is told to it."""

from reid_lib.pages.plots import plot_script, plot_style
from reid_lib.views.plot import Picture, Plot


def test_the_widget_draws_by_the_script_of_the_pages():
    plot = Plot(spec={"marks": [], "axes": True, "x": "epoch", "y": "loss"})
    state = plot.get_state()
    assert plot_script() in state["_esm"] and "export default" in state["_esm"]
    assert state["_css"] == plot_style() and state["spec"]["x"] == "epoch"


def test_a_picture_is_sent_together_with_what_it_says():
    picture, sent = Picture(), []
    picture.send_state = lambda key=None: sent.append(set(key))
    picture.show(b"png", [{"x": 0.5, "y": 0.5, "w": 0, "h": 0, "words": ["a"]}], "a figure")
    assert sent == [{"value", "spots", "words"}] and "pointAt" in picture.get_state()["_esm"]
