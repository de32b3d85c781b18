"""What several tests of this folder share."""

import pytest
from model_cases import LITE0

from reid_lib.nets.network import ReidModel, build_model


@pytest.fixture(scope="module")
def lite0() -> ReidModel:
    return build_model(LITE0, image_size=64, embedding_dim=16).eval()
