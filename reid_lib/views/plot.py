"""Plots and drawn figures that answer the pointer, as widgets: the browser's half is the one of exported pages."""

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


SHOW_PICTURE = """
export default {
  render({ model, el }) {
    let address = "";
    const draw = () => {
      URL.revokeObjectURL(address);
      address = URL.createObjectURL(new Blob([model.get("value")], { type: "image/png" }));
      const image = plotNode("img", { src: address, alt: model.get("words") });
      const frame = plotNode("div", { class: "reid-figure" }, image);
      pointAt(frame, image, model.get("spots"));
      el.replaceChildren(frame);
    };
    model.on("change:value", draw);
    draw();
    return () => {
      model.off("change:value", draw);
      URL.revokeObjectURL(address);
    };
  },
};
"""


class Plot(anywidget.AnyWidget):
    """Draws `spec`, a specification of `reid_lib.pages.plots`: hover says what a point is, a dragged box zooms."""

    _esm = plot_script() + SHOW
    _css = plot_style()
    spec = traitlets.Dict({"marks": [], "axes": True, "x": "", "y": ""}).tag(sync=True)


class Picture(anywidget.AnyWidget):
    """Shows `value`, a PNG; the pointer on one of `spots` (`figures.pointing.locate_spots`) says what it is."""

    _esm = plot_script() + SHOW_PICTURE
    _css = plot_style()
    value = traitlets.Bytes(b"").tag(sync=True)
    spots = traitlets.List([]).tag(sync=True)
    words = traitlets.Unicode("").tag(sync=True)

    def show(self, value: bytes, spots: list[dict], words: str = "") -> None:
        """Another picture with its spots, at once: the browser draws when it has all of them."""
        with self.hold_sync():
            self.spots, self.words, self.value = spots, words, value
