// Pictures and matches that the kernel sends, kept for as long as they may be asked for again.

const MOST = { thumb: 400, view: 80, full: 8, matches: 60 };

class Received {
  constructor(model) {
    this.model = model;
    // level or "matches" -> what it is of -> {url, width, height, box}, {lines, words}, or {problem}
    this.kept = { thumb: new Map(), view: new Map(), full: new Map(), matches: new Map() };
    this.asked = new Set();
    this.listeners = new Set();
    model.on("msg:custom", (content, buffers) => this.receive(content, buffers));
  }

  receive(content, buffers) {
    const told = { ...content };
    if (content.kind === "picture") {
      const { url } = this.kept[content.level].get(content.id) || {};
      if (url) return this.asked.delete(`${content.level} ${content.id}`); // it was on its way when it was asked for
      if (buffers.length) told.url = URL.createObjectURL(new Blob([buffers[0]], { type: "image/jpeg" }));
      if (told.url && content.level === "view") {
        told.image = new Image(); // decoded ahead
        told.image.src = told.url;
      }
      this.keep(content.level, content.id, told);
    } else if (content.kind === "matches") {
      this.keep("matches", JSON.stringify(content.ids), told);
    } else {
      return;
    }
    for (const listener of this.listeners) listener();
  }

  keep(what, key, told) {
    const kept = this.kept[what];
    const dropped = [kept.get(key)];
    kept.delete(key);
    kept.set(key, told);
    this.asked.delete(`${what} ${key}`);
    if (kept.size > MOST[what]) {
      const [oldest, gone] = kept.entries().next().value;
      kept.delete(oldest);
      dropped.push(gone);
    }
    for (const gone of dropped) if (gone && gone.url) URL.revokeObjectURL(gone.url);
  }

  // What is kept, now as the one used last; it is asked for where it is not here.
  find(what, key, message) {
    const kept = this.kept[what];
    const told = kept.get(key);
    if (told) {
      kept.delete(key);
      kept.set(key, told);
    } else {
      this.ask(`${what} ${key}`, message);
    }
    return told;
  }

  picture(id, level) {
    return this.find(level, id, { do: "picture", id, level });
  }

  matchesOf(first, second) {
    const ids = [first, second];
    return this.find("matches", JSON.stringify(ids), { do: "matches", ids });
  }

  ask(key, message) {
    if (this.asked.has(key)) return;
    this.asked.add(key);
    this.model.send(message);
    setTimeout(() => this.asked.delete(key), 20000); // lost with a kernel: asked again when it is wanted again
  }
}
