"""Galleries: named photographs as a network and local features see them, kept on disk, changed, searched by anybody.

A gallery is searched without the run it came from, and without its photographs.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "photographs": "Photographs",
        "recipe": "Recipe",
        "store": "Gallery create_gallery list_galleries open_gallery",
        "changes": "add_photographs merge_animals purge remove_photographs rename_animal undo",
    },
)
