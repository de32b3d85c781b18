"""The table of a comparison: metrics with intervals, differences to the reference with a verdict, what differs."""

import pandas as pd

from reid_lib import cards, paired
from reid_lib.choose import variant_difference, variants_of
from reid_lib.compare import Comparison
from reid_lib.names import TEST
from reid_lib.plotstyle import COLOURS, GREY

SHOWN = {"geometric_mean": "geometric mean", "baks": "BAKS", "baus": "BAUS", "top1": "top-1", "auroc": "AUROC"}
SIGNS = {paired.BETTER: ("▲", COLOURS["right"]), paired.WORSE: ("▼", COLOURS["wrong"]), paired.EQUAL: ("≈", GREY)}


def differences(comparison: Comparison, names: list[str], metric: str) -> pd.DataFrame:
    """`paired.judge` of these runs against the reference on test, one row for each run, by run name.

    Runs that differ only in their seed are one variant: they share its difference and its verdict, and seeds are paired
    with those of the reference. Left out are the reference, its other seeds, and runs that were asked other queries.
    `basis` says in words what each rests on.
    """
    if comparison.reference is None:
        return _no_differences()
    able = [n for n in comparison.names if comparison.comparable(n, comparison.reference)]
    of_all = variants_of([comparison.run(name).folder for name in able])
    own = next((v for v in of_all.values() if comparison.reference in _names(v)), None)
    chosen = variants_of([comparison.run(name).folder for name in names if name in able])
    others = {v.best: v for v in chosen.values() if own is None or not _names(v) & _names(own)}
    if own is None or not others:
        return _no_differences()
    found = {best: variant_difference(v, own, metric=metric, role=TEST) for best, v in others.items()}
    table = paired.judge(found).set_index("candidate")
    table["basis"] = [f"{d.basis}; {_groups(d)}" if d else "" for d in found.values()]
    return pd.concat(
        [table.loc[[best]].rename({best: name}) for best, v in others.items() for name in sorted(_names(v))]
    )


def _no_differences() -> pd.DataFrame:
    return paired.judge({}).set_index("candidate").assign(basis="")


def _names(variant) -> set[str]:
    return {run.name for run in variant.runs.values()}


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
    rows = [_row(comparison, name, found, params) for name in names]
    return cards.table(rows, heads) + f'<p style="max-width:60em">{cards.muted(_basis(comparison, found))}</p>'


def _row(comparison: Comparison, name: str, found: pd.DataFrame | None, params: pd.DataFrame) -> list[str]:
    row = comparison.table.loc[name]
    star = "★ " if name == comparison.reference else ""
    cells = [f"{star}<b>{cards.text(name)}</b>"]
    cells += [_estimate(row.get(m), row.get(f"{m}_low"), row.get(f"{m}_high")) for m in SHOWN]
    if found is None and name != comparison.reference:
        cells += [cards.muted("…"), cards.muted("being computed")]
    else:
        cells += _difference(comparison, name, None if found is None or name not in found.index else found.loc[name])
    return cells + [_parameter(params.loc[name, p]) for p in params]


def _difference(comparison: Comparison, name: str, difference) -> list[str]:
    if name == comparison.reference:
        return ["", cards.muted("reference")]
    if difference is None:
        return ["–", cards.muted(_why_none(comparison, name))]
    verdict = difference["verdict_holm"]
    sign, colour = SIGNS.get(verdict, ("", GREY))
    value = _estimate(difference["difference"], difference["low"], difference["high"], signed=True)
    return [value, f'<span style="color:{colour};white-space:nowrap">{sign} {cards.text(verdict)}</span>']


def _why_none(comparison: Comparison, name: str) -> str:
    if comparison.reference is None:
        return "no reference yet"
    if not comparison.comparable(name, comparison.reference):
        return "asked other queries"
    same = set(comparison.differing([name, comparison.reference])) <= {"seed"}
    return "the reference, another seed" if same else "undefined on val"


def _estimate(value, low, high, *, signed: bool = False) -> str:
    """The value over its interval."""
    if value is None or pd.isna(value):
        return "–"
    shape = "{:+.3f}" if signed else "{:.3f}"
    if low is None or pd.isna(low):
        return shape.format(value)
    interval = f"{shape.format(low)} to {shape.format(high)}"
    return f'{shape.format(value)}<br><span style="color:#666;font-size:11px;white-space:nowrap">{interval}</span>'


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
    for basis in dict.fromkeys(found["basis"]):
        words += f" Difference to ★ {comparison.reference}: {basis}."
    if (n := found[["difference", "low"]].drop_duplicates().shape[0]) > 1:
        words += f" Verdicts are corrected for {n} comparisons (Holm)."
    return words
