"""torch.compile: when it is used, the same features and steps as without, and what happens where it cannot be."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from in_processes import Folder
from torch import nn

from reid_lib.core.names import IMAGE_ID
from reid_lib.embed.extract import extract
from reid_lib.nets import speed
from reid_lib.nets.network import build_model
from reid_lib.nets.speed import NEED_THEIR_INPUT, Compiled, out_of_place, why_no_compiler, why_not_compiled
from reid_lib.train.batches import TrainingImages
from reid_lib.train.loop import fit
from reid_lib.train.losses import make_loss


def in_place(network) -> list[str]:
    return [name for name, m in network.named_modules() if isinstance(m, NEED_THEIR_INPUT) and m.inplace]


def gradients(network, images) -> list[torch.Tensor]:
    network.zero_grad(set_to_none=True)
    network(images).square().sum().backward()
    return [parameter.grad.clone() for parameter in network.parameters()]


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "mobilenetv3_small_050", "test_efficientnet"])
def test_gradients_are_the_same_to_the_last_bit(name):
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=0, drop_rate=0.0).train()
    images = torch.randn(4, 3, 64, 64)
    before = in_place(network)
    assert before, "a network that has none would not tell"
    expected = gradients(network, images)
    with out_of_place(network):
        assert not in_place(network)
        found = gradients(network, images)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert in_place(network) == before


def test_they_are_put_back_when_training_stops():
    network = timm.create_model("test_efficientnet", pretrained=False, num_classes=0)
    before = in_place(network)
    with pytest.raises(KeyboardInterrupt), out_of_place(network):
        raise KeyboardInterrupt
    assert in_place(network) == before


def test_relu_stays_in_place():
    network = timm.create_model("resnet10t", pretrained=False, num_classes=0)
    there = [module for module in network.modules() if isinstance(module, torch.nn.ReLU) and module.inplace]
    with out_of_place(network):
        assert there and all(module.inplace for module in there)


needs_compiler = pytest.mark.skipif(bool(why_no_compiler("cpu")), reason=why_no_compiler("cpu"))
WORTH = {"cpu": 100}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return timm.create_model("test_efficientnet", pretrained=False, num_classes=0).eval()


@pytest.fixture
def fails(monkeypatch):
    """torch.compile whose result fails when it is first used, as a compiler that is not there makes it."""

    def compile_(network, **options):
        def quick(images):
            raise RuntimeError("Python.h: No such file or directory\nand much more")

        return quick

    monkeypatch.setattr(torch, "compile", compile_)


@pytest.mark.parametrize(
    "mode, n, device, reason",
    [
        ("never", 1000, "cpu", "never"),
        ("auto", 99, "cpu", "99 images do not repay it, 100 would"),
        ("auto", 1000, "cuda", "nothing quicker on cuda"),
        ("always", 1, "mps", "not supported on mps"),
    ],
)
def test_why_not(mode, n, device, reason):
    assert reason in why_not_compiled(mode, n, device, worth=WORTH)


@needs_compiler
@pytest.mark.parametrize("mode, n", [("auto", 100), ("always", 1)])
def test_it_is_used_where_it_repays_itself_or_is_asked_for(mode, n):
    assert why_not_compiled(mode, n, "cpu", worth=WORTH) == ""


def test_a_machine_without_a_compiler_says_which_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert "no C++ compiler" in why_not_compiled("always", 1, "cpu", worth=WORTH)
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: object())
    assert "C compiler" in why_not_compiled("always", 1, "cuda", worth=WORTH)
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: None)
    assert "Triton is not installed" in why_not_compiled("always", 1, "cuda", worth=WORTH)


def test_where_compiling_fails_the_network_runs_as_it_is_and_says_so_once(network, fails, capsys):
    quick, images = Compiled(network, 2), torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(quick(images), network(images))
        assert torch.equal(quick(images), network(images))
    said = capsys.readouterr().out
    assert said.count("torch.compile is not used: RuntimeError: Python.h") == 1 and "much more" not in said


def test_a_compiled_network_with_other_features_is_not_used(network, monkeypatch, capsys):
    monkeypatch.setattr(torch, "compile", lambda network, **options: lambda images: network(images.flip(3)).flip(1))
    quick, images = Compiled(network, 2, freeze=True), torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(quick(images), network(images))
    assert "features differ" in capsys.readouterr().out


def test_a_network_that_is_wrong_says_so_itself(network, fails):
    with pytest.raises(RuntimeError, match="channels"):
        Compiled(network, 2)(torch.randn(2, 5, 32, 32))


def test_batches_of_another_size_run_as_they_are(network, monkeypatch):
    sizes = []

    def compile_(network, **options):
        return lambda images: sizes.append(len(images)) or network(images)

    monkeypatch.setattr(torch, "compile", compile_)
    quick = Compiled(network, 4)
    for n in (4, 4, 3):
        assert quick(torch.randn(n, 3, 32, 32)).shape[0] == n
    assert sizes == [4, 4]


def model_of(seed: int):
    model = build_model("test_efficientnet", pretrained=False, image_size=32, embedding_dim=16, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low in ((module.running_mean, -0.3), (module.running_var, 0.5)):
                value.copy_(low + torch.rand(value.shape, generator=generator))
    return model


@needs_compiler
@pytest.mark.slow
def test_embeddings_are_those_of_the_plain_network_and_of_these_very_weights(capsys):
    """Two networks of one architecture, one after the other: compiled code with the weights of the first in it would
    give the second the wrong features."""
    pixels = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
    rows = pd.DataFrame({IMAGE_ID: [str(k) for k in range(70)]})
    every = []
    for seed in (0, 1):
        how = {"batch_size": 32}
        plain = extract(model_of(seed), pixels, rows, torch_compile="never", **how).features
        found = extract(model_of(seed), pixels, rows, torch_compile="always", **how).features
        assert (plain * found).sum(axis=1).min() > 0.9999
        assert "not used" not in capsys.readouterr().out
        every.append(plain)
    assert (every[0] * every[1]).sum(axis=1).min() < 0.99, "networks that are alike would not tell"


def trained(folder, torch_compile: str):
    params = {"lr": 1e-3, "head_lr_factor": 10.0, "weight_decay": 1e-4, "scheduler": "cosine", "warmup": 1.0}
    params |= {"num_epochs": 2, "eval_every": 1, "patience": 0, "seed": 0, "torch_compile": torch_compile}
    pixels = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
    images = TrainingImages(pixels, np.arange(30), np.arange(30) // 4, batch_size=8, m=2, seed=0)
    model, loss = model_of(0), make_loss("arcface", num_classes=8, embedding_dim=16, seed=0)
    folder.mkdir()
    run = Folder(folder)
    fit(
        model, loss, images, SimpleNamespace(**params), run=run,
        evaluate=lambda m, w: {"val_score": 0.0}, prepare=lambda m, w: None, save_best=lambda m: None,
    )  # fmt: skip
    return model, run


@needs_compiler
@pytest.mark.slow
@pytest.mark.long
def test_training_learns_the_same(tmp_path, capsys):
    """Thirty images in batches of eight: the last of an epoch is smaller and runs uncompiled."""
    model, run = trained(tmp_path / "plain", "never")
    assert "torch.compile: not used: torch_compile is never" in capsys.readouterr().out
    quick, quick_run = trained(tmp_path / "compiled", "always")
    said = capsys.readouterr().out
    assert "the first step takes a while" in said and "not used" not in said
    losses, quick_losses = ([row["train_loss"] for row in r.rows[1:]] for r in (run, quick_run))
    np.testing.assert_allclose(quick_losses, losses, rtol=1e-3)
    assert list(quick.state_dict()) == list(model.state_dict())


def test_training_goes_on_where_compiling_fails(tmp_path, fails, monkeypatch, capsys):
    monkeypatch.setattr(speed, "why_no_compiler", lambda device: "")
    model, run = trained(tmp_path / "failed", "always")
    expected, plain = trained(tmp_path / "plain", "never")
    assert "torch.compile is not used: RuntimeError: Python.h" in capsys.readouterr().out
    assert [row["train_loss"] for row in run.rows[1:]] == [row["train_loss"] for row in plain.rows[1:]]
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), expected.parameters(), strict=True))


def test_compiling_is_not_imported_before_it_is_needed():
    code = "import sys; import reid_lib.nets.speed; print('torch._inductor.compile_fx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
