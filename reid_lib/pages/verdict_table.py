"""The table of a comparison as HTML: values, differences to the reference, verdicts."""

import pandas as pd
from markupsafe import Markup

from reid_lib.compare.comparison import NO_LOSS, Comparison
from reid_lib.compare.text import explain_no_verdict
from reid_lib.core.names import HEADLINE
from reid_lib.figures.labels import metric_word
from reid_lib.figures.style import COLOURS, GREY
from reid_lib.openset import difference
from reid_lib.pages import html
from reid_lib.runs import pairing
from reid_lib.runs.remarks import Remarks
from reid_lib.runs.table import COMPARED

OWN_OF_LOSS = ("margin", "scale")  # where none is given, the loss has its own
NOTE = 40  # characters of a note that are shown: all of it where the pointer stays
SIGNS = {
    difference.BETTER: ("▲", COLOURS["right"]),
    difference.WORSE: ("▼", COLOURS["wrong"]),
    difference.EQUAL: ("≈", GREY),
}


def render_verdicts(
    comparison: Comparison, names: list[str], found: pd.DataFrame | None, *, metric: str = "geometric_mean"
) -> Markup:
    """One row per run: star, name, difference in `metric` and verdict, headline metrics, parameters that differ.

    What is looked for first stands first: a narrow window cuts the parameters, and the name tells what differs.

    Args:
        found: from `tabulate_differences`; None while they are being computed.
    """
    params = comparison.differing(names)
    heads = ["run", f"difference in {metric_word(metric)}", "verdict", *map(metric_word, HEADLINE), *params]
    labels = comparison.labels(names)
    rows = [_row(comparison, name, labels, found, params, metric) for name in names]
    return html.render_template("verdict_table.html", rows=rows, heads=heads, basis=_basis(comparison, found))


def _row(
    comparison: Comparison,
    name: str,
    labels: dict[str, str],
    found: pd.DataFrame | None,
    params: pd.DataFrame,
    metric: str,
) -> list[str]:
    row = comparison.table.loc[name]
    cells = [_name(comparison, name, labels[name]), *_difference(comparison, name, labels, found, metric)]
    cells += [_estimate(row.get(m), row.get(f"{m}_low"), row.get(f"{m}_high")) for m in HEADLINE]
    own = OWN_OF_LOSS if comparison.loss(name) != NO_LOSS else ()
    return cells + [_parameter(params.loc[name, p], "its own" if p in own else "–") for p in params]


def _name(comparison: Comparison, name: str, label: str) -> Markup:
    """What the run is called, and below its tags and the beginning of its note."""
    said = comparison.remarks.get(name, Remarks())
    lines = [html.run_label(name, label, starred=name == comparison.reference)]
    lines += [_small(said.hashed)] if said.tags else []
    beginning = said.note if len(said.note) <= NOTE else f"{said.note[:NOTE]}…"
    lines += [_small(beginning, title=said.note)] if said.note else []
    return html.render_part("lines", lines)


def _difference(
    comparison: Comparison, name: str, labels: dict[str, str], found: pd.DataFrame | None, metric: str
) -> list[str]:
    """Two cells: what was subtracted from the run's value and what is left; the verdict of its variant."""
    if name == comparison.reference and name not in (found.index if found is not None else ()):
        return ["", html.muted("reference")]
    other = comparison.table.loc[name, COMPARED]
    if not isinstance(other, str):
        return ["–", html.muted(explain_no_verdict(comparison, name))]
    less = f"less {_number(comparison.table[metric].get(other))} of {labels.get(other, other)}"
    less = _small(less, title=other)
    left = comparison.table.loc[name, f"difference_{metric}"]
    if found is None or name not in found.index:
        words = explain_no_verdict(comparison, name) if not comparison.pairs[name].counts else "undefined"
        waiting = found is None and comparison.pairs[name].counts
        lines = [_number(left, signed=True), less]
        return [html.render_part("lines", lines), html.muted("being computed" if waiting else words)]
    row = found.loc[name]
    over = _interval(row["low"], row["high"], signed=True)
    alone = row["n_seeds"] == 1 and comparison.pairs[name].counts
    lines = [_number(left, signed=True), *([_small(over)] if alone else []), less]
    if not alone:
        mean = f"{_mean_of(row)}: {_number(row['difference'], signed=True)}"
        lines.append(_small(html.render_part("lines", [mean, over]), title=row["pairs"]))
    sign, colour = SIGNS.get(row["verdict_holm"], ("", GREY))
    return [html.render_part("lines", lines), html.render_part("coloured", f"{sign} {row['verdict_holm']}", colour)]


def _mean_of(row: pd.Series) -> str:
    return f"mean of {row['n_seeds']} pairs" if row["n_seeds"] > 1 else f"judged: {row['pairs']}"


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None or pd.isna(value):
        return "–"
    return f"{value:+z.3f}" if signed else f"{value:.3f}"


def _estimate(value: float | None, low: float | None, high: float | None) -> str | Markup:
    """The value over its interval."""
    if value is None or pd.isna(value) or low is None or pd.isna(low):
        return _number(value)
    return html.render_part("lines", [_number(value), _small(_interval(low, high))])


def _interval(low: float, high: float, *, signed: bool = False) -> str:
    return "no interval" if pd.isna(low) else f"{_number(low, signed=signed)} to {_number(high, signed=signed)}"


def _small(words: str, *, title: str = "") -> Markup:
    return html.render_part("small", words, title=title)


def _parameter(value: object, missing: str) -> Markup:
    if not isinstance(value, str) and pd.isna(value):
        return html.muted(missing)
    return html.text(f"{value:g}" if isinstance(value, float) else value)


def _basis(comparison: Comparison, found: pd.DataFrame | None) -> str:
    """What the numbers rest on, below the table."""
    words = "Below each value its 95 % interval over individuals, for this training and threshold."
    if comparison.reference is None:
        return words + " No reference yet: reid runs promote RUN."
    if found is None or not len(found):
        return words
    words += f" {pairing.RULE}."
    for basis in filter(None, dict.fromkeys(found["basis"])):
        words += f" Interval and verdict: {basis}."
    if (n := found["variant"][found["p"].notna()].nunique()) > 1:
        words += f" Verdicts are corrected for {n} comparisons (Holm)."
    return words
