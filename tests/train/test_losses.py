"""Losses by name: defaults, and what is refused."""

import numpy as np
import pytest
import torch
from loss_cases import at_angles, proxy

from reid_lib.core.errors import ParameterError
from reid_lib.params.loss_units import LOSS_DEFAULTS
from reid_lib.train.losses import make_loss
from reid_lib.train.proxy_losses import PROXY_LOSSES

PAIR_LOSSES = sorted(set(LOSS_DEFAULTS) - set(PROXY_LOSSES))


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
