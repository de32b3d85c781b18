"""A network as an ONNX file: normalised images in, embeddings of length 1 out, for any number of images."""

import importlib.util
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from reid_lib.core.errors import ModelError, first_line
from reid_lib.core.logs import quieten

NEEDED = ("onnx", "onnxruntime")
EXTRA = "pip install -e '.[onnx]'"
MOST_BYTES = 2**31 - 2**20  # a file of protocol buffers holds 2 GiB
INPUT, OUTPUT, AXIS = "images", "embeddings", "n"


def find_lacking_packages() -> list[str]:
    """The packages that writing and checking an ONNX file needs but that are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def write_onnx(network: nn.Module, path: Path, *, image_size: int) -> None:
    """Write a network as an ONNX file.

    torch's exporter by tracing is tried first: it takes a second where the newer one, by `torch.export`, takes twenty,
    and needs no further package. The newer one is used for networks that the first refuses, and once a later torch has
    dropped the first.

    Args:
        network: (n, 3, s, s) float32 -> (n, d) float32, in eval mode, on the CPU.
        path: of the file.
        image_size: s, px.

    Raises:
        ModelError: a package is missing, the weights are too large for one file, or both exporters fail.
    """
    if lacking := find_lacking_packages():
        raise ModelError(f"an ONNX file needs {' and '.join(lacking)}: {EXTRA}, or pass --no-onnx")
    size = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    if size > MOST_BYTES:
        raise ModelError(f"the weights are {size / 2**30:.1f} GiB, an ONNX file holds 2: pass --no-onnx")
    images = torch.zeros(2, 3, image_size, image_size)
    refused = []
    for write in (_write_by_tracing, _write_by_export):
        try:
            with torch.inference_mode(), warnings.catch_warnings(), quieten("torch.onnx", below=logging.ERROR):
                warnings.simplefilter("ignore")  # torch warns of its own deprecated code
                write(network, images, path)
            return
        except Exception as error:  # exporters raise errors of all kinds for an operation that they do not know
            refused.append(first_line(error))
    raise ModelError(f"this network cannot be written as ONNX ({'; '.join(refused)}): pass --no-onnx")


def run_onnx(path: Path, images: np.ndarray) -> np.ndarray:
    """Embeddings (n, d) float32 of normalised images (n, 3, s, s) float32, by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], {INPUT: images})[0]


def _write_by_tracing(network: nn.Module, images: torch.Tensor, path: Path) -> None:
    any_number = {INPUT: {0: AXIS}, OUTPUT: {0: AXIS}}
    torch.onnx.export(
        network, (images,), path, input_names=[INPUT], output_names=[OUTPUT], dynamic_axes=any_number, dynamo=False
    )


def _write_by_export(network: nn.Module, images: torch.Tensor, path: Path) -> None:
    any_number = ({0: torch.export.Dim(AXIS, min=1, max=65536)},)
    written = torch.onnx.export(
        network,
        (images,),
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=any_number,
        dynamo=True,
        verbose=False,
    )
    written.save(path, external_data=False)
