"""Embedding extraction: runs the network over images in batches; embeddings come with their rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.progress import make_bar
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.views import WHOLE, cut_views

if TYPE_CHECKING:
    from reid_lib.nets.network import ReidModel

WORTH_FOLDING = 64  # images from which on folding the network repays itself
CPU_BATCH = 16  # at most: a layer's output then stays in the cache, a few percent quicker than 64, in less memory
GPU_BATCH = 256  # at least: fewer images leave a large GPU waiting for its next kernel


@dataclass(frozen=True)
class Way:
    """The way in which images are embedded, as far as it decides on rounding: embedded in the same way, an image has
    the same embedding to the last bit, whichever images are embedded with it.

    Attributes:
        batch: images at a time; the last batch is filled up to this number.
        folded: is the network folded first? See `nets.folding`.
        compiled: is the network compiled first? See `nets.speed`.
    """

    batch: int
    folded: bool
    compiled: bool

    @classmethod
    def of(cls, n_images: int, *, batch_size: int, device: str, torch_compile: str = "auto") -> "Way":
        """The quickest way for a number of images.

        Args:
            n_images: all that belong together, also those whose embeddings are in the cache.
            batch_size, device, torch_compile: see `extract`.
        """
        from reid_lib.nets.speed import WORTH_EMBEDDING, why_not_compiled

        most = min(batch_size, CPU_BATCH) if device == "cpu" else batch_size
        most = max(most, GPU_BATCH) if device == "cuda" else most
        compiled = not why_not_compiled(torch_compile, n_images, device, worth=WORTH_EMBEDDING)
        return cls(max(min(most, n_images), 1), n_images >= WORTH_FOLDING, compiled)


def extract(
    model: "ReidModel",
    pixels: np.ndarray,
    rows: pd.DataFrame,
    *,
    where: np.ndarray | None = None,
    batch_size: int = 64,
    device: str = "cpu",
    precision: str = "fp32",
    torch_compile: str = "auto",
    way: Way | None = None,
    progress: bool = False,
) -> EmbeddingSet:
    """Embed images in eval mode, each exactly once, without augmentation.

    Args:
        model: a `ReidModel`; its mode is put back afterwards.
        pixels: (n, s, s, 3) uint8, in the order of `rows`.
        rows: n rows of the catalogue.
        where: mask (n,) of the images to embed; all when left out.
        batch_size: images at a time, on a CPU at most 16, on a GPU at least 256 (halved where its memory does not hold
            them); does not change the result beyond float rounding.
        device: "cpu", "cuda" or "mps".
        precision: "fp32", "fp16" or "bf16", see `nets.device.embedding_precision`; embeddings are float32 in any case.
            A batch that float16 cannot hold is computed in float32.
        torch_compile: "auto" (where it repays itself), "always" or "never"; see `nets.speed`.
        way: how to compute; None: as suits the number of these images. Images of a larger set need that set's way.
        progress: show a bar when it takes more than five seconds.

    Returns:
        EmbeddingSet of the images of `where`, in the order of `rows`.
    """
    positions = np.arange(len(rows)) if where is None else np.flatnonzero(where)
    way = way or Way.of(len(positions), batch_size=batch_size, device=device, torch_compile=torch_compile)
    how = {"device": device, "precision": precision, "way": way, "progress": progress}
    return EmbeddingSet(extract_views(model, pixels, {WHOLE: positions}, **how)[WHOLE], rows.iloc[positions])


def extract_views(
    model: "ReidModel",
    pixels: np.ndarray,
    wanted: Mapping[str, np.ndarray],
    *,
    way: Way,
    device: str = "cpu",
    precision: str = "fp32",
    progress: bool = False,
) -> dict[str, np.ndarray]:
    """Embed several views of images in one go, each exactly once.

    Args:
        model, pixels, device, precision, way, progress: see `extract`.
        wanted: view (see `views.cut_views`) -> positions (n,) int of the images to embed in this view.

    Returns:
        View -> (n, d) float32, each row of length 1, in the order of the positions.
    """
    import torch

    from reid_lib.nets.device import BF16, FP16
    from reid_lib.nets.speed import reuse_memory

    if device == "cpu":
        reuse_memory()
    dtype = {BF16: torch.bfloat16, FP16: torch.float16}.get(precision)
    positions = np.concatenate([np.empty(0, dtype=np.int64), *wanted.values()])
    views = np.repeat(list(wanted), [len(some) for some in wanted.values()])
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), torch.autocast(device, dtype, enabled=dtype is not None):
            backbone = _quick_backbone(model, pixels, positions, way, full_precision=dtype is None, device=device)
            features = _in_batches(model, backbone, pixels, (positions, views), way.batch, device, progress)
    finally:
        model.train(was_training)
    ends = np.cumsum([len(some) for some in wanted.values()])[:-1]
    return dict(zip(wanted, np.split(features, ends), strict=True))


def _in_batches(model, backbone, pixels, items, size: int, device: str, progress: bool) -> np.ndarray:
    """Embeddings (n, d) float32 of items: positions (n,) and views (n,).

    While a batch is computed, the next one is read and the result of the one before is fetched.
    """
    import torch

    from reid_lib.core.parallel import iterate_ahead

    positions, views = items
    starts = range(0, len(positions), size)
    features = np.empty((len(positions), model.embedding_dim), dtype=np.float32)

    def read(start: int):
        # The last batch is filled up, since an image in a smaller one would be rounded differently.
        chosen = np.resize(np.arange(start, min(start + size, len(positions))), size)
        batch = pixels[positions[chosen]]
        if (views[chosen] != WHOLE).any():
            batch = cut_views(batch, views[chosen])
        batch = torch.from_numpy(batch)
        return start, batch.pin_memory() if device == "cuda" else batch

    bar = {"total": len(starts), "desc": "embed", "unit": "batch", "delay": 5, "disable": not progress}
    waiting = []
    for start, batch in make_bar(iterate_ahead(read, starts), **bar):
        images = batch.to(device, non_blocking=True)
        waiting.append((start, images, _forward(model, backbone, images)))
        if len(waiting) > 1:
            _fetch(model, features, *waiting.pop(0))
    for last in waiting:
        _fetch(model, features, *last)
    return features


def _quick_backbone(model, pixels, positions, way: Way, *, full_precision: bool, device: str):
    """The backbone folded, and compiled, as `way` says."""
    import torch

    from reid_lib.nets.folding import fold_network
    from reid_lib.nets.speed import Compiled

    backbone = model.backbone
    if way.folded and len(positions):
        images = model.normalise(torch.from_numpy(pixels[np.resize(positions, 2)]).to(device))
        by_onednn = full_precision and not way.compiled  # a compiler calls oneDNN itself
        backbone = fold_network(backbone, images, onednn_batch=way.batch if by_onednn else 0)
    return Compiled(backbone, way.batch, freeze=True) if way.compiled else backbone


def _forward(model, backbone, images):
    """Embeddings of a batch of uint8 images; in halves where the memory of the device does not hold them at once."""
    import torch

    try:
        return model.embed_features(backbone(model.normalise(images)))
    except torch.OutOfMemoryError:
        if len(images) == 1:
            raise
    half = len(images) // 2
    return torch.cat([_forward(model, backbone, part) for part in (images[:half], images[half:])])


def _fetch(model, features: np.ndarray, start: int, images, output) -> None:
    """Put the embeddings of a batch in their place; those that 16 bits could not hold are computed again in float32."""
    import torch

    held = torch.isfinite(output).all(dim=1)
    if not bool(held.all()):
        with torch.autocast(images.device.type, enabled=False):
            again = _forward(model, model.backbone, images)
        output = torch.where(held[:, None], output.float(), again.float())
    part = features[start : start + len(output)]
    part[:] = output[: len(part)].float().cpu().numpy()
