"""The margins and scales of the losses, each in its own unit, from one table."""

import math
from typing import NamedTuple

RADIANS, COSINE, DISTANCE = "radians", "cosine", "distance"


class LossDefaults(NamedTuple):
    """What a loss uses when nothing is given; None where it has no such thing."""

    margin: float | None = None
    margin_unit: str = ""
    scale: float | None = None  # factor on the cosine


LOSS_DEFAULTS = {
    "arcface": LossDefaults(0.3, RADIANS, 30.0),
    "cosface": LossDefaults(0.35, COSINE, 30.0),
    "subcenter_arcface": LossDefaults(0.3, RADIANS, 30.0),
    "triplet": LossDefaults(0.2, DISTANCE),
    "contrastive": LossDefaults(0.5, DISTANCE),
    "multisimilarity": LossDefaults(),
}
# A margin beyond these is a slip of the unit (degrees, say): no angle exceeds pi, no distance of unit vectors 2.
MARGIN_LIMITS = {RADIANS: math.pi / 2, COSINE: 1.0, DISTANCE: 2.0}
