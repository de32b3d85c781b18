"""Search, exact, 512 dimensions: a run ranks the individuals and the query's own among them, peers find the nearest."""

import numpy as np
import pandas as pd
from contending import Clock, contender


def draw_vectors(options: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ten images of each individual, at a cosine of about 0.7 to each other; the queries are of some of them.

    Returns:
        gallery (g, 512), queries (q, 512), and whose each query is: the gallery's image k is of individual k // 10.
    """
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((options["gallery"] // 10, 512), dtype=np.float32)
    asked = rng.integers(0, len(centres), options["queries"])
    made = []
    for who in (np.arange(options["gallery"]) // 10, asked):
        x = rng.standard_normal((len(who), 512), dtype=np.float32)
        x *= 0.65
        x += centres[who]
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        made.append(x)
    return *made, asked


def make_rows(prefix: str, who: np.ndarray) -> pd.DataFrame:
    ids, names = [f"{prefix}{k}" for k in range(len(who))], [f"animal {k}" for k in who]
    return pd.DataFrame({"image_id": ids, "dataset": "d", "identity": names, "path": ids})


def make_sets(options: dict) -> tuple:
    """(queries, gallery) as embeddings with their rows."""
    from reid_lib.embed.embedding_set import EmbeddingSet

    images, asked, who = draw_vectors(options)
    return EmbeddingSet(asked, make_rows("q", who)), EmbeddingSet(images, make_rows("g", np.arange(len(images)) // 10))


@contender
def search_reid_lib(options: dict, clock: Clock) -> dict:
    """As a run does it: from embeddings with their rows to one row of predictions for each query."""
    from reid_lib.match.cosine import Cosine
    from reid_lib.openset.predictions import score_individuals

    device = options.get("device", "cpu")
    queries, gallery = make_sets(options)
    few = np.arange(len(gallery)) < 1000
    score_individuals(Cosine(queries, gallery.where(few), device=device))  # what is imported when first needed
    with clock:
        found = score_individuals(Cosine(queries, gallery, device=device))
    nearest = found["image_1"].str[1:].astype(int)
    return {"n": len(queries), "index": nearest[:200].tolist(), "gallery_mb": gallery.features.nbytes / 2**20}


@contender
def search_plain(options: dict, clock: Clock) -> dict:
    """What a run did before, without its tables: every product in float64, individuals ranked from all of them."""
    from reid_lib.match.cosine import Cosine

    queries, gallery = make_sets(options)
    own = queries.rows["identity"].str.split().str[1].astype(int).to_numpy()
    first, nearest = np.arange(0, len(gallery), 10), []
    with clock:
        for start, _, block in Cosine(queries, gallery).blocks():
            scores, at = np.maximum.reduceat(block, first, axis=1), np.arange(len(block))
            for i, mine in enumerate(own[start : start + len(block)]):
                right = np.sort(block[i, 10 * mine : 10 * mine + 10])
                reached = np.sort(block[i][block[i] >= right[0]])
                precision = (10 - np.arange(10)) / (len(reached) - np.searchsorted(reached, right))
                rank = 1 + (scores[i] > right[-1]).sum()
                assert precision.mean() <= 1 <= rank
            for k in range(5):
                best = scores.argmax(axis=1)
                image = [10 * b + block[i, 10 * b : 10 * b + 10].argmax() for i, b in enumerate(best)]
                nearest += image if k == 0 else []
                scores[at, best] = -np.inf
    return {"n": len(queries), "index": [int(k) for k in nearest[:200]], "gallery_mb": gallery.features.nbytes / 2**20}


@contender
def search_faiss(options: dict, clock: Clock) -> dict:
    import faiss

    gallery, queries, _ = draw_vectors(options)
    faiss.omp_set_num_threads(options["threads"])
    with clock:
        index = faiss.IndexFlatIP(gallery.shape[1])
        index.add(gallery)
        _, found = index.search(queries, 5)
    return {"n": len(queries), "index": found[:200, 0].tolist(), "gallery_mb": gallery.nbytes / 2**20}


@contender
def search_wildlife_tools(options: dict, clock: Clock) -> dict:
    import torch
    from wildlife_tools.similarity import CosineSimilarity

    gallery, queries, _ = draw_vectors(options)
    with clock:
        similarity = torch.from_numpy(CosineSimilarity()(queries, gallery)["cosine"])
        found = similarity.topk(5, dim=1).indices
    return {"n": len(queries), "index": found[:200, 0].tolist(), "gallery_mb": gallery.nbytes / 2**20}
