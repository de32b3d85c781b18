"""Estimates of cosines on a GPU, for `Cosine`: products in float64, which stay there with what is derived from them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from reid_lib.match.similarity import Arrays, Estimates

if TYPE_CHECKING:
    import torch

SHARE = 4  # the fourth part of the free memory of the GPU is used


class DeviceArrays(Arrays):
    """What `Arrays` names, in torch."""

    def __init__(self, device: str):
        self.device = device

    def index(self, numbers: np.ndarray) -> "torch.Tensor":
        import torch

        return torch.as_tensor(numbers, device=self.device)

    def like(self, values: "torch.Tensor", numbers: np.ndarray) -> "torch.Tensor":
        import torch

        return torch.as_tensor(numbers, dtype=values.dtype, device=self.device)

    def host(self, values: "torch.Tensor") -> np.ndarray:
        return values.cpu().numpy()

    def copy(self, values: "torch.Tensor") -> "torch.Tensor":
        return values.clone()

    def raise_to(self, values: "torch.Tensor", others: "torch.Tensor") -> None:
        import torch

        torch.maximum(values, others, out=values)

    def where(self, mask: "torch.Tensor") -> tuple[np.ndarray, ...]:
        return tuple(self.host(indices) for indices in mask.nonzero(as_tuple=True))


def estimate_cosines(
    queries: np.ndarray, gallery: np.ndarray, device: str, *, numbers_per_query: int, max_bytes: int
) -> Iterator[Estimates]:
    """See `Cosine.estimates`; in float64, which no setting of torch rounds to fewer bits.

    Args:
        queries, gallery: (q, d) and (g, d) float32, of any length above zero.
        max_bytes: bound of the memory on the device; a fourth of what is free there, where that is more.
    """
    import torch

    arrays, dim = DeviceArrays(device), max(queries.shape[1], 1)
    if str(device).startswith("cuda"):
        max_bytes = max(max_bytes, torch.cuda.mem_get_info(device)[0] // SHARE)
    rows = max(1, int(max_bytes // (8 * max(numbers_per_query, 1))))
    tile = max(1, int(max_bytes // 4 // (16 * dim)))
    # Of rounding to 2**-26 in the exact cosine, and of float64.
    error = 2.0**-26 * 1.01 * dim**0.5 + 4 * dim * 2.0**-53
    for start in range(0, len(queries), rows):
        some = _unit(queries[start : start + rows], device)
        values = torch.empty((len(some), len(gallery)), dtype=torch.float64, device=device)
        for column in range(0, len(gallery), tile):
            part = _unit(gallery[column : column + tile], device)
            values[:, column : column + len(part)] = some @ part.T
        yield Estimates(start, start + len(some), values, error, arrays)


def _unit(features: np.ndarray, device: str) -> "torch.Tensor":
    import torch

    rows = torch.from_numpy(features).to(device).double()
    return rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True)
