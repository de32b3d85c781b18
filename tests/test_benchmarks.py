"""Our own contenders of `make bench`, at sizes of no interest: what is timed must still run, and do what a run does."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))

SMALL = {"backbone": "resnet10t", "px": 32, "batch": 4, "steps": 2, "images": 8, "keypoints": 32}
ASKED = {"queries": 40, "gallery": 60, "device": "cpu"}
OURS = (
    *(f"embed_reid_lib_{what}" for what in ("first", "again", "pixels")),
    *("engine_reid_lib", "step_reid_lib", "step_reid_lib_augmented", "epoch_reid_lib", "match_reid_lib"),
    *("search_reid_lib", "threshold_reid_lib", "bootstrap_reid_lib"),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for k in range(8):
        (root / f"a{k // 4}").mkdir(exist_ok=True)
        Image.effect_noise((96, 72), 60 + k).convert("RGB").save(root / f"a{k // 4}" / f"{k}.jpg")
    return root


@pytest.mark.parametrize("name", OURS)
def test_what_is_timed_runs(name, photos, clean_dirs):
    from contenders import main

    if name.startswith("match"):
        pytest.importorskip("kornia")
    said = io.StringIO()
    with redirect_stdout(said):
        main(name, json.dumps(SMALL | ASKED | {"photos": str(photos), "threads": 1}))
    told = json.loads(said.getvalue().splitlines()[-1])
    assert told["n"] > 0 and told["seconds"] > 0 and told["device"] in ("cpu", "cuda")


def test_every_contender_of_ours_is_tried():
    from contenders import CONTENDERS

    mine = {name for name in CONTENDERS if "reid_lib" in name} - {"match_reid_lib_whole"}  # the same with one option
    assert mine == set(OURS)


def test_every_benchmark_finds_the_names_that_it_takes_from_the_library_and_from_the_others():
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
    code = f"import importlib, sys\nsys.path.append({str(BENCHMARKS)!r})\n"
    code += f"for name in {names}: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=BENCHMARKS.parent)
    assert done.returncode == 0 and len(names) > 40, done.stderr
