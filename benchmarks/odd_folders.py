"""Odd folders of photographs: how they are laid out, links and what is no file, patterns, names."""

import os
import socket
from pathlib import Path

from odd_cases import NAMES, Case, Read, anything, herd, picture, read, refused, same, spoil, told, well

from reid_lib.core.names import IDENTITY


def cases() -> list[Case]:
    return [*_layouts(), *_links(), *_patterns(), *_names()]


def _layouts() -> list[Case]:
    def only(names):
        def run(folder):
            return read(herd(folder, names), "folder")

        return run

    def moved(folder):
        (folder / "deep").mkdir()
        for animal in {name[0] for name in NAMES}:
            (folder / animal).rename(folder / "deep" / animal)

    return [
        Case("folders", "as it should be", spoil(lambda f: None), same),
        Case("folders", "nothing in it", lambda f: read(f, "folder"), refused("no images under")),
        Case("folders", "no such folder", lambda f: read(f, "folder", root=f / "none"), refused("does not exist")),
        Case("folders", "no folder given", lambda f: read(f, "folder", root=""), refused("data_root is empty")),
        Case("folders", "a file for a folder", _a_file, refused("dataset='csv'")),
        Case("folders", "a table's folder", spoil(lambda f: (f / "t.csv").write_text("path\n")), same),
        Case("folders", "one folder too high", spoil(moved), refused("one individual")),
        Case(
            "folders",
            "photographs beside the animals",
            spoil(lambda f: picture(99).save(f / "x.png")),
            refused("directly in"),
        ),
        Case("folders", "all in one folder", only([f"{k}.png" for k in range(len(NAMES))]), refused("directly in")),
        Case("folders", "a year below each animal", only([n.replace("/", "/2024/") for n in NAMES]), same),
        Case("folders", "empty folders beside", spoil(lambda f: (f / "nobody").mkdir()), same),
        Case(
            "folders",
            "train and test for animals",
            only([("train/" if n[2] < "2" else "test/") + n.replace("/", "_") for n in NAMES]),
            anything,
        ),
        Case("folders", "hidden files and folders", spoil(_hide), same),
        Case("folders", "what a Mac leaves behind", spoil(_mac), same),
    ]


def _links() -> list[Case]:
    def linked(folder):
        (folder / "a").rename(folder / "elsewhere")
        (folder / "a").symlink_to(folder / "elsewhere")

    return [
        Case("folders", "a link in a circle", spoil(lambda f: (f / "a" / "up").symlink_to(f)), anything),
        Case(
            "folders",
            "a link to itself",
            spoil(lambda f: (f / "a" / "self.png").symlink_to("self.png")),
            refused("missing"),
        ),
        Case(
            "folders",
            "a link to nothing",
            spoil(lambda f: (f / "a" / "gone.png").symlink_to("/nowhere")),
            refused("missing file"),
        ),
        Case("folders", "a folder that is a link", spoil(linked), anything),
        Case(
            "folders",
            "a photograph that is a link to another",
            spoil(lambda f: (f / "a" / "l.png").symlink_to(f / "a/0.png")),
            told("byte-identical"),
        ),
        Case(
            "folders",
            "the same under two animals",
            spoil(lambda f: os.link(f / "a/0.png", f / "b/copy.png")),
            refused("under two identities"),
        ),
        Case("folders", "a folder called like a photograph", spoil(lambda f: (f / "a" / "x.png").mkdir()), same),
        Case("folders", "a named pipe", spoil(lambda f: os.mkfifo(f / "a" / "pipe.png")), refused("a named pipe")),
        Case("folders", "a socket", spoil(_socket), refused("a socket")),
        Case(
            "folders",
            "a link to a device",
            spoil(lambda f: (f / "a" / "d.png").symlink_to("/dev/zero")),
            refused("a device"),
        ),
        Case("folders", "200 folders deep", spoil(lambda f: picture(99).save(_deep(f / "a"))), well()),
    ]


def _patterns() -> list[Case]:
    return [
        Case("folders", "a pattern of encounters", spoil(lambda f: None, encounter="{identity}/{encounter}.png"), same),
        Case(
            "folders",
            "a pattern that fits nothing",
            spoil(lambda f: None, encounter="{encounter}_*"),
            refused("fits none"),
        ),
        Case(
            "folders",
            "a pattern without encounters",
            spoil(lambda f: None, encounter="{identity}/*"),
            refused("{encounter}"),
        ),
        Case(
            "folders",
            "a pattern with a brace too many",
            spoil(lambda f: None, encounter="{encounter}}"),
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
