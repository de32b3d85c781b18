"""One photograph and the pixels of many. Every bad file is made here, and the values are checked."""

import errno
import io
import multiprocessing
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from memory import added_mb
from PIL import Image

from reid_lib import images, photo, pixelcache
from reid_lib.catalogue import Catalogue, read_catalogue
from reid_lib.errors import CatalogueError, ParameterError
from reid_lib.names import BBOX, DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
from reid_lib.photo import UnreadablePhoto, decode, header_problem, parse_bbox

pytestmark = pytest.mark.usefixtures("clean_dirs")

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def quadrants(width=64, height=48) -> np.ndarray:
    """Red, green over blue, yellow: every turn and mirror image of it looks different."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, YELLOW
    return pixels


def noise(height=48, width=64, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def catalogue_of(root, paths, **columns) -> Catalogue:
    rows = pd.DataFrame({IMAGE_ID: paths, PATH: paths, IDENTITY: "a", DATASET: "d", INDIVIDUAL: "d/a", **columns})
    return Catalogue(rows, root, "folder")


# decoding


def test_plain_png_comes_back_exactly(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    decoded = decode(tmp_path / "a.png")
    assert decoded.dtype == np.uint8 and decoded.flags.writeable
    np.testing.assert_array_equal(decoded, noise())


def test_non_ascii_name(tmp_path):
    file = tmp_path / "Lüchs 猫 é.png"
    Image.fromarray(noise()).save(file)
    np.testing.assert_array_equal(decode(file), noise())


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_rotated_is_upright(tmp_path, turn):
    """Corner colours of the upright image as the EXIF standard places row 0 and column 0 of the stored one."""
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(quadrants()).save(tmp_path / "a.png", exif=exif)
    top_left, top_right = {
        1: (RED, GREEN),
        2: (GREEN, RED),
        3: (YELLOW, BLUE),
        4: (BLUE, YELLOW),
        5: (RED, BLUE),
        6: (BLUE, RED),
        7: (YELLOW, GREEN),
        8: (GREEN, YELLOW),
    }[turn]
    decoded = decode(tmp_path / "a.png")
    assert decoded.shape == ((48, 64, 3) if turn <= 4 else (64, 48, 3))
    assert tuple(decoded[0, 0]) == top_left
    assert tuple(decoded[0, -1]) == top_right


def test_bbox_counts_in_the_upright_image(tmp_path):
    """Stored 64x48, turned clockwise to 48x64: upright top right is the stored top left, red."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(quadrants()).save(tmp_path / "a.png", exif=exif)
    cut = decode(tmp_path / "a.png", bbox="24,0,24,32")
    assert cut.shape == (32, 24, 3)
    assert (cut == RED).all()


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    grey = np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(grey).save(tmp_path / "a.tif")
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(decode(tmp_path / name), np.repeat((grey // 256)[..., None], 3, axis=2))


def test_sixteen_bit_colour_is_scaled_not_clipped(tmp_path):
    """Pillow cannot write one, so the PNG is put together by hand: signature, header, pixels, end."""
    colour = np.full((16, 16, 3), (0x1234, 0x8000, 0xFFFF), dtype=">u2")

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + row.tobytes() for row in colour)
    header = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    assert (decode(tmp_path / "a.png") == (0x12, 0x80, 0xFF)).all()


@pytest.mark.parametrize(("top", "values"), [(1.0, [0, 128, 255]), (255.0, [0, 128, 255]), (4000.0, [0, 128, 255])])
def test_floating_point_grey_is_scaled_by_its_range(tmp_path, top, values):
    grey = np.repeat(np.array([0.0, 0.5, 1.0], np.float32) * top, 8)[None].repeat(8, axis=0)
    Image.fromarray(grey).save(tmp_path / "a.tif")
    assert decode(tmp_path / "a.tif")[0, ::8, 0].tolist() == values


def test_cmyk_becomes_rgb(tmp_path):
    """Full cyan ink takes red away and nothing else."""
    Image.new("CMYK", (64, 48), (255, 0, 0, 0)).save(tmp_path / "a.jpg", quality=95)
    decoded = decode(tmp_path / "a.jpg")
    assert decoded.shape == (48, 64, 3)
    np.testing.assert_allclose(decoded[10, 10], (0, 255, 255), atol=4)


def test_grey_becomes_three_equal_channels(tmp_path):
    Image.new("L", (64, 48), 77).save(tmp_path / "a.jpg")
    assert (decode(tmp_path / "a.jpg") == 77).all()


def test_transparent_palette_lies_over_mid_grey(tmp_path):
    image = Image.new("P", (64, 48))
    image.paste(1, (32, 0, 64, 48))
    image.putpalette([*RED, *GREEN])
    image.save(tmp_path / "a.png", transparency=1)
    decoded = decode(tmp_path / "a.png")
    assert (decoded[:, :32] == RED).all()
    assert (decoded[:, 32:] == (128, 128, 128)).all()


def test_half_transparent_pixels_mix_with_mid_grey(tmp_path):
    Image.new("RGBA", (16, 16), (255, 0, 0, 51)).save(tmp_path / "a.png")  # 51 / 255 = one fifth
    np.testing.assert_allclose(decode(tmp_path / "a.png")[0, 0], (0.2 * 255 + 0.8 * 128, 0.8 * 128, 0.8 * 128), atol=1)


def test_bbox_is_clipped_to_the_image(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode(tmp_path / "a.png", bbox=(-10, -5, 30, 20)), noise()[:15, :20])
    np.testing.assert_array_equal(decode(tmp_path / "a.png", bbox="[50, 40, 100, 100]"), noise()[40:, 50:])


@pytest.mark.parametrize("bbox", ["70,0,10,10", "0,0,0,10", "0,0,5,-1", "-10,0,5,5", "nan,0,5,5", "1,2,3", "here"])
def test_empty_or_senseless_bbox_is_refused(tmp_path, bbox):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    with pytest.raises(UnreadablePhoto, match="bbox"):
        decode(tmp_path / "a.png", bbox=bbox)


def test_missing_bbox_means_the_whole_image():
    assert parse_bbox(None) is None and parse_bbox(float("nan")) is None
    assert parse_bbox(" (1, 2.5 3;4)".replace(";", ",")) == (1, 2.5, 3, 4)


def test_large_jpeg_is_decoded_scaled_and_shows_the_same(tmp_path):
    """Smooth, so that any right way of shrinking gives the same picture."""
    y, x = np.mgrid[0:1200, 0:1600]
    smooth = np.stack([x / 1600 * 255, y / 1200 * 255, 128 + 0 * x], axis=2).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    scaled = photo.open_upright(tmp_path / "a.jpg", target_px=100)
    assert scaled.size == (400, 300)  # a quarter: an eighth would leave less than 200 = 2 x 100
    whole = Image.fromarray(decode(tmp_path / "a.jpg"))
    a, b = (np.asarray(image.resize((100, 100), Image.Resampling.BICUBIC), dtype=float) for image in (scaled, whole))
    np.testing.assert_allclose(a, b, atol=2.5)


def test_scaled_jpeg_keeps_its_bbox(tmp_path):
    """The box is half the image, so a quarter of the size still leaves 2 x 100 px in it."""
    Image.fromarray(quadrants(3200, 1600)).save(tmp_path / "a.jpg", quality=95)
    cut = photo.open_upright(tmp_path / "a.jpg", bbox="1600,800,1600,800", target_px=100)
    assert cut.size == (400, 200)
    np.testing.assert_allclose(np.asarray(cut)[5:-5, 5:-5], np.broadcast_to(YELLOW, (190, 390, 3)), atol=6)


def test_hundred_megapixels_work(tmp_path):
    """One bit a pixel makes the PNG cheap to write; flat colour the JPEG. Pillow alone would warn of a bomb."""
    Image.new("1", (10_000, 10_000), 1).save(tmp_path / "a.png")
    Image.new("L", (10_000, 10_000), 200).save(tmp_path / "a.jpg")
    assert header_problem(tmp_path / "a.png") == "" and header_problem(tmp_path / "a.jpg") == ""
    catalogue = catalogue_of(tmp_path, ["a.png", "a.jpg"])
    made = images.pixels(catalogue, image_size=32, interpolation="bilinear", progress=False)
    assert (made[0] == 255).all() and (made[1] == 200).all()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_more_than_two_hundred_megapixels_are_refused(tmp_path):
    Image.new("1", (15_000, 14_000)).save(tmp_path / "a.png")
    for reason in (header_problem(tmp_path / "a.png"), _why(tmp_path / "a.png")):
        assert "15000x14000" in reason and "200 megapixels" in reason


def _why(file) -> str:
    with pytest.raises(UnreadablePhoto) as caught:
        decode(file)
    assert str(file) in str(caught.value)
    return caught.value.reason


def test_one_pixel_is_refused(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    assert "1x1" in _why(tmp_path / "a.png")
    assert "1x1" in header_problem(tmp_path / "a.png")


def _jpeg(pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def test_each_bad_file_has_its_own_reason(tmp_path):
    whole = _jpeg(noise(200, 200))
    bad = {
        "cut.jpg": (whole[: len(whole) // 2], "cut off"),
        "zero.jpg": (b"", "0 bytes"),
        "text.jpg": (b"this is not a photograph, only its name says so", "not an image"),
        "headless.png": (b"\x89PNG\r\n\x1a\n", "not an image"),
    }
    for name, (content, reason) in bad.items():
        (tmp_path / name).write_bytes(content)
        assert reason in _why(tmp_path / name)
        assert reason in header_problem(tmp_path / name)
    assert "no such file" in _why(tmp_path / "absent.jpg")
    assert "no such file" in header_problem(tmp_path / "absent.jpg")


def test_cut_off_files_are_found_without_decoding_whole_ones(tmp_path, monkeypatch):
    """Cut off inside the picture though an embedded thumbnail has its own end marker, far from the file's end."""
    whole = _jpeg(noise(400, 400))
    thumbnail = b"\xff\xe1" + struct.pack(">H", 10) + b"Thumb\0\xff\xd9"
    (tmp_path / "cut.jpg").write_bytes(whole[:2] + thumbnail + whole[2 : len(whole) // 2])
    (tmp_path / "whole.jpg").write_bytes(whole + b"\0" * 100)  # some cameras write a little behind the end
    (tmp_path / "long.jpg").write_bytes(whole + b"\0" * 10_000)  # and some a lot: decoded, and found whole
    assert "cut off" in header_problem(tmp_path / "cut.jpg")
    assert header_problem(tmp_path / "long.jpg") == ""
    monkeypatch.setattr(photo, "open_upright", None)
    assert header_problem(tmp_path / "whole.jpg") == ""


# the pixels of a catalogue


def test_pixels_follow_the_rows(tmp_path):
    names = [f"{i}.png" for i in range(40)]
    for i, name in enumerate(names):
        Image.new("RGB", (20 + i, 30), (i, 2 * i, 255 - i)).save(tmp_path / name)
    order = list(np.random.default_rng(0).permutation(40))
    made = images.pixels(catalogue_of(tmp_path, [names[i] for i in order]), image_size=16, progress=False)
    assert made.shape == (40, 16, 16, 3) and made.dtype == np.uint8
    np.testing.assert_array_equal(made[:, 3, 5], [(i, 2 * i, 255 - i) for i in order])


@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_whole_image_is_squashed_with_the_interpolation_asked_for(tmp_path, name):
    """At most twice the size: no draft, no reducing first, so Pillow's own resize is the answer."""
    Image.fromarray(noise(30, 60)).save(tmp_path / "a.png")
    made = images.pixels(catalogue_of(tmp_path, ["a.png"]), image_size=32, interpolation=name, progress=False)
    expected = Image.fromarray(noise(30, 60)).resize((32, 32), Image.Resampling[name.upper()])
    np.testing.assert_array_equal(made[0], np.asarray(expected))


def test_shrinking_averages_instead_of_skipping(tmp_path):
    """A fine checkerboard shrinks to its mean."""
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    made = images.pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
    np.testing.assert_allclose(made.astype(float), 127.5, atol=4)


def test_bbox_is_cut_before_shrinking(tmp_path):
    Image.fromarray(quadrants()).save(tmp_path / "a.png")
    boxes = ["0,0,32,24", "32,24,32,24", None]
    catalogue = catalogue_of(tmp_path, ["a.png"] * 3, **{IMAGE_ID: ["1", "2", "3"], BBOX: boxes})
    made = images.pixels(catalogue, image_size=8, interpolation="nearest", progress=False)
    assert (made[0] == RED).all() and (made[1] == YELLOW).all()
    assert {tuple(p) for p in made[2].reshape(-1, 3)} == {RED, GREEN, BLUE, YELLOW}


def test_second_time_nothing_is_decoded_and_the_map_is_read_only(tmp_path, monkeypatch):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    catalogue = catalogue_of(tmp_path, ["a.png"])
    first = images.pixels(catalogue, image_size=16, progress=False)
    monkeypatch.setattr(images, "open_upright", None)
    again = images.pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
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
        assert (images.pixels(catalogue, image_size=8, progress=False) == value).all()


def test_size_interpolation_order_and_box_have_pixels_of_their_own(tmp_path):
    for i in (0, 1):
        Image.fromarray(noise(seed=i)).save(tmp_path / f"{i}.png")
    one = catalogue_of(tmp_path, ["0.png", "1.png"])
    base = images.pixels(one, image_size=16, progress=False)
    assert images.pixels(one, image_size=8, progress=False).shape == (2, 8, 8, 3)
    assert (images.pixels(one, image_size=16, interpolation="nearest", progress=False) != base).any()
    turned = images.pixels(catalogue_of(tmp_path, ["1.png", "0.png"]), image_size=16, progress=False)
    np.testing.assert_array_equal(turned, base[::-1])
    boxed = images.pixels(
        catalogue_of(tmp_path, ["0.png", "1.png"], bbox=["0,0,8,8"] * 2), image_size=16, progress=False
    )
    assert (boxed != base).any()


def test_all_undecodable_images_are_told_at_once(tmp_path, clean_dirs):
    Image.fromarray(noise()).save(tmp_path / "good.png")
    bad = [f"bad{i}.jpg" for i in range(3)]
    for name in bad:
        (tmp_path / name).write_bytes(_jpeg(noise(200, 200))[:3000])
    with pytest.raises(CatalogueError, match="3 of 5 images") as caught:
        images.pixels(catalogue_of(tmp_path, [bad[0], "good.png", *bad[1:], "good.png"]), image_size=16, progress=False)
    assert all(name in str(caught.value) for name in bad)
    assert arrays(clean_dirs) == []


def test_full_disk_names_the_way_out_and_leaves_nothing(tmp_path, clean_dirs, monkeypatch):
    Image.fromarray(noise()).save(tmp_path / "a.png")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixelcache.os, "fsync", full)
    with pytest.raises(CatalogueError, match="REID_CACHE"):
        images.pixels(catalogue_of(tmp_path, ["a.png"]), image_size=16, progress=False)
    assert arrays(clean_dirs) == []


def test_really_full_disk(tmp_path):
    """Written by plain writes, not through the map, which would kill the process."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError) as caught, open("/dev/full", "wb") as stream:
        stream.write(bytes(100_000))
    assert caught.value.errno in pixelcache.NO_ROOM


def catalogue_of_noise(folder, n):
    names = [f"{i}.png" for i in range(n)]
    for i, name in enumerate(names):
        Image.fromarray(noise(seed=i)).save(folder / name)
    return catalogue_of(folder, names)


def arrays(clean_dirs):
    """Files of the cache, locks left out."""
    return sorted(path for path in (clean_dirs / "cache" / "pixels").iterdir() if path.is_file())


def decoded(monkeypatch) -> list:
    """Files that are decoded from now on."""
    seen, original = [], images.open_upright
    monkeypatch.setattr(
        images, "open_upright", lambda file, **options: [seen.append(Path(file).name), original(file, **options)][1]
    )
    return seen


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_build_that_was_killed_is_gone_on_from(tmp_path, clean_dirs, monkeypatch, cut):
    catalogue = catalogue_of_noise(tmp_path, 8)
    whole = np.array(images.pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    squares, sums = file.read_bytes()[: -8 * 4], file.read_bytes()[-8 * 4 :]
    file.with_suffix(".part").write_bytes(squares[: -3 * 16 * 16 * 3 - cut])  # five squares, and less where `cut`
    file.with_suffix(".crc.part").write_bytes(sums[: 5 * 4])
    file.unlink()
    seen = decoded(monkeypatch)
    np.testing.assert_array_equal(images.pixels(catalogue, image_size=16, progress=False), whole)
    done = 5 if cut == 0 else 4
    assert sorted(seen) == [f"{i}.png" for i in range(done, 8)]
    assert arrays(clean_dirs) == [file]


@pytest.mark.parametrize("where", ["first", "last", "no checksums"])
def test_a_part_that_holds_other_pixels_is_not_trusted(tmp_path, clean_dirs, monkeypatch, where):
    catalogue = catalogue_of_noise(tmp_path, 4)
    whole = np.array(images.pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    data, sums = bytearray(file.read_bytes()[: -4 * 4 - 16 * 16 * 3]), file.read_bytes()[-4 * 4 :]
    data[-1 if where == "last" else 200] ^= 1
    file.with_suffix(".part").write_bytes(data)
    if where != "no checksums":
        file.with_suffix(".crc.part").write_bytes(sums[: 3 * 4])
    file.unlink()
    seen = decoded(monkeypatch)
    np.testing.assert_array_equal(images.pixels(catalogue, image_size=16, progress=False), whole)
    assert sorted(seen) == [f"{i}.png" for i in range(2 if where == "last" else 0, 4)]
    assert arrays(clean_dirs) == [file]


@pytest.fixture
def next_process():
    """What was checked before is forgotten, as in a process of its own."""
    return pixelcache._checked.clear


def test_a_third_of_the_cache_zeroed_is_noticed_and_only_that_is_decoded_again(
    tmp_path, clean_dirs, monkeypatch, capsys, next_process
):
    catalogue = catalogue_of_noise(tmp_path, 9)
    whole = np.array(images.pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    before = file.read_bytes()
    data = bytearray(before)
    begin = len(data) - 9 * 4 - 6 * 16 * 16 * 3
    data[begin : begin + 3 * 16 * 16 * 3] = bytes(3 * 16 * 16 * 3)
    file.write_bytes(data)
    next_process()
    seen = decoded(monkeypatch)
    np.testing.assert_array_equal(images.pixels(catalogue, image_size=16, progress=False), whole)
    assert sorted(seen) == ["3.png", "4.png", "5.png"] and file.read_bytes() == before
    assert "3 of 9 images in the pixel cache" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["first byte", "last byte", "a checksum", "the header"])
def test_one_flipped_bit_of_the_cache_is_noticed(tmp_path, clean_dirs, capsys, next_process, place):
    catalogue = catalogue_of_noise(tmp_path, 5)
    whole = np.array(images.pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    before = bytearray(file.read_bytes())
    squares, sums = 5 * 16 * 16 * 3, 5 * 4
    at = {"first byte": -squares - sums, "last byte": -sums - 1, "a checksum": -7, "the header": 70}[place]
    data = bytearray(before)
    data[at] ^= 1
    file.write_bytes(data)
    next_process()
    np.testing.assert_array_equal(images.pixels(catalogue, image_size=16, progress=False), whole)
    assert file.read_bytes() == before
    assert place == "the header" or "1 of 5 images in the pixel cache" in capsys.readouterr().out


def test_a_cache_without_checksums_is_made_again(tmp_path, clean_dirs, capsys):
    """As versions before wrote it: nothing vouches for it."""
    catalogue = catalogue_of_noise(tmp_path, 5)
    whole = np.array(images.pixels(catalogue, image_size=16, progress=False))
    (file,) = arrays(clean_dirs)
    file.write_bytes(file.read_bytes()[: -5 * 4])
    np.testing.assert_array_equal(images.pixels(catalogue, image_size=16, progress=False), whole)
    assert "no checksums" in capsys.readouterr().out


def test_kept_pixels_are_compared_once_in_a_process(tmp_path, clean_dirs, monkeypatch, next_process):
    catalogue = catalogue_of_noise(tmp_path, 5)
    images.pixels(catalogue, image_size=16, progress=False)
    looked, original = [], pixelcache._damaged
    monkeypatch.setattr(pixelcache, "_damaged", lambda *a: [looked.append(1), original(*a)][1])
    images.pixels(catalogue, image_size=16, progress=False)
    next_process()
    for check in (False, True, True):
        images.pixels(catalogue, image_size=16, progress=False, check=check)
    assert looked == [1]
    (file,) = arrays(clean_dirs)
    os.utime(file, (1000, 1000))  # written to by something else
    images.pixels(catalogue, image_size=16, progress=False)
    assert looked == [1, 1]


BUILDER = """
import sys, time
from pathlib import Path
from reid_lib import images
from reid_lib.catalogue import read_catalogue
slow = images.open_upright
images.open_upright = lambda *a, **o: [time.sleep(0.02), slow(*a, **o)][1]
images.pixels(read_catalogue("folder", sys.argv[1]), image_size=16, progress=False)
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
    made = np.array(images.pixels(catalogue, image_size=16, progress=False))
    expected = [images._squash(Image.open(file).convert("RGB"), 16, "bicubic") for file in catalogue.files()]
    np.testing.assert_array_equal(made, np.stack(expected))


def test_what_was_used_longest_ago_makes_room(tmp_path, clean_dirs, monkeypatch):
    catalogue = catalogue_of_noise(tmp_path, 4)
    for size in (8, 12, 16):
        images.pixels(catalogue, image_size=size, progress=False)
    eight, twelve, sixteen = sorted(arrays(clean_dirs), key=lambda p: p.stat().st_size)
    for age, path in enumerate((sixteen, eight, twelve)):
        os.utime(path, (1000 + age, 1000 + age))
    images.pixels(catalogue, image_size=8, progress=False)  # used again: the newest now
    room = sum(p.stat().st_size for p in (eight, twelve, sixteen))
    disk = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(pixelcache, "LIMIT_SHARE", room / disk.total)
    images.pixels(catalogue, image_size=10, progress=False)
    assert not sixteen.exists() and eight.exists() and twelve.exists()


def test_a_disk_too_small_is_told_before_anything_is_decoded(tmp_path, clean_dirs, monkeypatch):
    catalogue = catalogue_of_noise(tmp_path, 4)
    seen = decoded(monkeypatch)
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(pixelcache.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CatalogueError, match="need 3.1 kB, and 0.1 kB are free.*REID_CACHE"):
        images.pixels(catalogue, image_size=16, progress=False)
    assert seen == [] and arrays(clean_dirs) == []


def test_damaged_cache_is_made_again(tmp_path, clean_dirs):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    catalogue = catalogue_of(tmp_path, ["a.png"])
    first = np.array(images.pixels(catalogue, image_size=16, progress=False))
    (whole,) = arrays(clean_dirs)
    for damaged in (b"", whole.read_bytes()[:200]):
        whole.unlink()
        whole.write_bytes(damaged)
        np.testing.assert_array_equal(images.pixels(catalogue, image_size=16, progress=False), first)


def _mean_of_pixels(root, paths, queue):
    queue.put(float(images.pixels(catalogue_of(root, paths), image_size=16, progress=False).mean()))


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
        images.pixels(catalogue, image_size=16, interpolation="cubic")
    with pytest.raises(ParameterError, match="image_size"):
        images.pixels(catalogue, image_size=0)


def test_photographs_to_show_keep_their_shape(tmp_path):
    Image.fromarray(quadrants(400, 200)).save(tmp_path / "a.jpg")
    assert images.load_image(tmp_path / "a.jpg", max_side_px=100).shape == (50, 100, 3)
    assert images.load_image(tmp_path / "a.jpg", max_side_px=1000).shape == (200, 400, 3)
    assert images.load_image(tmp_path / "a.jpg", bbox="0,0,200,100").shape == (100, 200, 3)


def test_real_photographs_decode_as_pillow_has_them(nyala_root):
    files = sorted(nyala_root.rglob("*.jpg"))[::400]
    for file in files:
        with Image.open(file) as image:
            np.testing.assert_array_equal(decode(file), np.asarray(image.convert("RGB")))


def test_a_box_outside_the_image_is_seen_in_the_header(tmp_path):
    """The image is 64 x 48 as stored, and 48 x 64 upright: boxes are of the upright one."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise()).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(noise()).save(tmp_path / "plain.jpg")
    low = (0, 50, 20, 10)
    assert header_problem(tmp_path / "turned.jpg", bbox=low) == ""
    assert "lies outside the image of 64x48 px" in header_problem(tmp_path / "plain.jpg", bbox=low)
    rows = {IMAGE_ID: ["a", "b"], PATH: ["plain.jpg", "turned.jpg"], IDENTITY: ["x", "y"], BBOX: ["0,50,20,10"] * 2}
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(CatalogueError, match=r"(?s)1 x .*plain.jpg.*lies outside the image"):
        read_catalogue("csv", str(tmp_path / "table.csv"), progress=False)


MANY = """
from pathlib import Path
import pandas as pd
from PIL import Image
from reid_lib import images
from reid_lib.catalogue import Catalogue
from reid_lib.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
names = [f"{{k}}.png" for k in range(600)]
for k, name in enumerate(names):
    Image.new("RGB", (64, 48), (k % 256, 0, 0)).save(f"{folder}/{{name}}")
rows = pd.DataFrame({{IMAGE_ID: names, PATH: names, IDENTITY: "a", DATASET: "d", INDIVIDUAL: "d/a"}})
many, few = (Catalogue(part, Path("{folder}"), "folder") for part in (rows, rows.head(9)))
images.pixels(few, image_size=500, progress=False)  # what the libraries themselves need
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured by what Linux says of a process")
def test_a_cache_larger_than_the_memory_can_be_built(tmp_path):
    """450 MB of pixels: a few images at a time are held, and what is read is mapped."""
    work = "found = images.pixels(many, image_size=500, progress=False)\nassert found[599, 0, 0].tolist() == [87, 0, 0]"
    assert added_mb(MANY.format(folder=tmp_path), work) < 60
    (stored,) = [f for f in Path(os.environ["REID_CACHE"], "pixels").glob("*.npy") if f.stat().st_size > 400e6]
    stored.unlink()
