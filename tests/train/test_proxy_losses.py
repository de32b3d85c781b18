"""Proxy losses against their formulas at known angles; class weights that train and stay."""

import math

import numpy as np
import pytest
import torch
from loss_cases import at_angles, proxy, random_images
from pytorch_metric_learning import losses as pml

from reid_lib.params.loss_units import LOSS_DEFAULTS
from reid_lib.train.losses import make_loss
from reid_lib.train.proxy_losses import PROXY_LOSSES


def cross_entropy(logits, label):
    return math.log(sum(math.exp(value) for value in logits)) - logits[label]


# Class weights at 0 and 90 degrees; an embedding of class 0 at this angle from its weight.
@pytest.mark.parametrize("name", ["arcface", "subcenter_arcface"])
@pytest.mark.parametrize(("angle", "margin"), [(0.4, 0.3), (0.4, 0.0), (1.2, 0.5), (0.0, 0.3)])
def test_arcface_margin_is_added_to_the_angle_in_radians(name, angle, margin):
    loss = proxy(name, np.eye(2), margin=margin, scale=8.0)
    expected = cross_entropy([8 * math.cos(angle + margin), 8 * math.cos(math.pi / 2 - angle)], 0)
    assert loss(at_angles(angle), torch.tensor([0])).item() == pytest.approx(expected, abs=5e-3 if angle == 0 else 1e-4)


def test_arcface_beyond_half_a_turn_keeps_falling():
    # theta + m > pi: cos would rise again, so the logit continues as cos(theta) - m sin(m).
    angle, margin = 3.0, 0.5
    loss = proxy("arcface", np.eye(2), margin=margin, scale=4.0)
    right = 4 * (math.cos(angle) - margin * math.sin(margin))
    expected = cross_entropy([right, 4 * math.cos(math.pi / 2 - angle)], 0)
    assert loss(at_angles(angle), torch.tensor([0])).item() == pytest.approx(expected, abs=1e-4)


def test_arcface_margin_of_the_replaced_system_was_practically_none():
    """Its 0.5 went into the library as degrees: the loss must differ from that, and from no margin at all."""
    embedding, label = at_angles(0.4), torch.tensor([0])
    ours = proxy("arcface", np.eye(2), margin=0.5, scale=30.0)(embedding, label).item()
    theirs = pml.ArcFaceLoss(num_classes=2, embedding_size=2, margin=0.5, scale=30.0)
    theirs.W.data = torch.eye(2)
    assert ours > 10 * theirs(embedding, label).item()


def test_cosface_margin_is_subtracted_from_the_cosine():
    loss = proxy("cosface", np.eye(2), margin=0.35, scale=8.0)
    expected = cross_entropy([8 * (math.cos(0.4) - 0.35), 8 * math.cos(math.pi / 2 - 0.4)], 0)
    assert loss(at_angles(0.4), torch.tensor([0])).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", PROXY_LOSSES)
def test_proxy_loss_of_a_batch_is_the_mean_of_its_formula(name):
    embeddings, labels = random_images(n=40)
    margin, scale, own = 0.8, 16.0, (np.arange(40), labels)
    loss = make_loss(name, num_classes=4, embedding_dim=6, margin=margin, scale=scale, seed=1)
    weights = loss.class_weights.detach().double().numpy()
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    angle = np.arccos((embeddings @ weights.T).reshape(40, 4, -1).max(axis=2))
    logits = np.cos(angle)
    if name == "cosface":
        logits[own] -= margin
    else:
        beyond = angle[own] > math.pi - margin
        assert beyond.any() or name == "subcenter_arcface"  # whose nearest of three centres is rarely that far
        logits[own] = np.where(beyond, np.cos(angle[own]) - margin * math.sin(margin), np.cos(angle[own] + margin))
    expected = np.mean([cross_entropy(scale * row, label) for row, label in zip(logits, labels, strict=True)])
    value = loss(torch.from_numpy(embeddings), torch.from_numpy(labels)).item()
    assert value == pytest.approx(expected, rel=1e-4)


def test_subcenter_takes_the_nearest_centre_of_each_class():
    loss = make_loss("subcenter_arcface", num_classes=2, embedding_dim=2, margin=0.2, scale=5.0)
    centres = at_angles(1.0, 0.1, -2.0, 1.5, 3.0, -3.0)  # three of class 0, then three of class 1
    with torch.no_grad():
        loss.inner.W.copy_(centres.T)
    torch.testing.assert_close(loss.class_weights, centres)
    expected = cross_entropy([5 * math.cos(0.3 + 0.2), 5 * math.cos(1.5 - 0.4)], 0)
    assert loss(at_angles(0.4), torch.tensor([0])).item() == pytest.approx(expected, abs=1e-5)


def test_embeddings_and_class_weights_count_by_direction_only():
    embeddings, labels = random_images()
    for name in PROXY_LOSSES:
        loss = make_loss(name, num_classes=4, embedding_dim=6)
        once = loss(torch.from_numpy(embeddings), torch.from_numpy(labels)).item()
        with torch.no_grad():
            loss.inner.W.mul_(7)
        assert loss(torch.from_numpy(3 * embeddings), torch.from_numpy(labels)).item() == pytest.approx(once, rel=1e-5)


@pytest.mark.parametrize("name", PROXY_LOSSES)
def test_an_image_exactly_on_its_class_weight_gives_a_finite_gradient(name):
    loss = proxy(name, np.eye(3), scale=1.0)
    embeddings = torch.eye(3, requires_grad=True)
    loss(embeddings, torch.arange(3)).backward()
    assert torch.isfinite(embeddings.grad).all() and torch.isfinite(loss.inner.W.grad).all()


def test_arccos_is_never_taken_where_its_derivative_is_infinite():
    # Some versions of torch hide this behind clamp, older ones do not, so the angle itself is looked at.
    angles = make_loss("arcface", num_classes=1, embedding_dim=2).inner.get_angles(torch.tensor([1.0, -1.0]))
    assert 0 < angles[0] and angles[1] < math.pi


@pytest.mark.parametrize("name", PROXY_LOSSES)
def test_class_weights_move_in_one_step_and_come_back_from_the_state(name):
    embeddings, labels = (torch.from_numpy(array) for array in random_images())
    loss = make_loss(name, num_classes=4, embedding_dim=6, seed=1)
    before = loss.class_weights.detach().clone()
    optimizer = torch.optim.AdamW(loss.parameters(), lr=0.1)
    loss(embeddings, labels).backward()
    optimizer.step()
    moved = (loss.class_weights != before).any(dim=1)
    assert moved.view(4, -1).any(dim=1).all()  # of every class
    again = make_loss(name, num_classes=4, embedding_dim=6, seed=2)
    again.load_state_dict(loss.state_dict(), strict=True)
    assert torch.equal(again.class_weights, loss.class_weights)
    assert again(embeddings, labels) == loss(embeddings, labels)


@pytest.mark.parametrize("name", LOSS_DEFAULTS)
def test_a_bf16_step_computes_in_float32_and_leaves_class_weights_float32(name):
    embeddings, labels = (torch.from_numpy(array) for array in random_images())
    loss = make_loss(name, num_classes=4, embedding_dim=6)
    plain = loss(embeddings.bfloat16().float(), labels)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(embeddings.bfloat16().requires_grad_(), labels)
    value.backward()
    assert value.dtype == torch.float32
    assert value.item() == plain.item()
    for parameter in loss.parameters():
        assert parameter.dtype == torch.float32 and parameter.grad.dtype == torch.float32


def test_class_weights_follow_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, same, other = (make_loss("arcface", num_classes=4, embedding_dim=6, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.class_weights, same.class_weights)
    assert not torch.equal(one.class_weights, other.class_weights)
    assert torch.equal(torch.get_rng_state(), state)


def test_class_weights_start_at_the_class_means_with_length_root_d():
    embeddings = np.array([[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 3, 0]], dtype=np.float32)  # lengths do not weigh
    loss = make_loss("arcface", num_classes=3, embedding_dim=4)
    untouched = loss.class_weights[1].detach().clone()
    loss.start_at_class_means(embeddings, np.array([0, 0, 2]))
    expected = 2 * torch.tensor([[math.sqrt(0.5), math.sqrt(0.5), 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]])
    torch.testing.assert_close(loss.class_weights[[0, 2]].detach(), expected[[0, 2]])
    assert torch.equal(loss.class_weights[1], untouched)  # a class without images stays random


def test_sub_centres_start_apart():
    def tilted(angle, axis):  # from the first axis towards another
        vector = torch.zeros(3)
        vector[0], vector[axis] = math.cos(angle), math.sin(angle)
        return vector

    farthest, opposite, aside = tilted(1.2, axis=1), tilted(-0.8, axis=1), tilted(1.1, axis=2)
    embeddings = torch.stack([farthest, opposite, aside] + 20 * [tilted(0.0, axis=1)])
    loss = make_loss("subcenter_arcface", num_classes=2, embedding_dim=3)
    loss.start_at_class_means(embeddings, torch.ones(23, dtype=torch.int64))
    mean = torch.nn.functional.normalize(embeddings.mean(dim=0), dim=0)
    # `opposite` is the least like the second centre, but near the mean: it is covered already.
    expected = math.sqrt(3) * torch.stack([mean, farthest, aside])
    torch.testing.assert_close(loss.class_weights[3:].detach(), expected)


@pytest.mark.parametrize("name", PROXY_LOSSES)
@pytest.mark.parametrize("max_pairs", [2**22, 1])
def test_val_loss_of_a_proxy_loss_leaves_out_untrained_classes(name, max_pairs, monkeypatch):
    monkeypatch.setattr("reid_lib.train.reid_loss.MAX_PAIRS", max_pairs)
    queries, labels = random_images(n=8, seed=8)
    loss = make_loss(name, num_classes=4, embedding_dim=6)
    expected = loss(torch.from_numpy(queries), torch.from_numpy(labels)).item()
    extra = np.concatenate([queries, queries[:2]]), np.concatenate([labels, [-1, 4]])
    assert loss.val_loss(*extra, None, None) == (pytest.approx(expected, rel=1e-5), 2)
    nothing, left_out = loss.val_loss(queries, np.full(8, -1), None, None)
    assert math.isnan(nothing) and left_out == 8


@pytest.mark.parametrize("name", ["arcface", "cosface", "subcenter_arcface"])
def test_a_proxy_loss_is_the_librarys_to_the_last_bit(name):
    """Which finds the cosine to an image's own class by a mask; a GPU would have to wait for its size."""
    generator = torch.Generator().manual_seed(0)
    loss = make_loss(name, num_classes=7, embedding_dim=16, seed=1)
    labels = torch.randint(7, (20,), generator=generator)
    values, gradients = [], []
    for compute in (loss, loss.inner):
        embeddings = torch.nn.functional.normalize(torch.randn(20, 16, generator=torch.Generator().manual_seed(2)))
        embeddings.requires_grad_()
        loss.zero_grad()
        value = compute(embeddings, labels)
        value.backward()
        values.append(value.detach())
        gradients.append((embeddings.grad, loss.inner.W.grad.clone()))
    assert torch.equal(*values)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(*gradients, strict=True))
