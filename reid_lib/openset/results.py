"""`Results`: the schema of metrics.json, the one door through which the results of a run leave.

The format is raised whenever what stands there would mean something else. A key that is added does not raise it: this
version reads the run folders of versions that did not write it yet, and of those that write more, which it keeps.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from reid_lib.core.names import COSINE

FORMAT = 1


class UnknownFormat(ValueError):
    """metrics.json was written by a version whose format this one does not know."""


def _nan_for_null(value):
    return math.nan if value is None else value


Number = Annotated[float | int, BeforeValidator(_nan_for_null)]  # undefined is NaN, for which JSON has null alone
Limit = float | Literal["inf", "-inf"] | None  # a threshold, in the unit of the score; None: nothing is refused


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class Measured(_Part):
    """A metric: value and 95 % interval; n individuals or queries averaged, over so many `datasets`."""

    value: Number
    low: Number
    high: Number
    n: Number = math.nan
    datasets: Number = math.nan


class RoleResults(_Part):
    """What `summary.summarise` gives for the queries of one role."""

    overall: dict[str, Measured]
    datasets: dict[str, dict[str, Measured]] = {}
    counts: dict[str, dict[str, int]] = {}


class StoredThreshold(_Part):
    """`threshold.Threshold` but for its curve; by data set, "" for all together."""

    values: dict[str, Limit]
    overall: Limit
    source: dict[str, str]
    reasons: dict[str, str]
    at_edge: dict[str, str]
    n_known_individuals: dict[str, int]
    n_unknown_individuals: dict[str, int]


class Oracle(_Part):
    """`threshold.fit_oracle`: the best thresholds in hindsight, and what they give."""

    values: dict[str, Limit]
    datasets: dict[str, dict[str, Limit]]
    geometric_mean: Limit


class StoredDifference(_Part):
    """A paired difference of a metric: value, 95 % interval, p and verdict; see `paired.to_entry`."""

    value: Number
    low: Number
    high: Number
    p: Number
    verdict: str


class FrozenStart(_Part):
    """By metric, the trained network minus the same one before training, on the queries of `role`."""

    role: str
    differences: dict[str, StoredDifference]


class ScoreDifferences(FrozenStart):
    """By metric, the fused answer minus that of one score alone, on the queries of `role`."""


class Reliability(_Part):
    """How far the probabilities of the pairs of a role can be believed: `reliability.summarise_reliability`."""

    ece: Number
    brier: Number
    n: int
    rate: Number


class SamePhoto(_Part):
    """Queries of a role whose own photograph is in the gallery, `of` so many; `overall`: the headline without them."""

    queries: int
    of: int
    overall: dict[str, Measured] = {}
    left_out: bool = False


class Views(_Part):
    """The views of each photograph that its embedding is the mean of, in the words of the parameter `views`.

    Attributes:
        used: "one", "flip" or "crops"; `why`, where it was chosen.
        mirrored: photographs whose mirror image is one of their views.
        flanked: data sets that tell flanks: there no photograph of unknown orientation is mirrored.
        tried: what was tried on val -> metric -> the embedding of these views minus that of the whole photograph.
    """

    used: str
    why: str = ""
    mirrored: int = 0
    flanked: list[str] = []
    tried: dict[str, dict[str, StoredDifference]] = {}


class DiscoveryCuts(_Part):
    """`individuals.Cuts`: the probability at which clusters end, by data set."""

    values: dict[str, Limit]
    overall: Limit
    reasons: dict[str, str]
    reached: dict[str, Number]


class Discovery(_Part):
    """Clusters of the test photographs by animal: how they were made, and on `test` how right they are.

    `sure`: by data set the score from which on a name counts; see `known.fit_sure`.
    """

    method: str
    rule: str
    neighbours: int
    sure: dict[str, Limit] = {}
    cuts: DiscoveryCuts
    test: RoleResults


class Results(_Part):
    """metrics.json, its keys in the order in which they are written.

    Attributes:
        val, test: metrics by role.
        left_out: by role, how many queries the run must not be asked, and `why`.
        unit: of the scores; runs made before it stood here are of cosines.
        gallery_images: by role; under a data set's own split they differ.
        test_fingerprint: runs are comparable where it is the same.
        frozen: of a training, its differences to its own frozen start.
        score: what answered: "embedding", or "fused" from several scores.
        query_unit: what one query is, "image" or "encounter"; how an encounter's photographs are combined, and the area
            under BAKS over BAUS on val of each way (`combination`, `combinations`).
        calibration: of a fused evaluation, by role.
        alone, than_alone: of a fused evaluation, by score: role -> headline metrics of that score alone, and the
            differences of the fused answer to it.
        recall: by local feature, the share of the nearest descriptors that its search found.
        rerank: where shared neighbours were tried as one more score: are they taken?
        same_photo: of an evaluation with local scores, by role.
        mask: of an evaluation with local scores, the one it `used`, and where that was chosen, `why`.
        sift: of an evaluation by RootSIFT, how many keypoints of how large a photograph.
        views: of an evaluation by several views of each photograph, or that tried some on val; else there is one.
        discovery: of an evaluation that clusters the test photographs (`clusters`).
        leakage: by role, queries with a photograph of their encounter in the gallery; None where that is not known.
    """

    val: RoleResults
    test: RoleResults
    left_out: dict[str, int | str] | None = None
    format: int = FORMAT
    unit: str = COSINE
    threshold: StoredThreshold | None = None
    oracle: Oracle | None = None
    gallery_images: dict[str, int] = {}
    test_fingerprint: str
    split_policy: str = ""
    leakage: dict[str, int | float | None] = {}
    frozen: FrozenStart | None = None
    score: str = "embedding"
    query_unit: str = "image"
    combination: str = ""
    combinations: dict[str, Number] = {}
    calibration: dict[str, Reliability] = {}
    alone: dict[str, dict[str, dict[str, Measured]]] = {}
    than_alone: dict[str, ScoreDifferences] = {}
    recall: dict[str, Number] = {}
    rerank: bool | None = None
    same_photo: dict[str, SamePhoto] = {}
    mask: dict[str, str] = {}
    sift: dict[str, int] = {}
    views: Views | None = None
    discovery: Discovery | None = None

    def to_dict(self) -> dict[str, Any]:
        """The keys that were given, in order, undefined values as NaN; `files.write_json` writes them."""
        return self.model_dump(exclude_unset=True)


def check_results(stored: Any) -> Results:
    """What metrics.json holds, or is about to hold.

    Raises:
        UnknownFormat: its format is not known here.
        ValueError: something is missing or is not what it should be; the message says what, in words.
    """
    if not isinstance(stored, dict):
        raise ValueError("it is no table of metrics")
    _check_format(stored.get("format", FORMAT))
    try:
        return Results.model_validate(stored)
    except ValidationError as error:
        raise ValueError(_in_words(error, stored)) from error


def _check_format(found: Any) -> None:
    if type(found) is int and found > FORMAT:
        raise UnknownFormat(
            f"it is of format {found}, written by a newer version of reid_lib; this one knows {FORMAT}: "
            "update reid_lib to open the run, or run its notebook again under a new name"
        )
    if type(found) is not int or found != FORMAT:
        raise UnknownFormat(
            f"it is of the unknown format {found!r:.40}; this version of reid_lib knows {FORMAT}: "
            "copy the run again, or run its notebook again under a new name"
        )


def _in_words(error: ValidationError, stored: dict) -> str:
    """The first thing that is wrong."""
    first, place, within = error.errors()[0], [], stored
    for key in first["loc"]:  # beyond the keys stand the kinds that were tried
        if not isinstance(within, dict) or (key not in within and first["type"] != "missing"):
            break
        place.append(str(key))
        within = within.get(key)
    *outer, name = place
    if len(outer) == 3 and outer[1] == "overall" and first["type"] == "missing":
        return f"{outer[2]!r} of {outer[0]!r} lacks its value or its interval"
    where = f" of {'.'.join(outer)!r}" if outer else ""
    if first["type"] == "missing":
        return f"it lacks {name!r}{where}"
    return f"{name!r}{where}: {first['msg'].lower()}, not {within!r:.40}"
