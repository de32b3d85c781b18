"""Recorded passes of a backbone: replayed on a GPU with the same result, given up quietly where that cannot be."""

import copy

import pytest
import torch

from reid_lib.nets.graphs import Graphed
from reid_lib.nets.network import build_model

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def backbone(name="test_resnet", device="cpu"):
    model = build_model(name, pretrained=False, image_size=96, embedding_dim=0, seed=3)
    return model.backbone.train().to(device)


def one_step(call, network, images) -> tuple:
    """Features, gradients and running statistics after a step of training."""
    network.zero_grad(set_to_none=True)
    with torch.autocast(images.device.type, torch.bfloat16):
        features = call(images)
    features.float().square().sum().backward()
    return (
        features.detach().float().clone(),
        [p.grad.clone() for p in network.parameters()],
        [b.clone() for b in network.buffers()],
    )


class LooksAtNumbers(torch.nn.Module):
    """What cannot be recorded: which way it goes depends on what the images show."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)

    def forward(self, images):
        x = self.norm(images)
        return x.mean(dim=(2, 3)) if float(x.mean()) < 1 else x.amax(dim=(2, 3))


@on_gpu
def test_what_cannot_be_recorded_runs_as_it_is(capsys):
    """And trying leaves no trace in the running statistics."""
    network = LooksAtNumbers().cuda().train()
    twin, images = copy.deepcopy(network), torch.rand(4, 3, 96, 96, device="cuda")
    quick = Graphed(network, 4)
    for _ in range(2):
        for mine, theirs in zip(one_step(quick, network, images), one_step(twin, twin, images), strict=True):
            for a, b in zip(mine, theirs, strict=True):
                torch.testing.assert_close(a, b)
    assert capsys.readouterr().out.count("no CUDA graph: ") == 1


def test_recording_without_a_gpu_is_refused_and_leaves_the_network_as_it_was():
    network = backbone()
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match="CUDA graphs are of a GPU; the images are on cpu"):
        Graphed(network, 4)(torch.rand(4, 3, 96, 96))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_batch_that_is_not_whole_is_not_recorded(capsys):
    quick = Graphed(backbone(), 4)
    quick(torch.rand(3, 3, 96, 96))
    assert quick.quick is None and not capsys.readouterr().out


@on_gpu
@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit"])
def test_a_replay_gives_what_the_network_gives(name):
    """Twice, with other images: the second time nothing of the first must be left."""
    network = backbone(name, "cuda").to(memory_format=torch.channels_last)
    twin, quick = copy.deepcopy(network), Graphed(network, 8)
    for seed in range(3):
        images = torch.rand(8, 3, 96, 96, device="cuda", generator=torch.Generator("cuda").manual_seed(seed))
        images = images.to(memory_format=torch.channels_last)
        mine, theirs = one_step(quick, network, images), one_step(twin, twin, images)
        torch.testing.assert_close(mine[0], theirs[0], rtol=0.02, atol=0.02)
        for a, b in zip(mine[1] + mine[2], theirs[1] + theirs[2], strict=True):
            assert torch.cosine_similarity(a.float().flatten(), b.float().flatten(), dim=0) > 0.99 or a.norm() < 1e-3
    assert not isinstance(quick.quick, type(network)), "it was not recorded"


@on_gpu
def test_dropout_within_a_recording_follows_the_seed():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Dropout(0.5), torch.nn.Flatten(1)).cuda().train()
    quick, images, found = Graphed(network, 4), torch.rand(4, 3, 16, 16, device="cuda"), []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        found.append(quick(images).detach().clone())
    assert torch.equal(found[0], found[2]) and not torch.equal(found[0], found[1])


@on_gpu
def test_the_network_itself_stays_usable_in_eval_mode():
    network = backbone(device="cuda")
    images = torch.rand(4, 3, 96, 96, device="cuda")
    quick = Graphed(network, 4)
    quick(images)
    network.eval()
    with torch.inference_mode():
        alone = copy.deepcopy(network)(images)
        torch.testing.assert_close(network(images), alone)
