"""Finished runs read together: what they differ in, which is better, which to promote."""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "comparison": "Comparison FinishedRun",
        "promote": "Choice choose_best",
        "verdicts": "tabulate_differences",
    },
)
