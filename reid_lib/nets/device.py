"""Which device computes, and in which precision: what `auto` means for each."""

import torch

from reid_lib.core.errors import ParameterError
from reid_lib.core.parallel import cpu_count

DEVICES = ("cpu", "cuda", "mps")
FP32, BF16, FP16 = "fp32", "bf16", "fp16"
BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")  # as `torch.cpu.get_capabilities` calls them
# Number of weights below which a CPU trains a network with depthwise convolutions quicker in float32 (docs/log.md).
NARROW = 10_000_000


def choose_device(device: str = "auto") -> str:
    """The device type that the parameter `device` means: "cuda", "mps" or "cpu"; "auto" takes the first of these that
    is available.

    Raises:
        ParameterError: the name is unknown, or this machine or this build of torch has no such device.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, found in there.items() if found)
    if device not in there:
        raise ParameterError(f"device {device!r} is not known: expected auto, {', '.join(DEVICES)}")
    if not there[device]:
        raise ParameterError(
            f"device {device!r} was asked for, but torch {torch.__version__} finds none here: pass device auto or cpu, "
            "or install a torch built for it"
        )
    return device


def auto_precision(device: str) -> str:
    """The quicker precision on a device: "bf16" where it multiplies bfloat16 natively, else "fp32".

    A CPU without such instructions emulates bfloat16, slower than float32.

    Args:
        device: see `choose_device`.
    """
    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device == "cpu":
        # Older versions of torch cannot be asked: there float32 is the safe answer.
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
        native = any(capabilities.get(name, False) for name in BF16_INSTRUCTIONS)
    else:
        native = False
    return BF16 if native else FP32


def choose_precision(precision: str, device: str, network: torch.nn.Module | None = None) -> str:
    """The precision that a network is trained in: "fp32" or "bf16".

    "auto" is `auto_precision(device)`, except on a CPU for small networks with depthwise convolutions: these move more
    data than they multiply, and their bfloat16 kernels are slow there, so they are trained in float32.

    Args:
        precision: the parameter: "auto", "fp32" or "bf16".
        device: see `choose_device`.
        network: that is trained; None: not known.

    Raises:
        ParameterError: the precision is unknown.
    """
    if precision == "auto":
        quicker = auto_precision(device)
        return FP32 if device == "cpu" and network is not None and is_narrow_depthwise(network) else quicker
    if precision not in (FP32, BF16):
        raise ParameterError(f"precision {precision!r} is not known: expected auto, {FP32} or {BF16}")
    return precision


def is_narrow_depthwise(network: torch.nn.Module) -> bool:
    """Has it depthwise convolutions and fewer than `NARROW` weights (EfficientNet-B0, MobileNet)?"""
    depthwise = any(isinstance(m, torch.nn.Conv2d) and m.groups == m.in_channels > 1 for m in network.modules())
    return depthwise and sum(p.numel() for p in network.parameters()) < NARROW


def embedding_precision(precision: str, device: str) -> str:
    """The precision that images are embedded in: "fp32" or "fp16", so that every embedding has a cosine of at least
    0.999 with the float32 one.

    bfloat16 keeps 8 bits, which turns the embeddings of some networks by more than that (docs/log.md). In its place a
    GPU takes float16, which keeps 11 bits at the same speed, and a CPU float32.

    Args:
        precision: the parameter: "auto", "fp32" or "bf16".
        device: see `choose_device`.
    """
    return FP16 if device == "cuda" and choose_precision(precision, device) == BF16 else FP32


def send_to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the CPU, copied to a device without waiting for a GPU that is busy.

    A copy from ordinary memory waits until the GPU has finished all its work; a copy from pinned memory queues up.
    """
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def to_full_precision(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in float32; one in float64 stays so. For what is not precise enough in 16 bits."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def describe_rounding(device: str) -> list:
    """What decides, beside the network, how a device rounds: where this is the same, results are to the last bit."""
    if device == "cuda":
        return [torch.cuda.get_device_name(), torch.version.cuda]
    return [torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()]


def count_loader_processes(num_workers: int, device: str, *, sharing: int = 1) -> int:
    """How many processes load images.

    Args:
        num_workers: the parameter; -1 chooses: 0 where a CPU trains, which needs all its cores, else 1 to 8.
        device: see `choose_device`.
        sharing: processes that train on this machine and share its cores.
    """
    if num_workers >= 0:
        return num_workers
    return 0 if device == "cpu" else min(8, max(cpu_count() // sharing - 1, 1))
