"""Pair losses: each formula a second time, as loops over pairs in numpy."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from loss_cases import at_angles, random_images
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning import reducers

from reid_lib.params.loss_units import LOSS_DEFAULTS
from reid_lib.train.losses import make_loss
from reid_lib.train.proxy_losses import PROXY_LOSSES

PAIR_LOSSES = sorted(set(LOSS_DEFAULTS) - set(PROXY_LOSSES))


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
    monkeypatch.setattr("reid_lib.train.reid_loss.MAX_PAIRS", max_pairs)
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
