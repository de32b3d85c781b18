"""Keypoints are found once; whatever could make them stale makes them others; a kill or a full disk loses little."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.core import pieces
from reid_lib.core.names import BBOX, IMAGE_ID, PATH
from reid_lib.core.paths import cache_root
from reid_lib.data.photo import UnreadablePhoto
from reid_lib.data.pixels import load_image
from reid_lib.match import keypoint_store
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.keypoints import Keypoints
from reid_lib.match.matches import NAMES, Matches
from reid_lib.match.pair_scores import score_pairs
from reid_lib.match.sift import RootSift


class Counting:
    """RootSIFT that counts the photographs it is asked for; in threads, or in the caller's own."""

    def __init__(self, threads=True, **settings):
        self.sift, self.asked, self.threads, self.sides = RootSift(**settings), 0, threads, []
        self.key, self.max_side_px, self.at_once = self.sift.key, self.sift.max_side_px, 3

    def extract(self, photos, masks):
        self.asked += len(photos)
        self.sides += [photo.shape[:2] for photo in photos]
        return self.sift.extract(photos, masks)


class LeftHalf:
    key = "left half"

    def find(self, photos):
        masks = [np.zeros(photo.shape[:2], bool) for photo in photos]
        for mask in masks:
            mask[:, : mask.shape[1] // 2] = True
        return masks


@pytest.fixture
def photographs(clean_dirs):
    root, rng = clean_dirs / "photographs", np.random.default_rng(0)
    root.mkdir()
    for k in range(7):
        small = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC).save(root / f"{k}.png")
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(root / "7.png")  # black
    return root, pd.DataFrame({IMAGE_ID: [f"i{k}" for k in range(8)], PATH: [f"{k}.png" for k in range(8)]})


def same(a, b):
    names = ("xy", "scale", "angle", "strength", "descriptors", "first", "sizes", "images")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


@pytest.mark.parametrize("threads", [True, False])
def test_what_was_found_comes_back(photographs, threads, capsys):
    root, rows = photographs
    extractor = Counting(threads)
    first, second = (extract_keypoints(extractor, rows, root) for _ in range(2))
    assert extractor.asked == 8 and same(first, second)
    assert "keypoints of 8 of 8 photographs were found before" in capsys.readouterr().out
    assert first.counts[:7].min() > 10 and first.counts[7] == 0  # nothing is to be seen on the black one
    plain = RootSift().extract([load_image(root / "3.png", max_side_px=384)], [None])[0]
    assert np.array_equal(first[3].xy, plain.xy) and np.array_equal(first[3].descriptors, plain.descriptors)


def test_only_new_photographs_are_looked_at_in_whatever_order(photographs):
    root, rows = photographs
    extractor = Counting()
    extract_keypoints(extractor, rows.iloc[2:5], root)
    order = [6, 2, 0, 4, 7, 5, 3, 1]
    found = extract_keypoints(extractor, rows.iloc[order], root)
    assert extractor.asked == 8 and found.rows[IMAGE_ID].tolist() == [f"i{k}" for k in order]
    whole = extract_keypoints(Counting(), rows, root)
    assert all(np.array_equal(found[i].xy, whole[k].xy) for i, k in enumerate(order))


def test_a_photograph_is_known_by_its_content(photographs):
    root, rows = photographs
    extractor = Counting()
    first = extract_keypoints(extractor, rows, root)
    os.replace(root / "0.png", root / "moved.png")
    moved = extract_keypoints(extractor, rows.assign(**{PATH: ["moved.png", *rows[PATH][1:]]}), root)
    assert extractor.asked == 8 and same(first, moved)
    os.replace(root / "1.png", root / "moved.png")  # another photograph under the old name
    changed = extract_keypoints(extractor, rows.iloc[:1].assign(**{PATH: "moved.png"}), root)
    assert extractor.asked == 8 and np.array_equal(changed[0].xy, first[1].xy)
    twice = extract_keypoints(Counting(max_keypoints=5), rows.assign(**{PATH: "2.png"}), root)
    assert len(twice) == 8 and len(set(twice.images.tolist())) == 1


class CountingMask(LeftHalf):
    asked = 0

    def find(self, photos):
        self.asked += len(photos)
        return super().find(photos)


class CountingMatcher:
    key, names, at_once, threads = "counting", NAMES, 9, False

    def __init__(self):
        self.asked = 0

    def match(self, pairs):
        self.asked += len(pairs)
        nothing = np.empty(0, np.int64)
        return [Matches(nothing, nothing, nothing, nothing, np.zeros(len(NAMES), np.float32)) for _ in pairs]


def test_a_photograph_replaced_by_one_of_equal_size_and_time_is_looked_at_anew_in_every_cache(photographs):
    """Keypoints, mask and the scores of its pairs; those of the others are taken from the caches."""
    root, rows = photographs
    for k in range(2):  # no compression: all files of one length
        Image.open(root / f"{k}.png").save(root / f"{k}.bmp")
    target, times = root / "0.bmp", (root / "0.bmp").stat()
    rows = rows.iloc[:2].assign(**{PATH: ["0.bmp", "1.bmp"]})
    asked = []  # of keypoints, masks, pairs
    for other in ("0.png", "0.png", "2.png"):
        Image.open(root / other).save(target)
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert target.stat().st_size == times.st_size
        extractor, mask, matcher = Counting(), CountingMask(), CountingMatcher()
        found = extract_keypoints(extractor, rows, root, mask=mask)
        score_pairs(matcher, found, found, np.array([0, 1]), np.array([1, 1]))
        asked.append((extractor.asked, mask.asked, matcher.asked))
    assert asked == [(2, 2, 2), (0, 0, 0), (1, 1, 1)]


def test_whatever_could_change_them_finds_them_anew(photographs):
    root, rows = photographs
    boxed = rows.assign(**{BBOX: ["10,10,80,60", *[None] * 7]})
    first = extract_keypoints(Counting(), rows, root)
    for other, expected, what in (
        (Counting(max_keypoints=9), 8, {}),
        (Counting(contrast_threshold=0.03), 8, {}),
        (Counting(max_side_px=100), 8, {}),
        (Counting(), 8, {"mask": LeftHalf()}),
        (Counting(), 1, {"rows": boxed}),
    ):
        found = extract_keypoints(other, what.pop("rows", rows), root, **what)
        assert other.asked == expected and not same(first, found)
        assert (found.images != first.images).sum() == expected
    assert extract_keypoints(Counting(), boxed, root)[0].size == (80, 60)
    assert Counting(max_side_px=100).max_side_px == 100


def test_off_the_mask_nothing_is_left_and_the_strongest_on_it_are_taken(photographs):
    root, rows = photographs
    found = extract_keypoints(Counting(max_keypoints=8), rows, root, mask=LeftHalf())
    assert len(found[0]) == 8 and found.xy[:, 0].max() <= 79.5


def test_large_photographs_are_shrunk_before(photographs):
    root, rows = photographs
    extractor = Counting(max_side_px=80)
    found = extract_keypoints(extractor, rows, root)
    assert extractor.sides.count((60, 80)) == 7 and found.sizes[0].tolist() == [80, 60]


@pytest.mark.parametrize("threads", [True, False])
def test_what_was_found_before_an_error_is_kept(photographs, monkeypatch, threads):
    root, rows = photographs
    (root / "6.png").write_bytes(b"no image")
    with pytest.raises(UnreadablePhoto, match="6.png"):
        extract_keypoints(Counting(threads), rows, root)
    again = Counting(threads)
    extract_keypoints(again, rows.drop(index=6), root)
    assert again.asked <= 1 + again.at_once  # but those handed over together with the broken one


def test_a_kill_loses_one_piece_at_most(photographs):
    root, rows = photographs
    script = textwrap.dedent("""
        import os, signal, sys
        import pandas as pd
        from pathlib import Path
        from reid_lib.match import keypoint_store
        from reid_lib.match.sift import RootSift
        keypoint_store.PIECE = 2
        class Killed(RootSift):
            at_once, threads = 1, False
            def extract(self, photos, masks):
                if len(list((Path(os.environ["REID_CACHE"]) / "keypoints").glob("*.npz"))) == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().extract(photos, masks)
        rows = pd.DataFrame({"image_id": [f"i{k}" for k in range(8)], "path": [f"{k}.png" for k in range(8)]})
        keypoint_store.extract_keypoints(Killed(), rows, Path(sys.argv[1]))
    """)
    assert subprocess.run([sys.executable, "-c", script, str(root)]).returncode == -signal.SIGKILL
    extractor = Counting()
    extract_keypoints(extractor, rows, root)
    assert extractor.asked == 4


def test_a_full_disk_costs_the_cache_alone(photographs, monkeypatch, capsys):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    root, rows = photographs
    expected = extract_keypoints(Counting(), rows, root)
    for path in (cache_root() / keypoint_store.FOLDER).iterdir():
        path.unlink()
    monkeypatch.setattr(pieces, "make_room", full)
    assert same(extract_keypoints(Counting(), rows, root), expected)
    assert "keypoints are not kept" in capsys.readouterr().out


def test_descriptors_of_networks_come_back_as_they_are(photographs):
    class Network:
        key, max_side_px, at_once, threads = "network", 64, 8, False

        def extract(self, photos, masks):
            flat = np.zeros(2, np.float32)
            size = photos[0].shape[1::-1]
            return [
                Keypoints(np.ones((2, 2), np.float32), flat, flat, flat, np.eye(2, 6, dtype=np.float16), size)
            ] * len(photos)

    root, rows = photographs
    first, second = (extract_keypoints(Network(), rows, root) for _ in range(2))
    assert same(first, second) and second.descriptors.dtype == np.float16 and second.descriptors.shape == (16, 6)
