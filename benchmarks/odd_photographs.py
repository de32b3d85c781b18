"""Odd photographs: layouts of folders, names, files that are broken or of other kinds, boxes."""

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from odd_cases import (
    NAMES,
    SIZE,
    Case,
    Read,
    anything,
    frame,
    herd,
    picture,
    read,
    read_table,
    refused,
    same,
    text_of,
    told,
    well,
)
from PIL import Image

from reid_lib.core.names import BBOX, IDENTITY, PATH

ODD = "a/odd"  # the photograph that is odd, beside the plain herd


def cases() -> list[Case]:
    return [*_layouts(), *_names(), *_kinds(), *_bad_files(), *_boxes()]


def _folder(make: Callable[[Path], object], **options):
    """A case's `run`: the plain herd, then what `make` does to it."""

    def run(folder: Path) -> Read:
        make(herd(folder))
        return read(folder, "folder", **options)

    return run


def _layouts() -> list[Case]:
    def only(names):
        def run(folder):
            return read(herd(folder, names), "folder")

        return run

    def moved(folder):
        (folder / "deep").mkdir()
        for animal in {name[0] for name in NAMES}:
            (folder / animal).rename(folder / "deep" / animal)

    def linked(folder):
        (folder / "a").rename(folder / "elsewhere")
        (folder / "a").symlink_to(folder / "elsewhere")

    return [
        Case("folders", "as it should be", _folder(lambda f: None), same),
        Case("folders", "nothing in it", lambda f: read(f, "folder"), refused("no images under")),
        Case("folders", "no such folder", lambda f: read(f, "folder", root=f / "none"), refused("does not exist")),
        Case("folders", "no folder given", lambda f: read(f, "folder", root=""), refused("data_root is empty")),
        Case("folders", "a file for a folder", _a_file, refused("dataset='csv'")),
        Case("folders", "a table's folder", _folder(lambda f: (f / "t.csv").write_text("path\n")), same),
        Case("folders", "one folder too high", _folder(moved), refused("one individual")),
        Case(
            "folders",
            "photographs beside the animals",
            _folder(lambda f: picture(99).save(f / "x.png")),
            refused("directly in"),
        ),
        Case("folders", "all in one folder", only([f"{k}.png" for k in range(len(NAMES))]), refused("directly in")),
        Case("folders", "a year below each animal", only([n.replace("/", "/2024/") for n in NAMES]), same),
        Case("folders", "empty folders beside", _folder(lambda f: (f / "nobody").mkdir()), same),
        Case(
            "folders",
            "train and test for animals",
            only([("train/" if n[2] < "2" else "test/") + n.replace("/", "_") for n in NAMES]),
            anything,
        ),
        Case("folders", "hidden files and folders", _folder(_hide), same),
        Case("folders", "what a Mac leaves behind", _folder(_mac), same),
        Case("folders", "a link in a circle", _folder(lambda f: (f / "a" / "up").symlink_to(f)), anything),
        Case(
            "folders",
            "a link to itself",
            _folder(lambda f: (f / "a" / "self.png").symlink_to("self.png")),
            refused("missing"),
        ),
        Case(
            "folders",
            "a link to nothing",
            _folder(lambda f: (f / "a" / "gone.png").symlink_to("/nowhere")),
            refused("missing file"),
        ),
        Case("folders", "a folder that is a link", _folder(linked), anything),
        Case(
            "folders",
            "a photograph that is a link to another",
            _folder(lambda f: (f / "a" / "l.png").symlink_to(f / "a/0.png")),
            told("byte-identical"),
        ),
        Case(
            "folders",
            "the same under two animals",
            _folder(lambda f: os.link(f / "a/0.png", f / "b/copy.png")),
            refused("under two identities"),
        ),
        Case("folders", "a folder called like a photograph", _folder(lambda f: (f / "a" / "x.png").mkdir()), same),
        Case("folders", "a named pipe", _folder(lambda f: os.mkfifo(f / "a" / "pipe.png")), refused("a named pipe")),
        Case("folders", "a socket", _folder(_socket), refused("a socket")),
        Case(
            "folders",
            "a link to a device",
            _folder(lambda f: (f / "a" / "d.png").symlink_to("/dev/zero")),
            refused("a device"),
        ),
        Case("folders", "200 folders deep", _folder(lambda f: picture(99).save(_deep(f / "a"))), well()),
        Case(
            "folders", "a pattern of encounters", _folder(lambda f: None, encounter="{identity}/{encounter}.png"), same
        ),
        Case(
            "folders",
            "a pattern that fits nothing",
            _folder(lambda f: None, encounter="{encounter}_*"),
            refused("fits none"),
        ),
        Case(
            "folders",
            "a pattern without encounters",
            _folder(lambda f: None, encounter="{identity}/*"),
            refused("{encounter}"),
        ),
        Case(
            "folders",
            "a pattern with a brace too many",
            _folder(lambda f: None, encounter="{encounter}}"),
            refused("brace"),
        ),
    ]


def _a_file(folder: Path) -> Read:
    return read(herd(folder), "folder", root=folder / "a/0.png")


def _hide(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / ".hidden/x.png").write_bytes(b"x")
    (folder / "a/.x.png").write_bytes(b"x")


def _mac(folder: Path) -> None:
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX/x.png").write_bytes(b"x")
    (folder / "a/._0.png").write_bytes(b"\0\5\x16\7")
    (folder / "a/.DS_Store").write_bytes(b"\0")


def _socket(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder / "a")  # its whole path may be too long
    socket.socket(socket.AF_UNIX).bind("s.png")
    os.chdir(here)


def _deep(folder: Path) -> Path:
    target = folder.joinpath(*(["d"] * 200))
    target.mkdir(parents=True)
    return target / "x.png"


def _names() -> list[Case]:
    found = []
    odd = (
        *(
            " a",
            "a ",
            "a.",
            "-a",
            "#a",
            "a%41",
            "a\\b",
            "a\nb",
            "a\tb",
            "a'b",
            'a"b',
            "a;b",
            "a,b",
            "=a",
            "猫",
            "🦁",
            "ä",
        ),
        *("a\u0308", "a\u200b", "\u202ea", "con", "x" * 120, "~", "$HOME", "*", "?", "[a]", "{identity}", "a:b", "007"),
    )
    for name in odd:
        names = [n.replace("a/", f"{name}/") for n in NAMES]
        found.append(Case("names", repr(name[:20]), _named(names), well(_animals_of(names))))
    latin = [n.replace("a/", "\xe4/").encode("latin-1") for n in NAMES]
    found.append(Case("names", "an umlaut of Windows", _named(latin), told("not UTF-8")))
    files = {
        "a backslash in a file's name": "a/x\\0.png",
        "a blank before a file's name": "a/ 0.png",
        "a line break in a file's name": "a/x\n0.png",
        "an ending in capitals": "a/0.PNG",
        "200 letters": "a/" + "x" * 200 + ".png",
    }
    for what, name in files.items():
        names = [name if n == "a/0.png" else n for n in NAMES]
        found.append(Case("names", what, _named(names), same))
    return found


def _named(names):
    return lambda folder: read(herd(folder, names), "folder")


def _animals_of(names):
    wanted = {name.split("/")[0].strip() for name in names}
    return lambda found: "" if len(set(found.catalogue.rows[IDENTITY])) == len(wanted) else "another number of animals"


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _with_odd(name: str, content: bytes, **options):
    return _folder(lambda folder: (folder / f"{ODD}{name}").write_bytes(content), **options)


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
            Case("bad files", name, _with_odd(end, data), refused(words, f"{ODD}{end}", "skip_unreadable=True"))
        )
        found.append(
            Case("bad files", f"{name}, left out", _with_odd(end, data, skip_unreadable=True), told("left out", words))
        )
    for name in ("film.mp4", "raw.cr2", "raw.nef", "anim.gif", "new.avif"):
        run = _folder(lambda folder, name=name: (folder / "a" / name).write_bytes(b"x" * 99))
        found.append(Case("bad files", f"{name} beside", run, told("passed over")))
    return found


def _claimed(jpeg: bytes) -> bytes:
    data, place = bytearray(jpeg), jpeg.index(b"\xff\xc0") + 5
    data[place : place + 4] = b"\xff\xdc\xff\xdc"
    return bytes(data)


def _boxes() -> list[Case]:
    """Boxes of all photographs of 48 x 40 px; None: as they are."""
    width, height = SIZE
    whole = f"0,0,{width},{height}"

    def boxes(value, **options):
        return read_table(text_of(frame(bbox=value), quoting=1), **options)

    def become(box):
        return well(lambda f: "" if set(f.catalogue.rows[BBOX]) == {box} else f"became {set(f.catalogue.rows[BBOX])}")

    half = [whole if k % 2 else "" for k in range(len(NAMES))]
    one = {place: ["9,9,20,20"] * 31 + [place] for place in ("0.1,0.1,0.5,0.5", "9,9,2,2", "60,9,20,20", "1,2,3", "x")}
    return [
        Case("boxes", "the whole photograph", boxes(whole), same),
        Case("boxes", "in brackets", boxes(f"[{whole}]"), become(whole)),
        Case("boxes", "in round brackets, with blanks", boxes(f" ( 0, 0, {width}, {height} ) "), become(whole)),
        Case("boxes", "parted by blanks", boxes("0 0 48.0 40.0"), become(whole)),
        Case("boxes", "fractions of a pixel", boxes("0.4,0.4,20.2,20.2"), become("0.4,0.4,20.2,20.2")),
        Case("boxes", "missing in half of the rows", boxes(half), same),
        Case("boxes", "missing in all", boxes(""), same),
        Case("boxes", "NaN", boxes("nan"), same),
        Case("boxes", "NaN in brackets", boxes("[nan, nan, nan, nan]"), refused("unusable bbox")),
        Case("boxes", "shares", boxes("0.25,0.5,0.5,0.5"), become("12,20,24,20")),
        Case("boxes", "shares of everything", boxes("0,0,1,1"), same),
        Case("boxes", "shares a little beyond", boxes("-0.01,0,1.02,1"), told("taken as shares")),
        Case("boxes", "shares as corners", boxes("0.5,0.5,0.9,0.9"), refused("corners or centres")),
        Case("boxes", "one share among pixels", boxes(one["0.1,0.1,0.5,0.5"]), refused("is it a share")),
        Case("boxes", "one of two pixels", boxes(one["9,9,2,2"]), refused("at least 4 px")),
        Case("boxes", "one outside", boxes(one["60,9,20,20"]), refused("lies outside")),
        Case("boxes", "one outside, left out", boxes(one["60,9,20,20"], skip_unreadable=True), told("left out")),
        Case("boxes", "three numbers", boxes(one["1,2,3"]), refused("not four numbers")),
        Case("boxes", "a word", boxes(one["x"]), refused("not four numbers")),
        Case("boxes", "one pixel each", boxes("5,5,1,1"), refused("at least 4 px")),
        Case("boxes", "a line of one pixel", boxes("0,5,48,1"), refused("at least 4 px")),
        Case("boxes", "no width", boxes("0,5,0,20"), refused("is empty")),
        Case("boxes", "less than no width", boxes("20,5,-9,20"), refused("is empty")),
        Case("boxes", "infinite", boxes("0,0,inf,20"), refused("is empty")),
        Case("boxes", "corners in pixels", boxes("20,10,44,38"), told("corners")),
        Case("boxes", "beyond every border", boxes("-1000,-1000,9999,9999"), told("end outside")),
        Case("boxes", "commas for points", boxes("0,5,0,5,20,5,20,5"), refused("not four numbers")),
        Case("boxes", "1e300", boxes("0,0,1e300,20"), anything),
        Case(
            "boxes", "four columns", read_table(text_of(frame(bbox_x=0, bbox_y=0, bbox_width=48, bbox_height=40))), same
        ),
        Case(
            "boxes",
            "four columns, one empty",
            read_table(text_of(frame(bbox_x=0, bbox_y=0, bbox_width="", bbox_height=4))),
            same,
        ),
        Case("boxes", "three of four columns", read_table(text_of(frame(bbox_x=0, bbox_y=0, bbox_width=48))), anything),
        Case("boxes", "two animals in one photograph", _two_animals, well()),
    ]


def _two_animals(folder: Path) -> Read:
    herd(folder)
    rows = [f'{name},{name[0]},"0,0,24,40"' for name in NAMES] + [f'{name},{name[0]}2,"24,0,24,40"' for name in NAMES]
    (folder / "t.csv").write_text("\n".join(["path,identity,bbox", *rows]))
    return read(folder)
