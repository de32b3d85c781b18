"""Is an embedding better as the mean over several views of a photograph? Nyala and cattle faces, frozen backbone.

    python benchmarks/views.py --data_root ../shared/data

Each way (parameter `views` of evaluate.ipynb) is an evaluation of its own by the embedding alone; runs and caches are
those of REID_RUNS and REID_CACHE. Told are the metrics on val and test, and the paired differences to one view with
95 % intervals. Every nyala shows a flank, so `flip` mirrors none of them; "flanks mirrored" are the same photographs
without their orientation. Of the cattle every second block of 100 frames of a video is left out, and each other block
is an encounter: between gallery and query lie at least 100 frames.
"""

import argparse
import os
import re
from pathlib import Path

import pandas as pd
from real_photographs import list_cattle, list_nyala, name_photograph
from whole_steps import make_run

from reid_lib.core.names import IMAGE_ID, ORIENTATION, PATH, TEST, VAL
from reid_lib.core.paths import cache_root
from reid_lib.embed.views import CROPS, FLIP, ONE
from reid_lib.openset.answers import Answers
from reid_lib.openset.paired import COMPARED, compare_answers
from reid_lib.params.fields import EvaluateParams


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data_root", required=True, type=Path, help="folder that holds nyala/ and cattle/")
    asked.add_argument("--only", default="", help="nyala or cattle alone")
    asked.add_argument("--image_size", type=int, default=256, help="px")
    given = asked.parse_args()
    for name, make in (("nyala", list_nyala), ("cattle", list_cattle)):
        if given.only in ("", name):
            rows = make(given.data_root)
            ways = {ONE: (ONE, rows), FLIP: (FLIP, rows), CROPS: (CROPS, rows)}
            if ORIENTATION in rows:
                ways["flip, flanks mirrored"] = (FLIP, rows.drop(columns=ORIENTATION))
            answers = {}
            for way, told in ways.items():
                answers[way] = evaluate(f"{name}, {way}", *told, given.image_size)
                if way != ONE:
                    tell_difference(f"{name}, {way}", answers[way], answers[ONE])


def write_table(rows: pd.DataFrame, table: Path) -> Path:
    """Write rows with absolute paths as a csv whose paths count from its own folder; returns where it lies."""
    table.parent.mkdir(parents=True, exist_ok=True)
    ids = [name_photograph(path) for path in rows[PATH]]
    paths = [os.path.relpath(path, table.parent.resolve()) for path in rows[PATH]]
    rows.assign(**{IMAGE_ID: ids, PATH: paths}).to_csv(table, index=False)
    return table


def evaluate(name: str, views: str, rows: pd.DataFrame, image_size: int) -> Answers:
    """The answers of val and test of one way; tells its metrics."""
    word = re.sub(r"\W+", "-", name)
    table = write_table(rows, cache_root() / "views" / f"{word}.csv")
    how = {"dataset": "csv", "data_root": str(table), "split_policy": "encounter", "image_size": image_size}
    name_of_run = f"views-{word}-{image_size}"
    _, results = make_run(EvaluateParams(**how, scores="embedding", views=views, run_name=name_of_run))
    for role in (VAL, TEST):
        overall = results.metrics[role]["overall"]
        told = (
            f"{m} {overall[m]['value']:.3f} ({overall[m]['low']:.3f} to {overall[m]['high']:.3f})" for m in COMPARED
        )
        print(f"{name}, {role}: {', '.join(told)}", flush=True)
    return Answers.of(results.predictions)


def tell_difference(name: str, answers: Answers, one: Answers) -> None:
    """The paired differences to one view."""
    for role in (VAL, TEST):
        for metric, d in compare_answers(answers, one, role=role).items():
            interval = f"{d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f}): {d.verdict}"
            print(f"{name} minus one, {role}, {metric}: {interval}", flush=True)


if __name__ == "__main__":
    main()
