// Both photographs at one scale: each is fitted alike into a panel of one size (shape.js); zoom and pan move both.
//
// A point of a panel is given in shares of its width and height. A place is {zoom, x, y}: the left upper corner of the
// content lies at (x, y), and the content is `zoom` panels large.

const MOST_ZOOM = 16;
const OPEN = { zoom: 1, x: 0, y: 0 };
const SIDES = ["A", "B"];
const MARGIN_PX = 1;
const GAMMAS = [1, 0.6, 0.4]; // of the photographs: as they are, and lighter, shadows most of all

class Stage {
  constructor(received, onMoved, onDrawn) {
    Object.assign(this, { received, onMoved, onDrawn });
    this.words = ""; // about the lines
    this.place = { ...OPEN };
    this.own = { A: [0, 0], B: [0, 0] }; // moved alone, in shares of the content
    this.shown = { A: null, B: null };
    this.lines = false;
    this.light = 0; // of GAMMAS
    this.panels = {};
    const panels = SIDES.map((side) => this.buildPanel(side));
    this.svg = svg("svg", { class: "rr-lines", "aria-hidden": "true" });
    this.node = h("div", { class: "rr-stage" }, ...panels, this.svg, this.buildLight());
    this.room = null; // what the panels stand in
    this.onResize = () => this.draw();
    this.observer = new ResizeObserver(this.onResize);
  }

  // Stand in a part of the screen, whose width is what there is.
  standIn(room) {
    this.room = room;
    this.observer.observe(room);
    window.addEventListener("resize", this.onResize); // the height of the panels follows the window
  }

  buildPanel(side) {
    const image = h("img", { class: "rr-photo", alt: "", draggable: "false" });
    const note = h("div", { class: "rr-photo-note" });
    const letter = h("span", { class: "rr-letter", "aria-hidden": "true" }, side);
    const told = h("div", { class: "rr-told", hidden: true });
    const node = h("div", { class: "rr-panel", "data-side": side }, image, note, letter, told);
    image.addEventListener("load", () => this.draw());
    node.addEventListener("wheel", (event) => this.wheel(event, node), { passive: false });
    node.addEventListener("dblclick", (event) => this.zoomAt(this.place.zoom > 1 ? 1 / MOST_ZOOM : 3, ...share(event, node)));
    node.addEventListener("pointerdown", (event) => this.drag(event, node, side));
    this.panels[side] = { node, image, note, told };
    return node;
  }

  // The filter of lighter photographs: a dark animal before a bright sky has its marks in the shadows.
  buildLight() {
    this.lightId = `rr-light-${Math.random().toString(36).slice(2)}`;
    const curves = ["R", "G", "B"].map((channel) => svg(`feFunc${channel}`, { type: "gamma", exponent: 1 }));
    const transfer = svg("feComponentTransfer", {});
    transfer.append(...curves);
    const filter = svg("filter", { id: this.lightId, "color-interpolation-filters": "sRGB" });
    filter.append(transfer);
    const holder = svg("svg", { class: "rr-light", width: 0, height: 0, "aria-hidden": "true" });
    holder.append(filter);
    this.curves = curves;
    return holder;
  }

  lighten() {
    this.light = (this.light + 1) % GAMMAS.length;
    this.useLight();
  }

  useLight() {
    for (const curve of this.curves) curve.setAttribute("exponent", GAMMAS[this.light]);
    for (const side of SIDES) this.panels[side].image.style.filter = this.light ? `url(#${this.lightId})` : "";
  }

  // Photographs {id, label} of both sides; a new question begins at `place`, where it was left before.
  show(shown, place) {
    this.shown = shown;
    if (place) {
      this.place = { ...place.place };
      this.own = { A: [...place.own.A], B: [...place.own.B] };
    }
    this.drawNow(); // not a frame later
  }

  // A remark on the photograph of one side.
  tell(side, words) {
    const { told } = this.panels[side];
    told.textContent = words;
    told.hidden = !words;
  }

  kept() {
    return { place: { ...this.place }, own: { A: [...this.own.A], B: [...this.own.B] } };
  }

  reset() {
    this.place = { ...OPEN };
    this.own = { A: [0, 0], B: [0, 0] };
    this.moved();
  }

  // Zoom by a factor; the point (px, py) stays where it is.
  zoomAt(factor, px = 0.5, py = 0.5) {
    const { zoom, x, y } = this.place;
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
    this.place = { zoom: next, x: px - ((px - x) * next) / zoom, y: py - ((py - y) * next) / zoom };
    this.moved();
  }

  pan(dx, dy, side = null) {
    if (side) {
      this.own[side] = [this.own[side][0] + dx / this.place.zoom, this.own[side][1] + dy / this.place.zoom];
      this.own[side] = this.own[side].map((value) => Math.min(1, Math.max(-1, value)));
    } else {
      this.place.x += dx;
      this.place.y += dy;
    }
    this.moved();
  }

  moved() {
    const most = 1 - this.place.zoom;
    this.place.x = Math.min(0, Math.max(most, this.place.x));
    this.place.y = Math.min(0, Math.max(most, this.place.y));
    this.draw();
    this.onMoved();
  }

  wheel(event, node) {
    if (!node.closest(".rr-root").contains(document.activeElement)) return; // the page scrolls
    event.preventDefault();
    const step = event.deltaMode === 1 ? 20 * event.deltaY : event.deltaY;
    this.zoomAt(Math.exp(-Math.min(200, Math.max(-200, step)) / 350), ...share(event, node));
  }

  drag(event, node, side) {
    if (event.button !== 0) return;
    const { width, height } = node.getBoundingClientRect();
    let [x, y] = [event.clientX, event.clientY];
    node.setPointerCapture(event.pointerId);
    const move = (moved) => {
      this.pan((moved.clientX - x) / width, (moved.clientY - y) / height, moved.shiftKey ? side : null);
      [x, y] = [moved.clientX, moved.clientY];
    };
    const end = () => {
      node.removeEventListener("pointermove", move);
      node.removeEventListener("pointerup", end);
      node.removeEventListener("pointercancel", end);
    };
    node.addEventListener("pointermove", move);
    node.addEventListener("pointerup", end);
    node.addEventListener("pointercancel", end);
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNow();
    });
  }

  drawNow() {
    this.shape();
    for (const side of SIDES) this.drawPhoto(side);
    this.drawLines();
    this.onDrawn();
  }

  // Give the panels the size that suits what is shown, once both photographs are here: until then they stay as they are.
  shape() {
    const wide = this.room ? this.room.clientWidth : 0;
    const aspects = SIDES.map((side) => this.aspect(side));
    if (!wide || (this.shaped && aspects.includes(null))) return;
    const size = panelSize(aspects.filter(Boolean), wide, window.innerHeight);
    this.shaped = true;
    this.room.style.setProperty("--rr-panel-width", `${size.width}px`);
    this.room.style.setProperty("--rr-panel-height", `${size.height}px`);
    this.room.classList.toggle("rr-beside", size.beside);
  }

  // Width over height of a photograph; null while it is on its way, 0 where there is none.
  aspect(side) {
    const photo = this.shown[side];
    const told = photo && this.received.picture(photo.id, "view");
    if (told && told.url) return told.width / told.height;
    return photo && !(told && told.problem) ? null : 0;
  }

  drawPhoto(side) {
    const { node, image, note } = this.panels[side];
    const photo = this.shown[side];
    if (!photo) {
      image.removeAttribute("src");
      note.textContent = "";
      return;
    }
    const { clientWidth: width, clientHeight: height } = node;
    let told = this.received.picture(photo.id, "view");
    if (told && told.url && this.needsMore(told, width, height)) {
      const full = this.received.picture(photo.id, "full");
      if (full && full.url) told = full;
    }
    note.textContent = told ? told.problem || "" : "loading …";
    const url = told && told.url;
    if (!url) image.removeAttribute("src");
    else if (image.getAttribute("src") !== url) image.src = url;
    image.alt = photo.label;
    if (!url) return;
    const fit = Math.min(width / told.width, height / told.height);
    const { zoom, x, y } = this.place;
    const left = (x + this.own[side][0] * zoom) * width + (zoom * (width - told.width * fit)) / 2;
    const top = (y + this.own[side][1] * zoom) * height + (zoom * (height - told.height * fit)) / 2;
    image.style.width = `${told.width * fit * zoom}px`;
    image.style.height = `${told.height * fit * zoom}px`;
    image.style.transform = `translate(${left}px, ${top}px)`;
    this.panels[side].corner = [left, top, told.width * fit * zoom, told.height * fit * zoom];
    this.panels[side].box = told.box;
  }

  // Is one pixel of the picture more than one of the screen?
  needsMore(told, width, height) {
    const fit = Math.min(width / told.width, height / told.height) * (window.devicePixelRatio || 1);
    return told.more && fit * this.place.zoom > 1.2;
  }

  // Lines between the spots of both, where both ends can be seen; those that no geometry explains are dashed.
  drawLines() {
    const { A, B } = this.shown;
    this.words = "";
    this.svg.replaceChildren();
    if (!this.lines || !A || !B) return;
    const told = this.received.matchesOf(A.id, B.id);
    this.words = told ? told.problem || told.words : "matching …";
    if (!told || told.problem || !SIDES.every((side) => this.panels[side].corner && this.panels[side].image.src)) return;
    for (const [ax, ay, bx, by, confidence, inlier] of told.lines) {
      const start = this.onStage("A", ax, ay);
      const end = this.onStage("B", bx, by);
      if (!start || !end) continue;
      const at = { x1: start[0], y1: start[1], x2: end[0], y2: end[1] };
      if (inlier) {
        this.svg.append(svg("line", { ...at, class: "rr-line-halo" }));
        this.svg.append(svg("line", { ...at, class: "rr-line", style: `opacity: ${0.55 + 0.45 * confidence}` }));
        for (const [cx, cy] of [start, end]) this.svg.append(svg("circle", { cx, cy, r: 3, class: "rr-dot" }));
      } else {
        this.svg.append(svg("line", { ...at, class: "rr-line-other" }));
      }
    }
  }

  // A spot of a photograph, in shares of its box, in px of the stage; null where it is out of sight.
  onStage(side, x, y) {
    const { node, corner, box } = this.panels[side];
    const px = corner[0] + (box[0] + x * box[2]) * corner[2];
    const py = corner[1] + (box[1] + y * box[3]) * corner[3];
    if (px < 0 || py < 0 || px > node.clientWidth || py > node.clientHeight) return null;
    return [px + node.offsetLeft + MARGIN_PX, py + node.offsetTop + MARGIN_PX];
  }

  close() {
    this.observer.disconnect();
    window.removeEventListener("resize", this.onResize);
  }
}

function share(event, node) {
  const { left, top, width, height } = node.getBoundingClientRect();
  return [(event.clientX - left) / width, (event.clientY - top) / height];
}
