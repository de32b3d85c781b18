"""Devices and precisions that are not there, loader processes, memory that is kept instead of mapped anew."""

import platform
import subprocess
import sys

import pytest
import timm
import torch

from reid_lib.core.errors import ParameterError
from reid_lib.nets import device
from reid_lib.nets.device import (
    auto_precision,
    choose_device,
    choose_precision,
    count_loader_processes,
    embedding_precision,
    is_narrow_depthwise,
)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused_with_the_cure():
    with pytest.raises(ParameterError, match="'cuda' was asked for, .* finds none here: pass device auto or cpu"):
        choose_device("cuda")


@pytest.mark.parametrize("choose, name", [(choose_device, "tpu"), (lambda n: choose_precision(n, "cpu"), "fp8")])
def test_an_unknown_name_lists_those_there_are(choose, name):
    with pytest.raises(ParameterError, match=f"{name!r} is not known: expected auto"):
        choose(name)


def test_on_a_cpu_narrow_networks_of_depthwise_convolutions_are_trained_in_float32(monkeypatch):
    monkeypatch.setattr(device, "auto_precision", lambda name: "bf16")
    names = ("tf_efficientnet_lite0", "resnet10t", "convnext_tiny")
    narrow, dense, wide = (timm.create_model(name, num_classes=0) for name in names)
    assert [is_narrow_depthwise(network) for network in (narrow, dense, wide)] == [True, False, False]
    assert choose_precision("auto", "cpu", narrow) == "fp32"
    assert choose_precision("auto", "cpu", dense) == choose_precision("auto", "cpu", wide) == "bf16"
    assert choose_precision("auto", "cuda", narrow) == choose_precision("bf16", "cpu", narrow) == "bf16"
    assert choose_precision("auto", "cpu", torch.nn.Linear(2, 2)) == "bf16"


@pytest.mark.parametrize("capabilities, expected", [
    ({"avx512_bf16": True}, "bf16"), ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
    ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, "fp32"), ({"architecture": "aarch64"}, "fp32"),
])  # fmt: skip
def test_a_cpu_is_asked_by_the_public_name_whether_it_multiplies_bfloat16(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert auto_precision("cpu") == expected


def test_a_torch_that_cannot_be_asked_trains_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert auto_precision("cpu") == "fp32"


@pytest.mark.parametrize("asked, there, expected", [
    ("auto", "cpu", "fp32"), ("bf16", "cpu", "fp32"), ("auto", "mps", "fp32"), ("auto", "cuda", "fp16"),
    ("bf16", "cuda", "fp16"), ("fp32", "cuda", "fp32"),
])  # fmt: skip
def test_embeddings_are_never_rounded_to_bfloat16(monkeypatch, asked, there, expected):
    monkeypatch.setattr(device, "auto_precision", lambda name: "fp32" if name == "mps" else "bf16")
    assert embedding_precision(asked, there) == expected


def test_loader_processes_are_as_asked_or_none_beside_a_cpu_that_trains():
    assert count_loader_processes(3, "cpu") == 3
    assert count_loader_processes(-1, "cpu") == 0
    assert 1 <= count_loader_processes(-1, "cuda") <= 8


PAGE_FAULTS = """
import resource, sys, torch
from reid_lib.nets.speed import reuse_memory
if sys.argv[1] == "reuse":
    reuse_memory()
for _ in range(20):  # the heap grows to what is needed
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="a matter of Linux and glibc")
def test_freed_memory_is_used_again_without_new_page_faults():
    def faults(mode):
        return int(
            subprocess.run([sys.executable, "-c", PAGE_FAULTS, mode], capture_output=True, text=True, check=True).stdout
        )

    assert faults("reuse") < 0.1 * faults("plain")


# Device and precision


def test_auto_takes_what_is_there(monkeypatch):
    for cuda, mps, expected in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=cuda: found)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda found=mps: found)
        assert device.choose_device("auto") == expected
        assert device.choose_device("cpu") == "cpu"


def test_bf16_is_automatic_only_where_it_is_native(monkeypatch):
    for native in (True, False):
        expected = "bf16" if native else "fp32"
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=native: {"amx_bf16": found}, raising=False)
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True, found=native: found or including_emulation
        )
        assert device.choose_precision("auto", "cpu") == device.choose_precision("auto", "cuda") == expected
    assert device.choose_precision("auto", "mps") == "fp32"
    assert device.choose_precision("bf16", "cpu") == "bf16"
