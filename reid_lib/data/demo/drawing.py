"""Drawn photographs for the demo data: an animal with its pattern, in a pose, in the scene of its encounter.

A pose carries body coordinates (see `patterns`) onto the canvas.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from reid_lib.data.demo.patterns import LYNX, SALAMANDER, Kind, draw_outline

SUPERSAMPLING = 2
SCENE, PHOTO = 2, 3  # stream numbers of the random draws; patterns have 1, the study has 4
_SPINE = np.linspace(-0.4, 1.4, 91)  # u of the points at which a pose is given; limbs and shadow reach beyond 0 ... 1


# ---- scenes: what photographs of one encounter share


@dataclass(frozen=True)
class Scene:
    """Background (larger than a photograph, supersampled) and light of one encounter."""

    ground: Image.Image
    light: np.ndarray  # (3,) gain of red, green, blue
    slope: np.ndarray  # (2,) light falling off across the photograph
    litter: tuple  # colours of the leaves or blades that also cover the animal


def draw_scene(kind: Kind, side: int, key: list[int]) -> Scene:
    """The scene of one encounter, for photographs of `side` px.

    Args:
        kind: of the animal, which lives on certain grounds.
        side: px.
        key: numbers of the encounter, which the random draws are seeded with.
    """
    rng = np.random.default_rng([*key, SCENE])
    n = int(0.68 * side)  # the ground is out of focus: drawn small, then enlarged
    colours = np.array(kind.grounds, float)[rng.permutation(len(kind.grounds))[:2]] + rng.normal(0, 8, (2, 3))
    mixed = colours[0] + (colours[1] - colours[0]).astype(np.float32) * _texture(rng, n)[..., None]
    ground = Image.fromarray(mixed.clip(0, 255).astype(np.uint8))
    n *= 2 * SUPERSAMPLING
    ground = ground.resize((n, n), Image.Resampling.BILINEAR)
    litter = tuple(tuple(int(c) for c in (base + rng.normal(0, 24, 3)).clip(15, 240)) for base in colours[[0, 1, 1]])
    draw = ImageDraw.Draw(ground, "RGBA")
    sort, unit = int(rng.integers(4)), side * SUPERSAMPLING
    for _ in range(int(rng.integers(8, 34))):
        _object(draw, rng, sort if rng.random() < 0.8 else int(rng.integers(4)), rng.uniform(0, n, 2), unit, litter)
    light = rng.uniform(0.72, 1.2) * (1 + rng.normal(0, 0.06, 3))
    return Scene(ground, light, rng.uniform(-0.3, 0.3, 2), litter)


def _texture(rng, n: int) -> np.ndarray:
    """Smooth noise of three grain sizes: (n, n) in about 0 ... 1."""
    total = np.zeros((n, n), np.float32)
    for cells, weight in ((rng.integers(3, 7), 0.5), (rng.integers(10, 22), 0.3), (rng.integers(30, 70), 0.2)):
        grid = Image.fromarray(rng.random((cells, cells), dtype=np.float32))
        total += weight * np.asarray(grid.resize((n, n), Image.Resampling.BICUBIC))
    return (total - 0.5) * 1.8 + 0.5


def _object(draw, rng, sort: int, at: np.ndarray, unit: float, colours) -> None:
    """A leaf, stone, twig or tuft of grass."""
    colour = colours[int(rng.integers(len(colours)))]
    dark = tuple(int(0.6 * c) for c in colour)
    size, turn = unit * rng.uniform(0.025, 0.07), rng.uniform(0, 2 * np.pi)
    axis = np.array([np.cos(turn), np.sin(turn)])
    if sort == 0:
        _leaf(draw, at, 2.0 * size * axis, colour, dark)
    elif sort == 1:
        points = at + 1.2 * draw_outline(rng, size, rng.uniform(1, 1.6))
        draw.polygon([tuple(p) for p in points + 0.12 * size], fill=(*dark, 160))
        draw.polygon([tuple(p) for p in points], fill=colour)
        draw.polygon([tuple(p) for p in at - 0.15 * size + 0.55 * (points - at)], fill=(255, 255, 255, 36))
    elif sort == 2:
        middle = at + 2 * size * axis + rng.normal(0, 0.4 * size, 2)
        draw.line([tuple(at), tuple(middle), tuple(at + 4 * size * axis)], fill=dark, width=max(1, int(size / 5)))
    else:
        for _ in range(5):
            tip = at + size * (rng.normal(0, 0.8, 2) + (0, -2))
            draw.line([tuple(at + rng.normal(0, size / 4, 2)), tuple(tip)], fill=colour, width=max(1, int(size / 6)))


def _leaf(draw, at: np.ndarray, axis: np.ndarray, colour, vein) -> None:
    along = np.linspace(0, 1, 9)[:, None]
    across = 0.28 * np.sin(np.pi * along**0.8) * np.array([-axis[1], axis[0]])
    edge = np.vstack([at + along * axis + across, (at + along * axis - across)[::-1]])
    draw.polygon([tuple(p) for p in edge], fill=colour)
    draw.line([tuple(at), tuple(at + axis)], fill=vein, width=max(1, int(np.hypot(*axis) / 30)))


# ---- photographs


@dataclass(frozen=True)
class Pose:
    """Carries body coordinates onto the canvas (pixels)."""

    spine: np.ndarray  # (91, 2) canvas positions of the midline at _SPINE
    normal: np.ndarray  # (91, 2) across the body, one body length long

    def place(self, points: np.ndarray) -> list[tuple[float, float]]:
        """(k, 2) body coordinates -> canvas positions as ImageDraw takes them."""
        u, t = np.asarray(points, float).reshape(-1, 2).T
        x, y = (np.interp(u, _SPINE, self.spine[:, i]) + t * np.interp(u, _SPINE, self.normal[:, i]) for i in range(2))
        return list(zip(x.tolist(), y.tolist(), strict=True))


def draw_pose(kind: Kind, canvas: int, flank: str, rng: np.random.Generator) -> Pose:
    """A random pose: bent, turned, moved, scaled. An animal seen from the side stands upright and looks to that side.

    Args:
        kind: of the animal.
        canvas: side of the canvas in px.
        flank: "top", "left" or "right".
        rng: the draws.
    """
    upright = flank != "top"
    heading = rng.uniform(-1, 1) * kind.bend * (_SPINE - 0.5)
    heading += rng.uniform(-0.35, 0.35) * (1 - upright) * kind.bend * np.sin(2 * np.pi * _SPINE)
    steps = np.column_stack([np.cos(heading), np.sin(heading)]) * (_SPINE[1] - _SPINE[0])
    spine = steps.cumsum(0)
    spine -= spine[(_SPINE > 0) & (_SPINE < 1)].mean(0)
    normal = np.column_stack([-np.sin(heading), np.cos(heading)]) * rng.uniform(0.82, 1.0)
    turn = rng.uniform(-0.2, 0.2) if upright else rng.uniform(-0.6, 0.6)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    if flank == "right":
        matrix = matrix @ np.diag([-1.0, 1.0])
    scale = canvas * kind.length * rng.uniform(0.82, 1.05)
    centre = canvas * (0.5 + rng.uniform(-0.07, 0.07, 2))
    return Pose(spine @ matrix * scale + centre, normal @ matrix * scale)


def draw_photo(kind: Kind, pattern: list, flank: str, scene: Scene, side: int, key: list[int]) -> Image.Image:
    """One photograph, (side, side) RGB, of an animal with this pattern in this scene.

    Args:
        kind: of the animal.
        pattern: from `patterns.draw_pattern`.
        flank: "top", "left" or "right".
        scene: of the encounter.
        side: px.
        key: numbers of the photograph, which the random draws are seeded with.
    """
    rng = np.random.default_rng([*key, PHOTO])
    canvas = side * SUPERSAMPLING
    x, y = rng.integers(0, scene.ground.width - canvas, 2)
    image = scene.ground.crop((x, y, x + canvas, y + canvas))
    draw = ImageDraw.Draw(image, "RGBA")
    pose = draw_pose(kind, canvas, flank, rng)
    _draw_animal(draw, kind, pattern, pose, rng)
    for _ in range(int(rng.integers(0, 4))):
        _object(draw, rng, 3 if kind is LYNX else 0, canvas * rng.uniform(0.2, 0.8, 2), 1.3 * canvas, scene.litter)
    return _develop(image, scene, side, rng)


def _draw_animal(draw, kind: Kind, pattern: list, pose: Pose, rng) -> None:
    shade = 1 + rng.normal(0, 0.05)
    body = tuple(int(min(255, c * shade)) for c in kind.body)
    u = np.linspace(kind.width[0][0], kind.width[-1][0], 60)
    edge = np.column_stack([u, kind.half_width(u)])

    def outline(share: float) -> list:
        return pose.place(np.vstack([edge * (1, share), edge[::-1] * (1, -share)]))

    px = float(np.hypot(*pose.normal[45]))
    draw.polygon([(x + 0.02 * px, y + 0.035 * px) for x, y in outline(1.04)], fill=(0, 0, 0, 90))
    limbs = {"salamander": _salamander_limbs, "turtle": _turtle_limbs, "lynx": _lynx_limbs}[kind.name]
    limbs(draw, pose, px, body, rng)
    draw.polygon(outline(1.0), fill=body)
    for share in (0.75, 0.45):
        draw.polygon(outline(share), fill=(255, 255, 255, 10))
    placed = pose.place(np.vstack([polygon for polygon, _ in pattern]))
    for polygon, tone in pattern:
        draw.polygon(placed[: len(polygon)], fill=kind.tones[tone])
        placed = placed[len(polygon) :]
    if kind is SALAMANDER:
        for side in (-1, 1):
            _eye(draw, pose, (0.055, 0.072 * side), 0.022 * px, (150, 130, 60))


def _limb(draw, pose: Pose, points, width: float, colour) -> None:
    """A thick rounded line through points in body coordinates; width in pixels."""
    placed = pose.place(points)
    draw.line(placed, fill=colour, width=max(1, round(width)), joint="curve")
    for x, y in (placed[0], placed[-1]):
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=colour)


def _eye(draw, pose: Pose, at, size: float, colour) -> None:
    ((x, y),) = pose.place([at])
    draw.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    draw.ellipse((x - size / 2, y - size / 2, x + size / 2, y + size / 2), fill=(10, 10, 10))


def _salamander_limbs(draw, pose: Pose, px: float, body, rng) -> None:
    for u, reach in ((0.26, 0.18), (0.55, 0.17)):
        for side in (-1, 1):
            swing = rng.uniform(-0.08, 0.08)
            elbow, foot = (u + swing / 2 - 0.02, side * 0.6 * reach), (u + swing - 0.05, side * (reach + 0.02))
            _limb(draw, pose, [(u, side * 0.04), elbow, foot], 0.046 * px, body)
            for toe in (-0.03, 0.0, 0.03):
                _limb(draw, pose, [foot, (foot[0] - 0.025 + abs(toe) / 3, foot[1] + toe)], 0.016 * px, body)


def _turtle_limbs(draw, pose: Pose, px: float, body, rng) -> None:
    for u, reach, back in ((0.14, 0.34, 0.0), (0.86, 0.24, 0.14)):
        for side in (-1, 1):
            swing = rng.uniform(-0.14, 0.14)
            tip = (u + swing + back, side * (0.22 + reach))
            _limb(
                draw, pose, [(u, side * 0.2), (u + swing / 2 - 0.03, side * (0.18 + 0.6 * reach)), tip], 0.13 * px, body
            )
    turn = rng.uniform(-0.06, 0.06)
    _limb(draw, pose, [(0.02, 0), (-0.14, turn)], 0.19 * px, body)
    for side in (-1, 1):
        _eye(draw, pose, (-0.17, turn + side * 0.06), 0.022 * px, (210, 200, 120))


def _lynx_limbs(draw, pose: Pose, px: float, body, rng) -> None:
    far = tuple(int(0.78 * c) for c in body)
    for u, colour, shift in ((0.27, far, 0.05), (0.78, far, -0.05), (0.27, body, 0.0), (0.78, body, 0.0)):
        swing = shift + rng.uniform(-0.06, 0.06)
        _limb(draw, pose, [(u, 0.06), (u + swing / 3, 0.22), (u + swing, 0.36)], 0.082 * px, colour)
        _limb(draw, pose, [(u + swing, 0.365), (u + swing - 0.03, 0.37)], 0.06 * px, colour)
    _limb(draw, pose, [(0.87, -0.06), (0.93, -0.05), (0.95, 0.02)], 0.05 * px, body)
    _limb(draw, pose, [(0.945, 0.0), (0.95, 0.025)], 0.05 * px, (40, 32, 28))
    nod = rng.uniform(-0.03, 0.04)
    _limb(draw, pose, [(0.23, -0.03), (0.13, -0.07 + nod)], 0.19 * px, body)
    _lynx_head(draw, pose, px, body, -0.10 + nod)


def _lynx_head(draw, pose: Pose, px: float, body, t: float) -> None:
    """A round head at height t: tufted ears, white ruff and muzzle."""
    pale, dark = (236, 226, 208), (36, 30, 28)
    for u in (0.075, 0.165):
        ear = np.array([(u - 0.045, t - 0.05), (u + 0.045, t - 0.05), (u + 0.012, t - 0.165)])
        draw.polygon(pose.place(ear), fill=dark)
        draw.polygon(pose.place(ear.mean(0) + 0.62 * (ear - ear.mean(0))), fill=body)
        _limb(draw, pose, [(u + 0.012, t - 0.15), (u + 0.02, t - 0.205)], 0.016 * px, dark)
    ruff = [(0.05, t + 0.05), (0.10, t + 0.15), (0.13, t + 0.10), (0.18, t + 0.14), (0.20, t), (0.12, t - 0.02)]
    draw.polygon(pose.place(ruff), fill=pale)
    _limb(draw, pose, [(0.105, t), (0.125, t)], 0.185 * px, body)
    _limb(draw, pose, [(0.045, t + 0.035), (0.07, t + 0.04)], 0.075 * px, pale)
    _limb(draw, pose, [(0.02, t + 0.015), (0.028, t + 0.015)], 0.026 * px, (120, 62, 58))
    _eye(draw, pose, (0.075, t - 0.02), 0.022 * px, (222, 190, 80))


def _develop(image: Image.Image, scene: Scene, side: int, rng) -> Image.Image:
    """Supersampled canvas -> photograph: lens blur, light, colour cast, noise."""
    small = image.reduce(SUPERSAMPLING)
    blur = rng.uniform(-0.6, 1.1)
    if blur > 0.2:
        small = small.filter(ImageFilter.GaussianBlur(blur * side / 160))
    pixels = np.array(small, np.float32)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    fall = 1 + scene.slope[0] * ramp[:, None] + scene.slope[1] * ramp[None, :]
    gain = scene.light * rng.uniform(0.85, 1.15) * (1 + rng.normal(0, 0.025, 3))
    pixels *= fall[..., None]
    pixels *= gain
    noise = rng.standard_normal((side, side, 3), dtype=np.float32)
    noise *= rng.uniform(1, 9)
    pixels += noise
    return Image.fromarray(pixels.clip(0, 255, out=pixels).astype(np.uint8))
