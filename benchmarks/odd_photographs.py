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


def cases() -> list[Case]:
    return [*_kinds(), *_bad_files()]


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _with_odd(name: str, content: bytes, **options):
    return spoil(lambda folder: (folder / f"{ODD}{name}").write_bytes(content), **options)


def _shows(colour: tuple[int, int, int], tolerance: int = 3):
    """The odd photograph is there, and of this colour."""

    def check(found: Read) -> str:
        rows = found.catalogue.rows
        place = rows.index[rows[PATH].str.startswith(ODD)]
        if len(place) != 1:
            return "the odd photograph is not there"
        mean = found.pixels[place[0]].reshape(-1, 3).mean(axis=0)
        return "" if np.abs(mean - colour).max() <= tolerance else f"its colour is {mean.round()}, not {colour}"

    return well(check)


def _kinds() -> list[Case]:
    """Photographs of every kind in one colour, which has to come out."""
    orange, grey = (200, 120, 40), (128, 128, 128)
    plain = Image.new("RGB", SIZE, orange)
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "JPEG": (".jpg", _saved(plain, "JPEG", quality=95), orange),
        "progressive JPEG": (".jpg", _saved(plain, "JPEG", progressive=True, quality=95), orange),
        "JPEG of CMYK": (".jpg", _saved(plain.convert("CMYK"), "JPEG", quality=95), orange),
        "JPEG of grey": (".jpg", _saved(plain.convert("L"), "JPEG"), (135,) * 3),
        "turned JPEG": (".jpg", _saved(plain, "JPEG", exif=exif, quality=95), orange),
        "JPEG called PNG": (".png", _saved(plain, "JPEG", quality=95), orange),
        "PNG called JPEG": (".jpg", _saved(plain, "PNG"), orange),
        "GIF called JPEG": (".jpg", _saved(plain, "GIF"), orange),
        "MPO of two pictures": (".jpg", _saved(plain, "MPO", save_all=True, append_images=[plain], quality=95), orange),
        "animated GIF called PNG": (
            ".png",
            _saved(plain, "GIF", save_all=True, append_images=[Image.new("RGB", SIZE)]),
            orange,
        ),
        "animated PNG": (".png", _saved(plain, "PNG", save_all=True, append_images=[Image.new("RGB", SIZE)]), orange),
        "animated WebP": (
            ".webp",
            _saved(plain, "WEBP", save_all=True, append_images=[Image.new("RGB", SIZE)], lossless=True),
            orange,
        ),
        "TIFF of several pages": (
            ".tif",
            _saved(plain, "TIFF", save_all=True, append_images=[Image.new("RGB", SIZE)]),
            orange,
        ),
        "TIFF by LZW": (".tiff", _saved(plain, "TIFF", compression="tiff_lzw"), orange),
        "TIFF of CMYK": (".tif", _saved(plain.convert("CMYK"), "TIFF"), orange),
        "PNG of 16 bit grey": (".png", _saved(Image.fromarray(np.full(SIZE[::-1], 128 * 256, np.uint16)), "PNG"), grey),
        "PNG of 16 bit colour": (".png", _deep_colour([value * 256 for value in orange]), orange),
        "TIFF of floating point": (".tif", _saved(Image.fromarray(np.full(SIZE[::-1], 0.5, np.float32)), "TIFF"), grey),
        "TIFF of 32 bit": (".tif", _saved(Image.fromarray(np.full(SIZE[::-1], 32768, np.int32)), "TIFF"), grey),
        "PNG of one bit": (".png", _saved(Image.new("1", SIZE, 1), "PNG"), (255,) * 3),
        "PNG with a palette": (".png", _saved(plain.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"), orange),
        "PNG, all of it transparent": (".png", _saved(Image.new("RGBA", SIZE, (*orange, 0)), "PNG"), grey),
        "grey PNG with transparency": (".png", _saved(Image.new("LA", SIZE, (200, 255)), "PNG"), (200,) * 3),
        "WebP": (".webp", _saved(plain, "WEBP", lossless=True), orange),
        "BMP": (".bmp", _saved(plain, "BMP"), orange),
        "JPEG 2000 called JPEG": (".jpg", _saved(plain, "JPEG2000"), orange),
        "AVIF called JPEG": (".jpg", _saved(plain, "AVIF", quality=100), orange),
        "8 px a side": (".png", _saved(Image.new("RGB", (8, 8), orange), "PNG"), orange),
        "8 px by 20,000": (".png", _saved(Image.new("RGB", (8, 20_000), orange), "PNG"), orange),
        "100 megapixels": (".png", _saved(Image.new("1", (10_000, 10_000), 1), "PNG"), (255,) * 3),
        "a megabyte behind the end": (".jpg", _saved(plain, "JPEG", quality=95) + bytes(10**6), orange),
        "a damaged EXIF block": (
            ".jpg",
            _saved(plain, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", quality=95),
            orange,
        ),
    }
    return [Case("kinds", name, _with_odd(end, data), _shows(colour)) for name, (end, data, colour) in kinds.items()]


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
