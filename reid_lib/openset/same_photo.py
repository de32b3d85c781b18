"""What a result is worth without the queries whose own photograph is in the gallery, and how that is said."""

from collections.abc import Mapping

import numpy as np

from reid_lib.core.names import HEADLINE, SAME_PHOTOS_CSV, TEST, VAL
from reid_lib.openset.answers import Answers
from reid_lib.openset.measures import METRICS
from reid_lib.openset.summary import describe_value, judged_role, summarise


def measure_without(answers: Answers, own: Mapping[str, set[str]]) -> dict[str, dict]:
    """Per role: how many queries have their own photograph in the gallery, and the headline metrics without them.

    Args:
        answers: of val and test, with decisions; these stay as they are, so the threshold does.
        own: role -> image_id of the queries that have it.

    Returns:
        role -> {"queries", "of", "overall"}; `overall` is empty where no labelled query has it, since nothing differs.
    """
    measured = {}
    for role, found in own.items():
        asked = answers.of_role(role)
        has_own = np.isin(asked.image_id.astype(str), sorted(found))
        measured[role] = {"queries": int(has_own.sum()), "of": len(asked), "overall": {}}
        if (has_own & asked.labelled).any():
            overall = summarise(asked.where(~has_own))["overall"]
            measured[role]["overall"] = {name: overall[name] for name in HEADLINE if name in overall}
    return measured


def count_queries(entries: Mapping[str, Mapping]) -> str:
    """Example: "5 of 215 val queries and 7 of 213 test queries"; roles without any are not named, "" with none."""
    parts = [f"{entries[role]['queries']} of {entries[role]['of']} {role} queries" for role in (VAL, TEST)]
    return " and ".join(part for role, part in zip((VAL, TEST), parts, strict=True) if entries[role]["queries"])


def describe_same_photos(results: Mapping) -> str:
    """One line on queries whose own photograph is in the gallery, from metrics.json; "" where nobody looked for them,
    or where they are left out, which the headline says.
    """
    entries = results.get("same_photo")
    if not entries or any(entry.get("left_out") for entry in entries.values()):
        return ""
    if not (counted := count_queries(entries)):
        return "no query has its own photograph, a copy or another crop of it, in the gallery, as far as matches show"
    line = f"{counted} have their own photograph, a copy or another crop of it, in the gallery ({SAME_PHOTOS_CSV})"
    role = judged_role(results)
    if overall := entries[role]["overall"]:
        said = ", ".join(f"{METRICS[name].word} {describe_value(entry)}" for name, entry in overall.items())
        line += f"; {role} without them, by the same threshold: {said}"
    return f"{line}; same_photo leave_out fits without them, too"
