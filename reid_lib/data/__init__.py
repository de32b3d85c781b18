"""Photographs become rows with roles, and pixels.

Readers for every layout on disk, the audit, the split, the pixel cache.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "catalogue": "Catalogue read_catalogue",
        "split": "Split assign_roles",
        "download": "fetch_dataset",
        "audit": "find_problems describe_problems",
        "pixels": "load_image",
    },
)
