"""What is known of a photograph's file: one look at each, whoever asks; a file that changes afterwards is noticed."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pixel_cases import catalogue_of_noise

from reid_lib.data import pixels
from reid_lib.data.audit import COPY, find_problems
from reid_lib.data.file_states import FileStates, read_state

# Counts how often each photograph is opened and stat'ed by a run, from its reading to its pixels.
COUNTING = """
import os, sys
from collections import Counter
from pathlib import Path
opens, stats = Counter(), Counter()
def note(event, args):
    if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
        opens[Path(os.fsdecode(args[0])).name] += 1
sys.addaudithook(note)
stat = os.stat
def counted(path, *args, **options):
    if isinstance(path, (str, os.PathLike)):
        stats[Path(path).name] += 1
    return stat(path, *args, **options)
os.stat = counted
from reid_lib.data.pixels import load_pixels
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline import data
params = TrainParams(dataset="folder", data_root=sys.argv[1])
catalogue = data.read(params)
data.split(catalogue, params)
catalogue.fingerprint
load_pixels(catalogue, image_size=32, progress=False)
names = [Path(path).name for path in catalogue.rows["path"]]
print("counted", set(opens[name] for name in names), set(stats[name] for name in names))
"""


def photographs(root):
    rng = np.random.default_rng(0)
    for animal in range(8):
        (root / f"a{animal}").mkdir(parents=True)
        for i in range(4):
            picture = Image.fromarray(rng.integers(0, 256, (40 + i, 48 + animal, 3), dtype=np.uint8))
            picture.save(root / f"a{animal}" / f"p{animal}{i}.jpg")
    return root


def test_a_run_opens_a_photograph_to_look_at_it_and_to_decode_it_and_never_else(tmp_path, clean_dirs):
    """Before there was one state: opened 4 times and stat'ed 8 times where it is trained on (3 and 7 elsewhere)."""
    command = [sys.executable, "-c", COUNTING, str(photographs(tmp_path / "photos"))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Looked at; for the name of the pixel cache, where a file that has changed is noticed; decoded.
    assert "counted {2} {3}" in done.stdout


def test_a_file_that_changes_after_the_audit_gives_its_own_pixels(tmp_path, clean_dirs):
    catalogue = catalogue_of_noise(tmp_path, 3)
    before = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    changed = catalogue.files()[1]
    Image.new("RGB", Image.open(changed).size, "white").save(changed)
    after = pixels.load_pixels(catalogue, image_size=16, progress=False)
    assert (after[1] == 255).all() and (after[[0, 2]] == before[[0, 2]]).all()


def test_a_file_is_looked_at_once_and_again_only_for_its_exif(tmp_path, monkeypatch):
    from reid_lib.data import file_states

    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    looked, original = [], file_states.read_state
    monkeypatch.setattr(file_states, "read_state", lambda *a, **k: [looked.append(k), original(*a, **k)][1])
    states = FileStates(tmp_path)
    assert [state.size for state in states.of(["a.png", "gone.png", "a.png"])] == [
        os.path.getsize(tmp_path / "a.png"),
        -1,
        os.path.getsize(tmp_path / "a.png"),
    ]
    states.of(["a.png"])
    assert len(looked) == 2 and states.of(["a.png"], exif=True)[0].sides == (30, 20)
    states.of(["a.png"])
    assert len(looked) == 3 and states.of(["a.png"])[0].sides == (30, 20)


@pytest.mark.parametrize("n_bytes", [10, 2**14, 5 * 2**14, 10**6])
def test_photographs_are_told_apart_by_a_changed_byte_of_their_samples_and_by_their_bbox(tmp_path, n_bytes):
    data = np.random.default_rng(0).integers(0, 256, n_bytes, dtype=np.uint8)
    other = data.copy()
    other[n_bytes // 2 - 1] ^= 1
    for name, content in (("a", data), ("b", data), ("c", other), ("d", data[:-1])):
        (tmp_path / name).write_bytes(content.tobytes())
    rows = pd.DataFrame({"path": list("abcda") + ["gone"], "bbox": [None, None, None, None, "1,2,3,4", None]})
    a, b, c, d, boxed, gone = FileStates(tmp_path).contents(rows)
    assert a == b and len({a, c, d, boxed}) == 4 and gone == ""


def test_files_that_differ_between_their_samples_are_no_copies(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.bmp")
    content = bytearray((tmp_path / "a.bmp").read_bytes())
    (tmp_path / "b.bmp").write_bytes(content)
    content[len(content) // 8] ^= 1  # in none of the samples
    (tmp_path / "c.bmp").write_bytes(content)
    assert len({read_state(tmp_path / f"{name}.bmp").sample for name in "abc"}) == 1
    rows = pd.DataFrame({"path": ["a.bmp", "b.bmp", "c.bmp"], "identity": "x", "individual": "d/x"})
    problems = find_problems(rows.assign(image_id=rows["path"]), tmp_path, progress=False)
    assert problems["kind"].tolist() == [COPY] * 2 and problems.index.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "side"), [("small.bmp", 40), ("large.bmp", 600), ("large.tif", 600), ("small.png", 300)]
)
def test_the_digest_of_a_file_changes_with_any_of_its_pixels(tmp_path, name, side):
    """Where pixels stand as they are, one changes and no other byte with it."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    before = read_state(tmp_path / name)
    noise[side // 3, side // 3] ^= 128
    Image.fromarray(noise).save(tmp_path / name)
    assert read_state(tmp_path / name).digest != before.digest


def test_the_digest_of_a_large_photograph_changes_with_another_photograph_and_when_it_is_turned(tmp_path):
    """Equally long, as what a program writes in place is."""
    found = []
    for seed, turn in ((0, 1), (1, 1), (0, 6)):
        exif = Image.Exif()
        exif[0x0112] = turn
        noise = np.random.default_rng(seed).integers(0, 256, (700, 900, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "a.jpg", exif=exif, quality=90)
        with open(tmp_path / "a.jpg", "ab") as file:
            file.write(b"\0" * (2_000_000 - file.tell()))
        found.append(read_state(tmp_path / "a.jpg"))
    assert {state.size for state in found} == {2_000_000} and len({state.digest for state in found}) == 3
    assert found[0].sample == found[2].sample, "what a photograph is known by does not change with its notes"


def test_only_a_file_that_has_changed_is_looked_at_again(tmp_path, monkeypatch):
    from reid_lib.data import file_states

    for name, colour in (("a.bmp", "red"), ("b.bmp", "blue")):
        Image.new("RGB", (16, 16), colour).save(tmp_path / name)
    states = FileStates(tmp_path)
    a, b, gone = states.digests_now(["a.bmp", "b.bmp", "gone.bmp"])
    looked, original = [], file_states.read_state
    monkeypatch.setattr(file_states, "read_state", lambda path, **k: [looked.append(path.name), original(path)][1])
    assert states.digests_now(["a.bmp", "b.bmp", "a.bmp"]) == [a, b, a] and gone == "missing" and not looked
    times = os.stat(tmp_path / "a.bmp")
    Image.new("RGB", (16, 16), "green").save(tmp_path / "a.bmp")
    os.utime(tmp_path / "a.bmp", ns=(times.st_atime_ns, times.st_mtime_ns))
    after = states.digests_now(["a.bmp", "b.bmp"])
    assert after[0] not in (a, b) and after[1] == b and looked == ["a.bmp"]


def test_a_file_that_may_not_be_read_has_a_size_and_a_reason(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(b"x" * 7)

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    state = read_state(tmp_path / "a.jpg")
    assert (state.size, state.problem, state.sample) == (7, "no permission to read it", "")
