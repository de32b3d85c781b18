"""The command line: `reid`."""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "fetch": "fetch_backbone",
    },
)
