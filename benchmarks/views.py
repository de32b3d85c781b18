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
from whole_steps import make_run

from reid_lib.core.names import ENCOUNTER, IDENTITY, IMAGE_ID, ORIENTATION, PATH, TEST, VAL
from reid_lib.core.paths import cache_root
from reid_lib.data.catalogue import read_catalogue
from reid_lib.embed.views import CROPS, FLIP, ONE
from reid_lib.openset.answers import Answers
from reid_lib.openset.paired import COMPARED, compare_answers
from reid_lib.params.fields import EvaluateParams

BLOCK = 100  # frames of a video


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


def list_nyala(root: Path) -> pd.DataFrame:
    """All photographs with animal, encounter and flank."""
    catalogue = read_catalogue("wildlife:NyalaData", str(root / "nyala"))
    rows = catalogue.rows[[PATH, IDENTITY, ENCOUNTER, ORIENTATION]]
    return rows.assign(**{PATH: [str(catalogue.root / path) for path in rows[PATH]]})


def list_cattle(root: Path) -> pd.DataFrame:
    """Every second block of frames of each video, with animal and encounter."""
    files = sorted((root / "cattle").glob("*/*.jpg"))
    video, frame = zip(*(re.fullmatch(r"(.*?)(\d*)", file.stem).groups() for file in files), strict=True)
    block = [int(number or 0) // BLOCK for number in frame]
    rows = pd.DataFrame({PATH: map(str, files), IDENTITY: [file.parent.name for file in files]})
    rows[ENCOUNTER] = [" ".join(map(str, told)) for told in zip(rows[IDENTITY], video, block, strict=True)]
    return rows[[number % 2 == 0 for number in block]]


def write_table(rows: pd.DataFrame, table: Path) -> Path:
    """The same as a csv that lists photographs below it; its own path."""
    table.parent.mkdir(parents=True, exist_ok=True)
    ids = [f"{Path(path).parent.name}/{Path(path).name}" for path in rows[PATH]]
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
