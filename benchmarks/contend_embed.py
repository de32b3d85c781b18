"""Embedding: EfficientNet-Lite0, ImageNet weights, 224 px."""

import numpy as np
from contending import LITE0, MEAN, catalogue_of, contender, device_name


def _embed(options, clock, pixels_first: bool) -> dict:
    from reid_lib import images
    from reid_lib.device import choose_device, embedding_precision
    from reid_lib.embed import extract
    from reid_lib.model import build_model

    device = choose_device()
    catalogue = catalogue_of(options)
    model = build_model(LITE0, image_size=options["px"], embedding_dim=0)
    how = {"batch_size": 64, "device": device, "precision": embedding_precision("auto", device)}
    size = {"image_size": options["px"], "interpolation": "bilinear", "progress": False}
    model.to(device)
    extract(model, np.zeros((64, options["px"], options["px"], 3), np.uint8), catalogue.rows.head(64), **how)
    if pixels_first:
        images.pixels(catalogue, **size)
    with clock:
        features = extract(model, images.pixels(catalogue, **size), catalogue.rows, **how).features
    return {"n": len(features), "features": features.tolist(), "precision": how["precision"]}


@contender
def embed_reid_lib_first(options, clock):
    return _embed(options, clock, pixels_first=False)


@contender
def embed_reid_lib_again(options, clock):
    return _embed(options, clock, pixels_first=True)


def _plain_network():
    """The same weights in timm's own layout: NCHW, fp32."""
    import timm

    from reid_lib.backbones import load_packaged_lite0

    network = timm.create_model(LITE0, num_classes=0).eval()
    load_packaged_lite0(network)
    return network


def _transform(px: int):
    from torchvision import transforms

    return transforms.Compose(
        [transforms.Resize((px, px)), transforms.ToTensor(), transforms.Normalize(mean=MEAN, std=MEAN)]
    )


@contender
def embed_wildlife_tools(options, clock):
    from wildlife_tools.data import WildlifeDataset
    from wildlife_tools.features import DeepFeatures

    catalogue = catalogue_of(options)
    dataset = WildlifeDataset(catalogue.rows, root=str(catalogue.root), transform=_transform(options["px"]))
    extractor = DeepFeatures(_plain_network(), batch_size=64, device=device_name())
    with clock:
        features = extractor(dataset)
    return {"n": len(features), "features": _normalised(features)}


@contender
def embed_oml(options, clock):
    import torch
    from oml.datasets import ImageBaseDataset
    from oml.inference import inference
    from oml.interfaces.models import IExtractor

    class Extractor(IExtractor):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x)

        def extract(self, x):
            return self(x)

        @property
        def feat_dim(self):
            return 1280

    dataset = ImageBaseDataset(catalogue_of(options).files(), transform=_transform(options["px"]))
    model = Extractor(_plain_network()).to(device_name())
    with clock, torch.no_grad():
        features = inference(model, dataset, num_workers=1, batch_size=64, verbose=False)
    return {"n": len(features), "features": _normalised(features.numpy())}


def _normalised(features) -> list:
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).tolist()
