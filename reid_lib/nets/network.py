"""The embedding network: a backbone and a head, and how its images are normalised.

A model describes itself: `model.config` is what model.json holds, and the network can be built again from it without
the run's parameters, the hub, or the code that trained it (see `model_files`).
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import asdict

import torch
from timm.data import resolve_model_data_config
from torch import Tensor, nn
from torch.nn import functional

from reid_lib.core.errors import ModelError
from reid_lib.nets.backbones import build_backbone, find_architecture
from reid_lib.nets.device import to_full_precision

FORMAT = 1  # of model.json


class ReidModel(nn.Module):
    """Images in, embeddings of length 1 out. Built by `build_model` or `load_model`.

    Args:
        backbone: (n, 3, s, s) -> (n, feature_dim).
        config: what model.json holds; see `build_model`.

    Attributes:
        embedding_dim: d, the length of an embedding.
        config: can be written as JSON; `image_size`, `interpolation`, `mean`, `std` say how images have to be prepared.
    """

    def __init__(self, backbone: nn.Module, config: dict):
        super().__init__()
        self.config = config
        self.embedding_dim = config["embedding_dim"] or config["feature_dim"]
        self.backbone = backbone
        self.head = Head(config["feature_dim"], config["embedding_dim"], config["dropout"])
        for name in ("mean", "std"):
            value = torch.tensor(config[name], dtype=torch.float32).view(1, 3, 1, 1)
            self.register_buffer(name, value, persistent=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings (n, d), float32 and of length 1 even under autocast, of normalised images (n, 3, s, s)."""
        return self.embed_features(self.backbone(images))

    def embed_features(self, features: Tensor) -> Tensor:
        """Embeddings (n, d), as `forward` returns them, from the backbone's features (n, feature_dim)."""
        with torch.autocast(features.device.type, enabled=False):
            return functional.normalize(self.head(to_full_precision(features)))

    def normalise(self, images: Tensor) -> Tensor:
        """Pixels as the backbone was trained on: float32 (n, 3, h, w), channels last, (x / 255 - mean) / std.

        Args:
            images: uint8, (n, h, w, 3) or (n, 3, h, w).

        Raises:
            ValueError: they are of another type or shape.
        """
        if images.ndim != 4 or 3 not in (images.shape[1], images.shape[3]) or images.dtype != torch.uint8:
            raise ValueError(
                f"images must be uint8 (n, h, w, 3) or (n, 3, h, w), got {images.dtype} {tuple(images.shape)}"
            )
        if images.shape[1] != 3:
            images = images.permute(0, 3, 1, 2)
        images = images.to(self.mean.dtype, memory_format=torch.channels_last)
        return images.sub_(255 * self.mean).div_(255 * self.std)

    @torch.no_grad()
    def project(self, batches: Iterable[Tensor]) -> Tensor:
        """The input of the head's batch normalisation, in eval mode: (n, d) float32.

        Args:
            batches: of uint8 images, as `normalise` takes them, n in all; moved to the model's device.
        """
        was_training = self.training
        self.eval()
        rows = [torch.empty(0, self.embedding_dim, device=self.mean.device)]
        for images in batches:
            features = self.backbone(self.normalise(images.to(self.mean.device)))
            with torch.autocast(features.device.type, enabled=False):
                rows.append(self.head.linear(to_full_precision(features)))
        self.train(was_training)
        return torch.cat(rows)

    @torch.no_grad()
    def start_head(self, projected: Tensor) -> Tensor:
        """Set the running statistics of the head's batch normalisation to those of images, so that untrained embeddings
        are centred.

        They start at mean 0 and variance 1, which no backbone's features have: until they have settled, training and
        evaluation would see different embeddings. (With a frozen backbone, embeddings after this start also recognise
        animals better than its features.)

        Args:
            projected: (n, d) from `project`; with fewer than two images the statistics stay as they are.

        Returns:
            (n, d) float32, the embeddings of these images from now on.
        """
        if self.config["embedding_dim"] and len(projected) >= 2:
            self.head.norm.start(projected)
        was_training = self.training
        self.eval()
        embeddings = functional.normalize(self.head.norm(projected))
        self.train(was_training)
        return embeddings


class Head(nn.Module):
    """Dropout, a linear map without bias, batch normalisation without scale; only dropout where `embedding_dim` is 0.

    The map starts with orthogonal rows, so that the first embeddings keep the angles between the backbone's features as
    well as d dimensions allow. Its entries are of about size 1: an Adam step of size lr then turns a row by about lr
    radians. Rows of length 1 would be overwritten within the first epoch, and the start lost (docs/log.md). The
    normalisation has no scale and bias, as the embedding is scaled to length 1 and compared by its angle.
    """

    def __init__(self, feature_dim: int, embedding_dim: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        if embedding_dim:
            self.linear = nn.Linear(feature_dim, embedding_dim, bias=False)
            nn.init.orthogonal_(self.linear.weight, gain=math.sqrt(max(feature_dim, embedding_dim)))
            self.norm = SteadyBatchNorm(embedding_dim, affine=False)
        else:
            self.linear = self.norm = nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.linear(self.dropout(features)))


class SteadyBatchNorm(nn.BatchNorm1d):
    """Batch normalisation that normalises a training batch of one image by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            return functional.batch_norm(x, self.running_mean, self.running_var, training=False, eps=self.eps)
        return super().forward(x)

    def start(self, x: Tensor) -> None:
        """Take mean and variance from x (n, d), n >= 2."""
        self.running_mean.copy_(x.mean(dim=0))
        self.running_var.copy_(x.var(dim=0))


def build_model(
    backbone: str,
    *,
    pretrained: bool = True,
    image_size: int = 0,
    embedding_dim: int = 512,
    dropout: float = 0.0,
    seed: int = 0,
) -> ReidModel:
    """A new model on the CPU, in training mode.

    Images are squashed to the square (`resize`), not cropped: ImageNet's centre crop would cut the animal off.

    Args:
        backbone: any name of timm, or `hf-hub:owner/name`.
        pretrained: start from the backbone's weights; `tf_efficientnet_lite0` finds them in an installed package.
        image_size: px; 0 means the backbone's own.
        embedding_dim: d; 0 means the pooled features as they come, without a head.
        dropout: share of features dropped before the head, 0 <= dropout < 1.
        seed: of all random weights; the global generator stays as it is.

    Raises:
        ModelError: the name is unknown, the weights cannot be loaded, or the backbone refuses the image size.

    Example:
        >>> model = build_model("tf_efficientnet_lite0", pretrained=False, image_size=64, embedding_dim=8).eval()
        >>> model(model.normalise(torch.zeros(2, 64, 64, 3, dtype=torch.uint8))).shape
        torch.Size([2, 8])
    """
    architecture = find_architecture(backbone)
    image_size = image_size or architecture.native_px
    architecture = architecture.sized(image_size)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network, source = build_backbone(architecture, backbone, pretrained=pretrained)
        torch.default_generator.manual_seed((seed + 1) % 2**64)  # the head does not depend on what the backbone drew
        config = {
            "format": FORMAT,
            "backbone": backbone,
            "architecture": asdict(architecture),
            "feature_dim": _feature_dim(network, backbone, image_size, architecture.native_px),
            "embedding_dim": embedding_dim,
            "dropout": dropout,
            "image_size": image_size,
            **_preparation(network),
            "weights": source if pretrained else f"random, seed {seed}",
            "weights_sha256": weights_sha256(network),
        }
        return ReidModel(network, config)


def _preparation(network: nn.Module) -> dict:
    """How images are prepared for a backbone, as model.json says it."""
    data = resolve_model_data_config(network)
    return {
        "resize": "squash",
        "interpolation": data["interpolation"],
        "mean": [float(x) for x in data["mean"]],
        "std": [float(x) for x in data["std"]],
    }


def weights_sha256(network: nn.Module) -> str:
    """SHA-256 over name, dtype, shape and bytes of every tensor of the state, in order: hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        value = value.detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


@torch.no_grad()
def _feature_dim(network: nn.Module, backbone: str, image_px: int, native_px: int) -> int:
    """Length of the pooled features, found with a blank image, since a network's own `num_features` may be wrong."""
    was_training = network.training
    network.eval()
    try:
        features = network(torch.zeros(1, 3, image_px, image_px))
    except Exception as error:  # of any kind: images are too small, or no multiple of the stride
        raise ModelError(
            f"backbone {backbone!r} does not take images of {image_px} px ({error}): "
            f"pass image_size {native_px}, its own, or choose another backbone"
        ) from error
    finally:
        network.train(was_training)
    if not isinstance(features, Tensor) or features.ndim != 2:
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ModelError(f"backbone {backbone!r} gives no pooled features (n, f) but {shape}: choose another backbone")
    return features.shape[1]
