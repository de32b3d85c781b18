"""How alike is each pair: exact cosine similarities and nearest neighbours in bounded memory.

The same to the last bit whatever the blocks, the order of rows and the machine.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "cosine": "similarity_blocks",
        "neighbours": "top_k unit_rows",
        "ranking": "Ranking rank_groups",
        "approximate": "InvertedFile",
    },
)
