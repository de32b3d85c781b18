"""Pixels become embeddings, which keep their rows.

A cache stores them, so that no image is embedded twice.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "embedding_set": "EmbeddingSet",
        "store": "embed_images",
        "projection": "reduce_to_plane",
    },
)
