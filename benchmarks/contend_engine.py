"""What computes embeddings on a CPU: what a run takes, torch without operators that it keeps to itself, OpenVINO.

All go through `extract`, with the batches of a run. The network is made ready within the time: its weights change with
every epoch of training, after each of which the gallery and val are embedded.
"""

import time
from collections.abc import Callable

import numpy as np
from contending import LITE0, Clock, contender

CONVERTED_WITH = 2  # images: enough to see the network run


def _engine(options: dict, clock: Clock, make_ready: Callable | None = None) -> dict:
    """Embed the built-in animals.

    Args:
        make_ready: (model, images, batch) -> the backbone that `extract` is to take as it is; what a run does when
            left out. The images are normalised, (2, 3, s, s) float32.
    """
    import torch

    from reid_lib.data.catalogue import read_catalogue
    from reid_lib.data.pixels import load_pixels
    from reid_lib.embed.extract import Way, extract
    from reid_lib.nets.network import build_model

    backbone, px, n = options["backbone"], options["px"], options["images"]
    catalogue = read_catalogue("demo", progress=False)
    found = load_pixels(catalogue, image_size=px, interpolation="bilinear", progress=False)
    chosen = np.resize(np.arange(len(found)), n)
    found, rows = np.asarray(found[chosen]), catalogue.rows.iloc[chosen]
    model = build_model(backbone, pretrained=backbone == LITE0, image_size=px, embedding_dim=0).eval()
    with torch.inference_mode():
        model.backbone(model.normalise(torch.from_numpy(found[:CONVERTED_WITH])))  # what torch itself needs
    way, ready_s = Way.of(n, batch_size=64, device="cpu"), 0.0
    with clock:
        if make_ready:
            begun = time.perf_counter()
            images = model.normalise(torch.from_numpy(found[:CONVERTED_WITH]))
            model.backbone = make_ready(model.backbone, images, way.batch)
            ready_s, way = time.perf_counter() - begun, Way(way.batch, folded=False, compiled=False)
        features = extract(model, found, rows, way=way).features
    alike = features @ features.T
    np.fill_diagonal(alike, -np.inf)
    return {"n": n, "features": features.tolist(), "index": alike.argmax(axis=1).tolist()} | (
        {"ready_s": ready_s} if make_ready else {}
    )


@contender
def engine_reid_lib(options: dict, clock: Clock) -> dict:
    return _engine(options, clock)


@contender
def engine_folded(options: dict, clock: Clock) -> dict:
    """Norms and padding folded; convolutions, activations and linear maps by torch's public functions."""
    from reid_lib.nets.folding import fold_network

    return _engine(options, clock, lambda network, images, batch: fold_network(network, images))


@contender
def engine_openvino(options: dict, clock: Clock) -> dict:
    import openvino
    import torch

    class Converted(torch.nn.Module):
        """In float32; the layout of the images as torch has it, channels last."""

        def __init__(self, network, images, batch):
            super().__init__()
            last = ChannelsLast(network).eval()
            example = images.permute(0, 2, 3, 1).contiguous()
            with torch.no_grad():
                graph = openvino.convert_model(last, example_input=example, input=[batch, *example.shape[1:]])
            how = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": options["threads"], "NUM_STREAMS": 1}
            self.request = openvino.compile_model(graph, "CPU", how).create_infer_request()

        def forward(self, images):
            given = images.permute(0, 2, 3, 1).contiguous().numpy()
            return torch.from_numpy(self.request.infer({0: given}, share_inputs=True)[0].copy())

    class ChannelsLast(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, images):
            return self.network(images.permute(0, 3, 1, 2))

    return _engine(options, clock, Converted)
