"""The built-in animals: procedural photographs, drawn once.

The same seed gives the same bytes.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "study": "SIZES draw_demo",
    },
)
