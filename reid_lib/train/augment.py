"""Augmentation: changes are drawn for each image and applied to a whole batch, on GPU or CPU.

They are pose, scale, viewpoint, light, sharpness, and something in front of the animal. Not hue, which would change the
coat; mirroring only where asked for, as a mirrored flank looks like another animal's.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from reid_lib.nets.device import send_to_device

DEGREES, SHIFT, SCALE, SHEAR_DEGREES = 20.0, 0.1, (0.8, 1.2), 8.0  # at most, either way; shift as a share of the side
LIGHT = 0.35  # brightness, contrast and saturation times 1 - LIGHT to 1 + LIGHT
BLURRED, SIGMA_PX, BLUR_PX = 0.2, (0.3, 1.5), 5  # share of the images, range of sigma, width of the kernel
COVERED, COVER_AREA, COVER_RATIO = 0.3, (0.02, 0.15), (0.3, 3.3)  # share of the images; area; height over width
GREY = 128.0  # what shows beyond the edge, and the colour of the patch
WEIGHTS = (0.2989, 0.587, 0.114)  # of red, green and blue in brightness (ITU-R BT.601, as Pillow has it)
N_DRAWN = 15  # random numbers for an image


class Draws(NamedTuple):
    """What is done to each of b images; float32 throughout, on the CPU.

    Attributes:
        where: (b, 2, 3) maps a place in the result to the place in the image that it shows, both -1 ... 1.
        light: (b, 3) factors of brightness, contrast and saturation.
        blurred: (k,) int64, which images are blurred.
        sigma: (k,) of their blur in px, more than 0.
        cover: (b, 4) left, top, right, bottom of a grey patch, -1 ... 1; no patch where left equals right.
    """

    where: Tensor
    light: Tensor
    blurred: Tensor
    sigma: Tensor
    cover: Tensor


def draw_changes(seed: int, epoch: int, positions: Iterable[int], *, flip: bool = False) -> Draws:
    """The changes to b images, from (seed, epoch, position): for an image they are the same whatever batch it is in.

    Args:
        seed: of the run.
        epoch: its number.
        positions: (b,) number of each image among the training images.
        flip: mirror an image with probability 1/2.
    """
    u = np.stack([np.random.default_rng([seed, epoch, int(p)]).random(N_DRAWN) for p in positions]).T
    angle, shear = np.deg2rad(DEGREES * (2 * u[0] - 1)), np.deg2rad(SHEAR_DEGREES * (2 * u[1] - 1))
    scale = SCALE[0] + (SCALE[1] - SCALE[0]) * u[2]
    shift = 2 * SHIFT * (2 * u[3:5] - 1)
    light = 1 + LIGHT * (2 * u[5:8] - 1)
    sigma = np.where(u[8] < BLURRED, SIGMA_PX[0] + (SIGMA_PX[1] - SIGMA_PX[0]) * u[9], 0)
    where = make_transform(angle, scale, shear, shift, mirrored=flip & (u[14] < 0.5))
    blurred = np.flatnonzero(sigma)
    drawn = (where, light.T.astype(np.float32), blurred, sigma[blurred].astype(np.float32), _covers(u[10:14]))
    return Draws(*map(torch.from_numpy, drawn))


def make_transform(
    angle: np.ndarray,
    scale: np.ndarray,
    shear: np.ndarray,
    shift: np.ndarray,
    *,
    mirrored: np.ndarray | bool = False,
) -> np.ndarray:
    """`Draws.where` as an array (b, 2, 3) float32, for images that are mirrored, then sheared along x, scaled, turned
    clockwise and shifted.

    Args:
        angle, shear: (b,) radians.
        scale: (b,) more than 0; above 1 the animal gets larger.
        shift: (2, b) to the right and down, in half sides.
        mirrored: (b,) bool, or one for all: left and right exchanged.
    """
    cos, sin, tan = np.cos(angle) * scale, np.sin(angle) * scale, np.tan(shear)
    zero, one = np.zeros_like(cos), np.ones_like(cos)
    forward = np.array([[cos, -cos * tan - sin, shift[0]], [sin, -sin * tan + cos, shift[1]], [zero, zero, one]])
    back = np.linalg.inv(forward.transpose(2, 0, 1))[:, :2]
    back[:, 0] *= np.where(mirrored, -1, 1)[..., None] if np.ndim(mirrored) else (-1 if mirrored else 1)
    return back.astype(np.float32)


def _covers(u: np.ndarray) -> np.ndarray:
    """`Draws.cover`: a patch of random area, shape and place in some images; u: (4, b), uniform in 0 ... 1."""
    share, begin = u[0] / COVERED, np.log(COVER_RATIO[0])
    area = 4 * (COVER_AREA[0] + (COVER_AREA[1] - COVER_AREA[0]) * share)  # of a square with the side 2
    ratio = np.exp(begin + (np.log(COVER_RATIO[1]) - begin) * u[1])
    size = np.sqrt(np.stack([area / ratio, area * ratio])) * (u[0] < COVERED)
    corner = -1 + (2 - size) * u[2:4]
    return np.concatenate([corner, corner + size]).T.astype(np.float32)


def apply_changes(images: Tensor, draws: Draws) -> Tensor:
    """Apply all changes to images.

    Args:
        images: (b, 3, s, s) uint8, on any device.
        draws: from `draw_changes`, on the CPU.

    Returns:
        (b, 3, s, s) uint8.
    """
    device, side = images.device, images.shape[-1]
    where, light, blurred, sigma, cover = (send_to_device(part, device) for part in draws)
    x = images.to(torch.float32, memory_format=torch.contiguous_format).sub_(GREY)
    grid = functional.affine_grid(where, list(images.shape), align_corners=False)
    x = change_light(functional.grid_sample(x, grid, align_corners=False), light).clamp_(0, 255)
    if len(blurred):
        x.index_copy_(0, blurred, blur(x.index_select(0, blurred), sigma))
    at = (torch.arange(side, device=device) + 0.5) * (2 / side) - 1
    left, top, right, bottom = cover.T[:, :, None]
    hidden = ((at >= top) & (at < bottom))[:, None, :, None] & ((at >= left) & (at < right))[:, None, None, :]
    return x.masked_fill_(hidden, GREY).round_().to(torch.uint8)


def change_light(images: Tensor, light: Tensor) -> Tensor:
    """Brightness, then contrast, then saturation, as one linear map of red, green and blue.

    Brightness multiplies; contrast moves away from the image's mean grey, saturation from each pixel's own grey.

    Args:
        images: (b, 3, h, w) float, less `GREY`.
        light: (b, 3) the three factors.

    Returns:
        (b, 3, h, w), 0 to 255 where nothing is over- or underexposed.
    """
    b, _, h, w = images.shape
    weights = send_to_device(torch.tensor(WEIGHTS), images.device)
    brightness, contrast, saturation = light.T[:, :, None, None]
    mixed = saturation * torch.eye(3, device=images.device) + (1 - saturation) * weights
    mean = brightness[:, 0] * (images.mean(dim=(2, 3)) @ weights + GREY)[:, None]
    change = brightness * contrast * mixed
    # The rows of `mixed` sum to 1, so saturation leaves a grey as it is.
    offset = (brightness * contrast)[:, 0] * GREY + (1 - contrast[:, 0]) * mean
    return torch.baddbmm(offset[:, :, None], change, images.reshape(b, 3, h * w)).reshape(b, 3, h, w)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur over `BLUR_PX` pixels, mirrored at the edges.

    Args:
        images: (b, c, h, w) float.
        sigma: (b,) px, more than 0.
    """
    half, (h, w) = BLUR_PX // 2, images.shape[2:]
    offsets = torch.arange(-half, half + 1, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True))[:, :, None, None, None]
    x = functional.pad(images, [half] * 4, mode="reflect")
    x = sum(kernel[:, k] * x[..., k : k + w] for k in range(BLUR_PX))
    return sum(kernel[:, k] * x[..., k : k + h, :] for k in range(BLUR_PX))
