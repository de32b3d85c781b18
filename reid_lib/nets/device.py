"""Which processor computes, and in which precision: the meaning of `auto`."""

import torch

from reid_lib.core.errors import ParameterError
from reid_lib.core.parallel import cpu_count

DEVICES = ("cpu", "cuda", "mps")
FP32, BF16, FP16 = "fp32", "bf16", "fp16"
BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")  # as `torch.cpu.get_capabilities` calls them
# Weights below which a CPU trains a network with depthwise convolutions quicker in float32 (docs/log.md).
NARROW = 10_000_000


def choose_device(device: str = "auto") -> str:
    """The device type that `device` means: "cuda", "mps" or "cpu"; "auto" takes the first of these that is there.

    Raises:
        ParameterError: an unknown name, or a device this machine, or this build of torch, does not have.
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
    """The faster precision that is safe: "bf16" where the device multiplies bfloat16 natively, else "fp32".

    A CPU without such instructions still runs bfloat16, but by conversion, and slower than float32.
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
    """What a network is trained in: `precision` ("fp32" or "bf16") as given; "auto" means the quicker one.

    That is `auto_precision(device)`; on a CPU float32 for narrow networks of depthwise convolutions, which move more
    than they multiply, and whose bfloat16 kernels are slow there.
    """
    if precision == "auto":
        quicker = auto_precision(device)
        return FP32 if device == "cpu" and network is not None and is_narrow_depthwise(network) else quicker
    if precision not in (FP32, BF16):
        raise ParameterError(f"precision {precision!r} is not known: expected auto, {FP32} or {BF16}")
    return precision


def is_narrow_depthwise(network: torch.nn.Module) -> bool:
    """Has it convolutions that see one channel each, and few weights in all (EfficientNet-B0, MobileNet)?"""
    depthwise = any(isinstance(m, torch.nn.Conv2d) and m.groups == m.in_channels > 1 for m in network.modules())
    return depthwise and sum(p.numel() for p in network.parameters()) < NARROW


def embedding_precision(precision: str, device: str) -> str:
    """What images are embedded in, so that every embedding has a cosine of at least 0.999 to the float32 one.

    bfloat16 rounds weights to 8 bits, which turns the embeddings of some networks by more than that (docs/log.md). A
    GPU rounds to the 11 bits of float16 instead, at the same speed; a CPU computes in float32.

    Args:
        precision: the parameter: "auto", "fp32" or "bf16".
        device: see `choose_device`.
    """
    return FP16 if device == "cuda" and choose_precision(precision, device) == BF16 else FP32


def send_to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the CPU on a device, without waiting for what a GPU is still busy with.

    A copy from ordinary memory waits until the GPU has finished all that it was given; from pinned memory it queues up.
    """
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def full_precision(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float32, or in float64 where it is: what 16 bits do not hold is computed in one of these."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def rounds_like(device: str) -> list:
    """What decides, beside the network, how a device rounds: the same here, and the last bit is the same."""
    if device == "cuda":
        return [torch.cuda.get_device_name(), torch.version.cuda]
    return [torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()]


def loader_processes(num_workers: int, device: str, *, sharing: int = 1) -> int:
    """How many processes load images; -1 chooses: none beside a CPU that is busy training, else up to 8.

    Args:
        num_workers: the parameter.
        device: see `choose_device`.
        sharing: processes that train on this machine; the cores are divided among them.
    """
    if num_workers >= 0:
        return num_workers
    return 0 if device == "cpu" else min(8, max(cpu_count() // sharing - 1, 1))
