"""Kinds of animals for the demo data, and the pattern that stays with each flank of an animal.

Body coordinates (u, t): u along the body in body lengths, 0 at its front and 1 at its rear; t across it in body
lengths, 0 on the midline. A pattern is a list of polygons in body coordinates.
"""

from dataclasses import dataclass

import numpy as np

PATTERN = 1  # stream number of the random draws of patterns; scenes and photographs have others
_ANGLE = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.column_stack([np.cos(_ANGLE), np.sin(_ANGLE)])


@dataclass(frozen=True)
class Kind:
    """A kind of animal.

    Attributes:
        name, dataset: what it is called, and the data set that its animals make up.
        letter: first of its animals' names.
        flanks: sides it is photographed from: "top", or "left" and "right", whose patterns differ.
        width: (u, half width) pairs of its body, in body coordinates.
        body, tones, grounds: colours (RGB) of the body, of its marks, and of what it lives on.
    """

    name: str
    dataset: str
    letter: str
    flanks: tuple[str, ...]
    length: float  # of the body, as a share of the image side
    bend: float  # radians from front to rear, at most
    width: tuple[tuple[float, float], ...]
    body: tuple[int, int, int]
    tones: tuple[tuple[int, int, int], ...]
    grounds: tuple[tuple[int, int, int], ...]

    def half_width(self, u: np.ndarray) -> np.ndarray:
        """Half width of the body at u, in body lengths; 0 beyond its ends."""
        us, widths = zip(*self.width, strict=True)
        return np.interp(u, us, widths, left=0.0, right=0.0)


SALAMANDER = Kind(
    name="salamander",
    dataset="salamanders",
    letter="S",
    flanks=("top",),
    length=0.98,
    bend=1.3,
    width=(
        (0.0, 0.0), (0.01, 0.045), (0.04, 0.082), (0.10, 0.096), (0.15, 0.082), (0.19, 0.078), (0.28, 0.112),
        (0.40, 0.122), (0.52, 0.108), (0.60, 0.082), (0.66, 0.060), (0.80, 0.040), (0.95, 0.018), (1.0, 0.0),
    ),
    body=(34, 32, 36),
    tones=((240, 196, 40),),
    grounds=((96, 76, 48), (78, 92, 50), (120, 96, 66), (70, 66, 58), (104, 112, 70), (128, 84, 50), (60, 74, 60)),
)  # fmt: skip
TURTLE = Kind(
    name="turtle",
    dataset="turtles",
    letter="T",
    flanks=("top",),
    length=0.66,
    bend=0.25,
    width=tuple((u, 0.40 * (1 - abs(2 * u - 1) ** 2.4) ** 0.5) for u in np.linspace(0, 1, 41)),
    body=(78, 84, 50),
    tones=((58, 52, 34), (112, 88, 44), (168, 134, 62), (214, 186, 104), (34, 32, 26)),
    grounds=((40, 112, 140), (60, 140, 150), (194, 178, 130), (150, 140, 110), (36, 84, 96), (90, 130, 120)),
)
LYNX = Kind(
    name="lynx",
    dataset="lynxes",
    letter="L",
    flanks=("left", "right"),
    length=0.98,
    bend=0.3,
    width=(
        (0.16, 0.0), (0.18, 0.09), (0.24, 0.145), (0.34, 0.17), (0.48, 0.165), (0.60, 0.155), (0.72, 0.165),
        (0.82, 0.145), (0.88, 0.08), (0.90, 0.0),
    ),
    body=(190, 152, 104),
    tones=((58, 40, 28), (150, 106, 66)),
    grounds=((222, 226, 232), (112, 122, 70), (90, 100, 62), (160, 150, 120), (180, 190, 200), (100, 84, 60)),
)  # fmt: skip
KINDS = (SALAMANDER, TURTLE, LYNX)


# ---- patterns: what an animal is known by


def draw_pattern(kind: Kind, seed: int, animal: int, flank: str) -> list[tuple[np.ndarray, int]]:
    """The marks of one side of one animal: (polygon (k, 2) in body coordinates, index into `kind.tones`)."""
    side = kind.flanks.index(flank)
    rng = np.random.default_rng([seed, PATTERN, KINDS.index(kind), animal, side])
    return {"salamander": _blotches, "turtle": _scutes, "lynx": _rosettes}[kind.name](kind, rng)


def _blotches(kind: Kind, rng) -> list:
    marks, (typical, stretch) = [], rng.uniform((0.026, 1.0), (0.06, 2.6))
    for u, v in _spread(rng, int(rng.integers(5, 15)), 0.06, 0.86, 0.75):
        blob = draw_outline(rng, typical * rng.uniform(0.7, 1.3), stretch * rng.uniform(1.0, 1.4))
        marks.append((_on_body(kind, u, v, blob), 0))
    return marks


def _rosettes(kind: Kind, rng) -> list:
    marks, (typical, stretch, open_share) = [], rng.uniform((0.022, 1.0, 0.0), (0.056, 2.4, 1.0))
    for u, v in _spread(rng, int(rng.integers(6, 17)), 0.23, 0.86, 0.8):
        blob = draw_outline(rng, typical * rng.uniform(0.7, 1.3), stretch * rng.uniform(1.0, 1.4))
        marks.append((_on_body(kind, u, v, blob), 0))
        if rng.random() < open_share:  # an open rosette: lighter inside
            marks.append((_on_body(kind, u, v, 0.55 * blob), 1))
    return marks


def _scutes(kind: Kind, rng) -> list:
    """Five plates along the middle and four on each side, each with its own tone and its own mark."""
    middle = np.linspace(0.08, 0.92, 6) + rng.uniform(-0.035, 0.035, 6)
    sides = np.linspace(0.06, 0.94, 5) + rng.uniform(-0.04, 0.04, 5)
    edge = rng.uniform(0.30, 0.46, (2, 6))
    marks, style = [], rng.uniform((0.03, 1.0, 0.0), (0.075, 3.2, 1.0))
    for i in range(5):
        u0, u1, um = middle[i], middle[i + 1], (middle[i] + middle[i + 1]) / 2
        corners = [(u0, -0.7 * edge[0, i]), (um, -edge[0, i]), (u1, -0.7 * edge[0, i + 1])]
        corners += [(u1, 0.7 * edge[1, i + 1]), (um, edge[1, i]), (u0, 0.7 * edge[1, i])]
        marks += _plate(kind, rng, np.array(corners), style)
    for sign, own in ((-1, edge[0]), (1, edge[1])):
        for i in range(4):
            u0, u1, um = sides[i], sides[i + 1], (sides[i] + sides[i + 1]) / 2
            corners = [(u0, own[i] * 1.1), (um, own[i] * 1.1), (u1, own[i + 1] * 1.1)]
            corners += [(u1, 0.86), (um, 0.88), (u0, 0.86)]
            marks += _plate(kind, rng, np.array(corners) * (1, sign), style)
    return marks


def _plate(kind: Kind, rng, corners: np.ndarray, style) -> list:
    centre = corners.mean(0)
    shrunk = centre + 0.88 * (corners - centre)
    outline = np.column_stack([shrunk[:, 0], shrunk[:, 1] * kind.half_width(shrunk[:, 0])])
    typical, stretch, dark_share = style
    tone, mark = rng.permutation(4)[:2]
    if (tone < mark) != (rng.random() < dark_share):  # light marks on dark plates, or the other way round
        tone, mark = mark, tone
    blob = draw_outline(rng, typical * rng.uniform(0.7, 1.3), stretch * rng.uniform(1.0, 1.4))
    return [(outline, int(tone)), (_on_body(kind, *centre, blob), int(mark))]


def _spread(rng, n: int, first: float, last: float, reach: float) -> np.ndarray:
    """n places (u, v), v in shares of the half width: random, but rarely on top of each other."""
    places = np.empty((0, 2))
    for _ in range(n):
        tries = np.column_stack([rng.uniform(first, last, 6), rng.uniform(-reach, reach, 6)])
        far = ((tries[:, None] - places) ** 2 * (36, 1)).sum(-1).min(1, initial=9.0)
        places = np.vstack([places, tries[far.argmax()]])
    return places


def draw_outline(rng: np.random.Generator, size: float, stretch: float) -> np.ndarray:
    """A random, wobbly closed outline around the origin: (20, 2).

    Args:
        rng: the draws.
        size: its mean radius, in any unit.
        stretch: its length over its width.
    """
    waves = np.array([2, 3, 4, 5])
    strengths = rng.uniform(0, (0.25, 0.22, 0.12, 0.08))
    radius = 1 + strengths @ np.cos(waves[:, None] * _ANGLE + rng.uniform(0, 2 * np.pi, (4, 1)))
    points = size * radius[:, None] * _CIRCLE * (stretch**0.5, stretch**-0.5)
    turn = rng.uniform(0, np.pi)
    return points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def _on_body(kind: Kind, u: float, v: float, outline: np.ndarray) -> np.ndarray:
    """Outline around (u, v) in body coordinates, kept inside the body's edge."""
    along = u + outline[:, 0]
    most = 0.92 * kind.half_width(along)
    return np.column_stack([along, np.clip(v * kind.half_width(u) + outline[:, 1], -most, most)])
