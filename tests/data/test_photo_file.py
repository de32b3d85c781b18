"""The file of a photograph: what is no file, no photograph, or not whole."""

import ast
import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from reid_lib.core.paths import project_root
from reid_lib.data import kinds, photo_file
from reid_lib.data.file_states import read_state
from reid_lib.data.photo import UnreadablePhoto
from reid_lib.data.photo_file import open_file, why_no_file
from reid_lib.data.pixels import load_image


def picture(seed=0, size=(120, 90)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def saved(kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture().save(stream, kind, **options)
    return stream.getvalue()


def problem(tmp_path, content: bytes, name="a.jpg") -> str:
    (tmp_path / name).write_bytes(content)
    return read_state(tmp_path / name).problem


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path, make):
    make(tmp_path / "a.jpg")
    reason = {os.mkfifo: "a named pipe, not a file", os.mkdir: "a folder, not a file"}[make]
    assert read_state(tmp_path / "a.jpg").problem == why_no_file(tmp_path / "a.jpg") == reason
    with pytest.raises(UnreadablePhoto, match=reason):
        load_image(tmp_path / "a.jpg")
    assert read_state(tmp_path / "a.jpg", exif=True).taken is None


def test_a_device_is_refused_and_a_link_to_a_file_is_not(tmp_path):
    (tmp_path / "a.jpg").symlink_to(os.devnull)
    assert read_state(tmp_path / "a.jpg").problem == "a device, not a file"
    picture().save(tmp_path / "b.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "b.png")
    assert read_state(tmp_path / "link.png").problem == ""
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "gone.png")
    assert read_state(tmp_path / "nowhere.png").size == -1


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(60), "PostScript"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"PK\x03\x04 and so on", "a zip archive"),
        (b"\n<!DOCTYPE html><html>404</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "a Git LFS pointer"),
        (b"only its name says it is a photograph", "not an image"),
    ],
)
def test_another_kind_of_file_under_a_photographs_name_is_named(tmp_path, monkeypatch, content, kind):
    monkeypatch.setattr(subprocess, "Popen", None)  # Ghostscript would be started by it
    monkeypatch.setattr(subprocess, "check_call", None)
    reason = problem(tmp_path, content)
    assert reason.startswith("not an image") and kind in reason and "save it as JPEG or PNG" in reason
    with pytest.raises(UnreadablePhoto, match="not an image"):
        load_image(tmp_path / "a.jpg")


HEIC_HEAD = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"


@pytest.mark.parametrize(("there", "told"), [(False, r"pip install -e '.\[heic\]'"), (True, "is broken or cut off")])
def test_a_heic_photograph_is_told_with_the_line_that_lets_it_be_read(tmp_path, monkeypatch, there, told):
    monkeypatch.setattr(photo_file, "can_read_heif", lambda: there)
    monkeypatch.setattr(photo_file, "_formats", lambda: ("JPEG",))
    assert re.search(f"a HEIC photograph.*{told}", problem(tmp_path, HEIC_HEAD))


def test_heic_is_upright_and_whole_or_told(tmp_path):
    """Its own rotation counts, not that of EXIF, which says the same once more (ISO/IEC 23008-12, 6.5.10)."""
    pillow_heif = pytest.importorskip("pillow_heif")
    kinds.can_read_heif()
    exif = Image.Exif()
    exif[0x0112] = 6
    heic = pillow_heif.from_pillow(picture(size=(160, 96)))
    heic.info["exif"] = exif.tobytes()
    heic.save(tmp_path / "a.heic")
    whole = (tmp_path / "a.heic").read_bytes()
    assert b"irot" in whole and load_image(tmp_path / "a.heic").shape == (160, 96, 3)
    assert problem(tmp_path, whole, "IMG_1.JPG") == ""
    for share in (0.3, 0.9, 0.99):
        cut = whole[: int(share * len(whole))]
        assert "cut off" in problem(tmp_path, cut)
        assert "cut off" in problem(tmp_path, cut.ljust(len(whole) + 9000, b"\0")), "its rest was never written"


@pytest.mark.parametrize("name", ["a.NEF", "a.dng", "a.mp4"])
def test_raw_and_video_are_refused_by_name_whatever_pillow_could_open(tmp_path, name):
    """Many a raw file is a TIFF, of which Pillow would show the preview."""
    reason = problem(tmp_path, saved("TIFF"), name)
    assert "which is not read here" in reason and ("JPEG" in reason or "ffmpeg" in reason)
    with pytest.raises(UnreadablePhoto, match="which is not read here"):
        load_image(tmp_path / name)


def test_a_video_under_a_photographs_name_is_named(tmp_path):
    assert "a video" in (said := problem(tmp_path, b"\0\0\0\x18ftypisom\0\0\0\0isom")) and "ffmpeg" in said


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "PCX"])
def test_what_pillow_writes_and_no_camera_does_is_not_read(tmp_path, kind):
    assert "not an image that can be read" in problem(tmp_path, saved(kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM"])
def test_every_kind_that_is_read_may_have_any_name(tmp_path, kind):
    assert problem(tmp_path, saved(kind)) == ""
    with open_file(tmp_path / "a.jpg") as (image, _):
        assert image.format == kind


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("PNG", {}),
        ("WEBP", {}),
        ("BMP", {}),
        ("GIF", {}),
    ],
)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_file_cut_off_anywhere_is_told_by_its_header_check(tmp_path, kind, options, share):
    whole = saved(kind, **options)
    assert problem(tmp_path, whole) == ""
    assert "cut off" in problem(tmp_path, whole[: int(share * len(whole))])


@pytest.mark.parametrize("cut", [1, 2, 3, 100])
@pytest.mark.parametrize("colour", [None, (90, 80, 70)])
def test_a_jpeg_without_its_last_bytes_is_cut_off(tmp_path, cut, colour):
    stream = io.BytesIO()
    (Image.new("RGB", (800, 600), colour) if colour else picture()).save(stream, "JPEG")
    assert "without its end marker" in problem(tmp_path, stream.getvalue()[:-cut])


def test_the_end_marker_of_a_thumbnail_is_not_the_photographs(tmp_path):
    thumbnail = b"\xff\xe1\x00\x0aThumb\0\xff\xd9"
    whole = saved("JPEG")
    cut = whole[:2] + thumbnail + whole[2 : 200 + whole.index(b"\xff\xda")]  # 4 kB behind the thumbnail at most
    assert "without its end marker" in problem(tmp_path, cut)


def test_a_jpeg_whose_rest_was_never_written_is_cut_off(tmp_path):
    """A copy that broke off has its full length, and zeros behind; a decoder takes them for pixels."""
    whole = saved("JPEG")
    assert "without its end marker" in problem(tmp_path, whole[: len(whole) // 2].ljust(len(whole), b"\0"))


def test_what_follows_the_end_of_a_jpeg_does_not_matter(tmp_path):
    assert problem(tmp_path, saved("JPEG") + b"\0" * 100) == ""
    assert problem(tmp_path, saved("JPEG") + b"a video" * 100_000) == ""


def test_of_two_pictures_in_one_file_the_first_counts(tmp_path):
    """MPO, as telephones write it: named .jpg, a second picture behind the first."""
    stream = io.BytesIO()
    picture().save(stream, "MPO", save_all=True, append_images=[picture(1)])
    both = stream.getvalue()
    with open_file(_write(tmp_path, both)) as (image, _):
        assert image.format == "MPO"
    first_end = both.index(b"\xff\xd9", both.index(b"\xff\xda"))
    assert problem(tmp_path, both) == ""
    assert problem(tmp_path, both[: len(both) - 50]) == ""
    assert "cut off" in problem(tmp_path, both[: first_end - 50])


def _write(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    return tmp_path / "a.jpg"


def test_a_size_that_no_memory_holds_is_told_as_such(tmp_path):
    whole = bytearray(saved("JPEG"))
    place = whole.index(b"\xff\xc0") + 5
    whole[place : place + 4] = b"\xff\xdc\xff\xdc"  # 65,500 x 65,500 px
    assert "too large" in problem(tmp_path, bytes(whole)) and "200 megapixels" in problem(tmp_path, bytes(whole))


def test_pillows_warnings_stay_quiet(tmp_path):
    """A damaged EXIF block, and a size that Pillow warns of and this library refuses."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "exif.jpg").write_bytes(saved("JPEG", exif=exif.tobytes()[:14] + b"\x01\xff"))
    Image.new("1", (16_000, 16_000)).save(tmp_path / "large.png")
    code = (
        "import sys; from pathlib import Path; from reid_lib.data.file_states import read_state\n"
        "for name in sys.argv[1:]: print(read_state(Path(name), exif=True))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "exif.jpg"), str(tmp_path / "large.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "" and "too large: 16000x16000" in done.stdout


def test_pillow_is_told_its_formats_wherever_a_file_is_opened():
    """Without a list, a file of any name is handed to any of its forty decoders."""
    root, calls = project_root(), 0
    for path in [*(root / "reid_lib").rglob("*.py"), *(root / "benchmarks").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text if "Image.open" in text or "imread" in text else "")):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Image.open", "imread")):
                calls += 1
                assert "formats" in {keyword.arg for keyword in node.keywords}, f"{path.name}, line {node.lineno}"
    assert calls
