"""What several tests of this folder share."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.names import GALLERY, TEST, VAL
from reid_lib.data.split import Split


@pytest.fixture
def world():
    """Four individuals with two flanks: three in gallery and val, one only in val; and a test image."""
    rows = []
    for name, roles in {"a": "ggggvv", "b": "ggggvv", "c": "ggvv", "u": "vv", "t": "t"}.items():
        for place, role in enumerate(roles):
            rows.append(
                {
                    "image_id": f"{name}{place}",
                    "identity": name,
                    "dataset": "d",
                    "individual": f"d/{name}",
                    "orientation": "left" if place % 2 else "right",
                    "role": {"g": GALLERY, "v": VAL, "t": TEST}[role],
                    "known": name not in "ut",
                }
            )
    rows = pd.DataFrame(rows).astype({"known": "boolean"})
    pixels = np.random.default_rng(0).integers(0, 256, (len(rows), 32, 32, 3), dtype=np.uint8)
    return pixels, Split(rows, "random")
