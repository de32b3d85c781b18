"""A network as a timm model: the same embeddings, the same preparation of photographs, loaded by timm alone."""

import numpy as np
import pytest
import timm
import torch
from model_cases import embed, images, small
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from torch.nn import functional

from reid_lib.nets.network import build_model
from reid_lib.nets.timm_form import HEAD, WEIGHTS, convert_to_timm, load_timm


def exported(model, folder):
    convert_to_timm(model).save(folder)
    return load_timm(folder)


def started(model):
    """With statistics in its head, as a trained one has."""
    model.start_head(model.project([images(12, model.config["image_size"], seed=3)]))
    return model.eval()


@pytest.mark.parametrize(
    "backbone, px",
    [
        ("resnet10t", 32),
        ("vit_tiny_patch16_224", 32),  # told its image size when it is built
        ("deit_tiny_distilled_patch16_224", 32),  # two classifiers, whose answers are averaged
        ("mobilenetv4_conv_small", 32),  # a layer between pooling and classifier
    ],
)
def test_timm_alone_gives_the_embeddings_before_their_scaling(tmp_path, backbone, px):
    model = started(build_model(backbone, pretrained=False, image_size=px, embedding_dim=8))
    convert_to_timm(model).save(tmp_path)
    loaded = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    with torch.inference_mode():
        batch = model.normalise(images(3, px))
        torch.testing.assert_close(functional.normalize(loaded(batch)), model(batch), rtol=0, atol=1e-5)
    assert not (tmp_path / HEAD).exists()


def test_a_backbone_without_a_head_gives_its_features(tmp_path):
    model = small(embedding_dim=0).eval()
    loaded = exported(model, tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(model.normalise(images())), embed(model), rtol=0, atol=1e-6)
    assert loaded.network.num_classes == 0


def test_where_the_classifier_is_more_than_a_linear_map_the_head_lies_beside(tmp_path):
    model = started(build_model("levit_128s", pretrained=False, image_size=224, embedding_dim=8))
    loaded = exported(model, tmp_path)
    assert (tmp_path / HEAD).exists() and loaded.network.num_classes == 0
    with torch.inference_mode():
        batch = model.normalise(images(2, 224))
        torch.testing.assert_close(loaded(batch), model(batch), rtol=0, atol=1e-5)


def test_timm_prepares_a_photograph_as_we_do(tmp_path):
    model = small(image_size=48).eval()
    loaded = exported(model, tmp_path)
    prepare = create_transform(**resolve_model_data_config(loaded.network), is_training=False)
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))
    ours = np.asarray(wide.resize((48, 48), Image.Resampling.BICUBIC))  # squashed whole, not cropped
    expected = model.normalise(torch.from_numpy(ours[None].copy()))[0]
    assert prepare(wide).shape == (3, 48, 48)
    torch.testing.assert_close(prepare(wide), expected, rtol=0, atol=1e-5)


def test_the_model_that_is_converted_stays_as_it_is(tmp_path):
    model = started(small())
    before, state = embed(model), {name: value.clone() for name, value in model.state_dict().items()}
    convert_to_timm(model).save(tmp_path)
    assert torch.equal(embed(model), before)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert b"__main__" not in (tmp_path / WEIGHTS).read_bytes()[:4096]  # safetensors, no pickle


def test_converting_draws_nothing_from_the_global_generator():
    model = small()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    convert_to_timm(model)
    assert torch.equal(torch.rand(3), expected)
