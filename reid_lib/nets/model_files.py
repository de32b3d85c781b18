"""A model's two files: model.json, which says how to build the network again, and model.safetensors, its weights.

Each is checked by a checksum. Neither is a pickle, so that opening a model of somebody else runs no code of theirs.
"""

import json
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from reid_lib.core.errors import ModelError
from reid_lib.core.names import MODEL_JSON, MODEL_WEIGHTS
from reid_lib.nets.backbones import Architecture, build_backbone
from reid_lib.nets.network import FORMAT, ReidModel

# Entry of the header of model.safetensors: the checksums of the weights and of model.json. One entry for both, since
# safetensors writes several in random order.
CHECKSUMS = "crc32"


def save_model(model: ReidModel, write: Callable[[str], AbstractContextManager[Path]]) -> None:
    """Write model.json and model.safetensors.

    Args:
        model: on any device.
        write: takes a file's name and returns a context manager that yields the path to write to, such as `Run.write`.
    """
    config = json.dumps(model.config, indent=2)
    with write(MODEL_JSON) as path:
        Path(path).write_text(config, encoding="utf-8")
    # Copies, because safetensors refuses tensors that share memory or are laid out channels last.
    weights = {name: value.to("cpu", copy=True).contiguous() for name, value in model.state_dict().items()}
    sums = {CHECKSUMS: f"{_sum_of(weights)} {zlib.crc32(config.encode()):08x}"}
    with write(MODEL_WEIGHTS) as path:
        # Not `save_file`: it writes under a name of its own, which a killed process would leave behind.
        Path(path).write_bytes(save(weights, metadata=sums))


def load_model(folder: Path | str) -> ReidModel:
    """The model that `save_model` wrote into `folder`, on the CPU, in eval mode. Downloads nothing.

    Raises:
        ModelError: a file is missing, damaged or of another format, or a tensor does not fit the network.
    """
    folder = Path(folder)
    config, weights = _stored(folder)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelError(f"{folder / MODEL_JSON} is not of format {FORMAT}: it was written by another version")
    try:
        with torch.random.fork_rng(devices=[]):
            network, _ = build_backbone(Architecture(**config["architecture"]), config["backbone"], pretrained=False)
            model = ReidModel(network, config)
        model.load_state_dict(weights, strict=True)
    except ModelError:
        raise
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder / MODEL_JSON} lacks or mistakes an entry ({error}): copy it again") from error
    except RuntimeError as error:
        raise ModelError(f"{folder / MODEL_WEIGHTS} does not fit {MODEL_JSON}: {error}") from error
    return model.eval()


def find_weights_trouble(folder: Path | str) -> str:
    """Why the model in `folder` cannot be used, by its files and their checksums; "" where they are whole."""
    try:
        _stored(Path(folder))
    except ModelError as error:
        return str(error).rsplit(": ", 1)[0]  # without what to do about it
    return ""


def _stored(folder: Path) -> tuple[dict, dict[str, Tensor]]:
    """The content of model.json and the weights, after comparing their checksums, which are in the file of the weights.

    Raises:
        ModelError: a file is missing or damaged.
    """
    weights_file, config_file = folder / MODEL_WEIGHTS, folder / MODEL_JSON
    cure = "run its notebook again, which makes it again, or copy it again"
    try:
        text = config_file.read_text(encoding="utf-8")
        config, weights = json.loads(text), load_file(weights_file)
        with safe_open(weights_file, framework="pt") as file:
            sums = (file.metadata() or {}).get(CHECKSUMS, "").split()  # earlier versions wrote none
    except FileNotFoundError as error:
        raise ModelError(
            f"no model in {folder} (expected {MODEL_JSON} and {MODEL_WEIGHTS}): train one first, or {cure}"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError, OSError) as error:
        damaged = config_file if isinstance(error, ValueError) else weights_file
        raise ModelError(f"the model in {folder} is damaged ({damaged.name}: {error}): {cure}") from error
    now = [_sum_of(weights), f"{zlib.crc32(text.encode()):08x}"] if sums else []
    for name, was, is_now in zip((MODEL_WEIGHTS, MODEL_JSON), sums, now, strict=False):
        if was != is_now:
            raise ModelError(f"the model in {folder} is damaged ({name} is not as it was written): {cure}")
    return config, weights


def _sum_of(weights: dict[str, Tensor]) -> str:
    """CRC-32 over names and bytes of all tensors (0.7 s for 1 GB): eight hexadecimal digits."""
    crc = 0
    for name in sorted(weights):
        crc = zlib.crc32(name.encode(), crc)
        crc = zlib.crc32(weights[name].flatten().view(torch.uint8).numpy(), crc)
    return f"{crc:08x}"
