"""Simulated photographs of animals, and recipes, for the tests of galleries."""

import numpy as np
import pandas as pd

from reid_lib.core.files import hash_file
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH, ROOT
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.gallery.photographs import Photographs, select_columns
from reid_lib.gallery.recipe import Recipe
from reid_lib.gallery.store import Gallery, create_gallery
from reid_lib.match.keypoints import Keypoints, KeypointSet

DIM = 8
LIMITS = {
    "values": {"d": 0.5}, "overall": 0.5, "source": {"d": "own"}, "reasons": {"d": ""}, "at_edge": {"d": ""},
    "n_known_individuals": {"d": 3}, "n_unknown_individuals": {"d": 3},
}  # fmt: skip


def photographs(animals: dict[str, int], *, seed: int = 0, features=("sift",), prefix: str = "p") -> Photographs:
    """So many photographs of each animal, each somewhere in space."""
    rng = np.random.default_rng(seed)
    who = [name for name, n in animals.items() for _ in range(n)]
    ids = [f"{prefix}{k}.jpg" for k in range(len(who))]
    told = {IMAGE_ID: ids, ROOT: "photos", PATH: ids, DATASET: "d", IDENTITY: who, INDIVIDUAL: None}
    rows = select_columns(pd.DataFrame(told, dtype=object))
    vectors = rng.standard_normal((len(who), DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known_by = [f"{prefix}{seed}{k}" for k in range(len(who))]
    spots = {name: KeypointSet.of([_keypoints(rng) for _ in who], rows, known_by) for name in features}
    greys = rng.integers(1, 255, (len(who), 32, 32), dtype=np.uint8)
    return Photographs(EmbeddingSet(vectors.astype(np.float32), rows), spots, greys)


def _keypoints(rng: np.random.Generator) -> Keypoints:
    n = int(rng.integers(0, 5))
    flat = np.zeros(n, np.float32)
    xy = rng.uniform(0, 50, (n, 2)).astype(np.float32)
    return Keypoints(xy, flat, flat, flat, rng.integers(0, 255, (n, 128), dtype=np.uint8), (64, 64))


def recipe(sha256: str, *, features=("sift",), **given) -> Recipe:
    told = {
        "run": "my-run", "weights_sha256": sha256, "n_embedded": 4, "batch_size": 16, "torch_compile": "auto",
        "precision": "auto", "scores": "embedding", "local_features": list(features), "shortlist": 5, "mask": "none",
        "votes": "exact", "combination": None, "unit": "cosine", "threshold": LIMITS, "joining": LIMITS, "fusion": None,
        "curves": {},
    }  # fmt: skip
    return Recipe(**told | given)


def make_gallery(folder, animals: dict[str, int] | None = None, *, name: str = "lynxes", features=("sift",)) -> Gallery:
    """A gallery with a model of a few bytes."""
    model = folder / "model"
    model.mkdir(exist_ok=True)
    (model / "model.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    some = photographs(animals or {"Anna": 3, "Berta": 2}, features=features)
    made = recipe(hash_file(model / "model.safetensors"), features=features)
    return create_gallery(name, made, model, some, what="made")


def same(one: Photographs, other: Photographs) -> bool:
    """Are both the same, row by row, to the last bit?"""
    keypoints = all(
        (getattr(one.keypoints[name], kind) == getattr(other.keypoints[name], kind)).all()
        for name in one.keypoints
        for kind in ("xy", "descriptors", "first", "sizes", "images")
    )
    return (
        one.rows.equals(other.rows)
        and (one.embeddings.features == other.embeddings.features).all()
        and (one.greys == other.greys).all()
        and set(one.keypoints) == set(other.keypoints)
        and keypoints
    )
