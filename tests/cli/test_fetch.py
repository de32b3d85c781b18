"""`download`: data and weights are checked as the run will use them."""

import pytest

from reid_lib.cli.fetch import fetch, fetch_backbone
from reid_lib.core.errors import ModelError
from reid_lib.params.fields import TrainParams


@pytest.mark.slow
def test_what_is_built_in_is_fetched_and_checked_without_a_network(clean_dirs, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    fetch(TrainParams(dataset="demo:small"))
    said = capsys.readouterr().out
    assert "every one of them decoded" in said and "backbone: tf_efficientnet_lite0" in said
    assert "export HF_HUB_OFFLINE=1" in said


def test_a_backbone_that_does_not_exist_is_refused_at_once():
    with pytest.raises(ModelError, match="efficientnet"):
        fetch_backbone("tf_efficientnet_lite00", pretrained=True)
