"""Embedding from photographs: ours, wildlife-tools and OML, with the same weights."""

import numpy as np
from contending import LITE0, MEAN, Clock, busy_share, catalogue_of, contender, device_name


def _embed(options: dict, clock: Clock, pixels_first: bool) -> dict:
    from reid_lib.data import pixels
    from reid_lib.embed.extract import extract
    from reid_lib.nets.device import choose_device, embedding_precision

    device = choose_device()
    catalogue = catalogue_of(options)
    model = _model(options)
    how = {"batch_size": 64, "device": device, "precision": embedding_precision("auto", device)}
    size = {"image_size": options["px"], "interpolation": "bilinear", "progress": False}
    model.to(device)
    extract(model, np.zeros((64, options["px"], options["px"], 3), np.uint8), catalogue.rows.head(64), **how)
    if pixels_first:
        pixels.load_pixels(catalogue, **size)
    with clock:
        features = extract(model, pixels.load_pixels(catalogue, **size), catalogue.rows, **how).features
    busy = busy_share(lambda: extract(model, pixels.load_pixels(catalogue, **size), catalogue.rows, **how))
    return {"n": len(features), "features": _comparable(features, options), "precision": how["precision"]} | busy


@contender
def embed_reid_lib_first(options: dict, clock: Clock) -> dict:
    return _embed(options, clock, pixels_first=False)


@contender
def embed_reid_lib_again(options: dict, clock: Clock) -> dict:
    return _embed(options, clock, pixels_first=True)


@contender
def embed_reid_lib_pixels(options: dict, clock: Clock) -> dict:
    """From pixels in memory, as the cache gives them, without looking for files."""
    import pandas as pd

    from reid_lib.embed.extract import extract
    from reid_lib.nets.device import choose_device, embedding_precision

    n, device = options["images"], choose_device()
    pixels = np.random.default_rng(0).integers(0, 256, (n, options["px"], options["px"], 3), dtype=np.uint8)
    rows = pd.DataFrame({"image_id": [str(k) for k in range(n)]})
    model = _model(options).to(device)
    how = {"batch_size": 64, "device": device, "precision": embedding_precision("auto", device)}
    extract(model, pixels[:512], rows.head(512), **how)
    with clock:
        extract(model, pixels, rows, **how)
    return {"n": n, "precision": how["precision"]} | busy_share(lambda: extract(model, pixels, rows, **how))


def _model(options: dict):
    """Lite0 with its ImageNet weights, others with random ones: the speed is the same, and no hub is needed."""
    from reid_lib.nets.network import build_model

    backbone = options["backbone"]
    return build_model(backbone, pretrained=backbone == LITE0, image_size=options["px"], embedding_dim=0)


def _plain_network(options: dict):
    """The same weights in timm's own layout: NCHW, fp32."""
    import timm

    network = timm.create_model(options["backbone"], num_classes=0).eval()
    network.load_state_dict(_model(options).backbone.state_dict())
    return network


def _transform(px: int):
    from torchvision import transforms

    return transforms.Compose(
        [transforms.Resize((px, px)), transforms.ToTensor(), transforms.Normalize(mean=MEAN, std=MEAN)]
    )


@contender
def embed_wildlife_tools(options: dict, clock: Clock) -> dict:
    from wildlife_tools.data import WildlifeDataset
    from wildlife_tools.features import DeepFeatures

    catalogue = catalogue_of(options)
    dataset = WildlifeDataset(catalogue.rows, root=str(catalogue.root), transform=_transform(options["px"]))
    extractor = DeepFeatures(_plain_network(options), batch_size=64, device=device_name())
    with clock:
        features = extractor(dataset)
    return {"n": len(features), "features": _comparable(features, options)}


@contender
def embed_oml(options: dict, clock: Clock) -> dict:
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
            return self.network.num_features

    dataset = ImageBaseDataset(catalogue_of(options).files(), transform=_transform(options["px"]))
    model = Extractor(_plain_network(options)).to(device_name())
    with clock, torch.no_grad():
        features = inference(model, dataset, num_workers=1, batch_size=64, verbose=False)
    return {"n": len(features), "features": _comparable(features.numpy(), options)}


def _comparable(features, options) -> list:
    """Rows of length 1; none of random weights, which make much of little differences between pixels."""
    rows = features if options["backbone"] == LITE0 else features[:0]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).tolist()
