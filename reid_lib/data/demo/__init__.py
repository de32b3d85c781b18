"""The built-in procedural animals.

Drawn once, the same bytes for the same seed.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "study": "SIZES draw_demo",
    },
)
