"""One photograph and the pixels of many. Every bad file is made here, and the values are checked."""

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pixel_cases import BLUE, GREEN, RED, YELLOW, _jpeg, noise, quadrants

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, IDENTITY, IMAGE_ID, PATH
from reid_lib.data import photo
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.file_states import read_state
from reid_lib.data.photo import UnreadablePhoto, box_problem, parse_bbox
from reid_lib.data.pixels import load_image

pytestmark = pytest.mark.usefixtures("clean_dirs")


# decoding


def test_plain_png_comes_back_exactly(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    decoded = load_image(tmp_path / "a.png")
    assert decoded.dtype == np.uint8 and decoded.flags.writeable
    np.testing.assert_array_equal(decoded, noise())


def test_non_ascii_name(tmp_path):
    file = tmp_path / "Lüchs 猫 é.png"
    Image.fromarray(noise()).save(file)
    np.testing.assert_array_equal(load_image(file), noise())


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
    decoded = load_image(tmp_path / "a.png")
    assert decoded.shape == ((48, 64, 3) if turn <= 4 else (64, 48, 3))
    assert tuple(decoded[0, 0]) == top_left
    assert tuple(decoded[0, -1]) == top_right


def test_bbox_counts_in_the_upright_image(tmp_path):
    """Stored 64x48, turned clockwise to 48x64: upright top right is the stored top left, red."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(quadrants()).save(tmp_path / "a.png", exif=exif)
    cut = load_image(tmp_path / "a.png", bbox="24,0,24,32")
    assert cut.shape == (32, 24, 3)
    assert (cut == RED).all()


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    grey = np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(grey).save(tmp_path / "a.tif")
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(load_image(tmp_path / name), np.repeat((grey // 256)[..., None], 3, axis=2))


def test_sixteen_bit_colour_is_scaled_not_clipped(tmp_path):
    """Pillow cannot write one, so the PNG is put together by hand: signature, header, pixels, end."""
    colour = np.full((16, 16, 3), (0x1234, 0x8000, 0xFFFF), dtype=">u2")

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + row.tobytes() for row in colour)
    header = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    assert (load_image(tmp_path / "a.png") == (0x12, 0x80, 0xFF)).all()


@pytest.mark.parametrize(("top", "values"), [(1.0, [0, 128, 255]), (255.0, [0, 128, 255]), (4000.0, [0, 128, 255])])
def test_floating_point_grey_is_scaled_by_its_range(tmp_path, top, values):
    grey = np.repeat(np.array([0.0, 0.5, 1.0], np.float32) * top, 8)[None].repeat(8, axis=0)
    Image.fromarray(grey).save(tmp_path / "a.tif")
    assert load_image(tmp_path / "a.tif")[0, ::8, 0].tolist() == values


def test_cmyk_becomes_rgb(tmp_path):
    """Full cyan ink takes red away and nothing else."""
    Image.new("CMYK", (64, 48), (255, 0, 0, 0)).save(tmp_path / "a.jpg", quality=95)
    decoded = load_image(tmp_path / "a.jpg")
    assert decoded.shape == (48, 64, 3)
    np.testing.assert_allclose(decoded[10, 10], (0, 255, 255), atol=4)


def test_grey_becomes_three_equal_channels(tmp_path):
    Image.new("L", (64, 48), 77).save(tmp_path / "a.jpg")
    assert (load_image(tmp_path / "a.jpg") == 77).all()


def test_transparent_palette_lies_over_mid_grey(tmp_path):
    image = Image.new("P", (64, 48))
    image.paste(1, (32, 0, 64, 48))
    image.putpalette([*RED, *GREEN])
    image.save(tmp_path / "a.png", transparency=1)
    decoded = load_image(tmp_path / "a.png")
    assert (decoded[:, :32] == RED).all()
    assert (decoded[:, 32:] == (128, 128, 128)).all()


def test_half_transparent_pixels_mix_with_mid_grey(tmp_path):
    Image.new("RGBA", (16, 16), (255, 0, 0, 51)).save(tmp_path / "a.png")  # 51 / 255 = one fifth
    np.testing.assert_allclose(
        load_image(tmp_path / "a.png")[0, 0], (0.2 * 255 + 0.8 * 128, 0.8 * 128, 0.8 * 128), atol=1
    )


def test_bbox_is_clipped_to_the_image(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", bbox=(-10, -5, 30, 20)), noise()[:15, :20])
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", bbox="[50, 40, 100, 100]"), noise()[40:, 50:])


@pytest.mark.parametrize("bbox", ["70,0,10,10", "0,0,0,10", "0,0,5,-1", "-10,0,5,5", "nan,0,5,5", "1,2,3", "here"])
def test_empty_or_senseless_bbox_is_refused(tmp_path, bbox):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    with pytest.raises(UnreadablePhoto, match="bbox"):
        load_image(tmp_path / "a.png", bbox=bbox)


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
    whole = Image.fromarray(load_image(tmp_path / "a.jpg"))
    a, b = (np.asarray(image.resize((100, 100), Image.Resampling.BICUBIC), dtype=float) for image in (scaled, whole))
    np.testing.assert_allclose(a, b, atol=2.5)


def test_scaled_jpeg_keeps_its_bbox(tmp_path):
    """The box is half the image, so a quarter of the size still leaves 2 x 100 px in it."""
    Image.fromarray(quadrants(3200, 1600)).save(tmp_path / "a.jpg", quality=95)
    cut = photo.open_upright(tmp_path / "a.jpg", bbox="1600,800,1600,800", target_px=100)
    assert cut.size == (400, 200)
    np.testing.assert_allclose(np.asarray(cut)[5:-5, 5:-5], np.broadcast_to(YELLOW, (190, 390, 3)), atol=6)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_more_than_two_hundred_megapixels_are_refused(tmp_path):
    Image.new("1", (15_000, 14_000)).save(tmp_path / "a.png")
    for reason in (read_state(tmp_path / "a.png").problem, _why(tmp_path / "a.png")):
        assert "15000x14000" in reason and "200 megapixels" in reason


def _why(file) -> str:
    with pytest.raises(UnreadablePhoto) as caught:
        load_image(file)
    assert str(file) in str(caught.value)
    return caught.value.reason


def test_one_pixel_is_refused(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    assert "1x1" in _why(tmp_path / "a.png")
    assert "1x1" in read_state(tmp_path / "a.png").problem


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
        assert reason in read_state(tmp_path / name).problem
    assert "no such file" in _why(tmp_path / "absent.jpg")
    assert read_state(tmp_path / "absent.jpg").size == -1


def test_cut_off_files_are_found_without_decoding_whole_ones(tmp_path, monkeypatch):
    """Cut off inside the picture though an embedded thumbnail has its own end marker, far from the file's end."""
    whole = _jpeg(noise(400, 400))
    thumbnail = b"\xff\xe1" + struct.pack(">H", 10) + b"Thumb\0\xff\xd9"
    (tmp_path / "cut.jpg").write_bytes(whole[:2] + thumbnail + whole[2 : len(whole) // 2])
    (tmp_path / "whole.jpg").write_bytes(whole + b"\0" * 100)  # some cameras write a little behind the end
    (tmp_path / "long.jpg").write_bytes(whole + b"\0" * 10_000)  # and some a lot: decoded, and found whole
    assert "cut off" in read_state(tmp_path / "cut.jpg").problem
    assert read_state(tmp_path / "long.jpg").problem == ""
    monkeypatch.setattr(photo, "open_upright", None)
    assert read_state(tmp_path / "whole.jpg").problem == ""


def test_real_photographs_decode_as_pillow_has_them(nyala_root):
    files = sorted(nyala_root.rglob("*.jpg"))[::400]
    for file in files:
        with Image.open(file) as image:
            np.testing.assert_array_equal(load_image(file), np.asarray(image.convert("RGB")))


def test_a_box_outside_the_image_is_seen_in_the_header(tmp_path):
    """The image is 64 x 48 as stored, and 48 x 64 upright: boxes are of the upright one."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise()).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(noise()).save(tmp_path / "plain.jpg")
    low = (0, 50, 20, 10)
    assert box_problem(low, read_state(tmp_path / "turned.jpg", exif=True).sides) == ""
    assert "lies outside the image of 64x48 px" in box_problem(low, read_state(tmp_path / "plain.jpg", exif=True).sides)
    rows = {IMAGE_ID: ["a", "b"], PATH: ["plain.jpg", "turned.jpg"], IDENTITY: ["x", "y"], BBOX: ["0,50,20,10"] * 2}
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(CatalogueError, match=r"(?s)1 x .*plain.jpg.*lies outside the image"):
        read_catalogue("csv", str(tmp_path / "table.csv"), progress=False)
