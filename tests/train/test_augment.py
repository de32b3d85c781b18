"""Augmentation: each image by itself, the same in any batch; checked against torchvision and by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from reid_lib.train.augment import GREY, Draws, apply_changes, blur, change_light, draw_changes, make_transform

SIDE = 64


def smooth(n=1, seed=0) -> torch.Tensor:
    """Images without sharp edges, (n, 3, 64, 64) float, 0 to 255."""
    coarse = torch.rand(n, 3, 10, 10, generator=torch.Generator().manual_seed(seed))
    return functional.interpolate(coarse, size=SIDE, mode="bicubic").clamp(0, 1) * 255


def nothing(n=1) -> Draws:
    """Draws that change nothing."""
    still = make_transform(*np.zeros((1, n)), np.ones(n), np.zeros(n), np.zeros((2, n)))
    none = torch.empty(0, dtype=torch.int64)
    return Draws(torch.from_numpy(still), torch.ones(n, 3), none, torch.empty(0), torch.zeros(n, 4))


def with_(**changes) -> Draws:
    return nothing()._replace(**{name: torch.from_numpy(value) for name, value in changes.items()})


def test_nothing_drawn_changes_nothing():
    images = smooth(2).to(torch.uint8)
    assert torch.equal(apply_changes(images, nothing(2)), images)


@pytest.mark.parametrize(("angle", "scale", "shear", "x", "y"), [
    (15.0, 1.0, 0.0, 0.0, 0.0), (0.0, 0.85, 0.0, 0.0, 0.0), (0.0, 1.0, 7.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.05, -0.1),
    (-20.0, 1.2, -8.0, 0.1, 0.03),
])  # fmt: skip
def test_the_affine_map_is_torchvisions(angle, scale, shear, x, y):
    image = smooth()
    where = make_transform(np.deg2rad([angle]), np.array([scale]), np.deg2rad([shear]), 2 * np.array([[x], [y]]))
    grid = functional.affine_grid(torch.from_numpy(where), list(image.shape), align_corners=False)
    ours = functional.grid_sample(image, grid, align_corners=False)
    move = {"translate": [x * SIDE, y * SIDE], "scale": scale, "shear": [shear, 0.0]}
    theirs = tv.affine(image, angle, interpolation=InterpolationMode.BILINEAR, fill=0.0, **move)
    covered = tv.affine(torch.ones(1, 1, SIDE, SIDE), angle, interpolation=InterpolationMode.BILINEAR, **move)
    inside = (covered > 0.999).expand_as(image)  # at the edge the two blend with what lies beyond in their own ways
    assert inside.float().mean() > 0.5
    torch.testing.assert_close(ours[inside], theirs[inside], atol=0.02, rtol=0)


def test_beyond_the_edge_is_grey():
    far = make_transform(np.zeros(1), np.ones(1), np.zeros(1), np.full((2, 1), 3.0))
    assert (apply_changes(smooth().to(torch.uint8), with_(where=far)) == int(GREY)).all()


def test_a_mirror_is_a_mirror():
    image = smooth().to(torch.uint8)
    where = make_transform(np.zeros(1), np.ones(1), np.zeros(1), np.zeros((2, 1)), mirrored=np.array([True]))
    assert torch.equal(apply_changes(image, with_(where=where)), image.flip(3))


@pytest.mark.parametrize(("b", "c", "s"), [(1.2, 1.0, 1.0), (1.0, 0.7, 1.0), (1.0, 1.0, 1.3), (0.8, 1.3, 0.7)])
def test_light_is_torchvisions_where_nothing_is_overexposed(b, c, s):
    image = 0.4 * smooth() + 70
    ours = change_light(image - GREY, torch.tensor([[b, c, s]]))
    theirs = tv.adjust_saturation(tv.adjust_contrast(tv.adjust_brightness(image / 255, b), c), s) * 255
    torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0)


@pytest.mark.parametrize("sigma", [0.3, 1.5])
def test_blur_is_torchvisions(sigma):
    image = smooth(2)
    theirs = tv.gaussian_blur(image, [5, 5], [sigma, sigma])
    torch.testing.assert_close(blur(image, torch.tensor([sigma] * 2)), theirs, atol=1e-3, rtol=1e-5)


def test_a_patch_covers_what_it_says():
    image = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    cover = np.array([[-1.0, -0.5, 0.0, 0.5]], np.float32)  # left, top, right, bottom
    expected = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    expected[SIDE // 4 : 3 * SIDE // 4, : SIDE // 2] = int(GREY)
    assert torch.equal(apply_changes(image, with_(cover=cover))[0, 0], expected)


def test_an_image_is_varied_alike_in_any_batch():
    images = smooth(6).to(torch.uint8)
    whole = apply_changes(images, draw_changes(3, 2, range(6)))
    for k in (0, 5):
        alone = apply_changes(images[k : k + 1], draw_changes(3, 2, [k]))
        # Sums in another order may round to the next number.
        assert (alone[0].int() - whole[k].int()).abs().max() <= 1
    other = (draw_changes(3, 1, [0]), draw_changes(4, 2, [0]), draw_changes(3, 2, [1]))
    assert all(not np.array_equal(draw_changes(3, 2, [0]).where, draws.where) for draws in other)


def test_what_is_drawn_stays_in_its_bounds_and_uses_them():
    draws = draw_changes(0, 1, range(4000))
    turn = np.linalg.inv(draws.where[:, :, :2].numpy())
    scale = np.sqrt(np.linalg.det(turn))
    assert 0.8 <= scale.min() < 0.81 and 1.19 < scale.max() <= 1.2001
    angle = np.rad2deg(np.arctan2(turn[:, 1, 0], turn[:, 0, 0]))
    assert -20.001 <= angle.min() < -19.5 and 19.5 < angle.max() <= 20.001
    assert 0.65 <= draws.light.min() < 0.66 and 1.34 < draws.light.max() <= 1.35
    assert 0.17 < len(draws.blurred) / len(draws.where) < 0.23 and len(draws.sigma) == len(draws.blurred)
    assert 0.3 <= draws.sigma.min() and draws.sigma.max() <= 1.5
    left, top, right, bottom = draws.cover.T
    covered = right > left
    area = ((right - left) * (bottom - top))[covered] / 4
    assert 0.27 < covered.float().mean() < 0.33 and 0.0199 < area.min() < 0.025 and 0.145 < area.max() < 0.1501
    assert draws.cover.min() >= -1 and draws.cover[covered].max() <= 1.0001


def test_no_mirror_unless_asked():
    assert (np.linalg.det(draw_changes(0, 1, range(200)).where[:, :, :2]) > 0).all()
    mirrored = np.linalg.det(draw_changes(0, 1, range(400), flip=True).where[:, :, :2]) < 0
    assert 0.4 < mirrored.mean() < 0.6


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_varies_as_the_cpu_does():
    images, draws = smooth(8).to(torch.uint8), draw_changes(0, 1, range(8))
    apart = (apply_changes(images.cuda(), draws).cpu().int() - apply_changes(images, draws).int()).abs()
    assert apart.max() <= 2 and (apart > 0).float().mean() < 0.02
