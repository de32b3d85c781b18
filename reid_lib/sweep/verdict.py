"""How a sweep ended: its variants against the reference, judged on validation alone."""

from reid_lib.compare.comparison import Comparison
from reid_lib.compare.text import tabulate_text
from reid_lib.compare.variants import METRIC
from reid_lib.compare.verdicts import tabulate_differences
from reid_lib.core.names import VAL
from reid_lib.openset.difference import BETTER
from reid_lib.sweep.plan import Plan


def describe_verdict(plan: Plan) -> str:
    """The finished runs of a plan by their geometric mean on val, best first, with verdicts, and what to do next."""
    comparison = Comparison()
    planned = {variant.run for variant in plan.variants}
    names = [name for name in comparison.ordered(f"val_{METRIC}") if name in planned | {comparison.reference}]
    if not planned.intersection(names):
        return "no run of this plan is finished"
    found = tabulate_differences(comparison, names, METRIC, role=VAL)
    better = found.index[found["verdict_holm"] == BETTER].tolist()
    if comparison.reference is None:
        verdict = f"{names[0]} is the highest on val; nothing is judged without a reference"
    elif better:
        verdict = f"better than {comparison.reference} on val: {', '.join(better)}; promote the best of all runs: "
        verdict += "reid runs promote --best"
    else:
        verdict = f"none is better than {comparison.reference} on val beyond chance"
    shown = " ".join(["reid compare", *names[:4]])
    return "\n".join([tabulate_text(comparison, names, found, METRIC, VAL), verdict, f"on test, as a page: {shown}"])
