"""People decide the doubtful pairs: their decisions, what is asked next, and what it does to clusters and names."""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "decisions": "CANNOT_TELL DIFFERENT DISPUTED DecisionTable SAME",
        "effect": "Effect apply_decisions",
        "graph": "Constraints",
        "questions": "Question",
        "queue": "ReviewQueue",
        "votes": "tally_votes",
    },
)
