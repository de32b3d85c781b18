"""Embeddings are computed once, and whatever could make one stale makes it another one."""

import errno
import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch

from reid_lib.core import files
from reid_lib.core.names import IMAGE_ID
from reid_lib.embed import store
from reid_lib.embed.extract import Way, extract, extract_views
from reid_lib.embed.store import Store, embed_images, fingerprint_images
from reid_lib.embed.views import CORNERS, VIEWS, cut_views
from reid_lib.nets.model_files import load_model, save_model
from reid_lib.nets.network import build_model

HOW = {"batch_size": 8, "device": "cpu", "precision": "fp32"}


def store_of(model, n_images=20) -> Store:
    return Store.of(model, device="cpu", precision="fp32", way=Way.of(n_images, batch_size=8, device="cpu"))


@pytest.fixture
def model():
    return build_model("resnet10t", pretrained=False, image_size=32, embedding_dim=8, seed=0)


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    return pixels, pd.DataFrame({IMAGE_ID: [f"i{k}" for k in range(20)]})


@pytest.fixture
def computed(clean_dirs, monkeypatch) -> list[int]:
    """How many images (each view is one) the network was asked for at a time, from now on."""
    asked = []

    def counting(model, pixels, wanted, **how):
        asked.append(sum(map(len, wanted.values())))
        return extract_views(model, pixels, wanted, **how)

    monkeypatch.setattr(store, "extract_views", counting)
    return asked


def test_what_was_embedded_comes_back_to_the_last_bit(model, images, computed):
    first, second = (embed_images(model, *images, **HOW) for _ in range(2))
    plain = extract(model, *images, **HOW)
    np.testing.assert_array_equal(first.features, plain.features)
    np.testing.assert_array_equal(second.features, plain.features)
    assert computed == [20]


def test_only_new_images_are_embedded_in_whatever_order(model, images, computed):
    pixels, rows = images
    embed_images(model, pixels, rows, where=np.arange(20) < 12, **HOW)
    order = np.random.default_rng(1).permutation(20)
    found = embed_images(model, pixels[order], rows.iloc[order], **HOW)
    assert computed == [12, 8]
    assert found.rows[IMAGE_ID].tolist() == [f"i{k}" for k in order]
    np.testing.assert_allclose(found.features, extract(model, pixels, rows, **HOW).features[order], atol=1e-6)


def test_a_changed_image_of_the_same_name_is_embedded_anew(model, images, computed):
    pixels, rows = images
    embed_images(model, pixels, rows, **HOW)
    changed = pixels.copy()
    changed[3, 0, 0, 0] ^= 1
    found = embed_images(model, changed, rows, **HOW)
    assert computed == [20, 1]
    np.testing.assert_allclose(found.features, extract(model, changed, rows, **HOW).features, atol=1e-6)


def one_weight(model):
    with torch.no_grad():
        next(model.backbone.parameters())[0, 0, 0, 0] += 1e-3


def batch_statistics(model):
    next(m for m in model.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)).running_mean += 1e-3


def head_statistics(model):
    model.head.norm.running_var *= 1.01


def normalisation(model):
    model.mean += 0.1
    model.config["mean"] = [value + 0.1 for value in model.config["mean"]]


@pytest.mark.parametrize("change", [one_weight, batch_statistics, head_statistics, normalisation])
def test_a_changed_network_or_transform_embeds_anew(model, images, computed, change):
    embed_images(model, *images, **HOW)
    change(model)
    found = embed_images(model, *images, **HOW)
    assert computed == [20, 20]
    np.testing.assert_array_equal(found.features, extract(model, *images, **HOW).features)


def test_another_image_size_or_precision_embeds_anew(model, images, computed):
    pixels, rows = images
    embed_images(model, pixels, rows, **HOW)
    embed_images(model, pixels[:, ::2, ::2].copy(), rows, **HOW)
    embed_images(model, pixels, rows, **HOW | {"precision": "bf16"})
    assert computed == [20, 20, 20]


def test_another_version_of_a_library_embeds_anew(model, images, computed, monkeypatch):
    embed_images(model, *images, **HOW)
    monkeypatch.setattr(store, "version", lambda name: f"{name} of tomorrow")
    embed_images(model, *images, **HOW)
    assert computed == [20, 20]


def test_a_saved_network_is_the_same_network(model, images, computed, tmp_path):
    embed_images(model, *images, **HOW)
    save_model(model, lambda name: files.atomic(tmp_path / name))
    embed_images(load_model(tmp_path), *images, **HOW)
    assert computed == [20]


@pytest.mark.parametrize(
    "held",
    [
        {"images": np.zeros(20, dtype="S32"), "features": np.full((20, 8), np.nan, dtype=np.float32)},
        {"images": np.zeros((20, 1), dtype="S32"), "features": np.zeros((20, 8), dtype=np.float32)},
        {"images": np.zeros(20, dtype="S32"), "features": np.zeros((20, 8, 1), dtype=np.float32)},
        {"images": np.zeros(20, dtype="S32"), "features": np.zeros((19, 8), dtype=np.float32)},
        {"images": np.zeros(20, dtype="S32"), "features": np.zeros((20, 8))},
        {"images": np.zeros(20, dtype="S32")},
    ],
    ids=["not a number", "names in columns", "three dimensions", "one row less", "float64", "no features"],
)
def test_embeddings_of_another_shape_or_without_numbers_are_made_again(model, images, computed, capsys, held):
    """Such a file passes its checksums; it used to fail the evaluation at each rerun."""
    names = fingerprint_images(images[0], np.arange(20))
    store_of(model).path.parent.mkdir(parents=True)
    np.savez(store_of(model).path, **held | {"images": names.reshape(held["images"].shape)})
    for _ in range(2):
        found = embed_images(model, *images, **HOW)
    assert computed == [20] and capsys.readouterr().out.count("is damaged") == 2  # read once for each of get and add
    np.testing.assert_array_equal(found.features, extract(model, *images, **HOW).features)


def test_a_folder_in_its_place_costs_the_cache_alone(model, images, computed, capsys):
    store_of(model).path.mkdir(parents=True)
    found = embed_images(model, *images, **HOW)
    store_of(model).remove()
    np.testing.assert_array_equal(found.features, extract(model, *images, **HOW).features)
    assert "embeddings are not kept for another time" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_file_is_not_believed(model, images, computed, damage):
    embed_images(model, *images, **HOW)
    path = store_of(model).path
    content = bytearray(path.read_bytes())
    content[-400] ^= 255  # within the features, which lie last
    changed = {"cut": content[: len(content) // 2], "flipped": content, "empty": b"", "other": b"text"}[damage]
    path.write_bytes(changed)
    found = embed_images(model, *images, **HOW)
    assert computed == [20, 20]
    np.testing.assert_array_equal(found.features, extract(model, *images, **HOW).features)


def test_a_full_disk_costs_the_cache_alone(model, images, computed, monkeypatch, capsys):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "make_room", full)
    found = embed_images(model, *images, **HOW)
    np.testing.assert_array_equal(found.features, extract(model, *images, **HOW).features)
    assert "not kept" in capsys.readouterr().out
    assert not list(store_of(model).path.parent.iterdir())


def test_the_cache_has_a_limit_and_the_oldest_go(model, images, computed, monkeypatch):
    embed_images(model, *images, **HOW)
    first = store_of(model).path
    monkeypatch.setattr(store, "LIMIT_SHARE", 1e-15)
    one_weight(model)
    embed_images(model, *images, **HOW)
    assert not first.exists()
    assert store_of(model).path.exists()


def test_killed_while_writing_leaves_what_was_there(clean_dirs):
    """The write is cut off by SIGKILL between its two halves; the next process finds the older content, whole."""
    script = textwrap.dedent("""
        import os, signal, sys
        import numpy as np
        from pathlib import Path
        from reid_lib.embed.store import Store
        store = Store(Path(sys.argv[1]))
        names = np.array([b"a" * 32, b"b" * 32], dtype="S32")
        store.add(names[:1], np.ones((1, 4), dtype=np.float32))
        savez = np.savez
        def half(file, **arrays):
            savez(file, images=arrays["images"])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        np.savez = half
        store.add(names[1:], np.ones((1, 4), dtype=np.float32))
    """)
    path = clean_dirs / "cache" / "one.npz"
    assert subprocess.run([sys.executable, "-c", script, str(path)]).returncode == -9
    features, there = Store(path).get(np.array([b"a" * 32, b"b" * 32], dtype="S32"), 4)
    assert there.tolist() == [True, False]
    assert features.tolist() == [[1] * 4, [0] * 4]


def test_fingerprints_are_of_the_pixels_alone(images):
    pixels, _ = images
    doubled = np.concatenate([pixels, pixels[::-1]])
    names = fingerprint_images(doubled, np.arange(40))
    assert names[:20].tolist() == names[20:][::-1].tolist()
    assert len(set(names.tolist())) == 20


def test_configuration_is_part_of_the_key(model):
    """Two architectures can have the same weights: pooling has none."""
    before = store_of(model).path
    model.config = json.loads(json.dumps(model.config))
    assert store_of(model).path == before
    model.config["architecture"]["name"] += "-otherwise"
    assert store_of(model).path != before


def test_whatever_was_there_before_the_same_embeddings_come_out_to_the_last_bit(images, clean_dirs):
    """70 images are folded, 20 of them alone would not be; 70 fill no whole batches of 16. Any part may be there."""
    model = build_model("resnet10t", pretrained=False, image_size=32, embedding_dim=8, seed=0)
    pixels = np.random.default_rng(1).integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
    rows = pd.DataFrame({IMAGE_ID: [f"i{k}" for k in range(70)]})
    how = HOW | {"batch_size": 24}
    whole = embed_images(model, pixels, rows, **how).features
    store = Store.of(model, device="cpu", precision="fp32", way=Way.of(70, batch_size=24, device="cpu"))
    names = fingerprint_images(pixels, np.arange(70))
    for there in (np.arange(70) < 0, np.arange(70) % 3 == 0, np.arange(70) < 50, np.arange(70) != 33):
        store.remove()
        store.add(names[there], whole[there])
        np.testing.assert_array_equal(embed_images(model, pixels, rows, **how).features, whole)


def test_what_validation_leaves_is_what_the_evaluation_would_compute(clean_dirs, capsys):
    """Of a whole run: its metrics are the same with what training left in the cache, and with an empty one."""
    import shutil

    from reid_lib.params.fields import TrainParams
    from reid_lib.pipeline import data, steps

    kind = {"dataset": "demo:small", "backbone": "test_resnet", "pretrained": False, "image_size": 32}
    params = TrainParams.checked(kind | {"embedding_dim": 16, "num_epochs": 1, "run_name": "mine"})
    catalogue = data.read(params)
    experiment = steps.start(params, catalogue, data.split(catalogue, params))
    steps.train(experiment)
    capsys.readouterr()
    steps.evaluate(experiment)
    assert "were embedded by this network before" in capsys.readouterr().out
    kept = {path.name: path.read_bytes() for path in experiment.run.path("embeddings").iterdir()}
    metrics = experiment.run.path("metrics.json").read_bytes()
    shutil.rmtree(clean_dirs / "cache" / "embeddings")
    steps.evaluate(experiment)
    assert experiment.run.path("metrics.json").read_bytes() == metrics
    assert {path.name: path.read_bytes() for path in experiment.run.path("embeddings").iterdir()} == kept


def test_another_number_of_threads_embeds_anew(model, images, computed):
    embed_images(model, *images, **HOW)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    embed_images(model, *images, **HOW)
    torch.set_num_threads(threads)
    assert computed == [20, 20]


def test_a_file_of_other_embeddings_under_the_name_is_not_believed(model, images, computed, capsys):
    embed_images(model, *images, **HOW)
    np.savez(store_of(model).path, images=np.zeros(3, dtype="S32"), features=np.zeros((3, 5), dtype=np.float32))
    embed_images(model, *images, **HOW)
    assert computed == [20, 20] and "is damaged" in capsys.readouterr().out


def by_hand(model, pixels, views) -> np.ndarray:
    """The slow way: every view cut by numpy and embedded alone; the mean, scaled to length 1."""
    means = []
    for image in pixels:
        parts = [extract(model, view[None], pd.DataFrame({IMAGE_ID: ["i"]})).features[0] for view in views(image)]
        mean = np.mean(parts, axis=0)
        means.append(mean / np.sqrt((mean**2).sum()))
    return np.array(means)


def both_ways(image):
    return image, np.array([[row[k] for k in reversed(range(len(row)))] for row in image])


def four_corners(image):
    return image, *(cut_views(image[None], [corner])[0] for corner in CORNERS)  # which test_views.py checks


@pytest.mark.parametrize("views, cut", [("flip", both_ways), ("crops", four_corners)])
def test_an_embedding_is_the_mean_over_its_views(model, images, computed, views, cut):
    pixels, rows = images
    found = embed_images(model, pixels, rows, views=views, **HOW)
    np.testing.assert_allclose(found.features, by_hand(model, pixels, cut), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found.features, axis=1), 1, atol=1e-6)
    assert computed == [20 * len(VIEWS[views])]


def test_a_photograph_that_may_not_be_mirrored_keeps_its_embedding_to_the_last_bit(model, images, computed):
    pixels, rows = images
    mirrored = np.arange(20) % 3 == 0
    found = embed_images(model, pixels, rows, views="flip", mirrored=mirrored, **HOW).features
    assert computed == [20 + 7]
    plain = extract(model, *images, **HOW).features
    np.testing.assert_array_equal(found[~mirrored], plain[~mirrored])
    np.testing.assert_allclose(found[mirrored], by_hand(model, pixels[mirrored], both_ways), atol=1e-5)


def test_the_views_in_the_cache_are_kept_apart_and_none_is_embedded_twice(model, images, computed):
    """In whatever order, the same embeddings come out as from an empty cache; one view is what it was before."""
    pixels, rows = images
    some = np.arange(20) < 5
    flip, one, crops = (embed_images(model, pixels, rows, views=v, **HOW).features for v in ("flip", "one", "crops"))
    assert computed == [40, 80]
    np.testing.assert_array_equal(one, extract(model, *images, **HOW).features)
    again = [embed_images(model, pixels, rows, views=v, **HOW).features for v in ("crops", "flip", "one")]
    assert computed == [40, 80]
    for before, after in zip((crops, flip, one), again, strict=True):
        np.testing.assert_array_equal(before, after)
    part = embed_images(model, pixels, rows, views="flip", mirrored=some, **HOW).features
    np.testing.assert_array_equal(part, np.where(some[:, None], flip, one))
    files_there = list(store_of(model).path.parent.iterdir())
    assert len(files_there) == 6 and store_of(model).path in files_there
    for path in files_there:
        path.unlink()
    for views, wanted in (("crops", crops), ("flip", flip)):
        np.testing.assert_array_equal(embed_images(model, pixels, rows, views=views, **HOW).features, wanted)
