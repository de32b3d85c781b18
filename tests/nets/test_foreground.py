"""The mask of what stands out, against the recipe of its package; photographs in which nothing does."""

import importlib.util

import cv2
import numpy as np
import pytest
from local_cases import require_local

from reid_lib.core.errors import ModelError
from reid_lib.nets.foreground import U2NetP
from reid_lib.nets.packaged import find_weights


@pytest.fixture(scope="module")
def network():
    require_local("u2netp")
    return U2NetP()


def disc_on_grass(size=(200, 150), centre=(90, 70), radius=40) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc on a noisy ground, and where it is."""
    rng, (width, height) = np.random.default_rng(0), size
    photo = rng.integers(60, 90, (height, width, 3), dtype=np.uint8)
    cv2.circle(photo, centre, radius, (230, 160, 60), -1)
    y, x = np.ogrid[:height, :width]
    return photo, (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2


def test_it_finds_what_stands_out(network):
    photo, truth = disc_on_grass()
    mask = network.find([photo])[0]
    assert mask.shape == (150, 200) and mask.dtype == bool
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9


def test_it_is_the_recipe_of_its_package(network):
    """The package's own lines, that is all of it but the file of weights, which is shared."""
    require_local("u2netp")
    path = find_weights("u2netp").parent / "session_simple.py"
    if not path.exists() or importlib.util.find_spec("rembg") is None:
        pytest.skip("the package is there without its code")
    from PIL import Image
    from rembg.session_simple import SimpleSession

    photo, _ = disc_on_grass()
    theirs = SimpleSession("u2netp", network._session).predict(Image.fromarray(photo))[0]
    # they round to 256 steps before they enlarge, by another kernel
    assert np.abs(np.asarray(theirs) / 255.0 - network.rate(photo)).mean() < 0.01


def test_where_nothing_stands_out_everything_belongs_to_the_animal(network, monkeypatch):
    white, tiny = np.full((60, 80, 3), 255, np.uint8), np.full((8, 9, 3), 100, np.uint8)
    for photo in (white, tiny, np.zeros((64, 64, 3), np.uint8)):
        mask = network.find([photo])[0]
        assert mask.shape == photo.shape[:2] and mask.any()
    monkeypatch.setattr(network, "least_share", 0.9)
    photo, _ = disc_on_grass()
    assert network.find([photo])[0].all(), "a mask that failed takes nothing away"


def test_a_flat_answer_is_nothing(network, monkeypatch):
    class Flat:
        def run(self, *_):
            return [np.full((1, 1, 320, 320), 0.3, np.float32)]

    monkeypatch.setattr(network, "_session", Flat())
    photo, _ = disc_on_grass()
    assert network.rate(photo).max() == 0 and network.find([photo])[0].all()


def test_other_settings_are_another_key(network):
    assert network.key != U2NetP(threshold=0.3).key


def test_without_onnxruntime_the_install_line_is_told(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"onnxruntime is needed.*pip install -e '.\[local\]'"):
        U2NetP()
