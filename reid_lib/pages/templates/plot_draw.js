// What a plot is drawn of: its frame, marks, legend, and the words of a point. Text stays text: names of runs and
// animals never become HTML.

const PLOT_EDGE = { left: 70, right: 14, top: 10, bottom: 42 }; // px
const PLOT_BARE = { left: 8, right: 8, top: 8, bottom: 8 }; // px, of a plot without axes
const PLOT_SHAPES = {
  "^": [[0, -1.15], [1.05, 0.8], [-1.05, 0.8]],
  v: [[0, 1.15], [1.05, -0.8], [-1.05, -0.8]],
  s: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  D: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  P: [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1],
    [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
  X: [[0, -0.55], [0.6, -1.1], [1.1, -0.6], [0.55, 0], [1.1, 0.6], [0.6, 1.1], [0, 0.55], [-0.6, 1.1], [-1.1, 0.6],
    [-0.55, 0], [-1.1, -0.6], [-0.6, -1.1]],
  "*": Array.from({ length: 10 }, (_, k) => {
    const r = k % 2 ? 0.55 : 1.3;
    return [r * Math.sin((k * Math.PI) / 5), -r * Math.cos((k * Math.PI) / 5)];
  }),
};

function plotNode(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function plotShape(pen, shape, x, y, r) {
  pen.beginPath();
  if (shape === "x") {
    pen.moveTo(x - r, y - r); pen.lineTo(x + r, y + r); pen.moveTo(x - r, y + r); pen.lineTo(x + r, y - r);
    pen.stroke();
    return;
  }
  if (PLOT_SHAPES[shape]) for (const [dx, dy] of PLOT_SHAPES[shape]) pen.lineTo(x + r * dx, y + r * dy);
  else pen.arc(x, y, r, 0, 2 * Math.PI);
  pen.closePath();
  pen.fill();
}

function plotTicks(low, high, most, whole) {
  const raw = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  let step = power * [1, 2, 5, 10].find((s) => s * power >= raw * 0.999);
  if (whole) step = Math.max(1, Math.round(step));
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const powers = digits > 3 || Math.abs(high) >= 1e5;
  const words = (v) => (powers ? (v ? Number(v.toPrecision(3)).toExponential() : "0") : v.toFixed(digits));
  return ticks.map((v) => [v, words(v)]);
}

function plotExtent(spec) {
  const bounds = (axis) => {
    let low = Infinity, high = -Infinity;
    for (const mark of spec.marks) for (const v of mark[axis]) { low = Math.min(low, v); high = Math.max(high, v); }
    if (!Number.isFinite(low)) return [0, 1];
    const room = (high - low) * 0.05 || (axis === "x" ? 0.5 : Math.abs(high) * 0.1 || 0.5);
    return [low - room, high + room];
  };
  const [x0, x1] = bounds("x"), [y0, y1] = bounds("y");
  return { x0, x1, y0, y1 };
}

function plotFrame(pen, spec, at, size) {
  const { e } = at, right = size.w - e.right, bottom = size.h - e.bottom;
  pen.strokeStyle = "#8c8c8c";
  pen.lineWidth = 0.8;
  if (!spec.axes) return pen.strokeRect(0.5, 0.5, size.w - 1, size.h - 1);
  pen.fillStyle = "#1a1a1a";
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const [v, words] of plotTicks(at.x0, at.x1, (right - e.left) / 80, spec.epochs)) {
    pen.beginPath(); pen.moveTo(at.x(v), bottom); pen.lineTo(at.x(v), bottom + 4); pen.stroke();
    pen.fillText(words, at.x(v), bottom + 6);
  }
  pen.fillText(spec.x, (e.left + right) / 2, bottom + 24);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const [v, words] of plotTicks(at.y0, at.y1, (bottom - e.top) / 45)) {
    pen.strokeStyle = "#ececec";
    pen.beginPath(); pen.moveTo(e.left, at.y(v)); pen.lineTo(right, at.y(v)); pen.stroke();
    pen.fillText(words, e.left - 6, at.y(v));
  }
  pen.strokeStyle = "#8c8c8c";
  pen.beginPath(); pen.moveTo(e.left, e.top); pen.lineTo(e.left, bottom); pen.lineTo(right, bottom); pen.stroke();
  pen.save();
  pen.translate(12, (e.top + bottom) / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(spec.y, 0, 0, bottom - e.top);
  pen.restore();
}

function plotMark(pen, mark, at) {
  pen.strokeStyle = pen.fillStyle = mark.colour;
  pen.globalAlpha = mark.opacity ?? 1;
  if (mark.line) {
    pen.lineWidth = mark.line;
    pen.setLineDash(mark.dash || []);
    pen.beginPath();
    mark.x.forEach((x, i) => pen.lineTo(at.x(x), at.y(mark.y[i])));
    pen.stroke();
    pen.setLineDash([]);
  }
  const every = mark.line ? Math.max(1, Math.floor(mark.x.length / 20)) : 1;
  pen.lineWidth = 1.4;
  if (mark.shape) for (let i = 0; i < mark.x.length; i += every) {
    plotShape(pen, mark.shape, at.x(mark.x[i]), at.y(mark.y[i]), mark.size || 3.5);
  }
  pen.globalAlpha = 1;
}

function plotLegend(spec, hidden, draw) {
  const legend = plotNode("div", { class: "reid-legend" });
  for (const mark of [...spec.marks, ...(spec.key || [])]) {
    if (mark.quiet) continue;
    const sample = plotNode("canvas", { width: 52, height: 28, "aria-hidden": "true" }), pen = sample.getContext("2d");
    pen.scale(2, 2);
    const here = { x: (v) => v, y: (v) => v };
    plotMark(pen, { ...mark, opacity: 1, x: mark.line ? [1, 25] : [], y: [7, 7], shape: "" }, here);
    plotMark(pen, { ...mark, opacity: 1, line: 0, x: [13], y: [7], size: Math.min(mark.size || 3.5, 5) }, here);
    if (!mark.x) { legend.append(plotNode("span", {}, sample, mark.name)); continue; }
    const title = `${mark.whole || mark.name}: hide or show`, pressed = () => String(!hidden.has(mark.name));
    const entry = plotNode("button", { type: "button", "aria-pressed": pressed(), title }, sample, mark.name);
    entry.addEventListener("click", () => {
      if (!hidden.delete(mark.name)) hidden.add(mark.name);
      entry.setAttribute("aria-pressed", pressed());
      draw();
    });
    legend.append(entry);
  }
  return legend;
}

function plotWords(spec, mark, i, photographs) {
  const line = (text, kind = "") => plotNode("div", { class: kind }, text);
  const number = (v) => String(Number(v.toPrecision(4)));
  const photograph = mark.of && photographs[mark.of[i]], words = [];
  if (photograph?.address) {
    const image = plotNode("img", { alt: "" });
    image.src = photograph.address;
    words.push(image);
  }
  if (photograph) words.push(...photograph.words.map((text, k) => line(text, k ? "" : "reid-name")));
  else words.push(line(mark.name, "reid-name"));
  if (!photograph && mark.whole && mark.whole !== mark.name) words.push(line(mark.whole, "reid-whole"));
  if (mark.what) words.push(line(mark.what));
  if (spec.axes) words.push(line(`${spec.x} ${number(mark.x[i])}`), line(`${spec.said || spec.y} ${number(mark.y[i])}`));
  if (mark.said) words.push(line(mark.said[i]));
  if (photograph && !photograph.address) words.push(line(spec.lacking || "photograph not here", "reid-whole"));
  return words;
}

function plotBeside(said, x, y, size) {
  const { offsetWidth: w, offsetHeight: h } = said;
  const left = x + 14 + w <= size.w ? x + 14 : Math.max(0, x - 14 - w);
  said.style.left = `${left}px`;
  said.style.top = `${Math.max(0, Math.min(size.h - h, y - h / 2))}px`;
}
