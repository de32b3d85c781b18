"""Pages that stand alone: the report of a run, a comparison.

One file each, no server, nothing fetched.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "run_report": "write_report",
        "comparison_page": "write_comparison",
    },
)
