"""What all losses have in common."""

import pytest
import torch

from reid_lib.params.loss_units import LOSS_DEFAULTS
from reid_lib.train.losses import make_loss
from reid_lib.train.proxy_losses import PROXY_LOSSES, SUB_CENTERS

PAIR_LOSSES = sorted(set(LOSS_DEFAULTS) - set(PROXY_LOSSES))


@pytest.mark.parametrize("name", LOSS_DEFAULTS)
def test_only_proxy_losses_have_parameters(name):
    loss = make_loss(name, num_classes=5, embedding_dim=6)
    per_class = SUB_CENTERS if name == "subcenter_arcface" else 1
    assert [tuple(p.shape) for p in loss.parameters()] == ([(6, 5 * per_class)] if loss.is_proxy else [])


def test_labels_that_do_not_fit_the_embeddings_are_refused():
    with pytest.raises(ValueError, match=r"embeddings \(n, d\) and labels \(n,\)"):
        make_loss("arcface", num_classes=2, embedding_dim=2)(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64))
