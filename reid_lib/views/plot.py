"""A plot that answers the pointer, as a widget: the browser's half is the one of exported pages."""

import anywidget
import traitlets

from reid_lib.pages.plots import plot_script, plot_style

SHOW = """
export default {
  render({ model, el }) {
    const root = document.createElement("div");
    el.append(root);
    let plot = null;
    const draw = () => {
      plot?.end();
      plot = drawPlot(root, model.get("spec"), [], plot);
    };
    model.on("change:spec", draw);
    draw();
    return () => {
      plot.end();
      model.off("change:spec", draw);
    };
  },
};
"""


class Plot(anywidget.AnyWidget):
    """Draws `spec`, a specification of `reid_lib.pages.plots`: hover says what a point is, a dragged box zooms."""

    _esm = plot_script() + SHOW
    _css = plot_style()
    spec = traitlets.Dict({"marks": [], "axes": True, "x": "", "y": ""}).tag(sync=True)
