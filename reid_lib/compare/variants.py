"""Variants: runs that differ in nothing but their seed, with their geometric means on val."""

from dataclasses import dataclass, field

from reid_lib.core.names import VAL
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.pairing import variant_of

METRIC = "geometric_mean"


@dataclass
class Variant:
    """Runs that differ only in their seed.

    Attributes:
        runs: seed -> run.
        val: seed -> its geometric mean on val, 0 to 1.
    """

    runs: dict[object, RunFolder] = field(default_factory=dict)
    val: dict[object, float] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """Name of the run with the highest value."""
        return self.runs[max(self.val, key=self.val.get)].name

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return sum(self.val.values()) / len(self.val)


def group_variants(runs: list[RunFolder]) -> dict[str, Variant]:
    """Runs by what they are but for their seed, best variant first; those without a val geometric mean are left out."""
    variants = {}
    for run in runs:
        value = run.metrics()[VAL]["overall"].get(METRIC, {}).get("value", float("nan"))
        key, seed = variant_of(run.described().get("identity") or {})
        if value == value:
            variant = variants.setdefault(key, Variant())
            variant.runs[seed], variant.val[seed] = run, value
    return dict(sorted(variants.items(), key=lambda item: (-item[1].mean, item[1].best)))
