"""The table of a comparison: metrics with intervals, differences to the reference with a verdict, what differs."""

import pandas as pd

from reid_lib.compare.comparison import Comparison
from reid_lib.compare.promote import difference_of
from reid_lib.core.names import TEST
from reid_lib.openset.difference import Difference, judge
from reid_lib.runs.pairing import Pair
from reid_lib.runs.table import REFERENCE


def tabulate_differences(comparison: Comparison, names: list[str], metric: str, *, role: str = TEST) -> pd.DataFrame:
    """`difference.judge` of these runs against their reference on test (or val), one row for each run, by run name.

    Runs that differ only in their seed are one variant: they share its difference and its verdict, which rest on all
    its pairs (`pairing`), whichever of its runs are shown. Left out are the reference, its other seeds, and runs that
    were asked other queries. `basis` says in words what each rests on, `pairs` what was subtracted from what, `variant`
    which of them are judged together.
    """
    of_variant: dict[tuple, list[Pair]] = {}
    for pair in comparison.pairs.values():
        if pair.counts and pair.name in comparison.names and pair.other in comparison.names:
            of_variant.setdefault(pair.variant, []).append(pair)
    asked = {name: comparison.pairs[name].variant for name in names if name in comparison.pairs}
    asked = {name: variant for name, variant in asked.items() if variant in of_variant}
    found = {}
    for variant in dict.fromkeys(asked.values()):
        folders = [(comparison.run(p.name).folder, comparison.run(p.other).folder) for p in of_variant[variant]]
        found[variant] = difference_of(folders, metric=metric, role=role)
    keys = {variant: str(k) for k, variant in enumerate(found)}
    table = judge({keys[variant]: d for variant, d in found.items()})
    table["basis"] = [f"{d.basis}; {_groups(d)}" if d else "" for d in found.values()]
    table["pairs"] = ["; ".join(f"{p.name} − {p.other}" for p in of_variant[variant]) for variant in found]
    table = table.rename(columns={"candidate": "variant"}).set_index("variant", drop=False).rename_axis(None)
    return table.loc[[keys[variant] for variant in asked.values()]].set_axis(list(asked), axis=0)


def describe_verdicts(comparison: Comparison, found: pd.DataFrame) -> dict:
    """What a title may say of runs judged against the promoted one: options of `performance.performance_bars`."""
    own = found.index[(comparison.table.loc[found.index, REFERENCE] == comparison.reference).to_numpy(bool)]
    judged = {comparison.pairs[name].variant for name in own}
    others = {pair.other for pair in comparison.pairs.values() if pair.counts and pair.variant in judged}
    seeds = "" if others <= {comparison.reference} else "seed by seed"
    verdicts = found.loc[own, "verdict_holm"].to_dict()
    return {"reference": comparison.reference, "verdicts": verdicts, "against": seeds}


def _groups(difference: Difference) -> str:
    counted = ((difference.n_known, "known"), (difference.n_unknown, "unknown"))
    return " and ".join(f"{n} {kind}" for n, kind in counted if n is not None) + " individuals"
