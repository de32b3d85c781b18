"""The widget of a plot: the browser's half is whole, what is drawn is told to it."""

from reid_lib.pages.plots import plot_script, plot_style
from reid_lib.views.plot import Plot


def test_the_widget_draws_by_the_script_of_the_pages():
    plot = Plot(spec={"marks": [], "axes": True, "x": "epoch", "y": "loss"})
    state = plot.get_state()
    assert plot_script() in state["_esm"] and "export default" in state["_esm"]
    assert state["_css"] == plot_style() and state["spec"]["x"] == "epoch"
