"""The table of a comparison: metrics with intervals, differences to the reference with a verdict, what differs."""

import pandas as pd

from reid_lib import cards, paired, pairing
from reid_lib.choose import difference_of
from reid_lib.compare import Comparison
from reid_lib.names import TEST
from reid_lib.pairing import Pair
from reid_lib.plotstyle import COLOURS, GREY
from reid_lib.runtable import COMPARED, REFERENCE

SHOWN = {"geometric_mean": "geometric mean", "baks": "BAKS", "baus": "BAUS", "top1": "top-1", "auroc": "AUROC"}
SIGNS = {paired.BETTER: ("▲", COLOURS["right"]), paired.WORSE: ("▼", COLOURS["wrong"]), paired.EQUAL: ("≈", GREY)}


def differences(comparison: Comparison, names: list[str], metric: str) -> pd.DataFrame:
    """`paired.judge` of these runs against their reference on test, one row for each run, by run name.

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
        found[variant] = difference_of(folders, metric=metric, role=TEST)
    keys = {variant: str(k) for k, variant in enumerate(found)}
    table = paired.judge({keys[variant]: d for variant, d in found.items()})
    table["basis"] = [f"{d.basis}; {_groups(d)}" if d else "" for d in found.values()]
    table["pairs"] = ["; ".join(f"{p.name} − {p.other}" for p in of_variant[variant]) for variant in found]
    table = table.rename(columns={"candidate": "variant"}).set_index("variant", drop=False).rename_axis(None)
    return table.loc[[keys[variant] for variant in asked.values()]].set_axis(list(asked), axis=0)


def for_title(comparison: Comparison, found: pd.DataFrame) -> dict:
    """What a title may say of runs judged against the promoted one: options of `plotperformance.performance_bars`."""
    own = found.index[(comparison.table.loc[found.index, REFERENCE] == comparison.reference).to_numpy(bool)]
    judged = {comparison.pairs[name].variant for name in own}
    others = {pair.other for pair in comparison.pairs.values() if pair.counts and pair.variant in judged}
    seeds = "" if others <= {comparison.reference} else f"{comparison.reference}, seed by seed"
    verdicts = found.loc[own, "verdict_holm"].to_dict()
    return {"reference": comparison.reference, "verdicts": verdicts, "against": seeds}


def _groups(difference: paired.Difference) -> str:
    counted = ((difference.n_known, "known"), (difference.n_unknown, "unknown"))
    return " and ".join(f"{n} {kind}" for n, kind in counted if n is not None) + " individuals"


def html_table(
    comparison: Comparison, names: list[str], found: pd.DataFrame | None, *, metric: str = "geometric_mean"
) -> str:
    """One row per run: star, name, headline metrics, difference in `metric` and verdict, parameters that differ.

    Args:
        found: from `differences`; None while they are being computed.
    """
    params = comparison.differing(names)
    label = SHOWN.get(metric, metric.replace("_", " "))
    heads = ["run", *SHOWN.values(), f"difference in {label}", "verdict", *params]
    rows = [_row(comparison, name, found, params, metric) for name in names]
    return cards.table(rows, heads) + f'<p style="max-width:60em">{cards.muted(_basis(comparison, found))}</p>'


def _row(comparison: Comparison, name: str, found: pd.DataFrame | None, params: pd.DataFrame, metric: str) -> list[str]:
    row = comparison.table.loc[name]
    star = "★ " if name == comparison.reference else ""
    cells = [f"{star}<b>{cards.text(name)}</b>"]
    cells += [_estimate(row.get(m), row.get(f"{m}_low"), row.get(f"{m}_high")) for m in SHOWN]
    cells += _difference(comparison, name, found, metric)
    return cells + [_parameter(params.loc[name, p]) for p in params]


def _difference(comparison: Comparison, name: str, found: pd.DataFrame | None, metric: str) -> list[str]:
    """Two cells: what was subtracted from the run's value and what is left; the verdict of its variant."""
    if name == comparison.reference and name not in (found.index if found is not None else ()):
        return ["", cards.muted("reference")]
    other = comparison.table.loc[name, COMPARED]
    if not isinstance(other, str):
        return ["–", cards.muted(_why_none(comparison, name))]
    less = f"less {_estimate(comparison.table[metric].get(other), None, None)} of {cards.text(other)}"
    left = comparison.table.loc[name, f"difference_{metric}"]
    if found is None or name not in found.index:
        words = _why_none(comparison, name) if not comparison.pairs[name].counts else "undefined"
        waiting = found is None and comparison.pairs[name].counts
        return [f"{_estimate(left, None, None, signed=True)}<br>{_small(less)}",
                cards.muted("being computed" if waiting else words)]  # fmt: skip
    row = found.loc[name]
    over = _interval(row["low"], row["high"], signed=True)
    alone = row["n_seeds"] == 1 and comparison.pairs[name].counts
    lines = [_estimate(left, None, None, signed=True), *([_small(over)] if alone else []), _small(less)]
    if not alone:
        mean = _estimate(row["difference"], None, None, signed=True)
        lines.append(_small(f"{_mean_of(row, name)}: {mean}<br>{over}", title=row["pairs"]))
    sign, colour = SIGNS.get(row["verdict_holm"], ("", GREY))
    verdict = f'<span style="color:{colour};white-space:nowrap">{sign} {cards.text(row["verdict_holm"])}</span>'
    return ["<br>".join(lines), verdict]


def _mean_of(row: pd.Series, name: str) -> str:
    return f"mean of {row['n_seeds']} pairs" if row["n_seeds"] > 1 else f"judged: {cards.text(row['pairs'])}"


def _why_none(comparison: Comparison, name: str) -> str:
    reference = comparison.table.loc[name, REFERENCE]
    if not isinstance(reference, str):
        return "no reference yet"
    if reference not in comparison.names:
        return f"its reference {reference} is not finished"
    if name == reference:
        return "reference"
    if not comparison.comparable(name, reference):
        return "asked other queries"
    same = set(comparison.differing([name, reference])) <= {"seed"}
    return "the reference, another seed" if same else "undefined"


def _estimate(value, low, high, *, signed: bool = False) -> str:
    """The value over its interval."""
    if value is None or pd.isna(value):
        return "–"
    shape = "{:+.3f}" if signed else "{:.3f}"
    if low is None or pd.isna(low):
        return shape.format(value)
    return f"{shape.format(value)}<br>{_small(_interval(low, high, signed=signed))}"


def _interval(low, high, *, signed: bool = False) -> str:
    shape = "{:+.3f}" if signed else "{:.3f}"
    return "no interval" if pd.isna(low) else f"{shape.format(low)} to {shape.format(high)}"


def _small(words: str, *, title: str = "") -> str:
    hover = f' title="{cards.text(title)}"' if title else ""
    return f'<span style="color:#666;font-size:11px;white-space:nowrap"{hover}>{words}</span>'


def _parameter(value) -> str:
    if not isinstance(value, str) and pd.isna(value):
        return cards.muted("its own")  # None: the loss's own margin or scale
    return cards.text(f"{value:g}" if isinstance(value, float) else value)


def _basis(comparison: Comparison, found: pd.DataFrame | None) -> str:
    """What the numbers rest on, below the table."""
    words = "Below each value its 95 % interval over individuals, for this training and threshold."
    if comparison.reference is None:
        return words + " No reference yet: python -m reid_lib runs promote RUN."
    if found is None or not len(found):
        return words
    words += f" {pairing.RULE}."
    for basis in filter(None, dict.fromkeys(found["basis"])):
        words += f" Interval and verdict: {basis}."
    if (n := found["variant"][found["p"].notna()].nunique()) > 1:
        words += f" Verdicts are corrected for {n} comparisons (Holm)."
    return words
