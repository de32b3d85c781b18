"""Odd photographs: of every kind, in colours that have to come out; and files that are broken, or none."""

import io
import struct
import zlib

import numpy as np
from odd_cases import (
    SIZE,
    Case,
    Read,
    picture,
    refused,
    spoil,
    told,
    well,
)
from PIL import Image

from reid_lib.core.names import PATH

ODD = "a/odd"  # the photograph that is odd, beside the plain herd
TOLERANCE = 3  # of a mean colour, in steps of 256
ORANGE, GREY = (200, 120, 40), (128, 128, 128)
PLAIN, OTHER = Image.new("RGB", SIZE, ORANGE), Image.new("RGB", SIZE)
Photograph = tuple[str, bytes, tuple[int, ...]]  # ending of its name, content of the file, colour that has to come out


def cases() -> list[Case]:
    return [*_kinds(), *_bad_files()]


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _with_odd(name: str, content: bytes, **options):
    return spoil(lambda folder: (folder / f"{ODD}{name}").write_bytes(content), **options)


def _shows(colour: tuple[int, ...]):
    """The odd photograph is there, and of this colour."""

    def check(found: Read) -> str:
        rows = found.catalogue.rows
        place = rows.index[rows[PATH].str.startswith(ODD)]
        if len(place) != 1:
            return "the odd photograph is not there"
        mean = found.pixels[place[0]].reshape(-1, 3).mean(axis=0)
        return "" if np.abs(mean - colour).max() <= TOLERANCE else f"its colour is {mean.round()}, not {colour}"

    return well(check)


def _kinds() -> list[Case]:
    """Photographs of every kind in one colour, which has to come out."""
    kinds = _jpegs() | _of_several_pictures() | _of_other_depths() | _of_odd_sizes()
    return [Case("kinds", name, _with_odd(end, data), _shows(colour)) for name, (end, data, colour) in kinds.items()]


def _jpegs() -> dict[str, Photograph]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "JPEG": (".jpg", _saved(PLAIN, "JPEG", quality=95), ORANGE),
        "progressive JPEG": (".jpg", _saved(PLAIN, "JPEG", progressive=True, quality=95), ORANGE),
        "JPEG of CMYK": (".jpg", _saved(PLAIN.convert("CMYK"), "JPEG", quality=95), ORANGE),
        "JPEG of grey": (".jpg", _saved(PLAIN.convert("L"), "JPEG"), (135,) * 3),
        "turned JPEG": (".jpg", _saved(PLAIN, "JPEG", exif=exif, quality=95), ORANGE),
        "JPEG called PNG": (".png", _saved(PLAIN, "JPEG", quality=95), ORANGE),
        "PNG called JPEG": (".jpg", _saved(PLAIN, "PNG"), ORANGE),
        "GIF called JPEG": (".jpg", _saved(PLAIN, "GIF"), ORANGE),
        "MPO of two pictures": (".jpg", _saved(PLAIN, "MPO", save_all=True, append_images=[PLAIN], quality=95), ORANGE),
    }


def _of_several_pictures() -> dict[str, Photograph]:
    """Animations, and files of several pages: the first one counts."""
    return {
        "animated GIF called PNG": (
            ".png",
            _saved(PLAIN, "GIF", save_all=True, append_images=[OTHER]),
            ORANGE,
        ),
        "animated PNG": (".png", _saved(PLAIN, "PNG", save_all=True, append_images=[OTHER]), ORANGE),
        "animated WebP": (
            ".webp",
            _saved(PLAIN, "WEBP", save_all=True, append_images=[OTHER], lossless=True),
            ORANGE,
        ),
        "TIFF of several pages": (
            ".tif",
            _saved(PLAIN, "TIFF", save_all=True, append_images=[OTHER]),
            ORANGE,
        ),
        "TIFF by LZW": (".tiff", _saved(PLAIN, "TIFF", compression="tiff_lzw"), ORANGE),
        "TIFF of CMYK": (".tif", _saved(PLAIN.convert("CMYK"), "TIFF"), ORANGE),
    }


def _of_other_depths() -> dict[str, Photograph]:
    """Other depths of colour than 8 bit, palettes, transparency, other formats."""
    return {
        "PNG of 16 bit grey": (".png", _saved(Image.fromarray(np.full(SIZE[::-1], 128 * 256, np.uint16)), "PNG"), GREY),
        "PNG of 16 bit colour": (".png", _deep_colour([value * 256 for value in ORANGE]), ORANGE),
        "TIFF of floating point": (".tif", _saved(Image.fromarray(np.full(SIZE[::-1], 0.5, np.float32)), "TIFF"), GREY),
        "TIFF of 32 bit": (".tif", _saved(Image.fromarray(np.full(SIZE[::-1], 32768, np.int32)), "TIFF"), GREY),
        "PNG of one bit": (".png", _saved(Image.new("1", SIZE, 1), "PNG"), (255,) * 3),
        "PNG with a palette": (".png", _saved(PLAIN.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"), ORANGE),
        "PNG, all of it transparent": (".png", _saved(Image.new("RGBA", SIZE, (*ORANGE, 0)), "PNG"), GREY),
        "grey PNG with transparency": (".png", _saved(Image.new("LA", SIZE, (200, 255)), "PNG"), (200,) * 3),
        "WebP": (".webp", _saved(PLAIN, "WEBP", lossless=True), ORANGE),
        "BMP": (".bmp", _saved(PLAIN, "BMP"), ORANGE),
        "JPEG 2000 called JPEG": (".jpg", _saved(PLAIN, "JPEG2000"), ORANGE),
        "AVIF called JPEG": (".jpg", _saved(PLAIN, "AVIF", quality=100), ORANGE),
    }


def _of_odd_sizes() -> dict[str, Photograph]:
    """Very small, narrow and large ones; and what stands beside the picture in its file."""
    return {
        "8 px a side": (".png", _saved(Image.new("RGB", (8, 8), ORANGE), "PNG"), ORANGE),
        "8 px by 20,000": (".png", _saved(Image.new("RGB", (8, 20_000), ORANGE), "PNG"), ORANGE),
        "100 megapixels": (".png", _saved(Image.new("1", (10_000, 10_000), 1), "PNG"), (255,) * 3),
        "a megabyte behind the end": (".jpg", _saved(PLAIN, "JPEG", quality=95) + bytes(10**6), ORANGE),
        "a damaged EXIF block": (
            ".jpg",
            _saved(PLAIN, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", quality=95),
            ORANGE,
        ),
    }


def _deep_colour(colour: list[int]) -> bytes:
    """A PNG of 16 bits a colour, put together by hand: Pillow writes none."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + struct.pack(">3H", *colour) * SIZE[0] for _ in range(SIZE[1]))
    header = struct.pack(">IIBBBBB", *SIZE, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def _bad_files() -> list[Case]:
    """Each is refused by name, and left out where that is asked for."""
    jpeg, png = _saved(picture(99, (200, 150)), "JPEG"), _saved(picture(99), "PNG")
    turned = bytearray(png)
    turned[len(png) // 2] ^= 255
    bad = {
        "no bytes": (".jpg", b"", "empty file"),
        "one byte": (".jpg", b"\xff", "not an image"),
        "a text": (".jpg", b"hello", "not an image"),
        "zeros": (".jpg", bytes(5000), "not an image"),
        "half a JPEG": (".jpg", jpeg[: len(jpeg) // 2], "cut off"),
        "a JPEG without its last bytes": (".jpg", jpeg[:-2], "cut off"),
        "a JPEG filled up with zeros": (".jpg", jpeg[: len(jpeg) // 2].ljust(len(jpeg), b"\0"), "cut off"),
        "half a PNG": (".png", png[: len(png) // 2], "cut off"),
        "a PNG with a turned byte": (".png", bytes(turned), "cut off"),
        "half a TIFF": (".tif", (t := _saved(picture(99), "TIFF"))[: len(t) // 2], "cut off"),
        "half a WebP": (".webp", (w := _saved(picture(99), "WEBP", lossless=True))[: len(w) // 2], "cut off"),
        "half a BMP": (".bmp", (b := _saved(picture(99), "BMP"))[: len(b) // 2], "cut off"),
        "one pixel": (".png", _saved(Image.new("RGB", (1, 1)), "PNG"), "too small"),
        "7 px high": (".png", _saved(Image.new("RGB", (500, 7)), "PNG"), "too small"),
        "210 megapixels": (".png", _saved(Image.new("1", (15_000, 14_000)), "PNG"), "too large"),
        "65,000 px a side": (".jpg", _claimed(jpeg), "too large"),
        "a web page": (".jpg", b"<!DOCTYPE html><html></html>", "a web page"),
        "a PDF": (".jpg", b"%PDF-1.7\n", "a PDF"),
        "PostScript": (".jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        "an SVG": (".png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        "a zip archive": (".jpg", b"PK\x03\x04" + bytes(99), "zip"),
        "a Photoshop file": (".jpg", b"8BPS\0\1" + bytes(99), "Photoshop"),
        "a Git LFS pointer": (".jpg", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        "a video": (".jpg", b"\0\0\0\x18ftypisom\0\0\0\0isom", "a video"),
        "a part of HEIC": (".jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        "an icon": (".png", _saved(picture(99, (32, 32)), "ICO"), "not an image"),
    }
    found = []
    for name, (end, data, words) in bad.items():
        found.append(
            Case("bad files", name, _with_odd(end, data), refused(words, f"{ODD}{end}", "-p skip_unreadable True"))
        )
        found.append(
            Case("bad files", f"{name}, left out", _with_odd(end, data, skip_unreadable=True), told("left out", words))
        )
    for name in ("film.mp4", "raw.cr2", "raw.nef", "anim.gif", "new.avif"):
        run = spoil(lambda folder, name=name: (folder / "a" / name).write_bytes(b"x" * 99))
        found.append(Case("bad files", f"{name} beside", run, told("passed over")))
    return found


def _claimed(jpeg: bytes) -> bytes:
    data, place = bytearray(jpeg), jpeg.index(b"\xff\xc0") + 5
    data[place : place + 4] = b"\xff\xdc\xff\xdc"
    return bytes(data)
