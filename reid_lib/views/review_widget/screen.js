// The screen: what is asked, the answers and their keys, and what was recorded.

const DECISIONS = [
  { key: "s", decision: "same", sign: "=", label: "Same animal" },
  { key: "d", decision: "different", sign: "≠", label: "Different animals" },
  { key: "c", decision: "cannot tell", sign: "?", label: "Cannot tell" },
];
const SIGNS = { same: "=", different: "≠", "cannot tell": "?", undo: "↶", skip: "→", note: "·", problem: "!" };
const SILENCE_MS = 5000; // without a word from the kernel, after which that is said
const POLL_MS = 8000; // between looks for what others wrote
const PAN = 0.12; // of a panel, by one key
const HELP = [
  ["s d c", "same, different, cannot tell (u too)"],
  ["z", "take the last answer back"],
  ["n", "another question first"],
  ["l", "lines between matching spots"],
  ["g", "dark photographs: lighter, lighter still, as they are"],
  ["+ − 0", "zoom in, out, fit (wheel: at the pointer)"],
  ["arrows", "move both (drag); with Shift: B alone (or the one that is dragged)"],
  ["a b", "next other photograph of A, of B; with Shift: the one before; o: those that are asked about"],
  ["f w", "to the filters, to the name"],
  ["Esc", "back to the photographs"],
];

class Screen {
  constructor(model, el, received, memory) {
    Object.assign(this, { model, received, memory });
    this.stage = new Stage(received, () => this.remember(), () => this.tellLines());
    this.stage.lines = memory.lines;
    this.stage.light = memory.light;
    this.stage.useLight();
    this.swapped = { A: 0, B: 0 }; // 0: the photograph that is asked about
    this.build();
    el.append(this.root);
    this.onState = () => this.update();
    this.onPicture = () => this.drawPictures();
    this.onKey = (event) => this.key(event);
    model.on("change:state", this.onState);
    received.listeners.add(this.onPicture);
    // On the window, before anybody else: JupyterLab's own keys neither swallow nor double ours.
    window.addEventListener("keydown", this.onKey, true);
    this.poll = setInterval(() => this.visible() && !this.busy && model.send({ do: "poll" }), POLL_MS);
    this.update();
    this.takeFocus();
  }

  close() {
    this.model.off("change:state", this.onState);
    this.received.listeners.delete(this.onPicture);
    window.removeEventListener("keydown", this.onKey, true);
    clearInterval(this.poll);
    clearTimeout(this.silence);
    this.stage.close();
  }

  visible() {
    return this.root.isConnected && document.visibilityState === "visible";
  }

  // ---- elements ------------------------------------------------------------------------------------------------

  build() {
    this.parts = {};
    const part = (name, tag, attributes = {}, ...children) =>
      (this.parts[name] = h(tag, { class: `rr-${name}`, ...attributes }, ...children));
    this.root = h(
      "div",
      { class: "rr-root", tabindex: "0", role: "application", "aria-label": "Review of pairs: one animal or two?" },
      h("div", { class: "rr-top" }, part("progress", "div"), this.buildChoices()),
      part("bar", "div", { role: "progressbar", "aria-label": "answered of all that is worth asking" }, h("span")),
      h("div", { class: "rr-ask" }, part("question", "div", { class: "rr-question" }), part("mark", "div")),
      part("why", "div"),
      part("asleep", "div", {}, "Keys are off: click here, or Tab to here, and they work."),
      part("sight", "div", {}, this.stage.node, ...SIDES.flatMap((side) => this.buildAbout(side))),
      this.buildAnswers(),
      part("said", "div", { role: "status", "aria-live": "polite" }, h("span", { class: "rr-sign", "aria-hidden": "true" }), h("span")),
      h("div", { class: "rr-foot" }, part("left", "div"), this.buildHelp()),
    );
    this.stage.standIn(this.parts.sight);
    this.root.addEventListener("focusin", () => this.root.classList.add("rr-focused"));
    this.root.addEventListener("focusout", (event) => {
      if (!this.root.contains(event.relatedTarget)) this.root.classList.remove("rr-focused");
    });
    this.root.addEventListener("mousedown", (event) => {
      if (!event.target.closest("button, input, select, summary, label")) this.root.focus({ preventScroll: true });
    });
  }

  // What stands about the photograph of one side, and the others of its animal.
  buildAbout(side) {
    const caption = h("div", { class: `rr-caption rr-of-${side}` });
    const strip = h("div", { class: `rr-strip rr-of-${side}`, role: "group" });
    Object.assign(this.parts, { [`caption${side}`]: caption, [`strip${side}`]: strip });
    return [caption, strip];
  }

  buildChoices() {
    const choice = (name, label, node) => {
      node.addEventListener("change", () => this.choose());
      this.parts[name] = node;
      return h("label", {}, `${label} `, node);
    };
    this.parts.animals = h("datalist", { id: `rr-animals-${Math.random().toString(36).slice(2)}` });
    const animal = h("input", { type: "search", size: "14", placeholder: "all", list: this.parts.animals.id });
    const who = h("input", { type: "text", size: "10", spellcheck: "false" });
    const row = h(
      "div",
      { class: "rr-choices" },
      choice("doubt", "ask", h("select")),
      choice("dataset", "data set", h("select")),
      choice("individual", "animal", animal),
      this.parts.animals,
      h("label", {}, "you are ", who),
    );
    this.parts.who = who;
    who.addEventListener("change", () => this.tell({ do: "who", who: who.value }));
    return row;
  }

  buildAnswers() {
    this.buttons = {};
    const button = (name, sign, label, keys, act) => {
      const shown = h("span", { class: "rr-key", "aria-hidden": "true" }, keys);
      const mark = sign ? h("span", { class: "rr-sign", "aria-hidden": "true" }, sign) : null;
      this.buttons[name] = h("button", { type: "button", class: `rr-button rr-do-${name.replace(" ", "-")}`, "aria-keyshortcuts": keys, onclick: act }, ...[mark, label, shown].filter(Boolean));
      return this.buttons[name];
    };
    const answers = DECISIONS.map(({ key, decision, sign, label }) =>
      h("div", { class: "rr-answer" }, button(decision, sign, label, key, () => this.answer(decision)), (this.parts[`effect ${decision}`] = h("div", { class: "rr-effect" }))),
    );
    const row = (...buttons) => h("div", { class: "rr-others" }, ...buttons);
    const others = [
      row(button("skip", "→", "Later", "n", () => this.skip()), button("undo", "↶", "Undo", "z", () => this.undo()), button("light", "◐", "", "g", () => this.lighten())),
      row(
        button("lines", "╱", "Lines", "l", () => this.toggleLines()),
        button("in", "", "", "+", () => this.stage.zoomAt(1.5)),
        button("out", "", "", "−", () => this.stage.zoomAt(1 / 1.5)),
        button("fit", "", "Fit", "0", () => this.stage.reset()),
      ),
    ];
    this.buttons.light.setAttribute("aria-label", "lighter photographs");
    this.buttons.light.title = "dark photographs: lighter, lighter still, as they are";
    this.tellLight();
    this.buttons.in.setAttribute("aria-label", "zoom in");
    this.buttons.out.setAttribute("aria-label", "zoom out");
    this.parts.lineWords = h("span", { class: "rr-line-words" });
    return h("div", { class: "rr-answers" }, ...answers, h("div", {}, ...others, this.parts.lineWords));
  }

  buildHelp() {
    const rows = HELP.map(([keys, words]) => h("div", {}, h("span", { class: "rr-key" }, keys), ` ${words}`));
    return (this.parts.help = h("details", { class: "rr-help" }, h("summary", {}, "Keys (?)"), ...rows));
  }

  // ---- what the kernel says ------------------------------------------------------------------------------------

  update() {
    const state = this.model.get("state");
    if (!state.serial) return;
    clearTimeout(this.silence);
    this.busy = false;
    for (const button of Object.values(this.buttons)) button.classList.remove("rr-pressed");
    const before = this.asked || "";
    this.state = state;
    this.asked = state.question ? JSON.stringify(state.question.ids) : "";
    if (this.asked !== before) {
      this.swapped = { A: 0, B: 0 };
      this.since = performance.now();
      this.stage.show(this.shown(), this.memory.places.get(this.asked) || { place: OPEN, own: { A: [0, 0], B: [0, 0] } });
    }
    this.drawTop();
    this.drawQuestion();
    this.drawPictures();
    this.say(state.said.kind, state.said.text);
    const inside = this.root.contains(document.activeElement) && document.activeElement.matches("input, select");
    if (this.answered && !inside) this.root.focus({ preventScroll: true });
    this.answered = false;
  }

  drawTop() {
    const { progress, left, filters, chosen, who, undo } = this.state;
    this.parts.progress.textContent = progress.words;
    this.parts.bar.firstChild.style.width = `${Math.round(100 * progress.share)}%`;
    this.parts.bar.setAttribute("aria-valuenow", Math.round(100 * progress.share));
    this.parts.left.textContent = left.words;
    this.parts.left.classList.toggle("rr-stop", left.stop);
    for (const name of ["doubt", "dataset"]) options(this.parts[name], filters[name], chosen[name]);
    this.parts.dataset.parentNode.hidden = filters.dataset.length < 3; // "all" and one
    if (this.parts.animals.dataset.told !== filters.told) {
      this.parts.animals.replaceChildren(...filters.individual.map((value) => h("option", { value })));
      this.parts.animals.dataset.told = filters.told;
    }
    if (document.activeElement !== this.parts.individual) this.parts.individual.value = chosen.individual;
    if (document.activeElement !== this.parts.who) this.parts.who.value = who;
    this.buttons.undo.disabled = !undo;
    this.buttons.undo.title = undo;
  }

  drawQuestion() {
    const { question, nothing } = this.state;
    const { parts } = this;
    this.root.classList.toggle("rr-nothing", !question);
    parts.question.textContent = question ? question.words : nothing;
    parts.mark.textContent = question ? question.mark : "";
    parts.mark.hidden = !parts.mark.textContent;
    parts.why.textContent = question ? question.why : "";
    for (const { decision } of DECISIONS) {
      parts[`effect ${decision}`].textContent = question ? question.effects[decision] || "" : "";
      this.buttons[decision].disabled = !question;
    }
    this.buttons.skip.disabled = !question;
    for (const side of SIDES) this.drawStrip(side);
  }

  drawStrip(side) {
    const { question } = this.state;
    const strip = this.parts[`strip${side}`];
    const photos = question ? question.photos[side] : [];
    strip.setAttribute("aria-label", `photographs of ${side}`);
    const thumbs = photos.map((photo, k) => {
      const words = k ? `other photograph ${k} of ${side}: ${photo.label}` : `the one asked about: ${photo.label}`;
      const image = h("img", { alt: "", "data-id": photo.id, draggable: "false" });
      const pressed = this.swapped[side] === k;
      return h("button", { type: "button", class: "rr-thumb", title: words, "aria-label": words, "aria-pressed": String(pressed), onclick: () => this.swap(side, k) }, image, k ? null : h("span", { class: "rr-asked" }, "asked"));
    });
    const more = question && question.more[side] ? [h("span", { class: "rr-more" }, question.more[side])] : [];
    strip.replaceChildren(...thumbs, ...more);
    this.drawCaption(side);
  }

  drawCaption(side) {
    const caption = this.parts[`caption${side}`];
    const photo = this.state.question && this.shown()[side];
    if (!photo) return caption.replaceChildren();
    const facts = photo.facts.map(([name, value]) => h("span", { class: "rr-fact" }, h("span", {}, `${name} `), value));
    caption.replaceChildren(h("b", {}, `${side}  `), h("bdi", { class: "rr-file", title: photo.id }, photo.file), ...facts);
    const asked = this.state.question.photos[side][0].file;
    this.stage.tell(side, this.swapped[side] ? `another photograph of this animal; asked is ${asked} (o: back)` : "");
  }

  // Photographs that are shown: those that are asked about, or others of the same animals in their place.
  shown() {
    const { question } = this.state;
    if (!question) return { A: null, B: null };
    return { A: question.photos.A[this.swapped.A], B: question.photos.B[this.swapped.B] };
  }

  drawPictures() {
    this.stage.draw();
    for (const image of this.root.querySelectorAll(".rr-thumb img")) {
      const told = this.received.picture(image.dataset.id, "thumb");
      if (told && told.url && image.getAttribute("src") !== told.url) image.src = told.url;
    }
  }

  tellLines() {
    const words = this.stage.lines ? this.stage.words : "";
    if (this.parts.lineWords.textContent !== words) this.parts.lineWords.textContent = words;
    this.buttons.lines.setAttribute("aria-pressed", String(this.stage.lines));
  }

  say(kind, text) {
    const { said } = this.parts;
    const mark = `rr-said rr-kind-${kind.replace(" ", "-")}`;
    const fresh = said.lastChild.textContent !== text || said.className !== mark;
    said.className = mark;
    said.firstChild.textContent = text ? SIGNS[kind] : "";
    said.lastChild.textContent = text;
    if (fresh && text) said.animate([{ opacity: 0.2 }, { opacity: 1 }], { duration: 250 });
  }

  // ---- what the person does ------------------------------------------------------------------------------------

  tell(message) {
    this.model.send(message);
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.busy = false;
      this.say("problem", "The kernel does not answer: it is busy, or was restarted (then run this cell again). What was recorded says so here; nothing else was.");
    }, SILENCE_MS);
  }

  answer(decision) {
    if (this.busy || !this.state.question) return;
    this.busy = this.answered = true;
    this.buttons[decision].classList.add("rr-pressed");
    const { zoom } = this.stage.place;
    const images = SIDES.map((side) => this.shown()[side].id);
    const seconds = Math.round((performance.now() - this.since) / 100) / 10;
    const seen = { lines: this.stage.lines, light: this.stage.light, zoom: Math.round(zoom * 10) / 10, images, seconds };
    this.tell({ do: "answer", decision, ids: this.state.question.ids, seen });
  }

  undo() {
    if (this.busy) return;
    this.busy = this.answered = true;
    this.buttons.undo.classList.add("rr-pressed");
    this.tell({ do: "undo" });
  }

  skip() {
    if (this.busy || !this.state.question) return;
    this.busy = this.answered = true;
    this.buttons.skip.classList.add("rr-pressed");
    this.tell({ do: "skip", ids: this.state.question.ids });
  }

  choose() {
    const [doubt, dataset, individual] = ["doubt", "dataset", "individual"].map((name) => this.parts[name].value);
    this.tell({ do: "filter", doubt, dataset, individual });
  }

  toggleLines() {
    this.stage.lines = this.memory.lines = !this.stage.lines;
    this.model.send({ do: "lines", lines: this.stage.lines });
    this.stage.draw();
  }

  lighten() {
    this.stage.lighten();
    this.memory.light = this.stage.light;
    this.tellLight();
  }

  tellLight() {
    this.buttons.light.setAttribute("aria-pressed", String(this.stage.light > 0));
  }

  swap(side, k) {
    const photos = this.state.question ? this.state.question.photos[side] : [];
    if (!photos.length) return;
    this.swapped[side] = (k + photos.length) % photos.length;
    this.stage.show(this.shown(), null); // the place is kept
    const strip = this.parts[`strip${side}`];
    [...strip.querySelectorAll(".rr-thumb")].forEach((thumb, at) => thumb.setAttribute("aria-pressed", String(at === this.swapped[side])));
    const thumb = strip.querySelectorAll(".rr-thumb")[this.swapped[side]];
    strip.scrollLeft = thumb.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + thumb.clientWidth / 2;
    strip.scrollTop = thumb.offsetTop - strip.offsetTop - strip.clientHeight / 2 + thumb.clientHeight / 2;
    this.drawCaption(side);
  }

  remember() {
    if (!this.asked) return;
    this.memory.places.delete(this.asked);
    this.memory.places.set(this.asked, this.stage.kept());
    if (this.memory.places.size > 200) this.memory.places.delete(this.memory.places.keys().next().value);
  }

  takeFocus() {
    // Running a cell moves the focus on to the next one, after the output has come: it is taken again, but never
    // from somebody who types.
    const take = () => {
      const active = document.activeElement;
      const types = active && active.closest("input, textarea, select, .cm-editor, [contenteditable='true']");
      if (this.root.isConnected && !this.root.contains(active) && !types) this.root.focus({ preventScroll: true });
    };
    for (const wait of [0, 150, 500, 1200]) setTimeout(take, wait);
  }

  key(event) {
    if (!event.composedPath().includes(this.root) || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Tab" || (event.key === "Enter" && event.shiftKey)) return;
    event.stopImmediatePropagation();
    const target = event.composedPath()[0];
    if (event.key === "Escape") return this.root.focus({ preventScroll: true });
    if (target.matches("input, select, textarea")) {
      if (event.key === "Enter" && target.matches("input")) this.root.focus({ preventScroll: true }); // which tells the change
      return;
    }
    const act = this.action(event);
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || event.key.startsWith("Arrow") || "+-=_−".includes(event.key)) act();
  }

  action({ key, shiftKey }) {
    const { stage } = this;
    const side = shiftKey ? "B" : null;
    const actions = {
      s: () => this.answer("same"),
      d: () => this.answer("different"),
      c: () => this.answer("cannot tell"),
      u: () => this.answer("cannot tell"),
      z: () => this.undo(),
      n: () => this.skip(),
      l: () => this.toggleLines(),
      g: () => this.lighten(),
      "+": () => stage.zoomAt(1.5),
      "=": () => stage.zoomAt(1.5),
      "-": () => stage.zoomAt(1 / 1.5),
      "−": () => stage.zoomAt(1 / 1.5),
      _: () => stage.zoomAt(1 / 1.5),
      0: () => stage.reset(),
      arrowleft: () => stage.pan(side ? -PAN / 4 : PAN, 0, side),
      arrowright: () => stage.pan(side ? PAN / 4 : -PAN, 0, side),
      arrowup: () => stage.pan(0, side ? -PAN / 4 : PAN, side),
      arrowdown: () => stage.pan(0, side ? PAN / 4 : -PAN, side),
      a: () => this.swap("A", this.swapped.A + (shiftKey ? -1 : 1)),
      b: () => this.swap("B", this.swapped.B + (shiftKey ? -1 : 1)),
      o: () => SIDES.forEach((one) => this.swap(one, 0)),
      f: () => this.parts.doubt.focus(),
      w: () => this.parts.who.focus(),
      "?": () => (this.parts.help.open = !this.parts.help.open),
    };
    return actions[key.toLowerCase()];
  }
}

function options(select, offered, chosen) {
  const told = JSON.stringify(offered);
  if (select.dataset.told !== told) {
    select.replaceChildren(...offered.map(({ value, label }) => h("option", { value }, label)));
    select.dataset.told = told;
  }
  select.value = chosen;
}

export default () => {
  const memory = { lines: false, light: 0, places: new Map() }; // of one widget, whatever shows it
  let received = null;
  return {
    initialize({ model }) {
      received = new Received(model);
    },
    render({ model, el }) {
      const screen = new Screen(model, el, received, memory);
      return () => screen.close();
    },
  };
};
