"""Run folders: their state, their owner, what they were made with, the table of all runs.

Knows no torch.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "folder": "RunFolder load_run list_runs state_of",
        "remarks": "Remarks note_run read_remarks tag_run",
        "listing": "describe_runs tabulate_runs",
        "run": "Run ask_to_stop",
        "table": "tabulate_metrics promote read_reference",
    },
)
