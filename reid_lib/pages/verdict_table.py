"""The table of a comparison as HTML: values, differences to the reference, verdicts."""

import pandas as pd

from reid_lib.compare.comparison import Comparison
from reid_lib.figures.style import COLOURS, GREY
from reid_lib.openset import difference
from reid_lib.pages import html
from reid_lib.runs import pairing
from reid_lib.runs.table import COMPARED, REFERENCE

SHOWN = {"geometric_mean": "geometric mean", "baks": "BAKS", "baus": "BAUS", "top1": "top-1", "auroc": "AUROC"}
SIGNS = {
    difference.BETTER: ("▲", COLOURS["right"]),
    difference.WORSE: ("▼", COLOURS["wrong"]),
    difference.EQUAL: ("≈", GREY),
}


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
    return html.table(rows, heads) + f'<p style="max-width:60em">{html.muted(_basis(comparison, found))}</p>'


def _row(comparison: Comparison, name: str, found: pd.DataFrame | None, params: pd.DataFrame, metric: str) -> list[str]:
    row = comparison.table.loc[name]
    star = "★ " if name == comparison.reference else ""
    cells = [f"{star}<b>{html.text(name)}</b>"]
    cells += [_estimate(row.get(m), row.get(f"{m}_low"), row.get(f"{m}_high")) for m in SHOWN]
    cells += _difference(comparison, name, found, metric)
    return cells + [_parameter(params.loc[name, p]) for p in params]


def _difference(comparison: Comparison, name: str, found: pd.DataFrame | None, metric: str) -> list[str]:
    """Two cells: what was subtracted from the run's value and what is left; the verdict of its variant."""
    if name == comparison.reference and name not in (found.index if found is not None else ()):
        return ["", html.muted("reference")]
    other = comparison.table.loc[name, COMPARED]
    if not isinstance(other, str):
        return ["–", html.muted(_why_none(comparison, name))]
    less = f"less {_estimate(comparison.table[metric].get(other), None, None)} of {html.text(other)}"
    left = comparison.table.loc[name, f"difference_{metric}"]
    if found is None or name not in found.index:
        words = _why_none(comparison, name) if not comparison.pairs[name].counts else "undefined"
        waiting = found is None and comparison.pairs[name].counts
        return [f"{_estimate(left, None, None, signed=True)}<br>{_small(less)}",
                html.muted("being computed" if waiting else words)]  # fmt: skip
    row = found.loc[name]
    over = _interval(row["low"], row["high"], signed=True)
    alone = row["n_seeds"] == 1 and comparison.pairs[name].counts
    lines = [_estimate(left, None, None, signed=True), *([_small(over)] if alone else []), _small(less)]
    if not alone:
        mean = _estimate(row["difference"], None, None, signed=True)
        lines.append(_small(f"{_mean_of(row, name)}: {mean}<br>{over}", title=row["pairs"]))
    sign, colour = SIGNS.get(row["verdict_holm"], ("", GREY))
    verdict = f'<span style="color:{colour};white-space:nowrap">{sign} {html.text(row["verdict_holm"])}</span>'
    return ["<br>".join(lines), verdict]


def _mean_of(row: pd.Series, name: str) -> str:
    return f"mean of {row['n_seeds']} pairs" if row["n_seeds"] > 1 else f"judged: {html.text(row['pairs'])}"


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
    hover = f' title="{html.text(title)}"' if title else ""
    return f'<span style="color:#666;font-size:11px;white-space:nowrap"{hover}>{words}</span>'


def _parameter(value) -> str:
    if not isinstance(value, str) and pd.isna(value):
        return html.muted("its own")  # None: the loss's own margin or scale
    return html.text(f"{value:g}" if isinstance(value, float) else value)


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
