"""Sweeps: variants of the reference planned as files, run side by side or as a Slurm array."""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "plan": "Plan Variant load_plan",
        "runner": "Sweep",
        "slurm": "submit",
    },
)
