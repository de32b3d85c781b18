"""Search: exact, the five nearest, 512 dimensions."""

import numpy as np
from contending import contender


def vectors(options):
    """Ten images of each individual, at a cosine of about 0.7 to each other; the queries are of some of them."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((options["gallery"] // 10, 512), dtype=np.float32)
    made = []
    for who in (np.arange(options["gallery"]) // 10, rng.integers(0, len(centres), options["queries"])):
        x = rng.standard_normal((len(who), 512), dtype=np.float32)
        x *= 0.65
        x += centres[who]
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        made.append(x)
    return made


@contender
def search_reid_lib(options, clock):
    from reid_lib.match.neighbours import top_k

    gallery, queries = vectors(options)
    top_k(queries[:64], gallery[:1000], 5)
    with clock:
        _, index = top_k(queries, gallery, 5)
    return {"n": len(queries), "index": index[:200].tolist(), "gallery_mb": gallery.nbytes / 2**20}


@contender
def search_faiss(options, clock):
    import faiss

    gallery, queries = vectors(options)
    faiss.omp_set_num_threads(options["threads"])
    with clock:
        index = faiss.IndexFlatIP(gallery.shape[1])
        index.add(gallery)
        _, found = index.search(queries, 5)
    return {"n": len(queries), "index": found[:200].tolist(), "gallery_mb": gallery.nbytes / 2**20}


@contender
def search_reid_lib_inverted_file(options, clock):
    """Approximate: FAISS names candidates. The lists are made beforehand, once for a gallery."""
    from reid_lib.match.approximate import InvertedFile

    gallery, queries = vectors(options)
    lists = InvertedFile(gallery)
    with clock:
        _, index = lists.top_k(queries, 5)
    return {"n": len(queries), "index": index[:200].tolist(), "gallery_mb": gallery.nbytes / 2**20}


@contender
def search_wildlife_tools(options, clock):
    import torch
    from wildlife_tools.similarity import CosineSimilarity

    gallery, queries = vectors(options)
    with clock:
        similarity = torch.from_numpy(CosineSimilarity()(queries, gallery)["cosine"])
        found = similarity.topk(5, dim=1).indices
    return {"n": len(queries), "index": found[:200].tolist(), "gallery_mb": gallery.nbytes / 2**20}
