// How large the panels are: both have one size, as large as there is room, and no larger than the photographs fill.
//
// Captions and other photographs stand below the panels; or beside them, where upright photographs leave room there: then
// the photographs are larger, or as large with the answers nearer.

const WIDE = 4 / 3; // width over height of a panel at most: what is flatter leaves room to zoom into
const SLIM = 0.5; // and at least
const OF_WINDOW = 0.58; // height of the panels, of the window's; the rest is for what is asked, the answers, the notebook
const GAP_PX = 6; // between panels, and to what stands beside them (screen.css)
const BESIDE_PX = 170; // width of what stands beside a panel
const BELOW_PX = 110; // height that it takes below
const WORTH = 0.9; // area of the photographs beside to that below, from which on that is done

// aspects: width over height of the photographs; width: of all the room, in px; height: of the window.
function panelSize(aspects, width, height) {
  const shown = aspects.length ? aspects : [WIDE];
  const below = largestPanel(shown, (width - GAP_PX) / 2, OF_WINDOW * height);
  const beside = largestPanel(shown, (width - 3 * GAP_PX) / 2 - BESIDE_PX, OF_WINDOW * height + BELOW_PX);
  return areaShown(shown, beside) >= WORTH * areaShown(shown, below) ? { ...beside, beside: true } : { ...below, beside: false };
}

function largestPanel(aspects, width, height) {
  const bounded = aspects.map((aspect) => Math.min(WIDE, Math.max(SLIM, aspect)));
  return {
    width: Math.floor(Math.max(0, Math.min(width, height * Math.max(...bounded)))),
    height: Math.floor(Math.max(0, Math.min(height, width / Math.min(...bounded)))),
  };
}

function areaShown(aspects, panel) {
  return aspects.reduce((sum, aspect) => sum + Math.min(panel.width, panel.height * aspect) ** 2 / aspect, 0);
}
