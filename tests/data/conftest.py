"""What several tests of this folder share."""

import pytest
from catalogue_cases import save_noise

from reid_lib.data import pixel_store


@pytest.fixture
def photos(tmp_path):
    """Three animals with two photographs each, all different."""
    root = tmp_path / "photos"
    for i, animal in enumerate("abc"):
        for j in range(2):
            save_noise(root / animal / f"{j}.png", seed=10 * i + j)
    return root


@pytest.fixture
def next_process():
    """What was checked before is forgotten, as in a process of its own."""
    return pixel_store._checked.clear
