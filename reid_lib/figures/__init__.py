"""Figures: `f(data, *, ax=None) -> ax`; names ending in `_panels` make a figure of their own.

Without `ax` each makes a new figure; with `ax` it draws there and touches nothing else.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "history": "loss_curves val_scores",
        "animals": "animal_panels encounter_answers",
        "detection": "cmc_curve det_curve detection_panels",
        "scores": "score_distributions score_panels threshold_curve threshold_panels confusion",
        "planes": "projection projections",
        "intervals": "bars leak",
        "sheets": "photographs retrieval suspects",
        "sightings": "counts_panels sighting_calendar split_roles",
        "quality": "quality_panels photo_cards",
        "histories": "history_lines loss_comparison",
        "impact": "parameter_impact",
        "performance": "performance_bars performance_heatmap",
        "saving": "save_figure",
    },
)
