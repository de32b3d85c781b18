"""A model comes back from its files as it was, or not at all."""

import json
import pickle
from contextlib import contextmanager

import pytest
import torch
from flipped import flip_bits
from model_cases import embed, images, small, writer
from safetensors.torch import load_file, save_file

from reid_lib.core import files
from reid_lib.core.errors import ModelError
from reid_lib.core.names import MODEL_JSON, MODEL_WEIGHTS
from reid_lib.nets import backbones
from reid_lib.nets.model_files import find_weights_trouble, load_model, save_model


@pytest.fixture
def saved(tmp_path):
    model = small(dropout=0.5, seed=3)
    model.start_head(model.project([images(8)]))
    save_model(model, writer(tmp_path))
    return tmp_path, model.eval()


def test_a_saved_model_rebuilds_itself_dropout_and_statistics_included(saved):
    folder, model = saved
    again = load_model(folder)
    assert not again.training
    assert again.config == json.loads((folder / MODEL_JSON).read_text()) == model.config
    assert again.head.dropout.p == 0.5
    assert torch.equal(embed(again), embed(model))
    assert embed(again).abs().max() > 0


def test_whoever_may_read_one_of_the_files_may_read_both(tmp_path):
    """safetensors makes its files for their owner alone."""

    @contextmanager
    def write(name):
        with files.atomic(tmp_path / name) as path:
            yield path

    save_model(small(), write)
    assert (tmp_path / MODEL_WEIGHTS).stat().st_mode == (tmp_path / MODEL_JSON).stat().st_mode


def test_loading_touches_neither_pickle_nor_the_packaged_weights_nor_the_generator(saved, monkeypatch):
    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (backbones, "load_packaged_lite0")):
        monkeypatch.setattr(module, name, lambda *a, **k: pytest.fail("must not be called"))
    state = torch.get_rng_state()
    load_model(saved[0])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit_to_the_last_tensor_are_refused(saved, change):
    folder, _ = saved
    weights = load_file(folder / MODEL_WEIGHTS)
    if change == "missing":
        del weights["head.norm.running_mean"]
    elif change == "extra":
        weights["head.bias"] = torch.zeros(8)
    else:
        weights["head.linear.weight"] = torch.zeros(9, 512)
    save_file(weights, folder / MODEL_WEIGHTS)
    with pytest.raises(ModelError, match="does not fit model.json"):
        load_model(folder)


def without_checksums(folder):
    """As a version before, or another program, has written it: what is in model.json then counts as meant."""
    weights = load_file(folder / MODEL_WEIGHTS)
    save_file(weights, folder / MODEL_WEIGHTS)


def test_a_model_of_other_parameters_is_not_loaded_silently(saved):
    folder, _ = saved
    without_checksums(folder)
    config = json.loads((folder / MODEL_JSON).read_text())
    (folder / MODEL_JSON).write_text(json.dumps(config | {"embedding_dim": 16}))
    with pytest.raises(ModelError, match="does not fit"):
        load_model(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (MODEL_WEIGHTS, None, "no model in"),
        (MODEL_JSON, None, "no model in"),
        (MODEL_WEIGHTS, b"half a file", "is damaged"),
        (MODEL_JSON, b'{"format": 1, "back', "is damaged"),
        (MODEL_JSON, b'{"format": 1}', "model.json is not as it was written"),
        (MODEL_JSON, b'{"format": 0}', "another version"),
        (MODEL_JSON, b"[]", "another version"),
        (MODEL_JSON, b'{"format": 1}', "lacks or mistakes an entry"),
    ],
)
def test_a_missing_or_damaged_file_is_told(saved, file, content, message):
    folder, _ = saved
    if message in ("another version", "lacks or mistakes an entry"):
        without_checksums(folder)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_model(folder)


def test_a_pickle_in_place_of_the_weights_is_not_opened(saved):
    folder, model = saved
    torch.save(model.state_dict(), folder / MODEL_WEIGHTS)
    with pytest.raises(ModelError, match="is damaged"):
        load_model(folder)


def test_a_model_without_head_comes_back(tmp_path):
    model = small(embedding_dim=0).eval()
    save_model(model, writer(tmp_path))
    assert torch.equal(embed(load_model(tmp_path)), embed(model))


def test_truncated_weights_are_told(saved):
    folder, _ = saved
    whole = (folder / MODEL_WEIGHTS).read_bytes()
    (folder / MODEL_WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="is damaged"):
        load_model(folder)


@pytest.mark.parametrize("file", [MODEL_WEIGHTS, MODEL_JSON])
def test_no_flipped_bit_passes_or_raises_another_error(saved, file):
    """At random; of 60 such in the weights, 60 used to pass."""
    folder, model = saved
    for place in flip_bits(folder / file, 40, also=range(0, 400, 20) if file == MODEL_WEIGHTS else ()):
        trouble = find_weights_trouble(folder)
        if not trouble:  # in the name of the checksum itself
            assert all(torch.equal(v, model.state_dict()[k]) for k, v in load_model(folder).state_dict().items()), place
        assert trouble or place < 400


def test_the_trouble_with_weights_is_told_without_its_cure(saved):
    folder, _ = saved
    assert find_weights_trouble(folder) == ""
    (folder / MODEL_WEIGHTS).write_bytes(b"half a file")
    assert "is damaged (model.safetensors" in find_weights_trouble(
        folder
    ) and "copy it again" not in find_weights_trouble(folder)
