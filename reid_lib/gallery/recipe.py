"""How photographs are answered by a run: what a gallery has to know of the run it came from. Frozen."""

from typing import Any, Literal

from reid_lib.match.fuse import Fusion
from reid_lib.match.stored import Stored
from reid_lib.openset.probability import CandidateCurves
from reid_lib.openset.threshold import Threshold

# The default until 2026-11-28, in force for runs and galleries that do not say what they were made with.
FORMER_SIFT = {"max_keypoints": 300, "max_side_px": 384}


class Recipe(Stored):
    """All that decides an answer beside the gallery, the photographs and the weights.

    Attributes:
        format: of the file.
        run: name of the run.
        weights_sha256: of the file model.safetensors.
        n_embedded, batch_size, torch_compile, precision: how the run computed its embeddings: of how many images in
            all, and its parameters. Computed in the same way, an image gives the same embedding to the last bit.
        scores: "embedding", "local" or "embedding+local".
        local_features: names of the local features that are used.
        shortlist, mask: as the parameters of evaluate.ipynb.
        sift: how many keypoints RootSIFT takes of how large a photograph, as the fits were made with.
        votes: how descriptors were searched, "exact" or "auto"; see `lnbnn.count_votes`.
        combination: how photographs of an encounter are combined, where an encounter is one query; else None.
        unit: of the scores.
        threshold: `Threshold.to_dict` of the frozen threshold.
        joining: the same of the embedding alone, in cosines: for new animals among themselves.
        fusion: the frozen fit of several scores; None where the embedding answers.
        curves: data set ("": all together) -> probability of candidates by their scores; empty where scores are
            probabilities.
        views: the views of each photograph that its embedding is the mean of, "one", "flip" or "crops".
        flanked: data sets that tell flanks; see `flanks.may_be_mirrored`.
        shift: what a larger gallery does to the threshold; see `enrolment.measure_shift`.
    """

    format: Literal[1] = 1
    run: str
    weights_sha256: str
    n_embedded: int
    batch_size: int
    torch_compile: str
    precision: str
    scores: Literal["embedding+local", "embedding", "local"]
    local_features: list[str]
    shortlist: int
    mask: str
    votes: Literal["exact", "auto"]
    combination: Literal["mean", "max"] | None
    unit: str
    threshold: dict[str, Any]
    joining: dict[str, Any]
    fusion: Fusion | None
    curves: dict[str, CandidateCurves]
    views: Literal["one", "flip", "crops"] = "one"
    flanked: list[str] = []
    sift: dict[str, int] = FORMER_SIFT
    shift: dict[str, Any] = {}

    def to_dict(self) -> dict[str, Any]:
        """As JSON; without the views where there is one, so that versions that know of none read it."""
        stored = super().to_dict()
        if self.views == "one":
            stored = {name: value for name, value in stored.items() if name not in ("views", "flanked")}
        return stored

    @property
    def frozen_threshold(self) -> Threshold:
        """`threshold` as an object."""
        return Threshold.from_dict(self.threshold)
