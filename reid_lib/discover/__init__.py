"""Animals that nobody has named: clusters of photographs; and one photograph under two names."""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "clusters": "find_components",
        "suspects": "Suspects find_suspects",
    },
)
