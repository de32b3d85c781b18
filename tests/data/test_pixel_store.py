"""The cache of pixels: built by one process, resumed, compared with its checksums, bounded."""

import errno
import multiprocessing
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from pixel_cases import arrays, catalogue_of, catalogue_of_noise, decoded, noise

from reid_lib.core import files
from reid_lib.core.errors import CatalogueError
from reid_lib.data import pixel_store, pixels
from reid_lib.data.catalogue import read_catalogue

pytestmark = pytest.mark.usefixtures("clean_dirs")


def test_kept_pixels_are_compared_once_in_a_process(tmp_path, clean_dirs, monkeypatch, next_process):
    catalogue = catalogue_of_noise(tmp_path, 5)
    pixels.load_pixels(catalogue, image_size=16, progress=False)
    looked, original = [], pixel_store._damaged
    monkeypatch.setattr(pixel_store, "_damaged", lambda *a: [looked.append(1), original(*a)][1])
    pixels.load_pixels(catalogue, image_size=16, progress=False)
    next_process()
    for check in (False, True, True):
        pixels.load_pixels(catalogue, image_size=16, progress=False, check=check)
    assert looked == [1]
    (file,) = arrays(clean_dirs)
    os.utime(file, (1000, 1000))  # written to by something else
    pixels.load_pixels(catalogue, image_size=16, progress=False)
    assert looked == [1, 1]


def test_full_disk_names_the_way_out_and_leaves_nothing(tmp_path, clean_dirs, monkeypatch):
    Image.fromarray(noise()).save(tmp_path / "a.png")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixel_store.os, "fsync", full)
    with pytest.raises(CatalogueError, match="REID_CACHE"):
        pixels.load_pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
    assert arrays(clean_dirs) == []


def test_really_full_disk(tmp_path):
    """Written by plain writes, not through the map, which would kill the process."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError) as caught, open("/dev/full", "wb") as stream:
        stream.write(bytes(100_000))
    assert caught.value.errno in files.NO_ROOM


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_build_that_was_killed_is_gone_on_from(tmp_path, clean_dirs, monkeypatch, cut):
    catalogue = catalogue_of_noise(tmp_path, 8)
    whole = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    squares, sums = file.read_bytes()[: -8 * 4], file.read_bytes()[-8 * 4 :]
    file.with_suffix(".part").write_bytes(squares[: -3 * 16 * 16 * 3 - cut])  # five squares, and less where `cut`
    file.with_suffix(".crc.part").write_bytes(sums[: 5 * 4])
    file.unlink()
    seen = decoded(monkeypatch)
    np.testing.assert_array_equal(pixels.load_pixels(catalogue, image_size=16, progress=False), whole)
    done = 5 if cut == 0 else 4
    assert sorted(seen) == [f"{i}.png" for i in range(done, 8)]
    assert arrays(clean_dirs) == [file]


@pytest.mark.parametrize("where", ["first", "last", "no checksums"])
def test_a_part_that_holds_other_pixels_is_not_trusted(tmp_path, clean_dirs, monkeypatch, where):
    catalogue = catalogue_of_noise(tmp_path, 4)
    whole = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    data, sums = bytearray(file.read_bytes()[: -4 * 4 - 16 * 16 * 3]), file.read_bytes()[-4 * 4 :]
    data[-1 if where == "last" else 200] ^= 1
    file.with_suffix(".part").write_bytes(data)
    if where != "no checksums":
        file.with_suffix(".crc.part").write_bytes(sums[: 3 * 4])
    file.unlink()
    seen = decoded(monkeypatch)
    np.testing.assert_array_equal(pixels.load_pixels(catalogue, image_size=16, progress=False), whole)
    assert sorted(seen) == [f"{i}.png" for i in range(2 if where == "last" else 0, 4)]
    assert arrays(clean_dirs) == [file]


def test_a_third_of_the_cache_zeroed_is_noticed_and_only_that_is_decoded_again(
    tmp_path, clean_dirs, monkeypatch, capsys, next_process
):
    catalogue = catalogue_of_noise(tmp_path, 9)
    whole = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    before = file.read_bytes()
    data = bytearray(before)
    begin = len(data) - 9 * 4 - 6 * 16 * 16 * 3
    data[begin : begin + 3 * 16 * 16 * 3] = bytes(3 * 16 * 16 * 3)
    file.write_bytes(data)
    next_process()
    seen = decoded(monkeypatch)
    np.testing.assert_array_equal(pixels.load_pixels(catalogue, image_size=16, progress=False), whole)
    assert sorted(seen) == ["3.png", "4.png", "5.png"] and file.read_bytes() == before
    assert "3 of 9 images in the pixel cache" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["first byte", "last byte", "a checksum", "the header"])
def test_one_flipped_bit_of_the_cache_is_noticed(tmp_path, clean_dirs, capsys, next_process, place):
    catalogue = catalogue_of_noise(tmp_path, 5)
    whole = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    before = bytearray(file.read_bytes())
    squares, sums = 5 * 16 * 16 * 3, 5 * 4
    at = {"first byte": -squares - sums, "last byte": -sums - 1, "a checksum": -7, "the header": 70}[place]
    data = bytearray(before)
    data[at] ^= 1
    file.write_bytes(data)
    next_process()
    np.testing.assert_array_equal(pixels.load_pixels(catalogue, image_size=16, progress=False), whole)
    assert file.read_bytes() == before
    assert place == "the header" or "1 of 5 images in the pixel cache" in capsys.readouterr().out


def test_no_flipped_bit_of_the_header_passes_or_raises_an_error(tmp_path, clean_dirs, next_process):
    catalogue = catalogue_of_noise(tmp_path, 2)
    whole = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    before = file.read_bytes()
    for place in range(0, len(before) - 2 * (16 * 16 * 3 + 4)):
        data = bytearray(before)
        data[place] ^= 1 << place % 8
        file.write_bytes(data)
        next_process()
        np.testing.assert_array_equal(pixels.load_pixels(catalogue, image_size=16, progress=False), whole)
        assert file.read_bytes() == before, place


def test_a_folder_in_the_place_of_the_cache_is_told(tmp_path, clean_dirs, next_process):
    catalogue = catalogue_of_noise(tmp_path, 2)
    pixels.load_pixels(catalogue, image_size=16, progress=False)
    (file,) = arrays(clean_dirs)
    for path in (file, file.with_suffix(".part"), file.with_suffix(".crc.part")):
        path.unlink(missing_ok=True)
        path.mkdir()
        next_process()
        with pytest.raises(CatalogueError, match=f"{path.name} is a folder.*move it away"):
            pixels.load_pixels(catalogue, image_size=16, progress=False)
        path.rmdir()


def test_a_cache_without_checksums_is_made_again(tmp_path, clean_dirs, capsys):
    """As versions before wrote it: nothing vouches for it."""
    catalogue = catalogue_of_noise(tmp_path, 5)
    whole = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    file.write_bytes(file.read_bytes()[: -5 * 4])
    np.testing.assert_array_equal(pixels.load_pixels(catalogue, image_size=16, progress=False), whole)
    assert "no checksums" in capsys.readouterr().out


BUILDER = """
import sys, time
from pathlib import Path
from reid_lib.data import photo; from reid_lib.data import pixels as images
from reid_lib.data.catalogue import read_catalogue
slow = photo.open_upright
photo.open_upright = lambda *a, **o: [time.sleep(0.02), slow(*a, **o)][1]
images.load_pixels(read_catalogue("folder", sys.argv[1]), image_size=16, progress=False)
"""


def test_killed_again_and_again_while_building_it_ends_whole(tmp_path, clean_dirs):
    for animal in range(10):
        (tmp_path / "photos" / f"a{animal}").mkdir(parents=True)
        for k in range(10):
            Image.fromarray(noise(seed=10 * animal + k)).save(tmp_path / "photos" / f"a{animal}" / f"{k}.png")
    folder = clean_dirs / "cache" / "pixels"
    sizes = []
    for _ in range(2):
        before = sizes[-1] if sizes else 0
        process = subprocess.Popen([sys.executable, "-c", BUILDER, str(tmp_path / "photos")])
        limit = time.monotonic() + 60
        while sum(p.stat().st_size for p in folder.glob("*.part")) <= before + 8192:  # what Python writes at a time
            assert process.poll() is None and time.monotonic() < limit
            time.sleep(0.01)
        process.kill()
        process.wait()
        sizes.append(sum(p.stat().st_size for p in folder.glob("*.part")))
    assert 0 < sizes[0] < sizes[1]
    catalogue = read_catalogue("folder", str(tmp_path / "photos"))
    made = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    expected = [pixels._squash(Image.open(file).convert("RGB"), 16, "bicubic") for file in catalogue.files()]
    np.testing.assert_array_equal(made, np.stack(expected))


def test_what_was_used_longest_ago_makes_room(tmp_path, clean_dirs, monkeypatch):
    catalogue = catalogue_of_noise(tmp_path, 4)
    for size in (8, 12, 16):
        pixels.load_pixels(catalogue, image_size=size, progress=False)
    eight, twelve, sixteen = sorted(arrays(clean_dirs), key=lambda p: p.stat().st_size)
    for age, path in enumerate((sixteen, eight, twelve)):
        os.utime(path, (1000 + age, 1000 + age))
    pixels.load_pixels(catalogue, image_size=8, progress=False)  # used again: the newest now
    room = sum(p.stat().st_size for p in (eight, twelve, sixteen))
    disk = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(pixel_store, "LIMIT_SHARE", room / disk.total)
    pixels.load_pixels(catalogue, image_size=10, progress=False)
    assert not sixteen.exists() and eight.exists() and twelve.exists()


def test_a_disk_too_small_is_told_before_anything_is_decoded(tmp_path, clean_dirs, monkeypatch):
    catalogue = catalogue_of_noise(tmp_path, 4)
    seen = decoded(monkeypatch)
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(pixel_store.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CatalogueError, match="need 3.1 kB, and 100 bytes are free.*REID_CACHE"):
        pixels.load_pixels(catalogue, image_size=16, progress=False)
    assert seen == [] and arrays(clean_dirs) == []


def test_damaged_cache_is_made_again(tmp_path, clean_dirs):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    catalogue = catalogue_of(tmp_path, ["a.png"])
    first = np.array(pixels.load_pixels(catalogue, image_size=16, progress=False))
    (whole,) = arrays(clean_dirs)
    for damaged in (b"", whole.read_bytes()[:200]):
        whole.unlink()
        whole.write_bytes(damaged)
        np.testing.assert_array_equal(pixels.load_pixels(catalogue, image_size=16, progress=False), first)


def _mean_of_pixels(root, paths, queue):
    queue.put(float(pixels.load_pixels(catalogue_of(root, paths), image_size=16, progress=False).mean()))


def test_two_processes_at_once(tmp_path, clean_dirs):
    names = [f"{i}.png" for i in range(30)]
    for i, name in enumerate(names):
        Image.fromarray(noise(seed=i)).save(tmp_path / name)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_mean_of_pixels, args=(tmp_path, names, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    means = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert means[0] == means[1]
    assert [file.suffix for file in arrays(clean_dirs)] == [".npy"]
