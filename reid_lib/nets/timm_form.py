"""Converts a network of ours to a plain timm model, which `timm.create_model("local-dir:FOLDER", pretrained=True)`
loads.

With frozen weights the head (a linear map, then batch normalisation without scale) is one linear map. It replaces
timm's classifier, so that `model(x)` is the embedding before it is scaled to length 1. Where timm's classifier is more
than a linear map, the timm model returns the pooled features, and the head is written to a file of its own.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from reid_lib.nets.network import ReidModel

CONFIG, WEIGHTS, HEAD = "config.json", "model.safetensors", "head.safetensors"
LOCAL = "local-dir:"  # timm 1.0.16 and newer
# Entries of the backbone's pretrained_cfg to keep: its code reads them, or they say what its weights may be used for.
KEPT = ("first_conv", "classifier", "license", "min_input_size")


@dataclass(frozen=True)
class TimmForm:
    """A timm model, and what it cannot hold.

    Attributes:
        network: images (n, 3, s, s) -> embeddings (n, d) before they are scaled; pooled features where `head` is set.
        head: features -> embeddings, where the timm model has no place for it; None nearly always.
        config: content of config.json, as timm reads it.
    """

    network: nn.Module
    head: nn.Linear | None
    config: dict

    def save(self, folder: Path) -> None:
        """Write config.json, model.safetensors, and head.safetensors where there is a head; no pickle."""
        (folder / CONFIG).write_text(json.dumps(self.config, indent=2) + "\n", encoding="utf-8")
        _save(self.network, folder / WEIGHTS)
        if self.head is not None:
            _save(self.head, folder / HEAD)


class Embedder(nn.Module):
    """Normalised images (n, 3, s, s) -> embeddings (n, d) of length 1, by a timm model and the head beside it."""

    def __init__(self, network: nn.Module, head: nn.Linear | None = None):
        super().__init__()
        self.network, self.head = network, head or nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Float32 images by float32 weights."""
        return functional.normalize(self.head(self.network(images)))


def convert_to_timm(model: ReidModel) -> TimmForm:
    """A timm model that gives the same embeddings but for rounding. `model` stays as it is."""
    dim, backbone = model.config["embedding_dim"], model.backbone.state_dict()
    if not dim:
        network = _build(model, 0)
        network.load_state_dict(backbone)
        return TimmForm(network, None, _describe(model, network))
    head = _fold_head(model)
    network = _build(model, dim)
    fitted = _put_in_place(network, backbone, head)
    if fitted is None:
        network, beside = _build(model, 0), head
        network.load_state_dict(backbone)
    else:
        beside = None
        network.load_state_dict(fitted)
    return TimmForm(network, beside, _describe(model, network))


def load_timm(folder: Path) -> Embedder:
    """What `TimmForm.save` wrote, in eval mode; read by timm's public function, as those who receive it do."""
    network = timm.create_model(f"{LOCAL}{folder}", pretrained=True)
    head = None
    if (folder / HEAD).exists():
        weights = load_file(folder / HEAD)
        head = nn.Linear(weights["weight"].shape[1], weights["weight"].shape[0])
        head.load_state_dict(weights)
    return Embedder(network, head).eval()


def _build(model: ReidModel, n_classes: int) -> nn.Module:
    architecture = model.config["architecture"]
    options = dict(architecture["args"])
    if architecture["pretrained_cfg"]:
        options["pretrained_cfg"] = architecture["pretrained_cfg"]
    with torch.random.fork_rng(devices=[]):
        return timm.create_model(architecture["name"], pretrained=False, num_classes=n_classes, **options).eval()


def _fold_head(model: ReidModel) -> nn.Linear:
    """Linear map and batch normalisation, (W f - mean) / sqrt(variance + eps), as one linear map with a bias."""
    linear, norm = model.head.linear, model.head.norm
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        folded = nn.Linear(linear.in_features, linear.out_features)
        folded.weight.copy_(linear.weight.double() * scale[:, None])
        folded.bias.copy_(-norm.running_mean.double() * scale)
    return folded.eval()


def _put_in_place(network: nn.Module, backbone: dict[str, Tensor], head: nn.Linear) -> dict[str, Tensor] | None:
    """The state of a network with the head as its classifier; None where its classifier is no linear map.

    A classifier of several linear maps whose answers are averaged (a distilled network) gets the head in each of them.
    """
    state = network.state_dict()
    added = {name: value for name, value in state.items() if name not in backbone}
    if set(backbone) - set(state) or not added:
        return None
    parts = {}
    for name, value in added.items():
        part = {"weight": head.weight, "bias": head.bias}.get(name.rpartition(".")[2])
        if part is None or part.numel() != value.numel() or value.shape[0] != part.shape[0]:
            return None
        parts[name] = part.detach().reshape(value.shape)
    return backbone | parts


def _describe(model: ReidModel, network: nn.Module) -> dict:
    """Content of config.json: which network, and how photographs are prepared, so that timm's transform equals ours."""
    config, architecture, known = model.config, model.config["architecture"], network.pretrained_cfg
    side = config["image_size"]
    prepared = {
        "input_size": [3, side, side],
        "fixed_input_size": architecture["fixed_size"],
        "interpolation": config["interpolation"],
        "crop_pct": 1.0,
        "crop_mode": "squash",
        "mean": config["mean"],
        "std": config["std"],
        "num_classes": network.num_classes,
        "pool_size": None,
        "custom_load": False,
    }
    kept = {key: known[key] for key in KEPT if known.get(key) is not None}
    described = {
        "architecture": architecture["name"].split(".")[0],
        "num_classes": network.num_classes,
        "num_features": network.num_features,
        "pretrained_cfg": kept | prepared,
    }
    return described | ({"model_args": architecture["args"]} if architecture["args"] else {})


def _save(module: nn.Module, path: Path) -> None:
    weights = {name: value.to("cpu", copy=True).contiguous() for name, value in module.state_dict().items()}
    # Not `save_file`: it writes under a temporary name of its own, and files that only their owner may read.
    path.write_bytes(save(weights, metadata={"format": "pt"}))
