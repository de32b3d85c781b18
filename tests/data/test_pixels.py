"""One photograph and the pixels of many. Every bad file is made here, and the values are checked."""

import errno
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from memory import added_mb
from PIL import Image
from pixel_cases import BLUE, GREEN, RED, YELLOW, _jpeg, arrays, catalogue_of, catalogue_of_noise, noise, quadrants

from reid_lib.core import files
from reid_lib.core.errors import CatalogueError, ParameterError
from reid_lib.core.names import BBOX, IMAGE_ID
from reid_lib.data import photo, pixel_store, pixels
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.file_states import read_state

pytestmark = pytest.mark.usefixtures("clean_dirs")


def test_hundred_megapixels_work(tmp_path):
    """One bit a pixel makes the PNG cheap to write; flat colour the JPEG. Pillow alone would warn of a bomb."""
    Image.new("1", (10_000, 10_000), 1).save(tmp_path / "a.png")
    Image.new("L", (10_000, 10_000), 200).save(tmp_path / "a.jpg")
    assert read_state(tmp_path / "a.png").problem == "" and read_state(tmp_path / "a.jpg").problem == ""
    catalogue = catalogue_of(tmp_path, ["a.png", "a.jpg"])
    made = pixels.load_pixels(catalogue, image_size=32, interpolation="bilinear", progress=False)
    assert (made[0] == 255).all() and (made[1] == 200).all()


# the pixels of a catalogue


def test_pixels_follow_the_rows(tmp_path):
    names = [f"{i}.png" for i in range(40)]
    for i, name in enumerate(names):
        Image.new("RGB", (20 + i, 30), (i, 2 * i, 255 - i)).save(tmp_path / name)
    order = list(np.random.default_rng(0).permutation(40))
    made = pixels.load_pixels(catalogue_of(tmp_path, [names[i] for i in order]), image_size=16, progress=False)
    assert made.shape == (40, 16, 16, 3) and made.dtype == np.uint8
    np.testing.assert_array_equal(made[:, 3, 5], [(i, 2 * i, 255 - i) for i in order])


@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_whole_image_is_squashed_with_the_interpolation_asked_for(tmp_path, name):
    """At most twice the size: no draft, no reducing first, so Pillow's own resize is the answer."""
    Image.fromarray(noise(30, 60)).save(tmp_path / "a.png")
    made = pixels.load_pixels(catalogue_of(tmp_path, ["a.png"]), image_size=32, interpolation=name, progress=False)
    expected = Image.fromarray(noise(30, 60)).resize((32, 32), Image.Resampling[name.upper()])
    np.testing.assert_array_equal(made[0], np.asarray(expected))


def test_shrinking_averages_instead_of_skipping(tmp_path):
    """A fine checkerboard shrinks to its mean."""
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    made = pixels.load_pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
    np.testing.assert_allclose(made.astype(float), 127.5, atol=4)


def test_bbox_is_cut_before_shrinking(tmp_path):
    Image.fromarray(quadrants()).save(tmp_path / "a.png")
    boxes = ["0,0,32,24", "32,24,32,24", None]
    catalogue = catalogue_of(tmp_path, ["a.png"] * 3, **{IMAGE_ID: ["1", "2", "3"], BBOX: boxes})
    made = pixels.load_pixels(catalogue, image_size=8, interpolation="nearest", progress=False)
    assert (made[0] == RED).all() and (made[1] == YELLOW).all()
    assert {tuple(p) for p in made[2].reshape(-1, 3)} == {RED, GREEN, BLUE, YELLOW}


def test_second_time_nothing_is_decoded_and_the_map_is_read_only(tmp_path, monkeypatch):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    catalogue = catalogue_of(tmp_path, ["a.png"])
    first = pixels.load_pixels(catalogue, image_size=16, progress=False)
    monkeypatch.setattr(pixels, "open_upright", None)
    again = pixels.load_pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
    assert isinstance(again, np.memmap)
    np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 0


def test_changed_file_is_decoded_again(tmp_path):
    """Same size in bytes: only the time tells."""
    for value in (10, 200):
        Image.new("L", (16, 16), value).save(tmp_path / "a.bmp")
        os.utime(tmp_path / "a.bmp", ns=(0, 10**9 * (value + 1)))
        catalogue = catalogue_of(tmp_path, ["a.bmp"])
        assert (pixels.load_pixels(catalogue, image_size=8, progress=False) == value).all()


def test_another_folder_of_equal_names_sizes_and_times_has_its_own_pixels(tmp_path):
    """It got the pixels of the first one."""
    for folder, value in (("one", 10), ("two", 200)):
        (tmp_path / folder).mkdir()
        Image.new("L", (16, 16), value).save(tmp_path / folder / "a.bmp")
        os.utime(tmp_path / folder / "a.bmp", ns=(0, 10**9))
        catalogue = catalogue_of(tmp_path / folder, ["a.bmp"])
        assert (pixels.load_pixels(catalogue, image_size=8, progress=False) == value).all()


def test_a_photograph_replaced_by_one_of_equal_size_and_time_is_decoded_again(tmp_path):
    for value in (10, 200):
        Image.new("L", (16, 16), value).save(tmp_path / "a.bmp")
        os.utime(tmp_path / "a.bmp", ns=(0, 10**9))
        for catalogue in (catalogue_of(tmp_path, ["a.bmp"]), read_catalogue_of(tmp_path)):
            assert (pixels.load_pixels(catalogue, image_size=8, progress=False) == value).all()


def read_catalogue_of(root):
    (root / "m.csv").write_text("path,identity\na.bmp,a\n")
    return read_catalogue("csv", str(root), progress=False)


def test_a_folder_that_was_moved_has_its_pixels_still(tmp_path, clean_dirs, monkeypatch):
    (tmp_path / "one").mkdir()
    first = np.array(pixels.load_pixels(catalogue_of_noise(tmp_path / "one", 3), image_size=8, progress=False))
    (tmp_path / "one").rename(tmp_path / "two")
    seen = decoded(monkeypatch)
    moved = catalogue_of(tmp_path / "two", [f"{i}.png" for i in range(3)])
    assert (pixels.load_pixels(moved, image_size=8, progress=False) == first).all() and not seen


def test_size_interpolation_order_and_box_have_pixels_of_their_own(tmp_path):
    for i in (0, 1):
        Image.fromarray(noise(seed=i)).save(tmp_path / f"{i}.png")
    one = catalogue_of(tmp_path, ["0.png", "1.png"])
    base = pixels.load_pixels(one, image_size=16, progress=False)
    assert pixels.load_pixels(one, image_size=8, progress=False).shape == (2, 8, 8, 3)
    assert (pixels.load_pixels(one, image_size=16, interpolation="nearest", progress=False) != base).any()
    turned = pixels.load_pixels(catalogue_of(tmp_path, ["1.png", "0.png"]), image_size=16, progress=False)
    np.testing.assert_array_equal(turned, base[::-1])
    boxed = pixels.load_pixels(
        catalogue_of(tmp_path, ["0.png", "1.png"], bbox=["0,0,8,8"] * 2), image_size=16, progress=False
    )
    assert (boxed != base).any()


def test_all_undecodable_images_are_told_at_once(tmp_path, clean_dirs):
    Image.fromarray(noise()).save(tmp_path / "good.png")
    bad = [f"bad{i}.jpg" for i in range(3)]
    for name in bad:
        (tmp_path / name).write_bytes(_jpeg(noise(200, 200))[:3000])
    with pytest.raises(CatalogueError, match="3 of 5 images") as caught:
        pixels.load_pixels(
            catalogue_of(tmp_path, [bad[0], "good.png", *bad[1:], "good.png"]), image_size=16, progress=False
        )
    assert all(name in str(caught.value) for name in bad)
    assert arrays(clean_dirs) == []


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


def decoded(monkeypatch) -> list:
    """Files that are decoded from now on."""
    seen, original = [], photo.open_upright
    monkeypatch.setattr(
        pixels, "open_upright", lambda file, **options: [seen.append(Path(file).name), original(file, **options)][1]
    )
    return seen


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
    with pytest.raises(CatalogueError, match="need 3.1 kB, and 0.1 kB are free.*REID_CACHE"):
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


def test_unknown_interpolation_and_size_are_refused(tmp_path):
    catalogue = catalogue_of(tmp_path, ["a.png"])
    with pytest.raises(ParameterError, match="bicubic"):
        pixels.load_pixels(catalogue, image_size=16, interpolation="cubic")
    with pytest.raises(ParameterError, match="image_size"):
        pixels.load_pixels(catalogue, image_size=0)


def test_photographs_to_show_keep_their_shape(tmp_path):
    Image.fromarray(quadrants(400, 200)).save(tmp_path / "a.jpg")
    assert pixels.load_image(tmp_path / "a.jpg", max_side_px=100).shape == (50, 100, 3)
    assert pixels.load_image(tmp_path / "a.jpg", max_side_px=1000).shape == (200, 400, 3)
    assert pixels.load_image(tmp_path / "a.jpg", bbox="0,0,200,100").shape == (100, 200, 3)


MANY = """
from pathlib import Path
import pandas as pd
from PIL import Image
from reid_lib.data import pixels as images
from reid_lib.data.catalogue import Catalogue
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
names = [f"{{k}}.png" for k in range(600)]
for k, name in enumerate(names):
    Image.new("RGB", (64, 48), (k % 256, 0, 0)).save(f"{folder}/{{name}}")
rows = pd.DataFrame({{IMAGE_ID: names, PATH: names, IDENTITY: "a", DATASET: "d", INDIVIDUAL: "d/a"}})
many, few = (Catalogue(part, Path("{folder}"), "folder") for part in (rows, rows.head(9)))
images.load_pixels(few, image_size=500, progress=False)  # what the libraries themselves need
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured by what Linux says of a process")
def test_a_cache_larger_than_the_memory_can_be_built(tmp_path):
    """450 MB of pixels: a few images at a time are held, and what is read is mapped."""
    work = "found = images.load_pixels(many, image_size=500, progress=False)\n"
    work += "assert found[599, 0, 0].tolist() == [87, 0, 0]"
    assert added_mb(MANY.format(folder=tmp_path), work) < 60
    (stored,) = [f for f in Path(os.environ["REID_CACHE"], "pixels").glob("*.npy") if f.stat().st_size > 400e6]
    stored.unlink()
