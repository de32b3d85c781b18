"""The table of a comparison for a terminal: values with intervals, differences, verdicts, and what they rest on."""

import pandas as pd

from reid_lib.compare.comparison import Comparison
from reid_lib.core.names import TEST
from reid_lib.openset.measures import METRICS
from reid_lib.openset.summary import describe_value
from reid_lib.runs.table import COMPARED, REFERENCE

AGAINST = "compared with"


def tabulate_text(comparison: Comparison, names: list[str], found: pd.DataFrame, metric: str, role: str = TEST) -> str:
    """One line for each run, the reference marked with *, and below what the verdicts rest on.

    Args:
        names: runs of the comparison, in this order.
        found: their differences in the metric, from `verdicts.tabulate_differences` of the same role.
    """
    rows = [_row(comparison, name, found, metric, role) for name in names]
    lines = [line.rstrip() for line in pd.DataFrame(rows).to_string(index=False).splitlines()]
    if comparison.reference is None:
        lines.append("no reference yet: reid runs promote RUN")
    lines += dict.fromkeys(f"{row.pairs}: {row.basis}" for row in found.itertuples() if row.basis)
    if (n := found.loc[found["p"].notna(), "variant"].nunique()) > 1:
        lines.append(f"verdicts are corrected for {n} comparisons (Holm)")
    return "\n".join(lines)


def _row(comparison: Comparison, name: str, found: pd.DataFrame, metric: str, role: str) -> dict[str, str]:
    value = comparison.run(name).metrics[role]["overall"].get(metric, {"value": float("nan")})
    row = {"": "*" if name == comparison.reference else "", "run": name}
    row |= {f"{METRICS[metric].word} on {role}": describe_value(value), "difference": "", "95 % interval": ""}
    if name not in found.index:
        return row | {"verdict": explain_no_verdict(comparison, name), AGAINST: ""}
    told = found.loc[name]
    row |= {"difference": _signed(told["difference"]), "95 % interval": _interval(told["low"], told["high"])}
    return row | {"verdict": told["verdict_holm"], AGAINST: comparison.table.loc[name, COMPARED]}


def explain_no_verdict(comparison: Comparison, name: str) -> str:
    """Why a run is not judged, in few words."""
    reference = comparison.table.loc[name, REFERENCE]
    if name == comparison.reference or name == reference:
        return "the reference"
    if not isinstance(reference, str):
        return "no reference yet"
    if reference not in comparison.names:
        return f"its reference {reference} is not finished"
    if not comparison.comparable(name, reference):
        return "asked other queries"
    same = set(comparison.differing([name, reference])) <= {"seed"}
    return "the reference, another seed" if same else "no pair of its own"


def explain_alone(comparison: Comparison, names: list[str], found: pd.DataFrame) -> str:
    """What to do where one run alone was asked for and nothing judges it; "" elsewhere."""
    if len(names) != 1 or len(found):
        return ""
    (name,) = names
    others = [other for other in comparison.ordered("val_geometric_mean") if other != name]
    second = next((other for other in others if comparison.comparable(name, other)), None)
    if second is not None:
        return f"one run alone is compared with nothing, name a second one: reid compare {second} {name}"
    why = "the other runs asked other queries" if others else "there is no other finished run"
    return f"one run alone is compared with nothing, and {why}: a second one takes the same data, reid train -p lr 1e-4"


def _signed(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:+z.3f}"


def _interval(low: float, high: float) -> str:
    return "none" if pd.isna(low) else f"{low:+z.3f} to {high:+z.3f}"
