"""How quick a gallery is, and how sound under many processes: one new photograph from the command to the answer, a
thousand of them with the memory they take, ten photographs added, kills in the middle of adding, readers while another
process adds.

    python benchmarks/gallery_speed.py --images 10000 --many 1000 --added 100000 --readers 20 --kills 50
    python benchmarks/gallery_speed.py --images 10000 --local --many 0 --added 0 --readers 0 --kills 0

With `--local`, RootSIFT answers beside the embedding, as by default: each simulated photograph has the keypoints of a
drawn one, every number of their descriptors changed a little. The network is the default backbone as it comes,
evaluated on demo:small; the gallery holds simulated embeddings of its length. What is timed is `python -m reid_lib`,
a process of its own, with the caches that a user has.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

ANIMAL_IMAGES = 10  # of each simulated animal


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--images", type=int, default=10_000, help="gallery that one photograph is asked of")
    asked.add_argument("--many", type=int, default=1_000, help="photographs that are asked at once")
    asked.add_argument("--added", type=int, default=100_000, help="gallery that ten photographs are added to")
    asked.add_argument("--readers", type=int, default=20, help="processes that ask while another adds")
    asked.add_argument("--kills", type=int, default=50, help="kills of `gallery add`")
    asked.add_argument("--local", action="store_true", help="galleries with local features")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ |= {"REID_RUNS": str(root / "runs"), "REID_CACHE": str(root / "cache")}
        run = evaluate_frozen("embedding+local" if given.local else "embedding")
        photos = draw_photographs(root / "photos", 10)
        simulate_gallery(run, "asked", given.images)
        measure_question([draw_photographs(root / f"one-{k}", 1, seed=10 + k) for k in range(3)], given.images)
        if given.many:
            measure_many(draw_photographs(root / "many", given.many, seed=2), given.images)
        if given.added:
            simulate_gallery(run, "large", given.added)
            measure_adding(photos, given.added)
        if given.readers:
            ask_while_adding(root, given.readers)
        if given.kills:
            kill_while_adding(given.kills)


def evaluate_frozen(scores: str) -> str:
    """A run of the default backbone as it comes, on the small drawn animals."""
    from whole_steps import make_run

    from reid_lib.params.fields import EvaluateParams

    make_run(EvaluateParams(dataset="demo:small", scores=scores, run_name="frozen"))
    return "frozen"


def draw_photographs(folder: Path, n: int, *, seed: int = 0) -> Path:
    """Photographs of 1.5 megapixels without an animal."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for k in range(n):
        rough = rng.integers(0, 255, (100, 150, 3), dtype=np.uint8)
        Image.fromarray(rough).resize((1500, 1000)).save(folder / f"{seed}-{k}.jpg", quality=90)
    return folder


def simulate_gallery(run: str, name: str, n: int):
    """A gallery of n photographs by the run's network."""
    from reid_lib.embed.embedding_set import EmbeddingSet
    from reid_lib.gallery.photographs import Photographs, select_columns
    from reid_lib.gallery.store import create_gallery
    from reid_lib.pipeline.recipes import FinishedRun

    finished, rng = FinishedRun.load(run), np.random.default_rng(0)
    dim = finished.embeddings["gallery"].features.shape[1]
    vectors = rng.standard_normal((n, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    told = {"image_id": [f"s{k}.jpg" for k in range(n)], "root": "simulated", "dataset": "lynxes", "individual": None}
    told |= {"path": told["image_id"], "identity": [f"animal {k // ANIMAL_IMAGES}" for k in range(n)]}
    told["content"] = [f"simulated {k}" for k in range(n)]
    rows = select_columns(pd.DataFrame(told, dtype=object))
    greys = rng.integers(0, 255, (n, 32, 32), dtype=np.uint8)
    photographs = Photographs(EmbeddingSet(vectors, rows), simulate_keypoints(finished, rows, rng), greys)
    return create_gallery(name, finished.recipe(), finished.model_folder, photographs, what="simulated")


def simulate_keypoints(finished, rows: pd.DataFrame, rng: np.random.Generator) -> dict:
    """Local feature -> for each row the keypoints of one of the run's photographs, their descriptors changed."""
    from reid_lib.pipeline.enrolment import Network, find_needed_keypoints

    network, found = Network(finished.model_folder, finished.recipe(), "cpu"), {}
    for name, drawn in find_needed_keypoints(network, finished.catalogue, finished.catalogue.rows).items():
        repeated = [drawn[k % len(drawn)] for k in range(len(rows))]
        simulated = type(drawn).of(repeated, rows, [f"simulated {k}" for k in range(len(rows))])
        for start in range(0, len(simulated.descriptors), 2**18):
            part = simulated.descriptors[start : start + 2**18]
            part[:] = np.clip(part + rng.integers(-6, 7, part.shape, dtype=np.int16), 0, 255)
        found[name] = simulated
    return found


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "reid_lib", *words]


def measure_question(ones: list[Path], n: int) -> None:
    """From the command to the answer, each time for a photograph that was never embedded; and the search alone."""
    from reid_lib.gallery.store import open_gallery
    from reid_lib.match.cosine import Cosine
    from reid_lib.openset.predictions import score_individuals

    for one in ones:
        took, processor, _ = ask(one)
        print(f"one photograph against {n:,} images, from the command to the answer: {took:.2f} s")
        print(f"  {processor:.2f} s of processor")
    enrolled = open_gallery("asked").load()[1].embeddings
    asked = enrolled.where(np.arange(len(enrolled)) == 7)
    asked = type(asked)(asked.features, asked.rows.assign(image_id="asked"))
    for _ in range(3):
        begun = time.monotonic()
        score_individuals(Cosine(asked, enrolled))
        print(f"  of which the search: {time.monotonic() - begun:.3f} s")


def measure_many(photos: Path, n: int) -> None:
    """Many photographs at once: from the command to the answers, and the most memory that the command held."""
    many = len(list(photos.iterdir()))
    took, processor, peak = ask(photos)
    print(f"{many:,} photographs against {n:,} images, from the command to the answers: {took:.1f} s")
    print(f"  {many / took:.1f} photographs a second, {processor:.0f} s of processor")
    print(f"  peak memory: {peak / 1e9:.2f} GB")


def ask(photos: Path) -> tuple[float, float, int]:
    """`identify` of photographs: seconds that passed, seconds of processor, and the most memory in bytes."""
    begun = time.monotonic()
    asking = subprocess.Popen(command("identify", "--gallery", "asked", str(photos)), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(asking.pid, 0)
    asking.returncode = os.waitstatus_to_exitcode(status)
    assert asking.returncode == 0
    return time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss * 2**10


def measure_adding(photos: Path, n: int) -> None:
    """`gallery add` of ten photographs."""
    begun = time.monotonic()
    subprocess.run(add("large", photos, "newcomer"), check=True, stdout=subprocess.DEVNULL)
    print(f"ten photographs added to {n:,} images: {time.monotonic() - begun:.2f} s")


def add(name: str, photos: Path, animal: str) -> list[str]:
    return command("gallery", "add", name, str(photos), "--identity", animal, "--dataset", "lynxes")


READER = """
import sys
from pathlib import Path
from reid_lib.gallery.store import open_gallery
from reid_lib.match.cosine import Cosine
from reid_lib.openset.predictions import score_individuals
while True:
    last = Path(sys.argv[1]).exists()
    version, some = open_gallery("asked").load()
    assert len(some) == version.images and some.rows["individual"].nunique() == version.animals
    asked = some.embeddings.where(some.rows["image_id"] == "s7.jpg")
    asked = type(asked)(asked.features, asked.rows.assign(image_id="asked"))
    answer = score_individuals(Cosine(asked, some.embeddings)).iloc[0]
    print(version.images, answer["identity_1"], answer["image_1"], answer["score"], flush=True)
    if last:
        break
"""


def ask_while_adding(root: Path, n: int, *, additions: int = 5) -> None:
    """Processes that ask again and again while another one adds: each answer is of a whole version, and right."""
    from reid_lib.gallery.changes import add_photographs
    from reid_lib.gallery.store import open_gallery

    gallery, stop = open_gallery("asked"), root / "stop"
    before, some = gallery.version().images, gallery.load()[1]
    read = [sys.executable, "-c", READER, str(stop)]
    readers = [subprocess.Popen(read, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(n)]
    for reader in readers:
        reader.stdout.readline()  # all of them are at work
    for k in range(additions):
        added = some.where(np.arange(len(some)) < 10)
        content = [f"while {k} {j}" for j in range(10)]
        # Further from the photograph that is asked about than itself, whatever they are.
        add_photographs(
            gallery, added.with_rows(added.rows.assign(identity=f"while {k}", content=content)), what="added"
        )
        time.sleep(1)
    stop.touch()
    said = [reader.communicate() for reader in readers]
    failed = [err for reader, (_, err) in zip(readers, said, strict=True) if reader.returncode]
    assert not failed, failed[0]
    told = [line.split() for out, _ in said for line in out.splitlines()]
    searched = sorted({int(line[0]) for line in told})
    assert set(searched) <= {before + 10 * k for k in range(additions + 1)} and searched[-1] == before + 10 * additions
    assert {tuple(line[-2:]) for line in told} == {tuple(told[0][-2:])}, "the photograph itself is the best"
    print(f"{n} processes asked {len(told)} times while {additions} additions went on: none failed, none saw half")
    print(f"  galleries of {searched} images were searched")


def kill_while_adding(kills: int) -> None:
    """kill -9 at random moments of an addition of 500 photographs; the gallery is whole each time, and the addition
    completes afterwards. Children of this process add, so that all moments lie in the addition, none in starting up."""
    from reid_lib.gallery.changes import add_photographs, undo
    from reid_lib.gallery.store import open_gallery

    gallery = open_gallery("asked")
    some = gallery.load()[1].where(np.arange(gallery.version().images) < 500)
    some = some.with_rows(some.rows.assign(identity="killed", content=[f"killed {k}" for k in range(500)]))

    def add_in_a_child(after: float | None) -> None:
        child = os.fork()
        if not child:
            try:
                add_photographs(gallery, some, what="added")
            finally:
                os._exit(0)
        if after is not None:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    begun, before = time.monotonic(), gallery.version().images
    add_in_a_child(None)
    takes = time.monotonic() - begun
    assert gallery.version().images == before + 500
    undo(gallery)
    rng, early = random.Random(0), 0
    for _ in range(kills):
        add_in_a_child(rng.uniform(0, takes))
        version, loaded = gallery.load()
        assert len(loaded) == version.images and version.images in (before, before + 500)
        early += version.images == before
        if version.images > before:
            undo(gallery)
    add_in_a_child(None)
    assert gallery.version().images == before + 500
    print(f"{kills} kills within the {takes:.2f} s of adding: always whole, {early} times as before; then completed")


if __name__ == "__main__":
    main()
