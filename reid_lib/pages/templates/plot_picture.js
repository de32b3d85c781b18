// A figure that is a picture answers the pointer, too: what the pointer is on is marked and told beside it.

/** frame: what holds the image, positioned; spots: [{x, y, w, h, words}] as `reid_lib.figures.pointing` finds them. */
function pointAt(frame, image, spots) {
  const said = plotNode("div", { class: "reid-said" }), ring = plotNode("div", { class: "reid-ring" });
  frame.append(ring, said);
  const hide = () => [said, ring].forEach((node) => { node.style.display = "none"; });
  image.addEventListener("pointerleave", hide);
  image.addEventListener("pointermove", (event) => {
    const at = image.getBoundingClientRect(), { width: w, height: h } = at;
    const spot = plotSpot(spots, event.clientX - at.left, event.clientY - at.top, w, h);
    if (!spot) return hide();
    const room = { w: Math.max(6, spot.w * w), h: Math.max(6, spot.h * h) };
    const base = frame.getBoundingClientRect();
    const left = at.left - base.left + frame.scrollLeft, top = at.top - base.top + frame.scrollTop;
    const x = spot.x * w, y = spot.y * h;
    Object.assign(ring.style, { display: "block", left: `${left + x - room.w}px`, top: `${top + y - room.h}px`,
      width: `${2 * room.w}px`, height: `${2 * room.h}px`, borderRadius: spot.w ? "3px" : "50%" });
    said.style.display = "block";
    said.replaceChildren(...spot.words.map((text, k) => plotNode("div", { class: k ? "" : "reid-name" }, text)));
    plotBeside(said, left + x, top + y, { w: left + w, h: top + h });
  });
}

/** The spot whose box the pointer is in, else the nearest one in reach. */
function plotSpot(spots, px, py, w, h) {
  let best = null, reach = PLOT_REACH ** 2;
  for (const spot of spots) {
    const dx = Math.max(0, Math.abs(spot.x * w - px) - spot.w * w);
    const dy = Math.max(0, Math.abs(spot.y * h - py) - spot.h * h), d = dx ** 2 + dy ** 2;
    if (d < reach) { reach = d; best = spot; }
  }
  return best;
}
