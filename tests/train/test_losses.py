"""Losses against their formulas at known angles, computed a second time in numpy; class weights that train and stay."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning import reducers

from reid_lib.core.errors import ParameterError
from reid_lib.params.loss_units import LOSS_DEFAULTS
from reid_lib.train.losses import PROXY_LOSSES, SUB_CENTERS, make_loss

PAIR_LOSSES = sorted(set(LOSS_DEFAULTS) - set(PROXY_LOSSES))


def proxy(name, weights, **options):
    """A proxy loss whose class weights are the rows of `weights`; all sub-centres of a class alike."""
    weights = torch.as_tensor(weights, dtype=torch.float32)
    loss = make_loss(name, num_classes=len(weights), embedding_dim=weights.shape[1], **options)
    with torch.no_grad():
        loss.inner.W.copy_(weights.repeat_interleave(len(loss.class_weights) // len(weights), dim=0).T)
    return loss


def at_angles(*radians):
    """Unit vectors in the plane, (n, 2)."""
    return torch.tensor([[math.cos(a), math.sin(a)] for a in radians], dtype=torch.float32)


def cross_entropy(logits, label):
    return math.log(sum(math.exp(value) for value in logits)) - logits[label]


def random_images(n=24, dim=6, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(n, dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), rng.permutation(np.arange(n) % classes)


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


@pytest.mark.parametrize("name", LOSS_DEFAULTS)
def test_only_proxy_losses_have_parameters(name):
    loss = make_loss(name, num_classes=5, embedding_dim=6)
    per_class = SUB_CENTERS if name == "subcenter_arcface" else 1
    assert [tuple(p.shape) for p in loss.parameters()] == ([(6, 5 * per_class)] if loss.is_proxy else [])


def test_class_weights_follow_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, same, other = (make_loss("arcface", num_classes=4, embedding_dim=6, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.class_weights, same.class_weights)
    assert not torch.equal(one.class_weights, other.class_weights)
    assert torch.equal(torch.get_rng_state(), state)


def test_margin_and_scale_default_to_the_table():
    for name, defaults in LOSS_DEFAULTS.items():
        loss = make_loss(name, num_classes=2, embedding_dim=2)
        assert (loss.margin, loss.scale) == (defaults.margin, defaults.scale)
    embeddings, labels = at_angles(0.1, 0.9), torch.tensor([0, 1])
    for name in PROXY_LOSSES:
        given = proxy(name, np.eye(2), margin=LOSS_DEFAULTS[name].margin, scale=LOSS_DEFAULTS[name].scale)
        assert proxy(name, np.eye(2))(embeddings, labels) == given(embeddings, labels)


@pytest.mark.parametrize(
    ("name", "options"), [("multisimilarity", {"margin": 0.1}), ("triplet", {"scale": 30.0}), ("arc", {})]
)
def test_a_margin_for_a_loss_without_one_is_refused(name, options):
    with pytest.raises(ParameterError, match="has no (margin|scale).*leave it empty|expected one of arcface"):
        make_loss(name, num_classes=2, embedding_dim=2, **options)


def test_labels_that_do_not_fit_the_embeddings_are_refused():
    with pytest.raises(ValueError, match=r"embeddings \(n, d\) and labels \(n,\)"):
        make_loss("arcface", num_classes=2, embedding_dim=2)(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64))


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


# Pair losses: each formula as loops over pairs in numpy.


def distances(a, b):
    return np.linalg.norm(a[:, None, :].astype(np.float64) - b[None, :, :], axis=2)


def triplet_terms(queries, query_labels, gallery, gallery_labels, margin, same_images=False):
    d, terms = distances(queries, gallery), []
    for a, p, n in product(range(len(queries)), range(len(gallery)), range(len(gallery))):
        positive = query_labels[a] == gallery_labels[p] and not (same_images and a == p)
        if positive and query_labels[a] != gallery_labels[n]:
            terms.append(max(0.0, d[a, p] - d[a, n] + margin))
    return np.array(terms)


def pair_terms(queries, query_labels, gallery, gallery_labels, margin, same_images=False):
    d, near, far = distances(queries, gallery), [], []
    for a, b in product(range(len(queries)), range(len(gallery))):
        if same_images and a == b:
            continue
        if query_labels[a] == gallery_labels[b]:
            near.append(d[a, b])
        else:
            far.append(max(0.0, margin - d[a, b]))
    return np.array(near), np.array(far)


def multisimilarity_terms(queries, query_labels, gallery, gallery_labels, same_images=False):
    terms = []
    for a in range(len(queries)):
        pull = push = 1.0
        for b in range(len(gallery)):
            cosine = float(queries[a].astype(np.float64) @ gallery[b])
            if query_labels[a] != gallery_labels[b]:
                push += math.exp(50 * (cosine - 0.5))
            elif not (same_images and a == b):
                pull += math.exp(-2 * (cosine - 0.5))
        terms.append(math.log(pull) / 2 + math.log(push) / 50)
    return np.array(terms)


def slow_value(name, *images, margin, **options):
    if name == "triplet":
        return triplet_terms(*images, margin, **options).mean()
    if name == "contrastive":
        return sum(terms.mean() for terms in pair_terms(*images, margin, **options))
    return multisimilarity_terms(*images, **options).mean()


@pytest.mark.parametrize(
    ("name", "margin"),
    [("triplet", None), ("triplet", 0.6), ("contrastive", None), ("contrastive", 1.2), ("multisimilarity", None)],
)
@pytest.mark.parametrize("max_pairs", [2**22, 20])  # in one piece, and one anchor at a time
def test_val_loss_is_the_mean_over_all_pairs_of_anchors_and_gallery(name, margin, max_pairs, monkeypatch):
    monkeypatch.setattr("reid_lib.train.losses.MAX_PAIRS", max_pairs)
    queries, gallery = random_images(n=7, seed=1), random_images(n=17, seed=2)
    loss = make_loss(name, num_classes=4, embedding_dim=6, margin=margin).eval()
    value, left_out = loss.val_loss(*queries, *gallery)
    assert left_out == 0
    assert value == pytest.approx(slow_value(name, *queries, *gallery, margin=loss.margin), rel=1e-4)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_val_loss_agrees_with_the_library_given_reference_embeddings(name):
    queries, gallery = random_images(n=9, seed=3), random_images(n=20, seed=4)
    library = {
        "triplet": pml.TripletMarginLoss(margin=0.2, reducer=reducers.MeanReducer()),
        "contrastive": pml.ContrastiveLoss(neg_margin=0.5, reducer=reducers.MeanReducer()),
        "multisimilarity": pml.MultiSimilarityLoss(alpha=2, beta=50, base=0.5),
    }[name]
    q, ql, g, gl = (torch.from_numpy(array) for array in (*queries, *gallery))
    expected = library(q, ql, ref_emb=g, ref_labels=gl).item()
    value, _ = make_loss(name, num_classes=4, embedding_dim=6).val_loss(q, ql, g, gl)
    assert value == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_evaluation_of_a_batch_has_no_miner_and_no_self_pairs(name):
    images = random_images(n=12, seed=5)
    loss = make_loss(name, num_classes=4, embedding_dim=6).eval()
    value = loss(*(torch.from_numpy(array) for array in images)).item()
    expected = slow_value(name, *images, *images, margin=loss.margin, same_images=True)
    assert value == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_queries_whose_class_has_no_gallery_image_are_left_out_and_counted(name):
    (queries, labels), gallery = random_images(n=8, seed=6), random_images(n=16, seed=7)
    loss = make_loss(name, num_classes=4, embedding_dim=6)
    value, _ = loss.val_loss(queries, labels, *gallery)
    extra = np.concatenate([queries, queries[:3]]), np.concatenate([labels, [77, -1, -1]])
    untrained_gallery = np.concatenate([gallery[0], queries[:1]]), np.concatenate([gallery[1], [-1]])
    assert loss.val_loss(*extra, *untrained_gallery) == (pytest.approx(value, rel=1e-6), 3)
    nothing, left_out = loss.val_loss(queries, labels + 50, *gallery)
    assert math.isnan(nothing) and left_out == 8


@pytest.mark.parametrize("name", PROXY_LOSSES)
@pytest.mark.parametrize("max_pairs", [2**22, 1])
def test_val_loss_of_a_proxy_loss_leaves_out_untrained_classes(name, max_pairs, monkeypatch):
    monkeypatch.setattr("reid_lib.train.losses.MAX_PAIRS", max_pairs)
    queries, labels = random_images(n=8, seed=8)
    loss = make_loss(name, num_classes=4, embedding_dim=6)
    expected = loss(torch.from_numpy(queries), torch.from_numpy(labels)).item()
    extra = np.concatenate([queries, queries[:2]]), np.concatenate([labels, [-1, 4]])
    assert loss.val_loss(*extra, None, None) == (pytest.approx(expected, rel=1e-5), 2)
    nothing, left_out = loss.val_loss(queries, np.full(8, -1), None, None)
    assert math.isnan(nothing) and left_out == 8


# Training: pictures small enough to solve on paper.


def test_triplet_training_takes_semi_hard_triplets_only():
    # Anchor at 0 with its partner at 0.3 rad: the other class is farther than the partner, but within the margin.
    # The reversed anchor (0.3) sees the other class nearer than its partner: hard, so not mined.
    def chord(angle):
        return 2 * math.sin(angle / 2)

    embeddings = at_angles(0.0, 0.3, 0.45)
    loss = make_loss("triplet", num_classes=2, embedding_dim=2, margin=0.2)
    expected = chord(0.3) - chord(0.45) + 0.2
    assert loss(embeddings, torch.tensor([0, 0, 1])).item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("margin", [0.5, 0.7])
def test_contrastive_training_averages_pairs_that_are_not_zero(margin):
    embeddings = at_angles(0.0, 0.3, 0.5, 3.0)
    chord = {angle: 2 * math.sin(angle / 2) for angle in (0.2, 0.3, 0.5, 2.5)}
    positive = (chord[0.3] + chord[2.5]) / 2  # (0, 0.3) and (0.5, 3.0)
    negative = ((margin - chord[0.5]) + (margin - chord[0.2])) / 2  # the pairs with 3.0 are beyond the margin
    loss = make_loss("contrastive", num_classes=2, embedding_dim=2, margin=margin)
    assert loss(embeddings, torch.tensor([0, 0, 1, 1])).item() == pytest.approx(positive + negative, abs=1e-4)


def test_multisimilarity_training_drops_easy_pairs():
    # (0, 0.05) are nearer than any image of the other class by more than 0.1 in the cosine, so they are not pulled.
    angles, labels = np.array([0.0, 0.05, 0.8, 0.9, 1.6]), np.array([0, 0, 0, 1, 1])
    cosine = np.cos(angles[:, None] - angles[None, :])
    terms = []
    for a in range(5):
        positives = [b for b in range(5) if labels[b] == labels[a] and b != a]
        negatives = [b for b in range(5) if labels[b] != labels[a]]
        hard_p = [b for b in positives if cosine[a, b] - 0.1 < cosine[a, negatives].max()]
        hard_n = [b for b in negatives if cosine[a, b] + 0.1 > cosine[a, positives].min()]
        pull = math.log(1 + sum(math.exp(-2 * (cosine[a, b] - 0.5)) for b in hard_p)) / 2
        push = math.log(1 + sum(math.exp(50 * (cosine[a, b] - 0.5)) for b in hard_n)) / 50
        terms.append(pull + push)
    loss = make_loss("multisimilarity", num_classes=2, embedding_dim=2)
    value = loss(at_angles(*angles), torch.from_numpy(labels)).item()
    assert value == pytest.approx(np.mean(terms), rel=1e-4)
    assert value != pytest.approx(loss.eval()(at_angles(*angles), torch.from_numpy(labels)).item(), rel=1e-3)


@pytest.mark.parametrize("name", PAIR_LOSSES)
@pytest.mark.parametrize("labels", [[0], [0, 1, 2], [0, 0, 0]])
def test_a_batch_without_pairs_gives_a_finite_loss_that_can_be_stepped(name, labels):
    embeddings = at_angles(*np.linspace(0, 1, len(labels))).requires_grad_()
    value = make_loss(name, num_classes=3, embedding_dim=2)(embeddings, torch.tensor(labels))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_one_step_of_training_lowers_the_loss(name):
    images = random_images(n=16, seed=9)
    embeddings = torch.nn.Parameter(torch.from_numpy(images[0]))
    loss, labels = make_loss(name, num_classes=4, embedding_dim=6), torch.from_numpy(images[1])
    before = loss.eval()(embeddings, labels).item()
    optimizer = torch.optim.SGD([embeddings], lr=0.05)
    loss.train()(embeddings, labels).backward()
    optimizer.step()
    assert loss.eval()(embeddings, labels).item() < before


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
