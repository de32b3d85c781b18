// Lines and points that answer the pointer: what it is on is said beside it, a box that is drawn is zoomed into.
// In notebooks and in exported pages alike. Text stays text: names of runs and animals never become HTML.

const PLOT_GROUPS = new Map(); // plots of the same name show each other's point under the pointer
const PLOT_REACH = 28; // px from the pointer to a point that it is on

/** Draws into `root` (emptied): spec as `reid_lib.pages.plots` makes it; photographs: [{address, words}] of points;
 * before: the plot that it follows, whose zoom and hidden lines are kept where it is of the same. */
function drawPlot(root, spec, photographs = [], before = null) {
  const plot = new ReidPlot(root, spec, photographs, before), watch = new ResizeObserver(() => plot.draw());
  plot.listen();
  watch.observe(plot.stage);
  plot.draw();
  plot.end = () => watch.disconnect();
  return plot;
}

class ReidPlot {
  constructor(root, spec, photographs, before) {
    const hidden = new Set(before?.hidden);
    Object.assign(this, { root, spec, photographs, hidden, on: null, start: null, size: { w: 0, h: 0 } });
    this.whole = plotExtent(spec);
    this.zoomed = Boolean(before?.zoomed) && before.spec.title === spec.title;
    this.view = this.zoomed ? before.view : { ...this.whole };
    this.canvas = plotNode("canvas", { role: "img", "aria-label": spec.title || spec.y || "plot" });
    this.said = plotNode("div", { class: "reid-said" });
    this.box = plotNode("div", { class: "reid-box" });
    this.stage = plotNode("div", { class: "reid-stage" }, this.canvas, this.box, this.said);
    root.classList.add("reid-plot");
    root.replaceChildren(this.head(), plotLegend(spec, this.hidden, () => this.draw()), this.stage);
    if (spec.note) root.append(plotNode("div", { class: "reid-note" }, spec.note));
    if (!spec.group) return;
    const others = (PLOT_GROUPS.get(spec.group) || []).filter((other) => other.root !== root);
    PLOT_GROUPS.set(spec.group, [...others, this]);
  }

  head() {
    const button = (text, title, act) => {
      const node = plotNode("button", { type: "button", title, "aria-label": title }, text);
      node.addEventListener("click", act);
      return node;
    };
    const tools = plotNode("span", { class: "reid-tools" }, button("+", "zoom in", () => this.zoom(0.6)),
      button("−", "zoom out", () => this.zoom(1 / 0.6)),
      button("whole", "show the whole plot again", () => this.reset()));
    const { title = "", whole = title } = this.spec;
    return plotNode("div", { class: "reid-head" }, plotNode("b", { title: whole }, title), tools);
  }

  zoom(factor, px = 0.5, py = 0.5) {
    const { x0, x1, y0, y1 } = this.view, w = x1 - x0, h = y1 - y0, cx = x0 + px * w, cy = y0 + py * h;
    this.show({ x0: cx - px * w * factor, x1: cx + (1 - px) * w * factor, y0: cy - py * h * factor,
      y1: cy + (1 - py) * h * factor });
  }

  reset() {
    this.show({ ...this.whole }, false);
  }

  show(view, zoomed = true) {
    Object.assign(this, { view, zoomed });
    this.draw();
  }

  /** From values to pixels (x, y) and back (ux, uy), and the edges of what is shown. */
  place() {
    const { spec, size } = this, e = spec.axes ? PLOT_EDGE : PLOT_BARE;
    const w = size.w - e.left - e.right, h = size.h - e.top - e.bottom;
    let { x0, x1, y0, y1 } = this.view;
    if (spec.equal) { // one unit is as long in both directions
      const unit = Math.max((x1 - x0) / w, (y1 - y0) / h) / 2, mx = (x0 + x1) / 2, my = (y0 + y1) / 2;
      [x0, x1, y0, y1] = [mx - unit * w, mx + unit * w, my - unit * h, my + unit * h];
    }
    const kx = w / (x1 - x0), ky = h / (y1 - y0);
    return { e, x0, x1, y0, y1, x: (v) => e.left + (v - x0) * kx, y: (v) => size.h - e.bottom - (v - y0) * ky,
      ux: (p) => x0 + (p - e.left) / kx, uy: (p) => y0 + (size.h - e.bottom - p) / ky };
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const size = (this.size = { w: Math.max(160, this.stage.clientWidth), h: this.stage.clientHeight || 320 });
    this.canvas.width = Math.round(size.w * ratio);
    this.canvas.height = Math.round(size.h * ratio);
    const pen = this.canvas.getContext("2d"), at = this.place(), { e } = at;
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    plotFrame(pen, this.spec, at, size);
    pen.save();
    pen.beginPath();
    pen.rect(e.left - 6, e.top - 6, size.w - e.left - e.right + 12, size.h - e.top - e.bottom + 12);
    pen.clip();
    for (const mark of this.spec.marks) if (!this.hidden.has(mark.name)) plotMark(pen, mark, at);
    if (this.on) {
      const [x, y, mark] = this.spot(at);
      pen.lineWidth = 2;
      pen.strokeStyle = "#1a1a1a";
      pen.beginPath();
      pen.arc(x, y, (mark.size || 3.5) + 4, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.restore();
  }

  /** Where the point under the pointer is, and its mark. */
  spot(at) {
    const mark = this.spec.marks[this.on.mark];
    return [at.x(mark.x[this.on.point]), at.y(mark.y[this.on.point]), mark];
  }

  nearest(px, py) {
    const at = this.place();
    let best = null, reach = PLOT_REACH ** 2;
    this.spec.marks.forEach((mark, m) => {
      if (this.hidden.has(mark.name)) return;
      for (let i = 0; i < mark.x.length; i++) {
        const d = (at.x(mark.x[i]) - px) ** 2 + (at.y(mark.y[i]) - py) ** 2;
        if (d <= reach) { reach = d; best = { mark: m, point: i }; }
      }
    });
    return best;
  }

  /** Mark this point (null: none); the one under the pointer is told, and marked in the plots of the group. */
  point(found, told = true) {
    if (this.on?.mark === found?.mark && this.on?.point === found?.point) return;
    this.on = found;
    this.draw();
    this.said.style.display = found && told ? "block" : "none";
    if (!told) return;
    if (found) this.tell();
    const photograph = found ? this.spec.marks[found.mark].of?.[found.point] : undefined;
    for (const other of PLOT_GROUPS.get(this.spec.group) || []) if (other !== this) other.follow(photograph);
  }

  tell() {
    const [x, y, mark] = this.spot(this.place()), { said, size } = this;
    said.replaceChildren(...plotWords(this.spec, mark, this.on.point, this.photographs));
    said.querySelector("img")?.addEventListener("load", () => plotBeside(said, x, y, size)); // only then it is as high
    plotBeside(said, x, y, size);
  }

  follow(photograph) {
    const { marks } = this.spec;
    for (let m = 0; m < marks.length && photograph !== undefined; m++) {
      const i = this.hidden.has(marks[m].name) ? -1 : (marks[m].of || []).indexOf(photograph);
      if (i >= 0) return this.point({ mark: m, point: i }, false);
    }
    this.point(null, false);
  }

  listen() {
    const { stage, canvas } = this;
    const hear = (name, act) => stage.addEventListener(name, (event) => {
      const frame = canvas.getBoundingClientRect();
      act(event.clientX - frame.left, event.clientY - frame.top, event);
    }, { passive: false });
    hear("pointermove", (px, py) => this.move(px, py));
    hear("pointerdown", (px, py, event) => {
      this.start = { px, py, shift: event.shiftKey };
      stage.setPointerCapture(event.pointerId);
      this.point(null);
      event.preventDefault();
    });
    hear("pointerup", (px, py) => this.release(px, py));
    hear("pointerleave", () => { if (!this.start) this.point(null); });
    hear("dblclick", () => this.reset());
    hear("wheel", (px, py, event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls, as everywhere
      event.preventDefault();
      const at = this.place(), { x0, x1, y0, y1 } = this.view;
      this.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, (at.ux(px) - x0) / (x1 - x0), (at.uy(py) - y0) / (y1 - y0));
    });
  }

  move(px, py) {
    const { start, view, box } = this;
    if (!start) return this.point(this.nearest(px, py));
    if (start.shift) {
      const at = this.place(), dx = at.ux(start.px) - at.ux(px), dy = at.uy(start.py) - at.uy(py);
      [start.px, start.py] = [px, py];
      return this.show({ x0: view.x0 + dx, x1: view.x1 + dx, y0: view.y0 + dy, y1: view.y1 + dy });
    }
    Object.assign(box.style, { display: "block", left: `${Math.min(px, start.px)}px`,
      top: `${Math.min(py, start.py)}px`, width: `${Math.abs(px - start.px)}px`,
      height: `${Math.abs(py - start.py)}px` });
  }

  release(px, py) {
    const from = this.start, at = this.place();
    this.start = null;
    this.box.style.display = "none";
    if (!from || from.shift || Math.abs(px - from.px) < 8 || Math.abs(py - from.py) < 8) return;
    const [x0, x1] = [at.ux(from.px), at.ux(px)].sort((a, b) => a - b);
    const [y0, y1] = [at.uy(from.py), at.uy(py)].sort((a, b) => a - b);
    this.show({ x0, x1, y0, y1 });
  }
}
