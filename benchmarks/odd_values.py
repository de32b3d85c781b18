"""Odd values in the columns of a table: paths, dates, boxes."""

from pathlib import Path

from odd_cases import (
    NAMES,
    SIZE,
    Case,
    Read,
    anything,
    frame,
    herd,
    read,
    read_table,
    refused,
    same,
    text_of,
    told,
    well,
)

from reid_lib.core.names import BBOX, DATE
from reid_lib.data.dates import parse_days

PLAIN = text_of(frame())
WHOLE = f"0,0,{SIZE[0]},{SIZE[1]}"  # the box of a whole photograph
DAYS = [f"2024-05-{1 + 3 * (k % 4):02}" for k in range(len(NAMES))]  # four days of each animal


def cases() -> list[Case]:
    return [*_paths(), *_dates(), *_boxes(), *_bad_boxes(), *_box_columns()]


def _paths() -> list[Case]:
    def spelled(change):
        return text_of(frame(path=[change(name) for name in NAMES]))

    def absolute(folder, some=99):
        herd(folder)
        paths = [str(folder / name) if i < some else name for i, name in enumerate(NAMES)]
        (folder / "t.csv").write_text(text_of(frame(path=paths)))
        return read(folder)

    spellings = {
        "backslashes": (spelled(lambda p: p.replace("/", "\\")), same),
        "./ before": (spelled(lambda p: "./" + p), same),
        "// within": (spelled(lambda p: p.replace("/", "//")), same),
        "../ and back": (spelled(lambda p: "a/../" + p), same),
        "blanks around": (spelled(lambda p: f"  {p}  "), same),
        "blanks around, in quotes": (text_of(frame(path=[f" {p} " for p in NAMES]), quoting=1), same),
        "capitals": (spelled(str.upper), refused("reads alike")),
        "the ending left out": (spelled(lambda p: p[:-4]), refused("missing file")),
        "another ending": (spelled(lambda p: p[:-3] + "jpg"), refused("missing file")),
        "an address": (spelled(lambda p: "https://example.org/" + p), refused("")),
        "file://": (spelled(lambda p: "file://" + p), refused("")),
        "a path of Windows": (spelled(lambda p: "C:\\photos\\" + p), refused("")),
        "~": (spelled(lambda p: "~/" + p), refused("")),
        "a folder": (spelled(lambda p: p[0]), refused("")),
        "the table itself": (spelled(lambda p: "table.csv"), refused("")),
        "a path that is missing": (text_of(frame(path=["", *NAMES[1:]])), refused("no path")),
        "one photograph twice": (PLAIN + "a/0.png,a\n", refused("")),
        "one photograph, two animals": (PLAIN + "a/0.png,b\n", refused("")),
        "300 letters": (spelled(lambda p: "x" * 300 + p), refused("")),
        "5,000 letters": (spelled(lambda p: "x/" * 2500 + p), refused("")),
        "a line break": (spelled(lambda p: p.replace("/", "/\n")), refused("")),
        "escapes": (spelled(lambda p: p.replace("/", "%2F")), same),
    }
    found = [Case("paths", name, read_table(text), expect) for name, (text, expect) in spellings.items()]
    found += [
        Case("paths", "absolute", absolute, same),
        Case("paths", "some absolute, some not", lambda folder: absolute(folder, 9), refused("make them alike")),
    ]
    return found + _folders_in_paths()


def _folders_in_paths() -> list[Case]:
    found = []
    for name in (
        "Lüneburg",
        "猫",
        "🦁",
        "a b",
        " blank",
        "blank ",
        "quo'te",
        'quo"te',
        "com,ma",
        "semi;colon",
        "per%20cent",
        "#1",
        "-1",
    ):
        paths = [f"{name}/{plain.replace('/', '_')}" for plain in NAMES]

        def run(folder, paths=paths):
            herd(folder, paths)
            (folder / "t.csv").write_text(text_of(frame(path=paths)), encoding="utf-8")
            return read(folder)

        expect = refused("reads alike") if name.startswith(" ") else same
        found.append(Case("paths", f"a folder called {name!r}", run, expect))
    return found


def _dates() -> list[Case]:
    """Each spelling of four known days; or what is no day, which has to be told."""

    def spelled(how):
        return [how.format(y=day[:4], m=day[5:7], d=day[8:], n=k) for k, day in enumerate(DAYS)]

    def days(found) -> str:
        read_days = parse_days(found.catalogue.rows[DATE]).dt.strftime("%Y-%m-%d").tolist()
        wrong = [(a, b) for a, b in zip(DAYS, read_days, strict=True) if a != b]
        return f"{len(wrong)} of {len(DAYS)} dates are read as others, e.g. {wrong[0]}" if wrong else ""

    forms = (
        *(
            "{y}-{m}-{d}",
            "{y}:{m}:{d}",
            "{y}:{m}:{d} 10:00:00",
            "{y}/{m}/{d}",
            "{y}.{m}.{d}",
            "{y}{m}{d}",
            "{y}_{m}_{d}",
        ),
        *(
            "{y}-{m}-{d}T23:30:00Z",
            "{y}-{m}-{d}T23:30:00+02:00",
            "{y}-{m}-{d} 23:30 -0700",
            "{y}-{m}-{d} 00:10:00+14:00",
        ),
        *("{y}:{m}:{d} 10:00:00+02:00", "{y}:{m}:{d} 24:00:00", "{d}.{m}.{y}", "{d}.{m}.{y} 10:20", "{y}{m}{d}_102030"),
        *(
            "{y}-{m}-{d} 10.20.30",
            "{d} May {y}",
            "May {d}, {y}",
            "{y}-{m}-{d} 11:30 PM",
            " {y}-{m}-{d} ",
            "{y}{m}{d}T102030",
        ),
        *("{y}-{m}-{d} 10:20:30.123456", "{y}-{m}-{d}T10:20+02:00[Europe/Berlin]", "Wed May {d} {y} 10:00:00 GMT+0200"),
    )
    found = [
        Case("dates", form, read_table(text_of(frame(date=spelled(form)))), well(days)) for form in dict.fromkeys(forms)
    ]
    return found + _mixed_dates(days) + _no_dates()


def _mixed_dates(days) -> list[Case]:
    mixed = [
        [day, day.replace("-", ":"), day + "T23:30:00+02:00", day + " 10:00Z"][k % 4] for k, day in enumerate(DAYS)
    ]
    half = [day if k % 2 else "?" for k, day in enumerate(DAYS)]
    return [
        Case("dates", "four spellings and zones in one column", read_table(text_of(frame(date=mixed))), well(days)),
        Case(
            "dates",
            "half of them missing",
            read_table(text_of(frame(date=half))),
            told("16 of 32 dates cannot be read"),
        ),
        Case(
            "dates",
            "a day above 12 in one row",
            read_table(text_of(frame(date=["13/05/2024", "01/05/2024"] * 16))),
            told("day first"),
        ),
        Case(
            "dates",
            "nothing tells day from month",
            read_table(text_of(frame(date=["01/05/2024", "02/05/2024"] * 16))),
            told("day first"),
        ),
    ]


def _no_dates() -> list[Case]:
    found = []
    nothing = (
        *(
            "10:20",
            "10:20:30",
            "10:20 PM",
            "102030",
            "today",
            "now",
            "May",
            "Monday",
            "?",
            "-",
            "0",
            "44317",
            "44317.5",
        ),
        *("1619863200", "1714521600000", "0000:00:00 00:00:00", "0001-01-01", "0001:01:01 00:00:00", "1899-12-30"),
        *("2024:13:45", "31.02.2024", "spring 24", "24-05-01", "NaT", "🦁"),
    )
    for word in nothing:
        run = read_table(text_of(frame(date=word)))
        found.append(
            Case("dates", f"{word!r} is no day", run, told("32 of 32 dates cannot be read" if word != "NaT" else ""))
        )
    return found


def _with_boxes(value: object, **options):
    """A case's `run`: the plain herd with a column of boxes; one value, or one for each photograph."""
    return read_table(text_of(frame(bbox=value), quoting=1), **options)


def _become(box: str):
    """Expected: this box for all photographs."""
    return well(lambda f: "" if set(f.catalogue.rows[BBOX]) == {box} else f"became {set(f.catalogue.rows[BBOX])}")


def _boxes() -> list[Case]:
    """Boxes of all photographs of 48 x 40 px, in the forms that people write."""
    half = [WHOLE if k % 2 else "" for k in range(len(NAMES))]
    return [
        Case("boxes", "the whole photograph", _with_boxes(WHOLE), same),
        Case("boxes", "in brackets", _with_boxes(f"[{WHOLE}]"), _become(WHOLE)),
        Case(
            "boxes", "in round brackets, with blanks", _with_boxes(f" ( 0, 0, {SIZE[0]}, {SIZE[1]} ) "), _become(WHOLE)
        ),
        Case("boxes", "parted by blanks", _with_boxes("0 0 48.0 40.0"), _become(WHOLE)),
        Case("boxes", "fractions of a pixel", _with_boxes("0.4,0.4,20.2,20.2"), _become("0.4,0.4,20.2,20.2")),
        Case("boxes", "missing in half of the rows", _with_boxes(half), same),
        Case("boxes", "missing in all", _with_boxes(""), same),
        Case("boxes", "NaN", _with_boxes("nan"), same),
        Case("boxes", "NaN in brackets", _with_boxes("[nan, nan, nan, nan]"), refused("unusable bbox")),
        Case("boxes", "shares", _with_boxes("0.25,0.5,0.5,0.5"), _become("12,20,24,20")),
        Case("boxes", "shares of everything", _with_boxes("0,0,1,1"), same),
        Case("boxes", "shares a little beyond", _with_boxes("-0.01,0,1.02,1"), told("taken as shares")),
        Case("boxes", "shares as corners", _with_boxes("0.5,0.5,0.9,0.9"), refused("corners or centres")),
    ]


def _bad_boxes() -> list[Case]:
    """Boxes that show nothing, lie outside, or are no four numbers."""
    one = {place: ["9,9,20,20"] * 31 + [place] for place in ("0.1,0.1,0.5,0.5", "9,9,2,2", "60,9,20,20", "1,2,3", "x")}
    return [
        Case("boxes", "one share among pixels", _with_boxes(one["0.1,0.1,0.5,0.5"]), refused("is it a share")),
        Case("boxes", "one of two pixels", _with_boxes(one["9,9,2,2"]), refused("at least 4 px")),
        Case("boxes", "one outside", _with_boxes(one["60,9,20,20"]), refused("lies outside")),
        Case("boxes", "one outside, left out", _with_boxes(one["60,9,20,20"], skip_unreadable=True), told("left out")),
        Case("boxes", "three numbers", _with_boxes(one["1,2,3"]), refused("not four numbers")),
        Case("boxes", "a word", _with_boxes(one["x"]), refused("not four numbers")),
        Case("boxes", "one pixel each", _with_boxes("5,5,1,1"), refused("at least 4 px")),
        Case("boxes", "a line of one pixel", _with_boxes("0,5,48,1"), refused("at least 4 px")),
        Case("boxes", "no width", _with_boxes("0,5,0,20"), refused("is empty")),
        Case("boxes", "less than no width", _with_boxes("20,5,-9,20"), refused("is empty")),
        Case("boxes", "infinite", _with_boxes("0,0,inf,20"), refused("is empty")),
        Case("boxes", "corners in pixels", _with_boxes("20,10,44,38"), told("corners")),
        Case("boxes", "beyond every border", _with_boxes("-1000,-1000,9999,9999"), told("end outside")),
        Case("boxes", "commas for points", _with_boxes("0,5,0,5,20,5,20,5"), refused("not four numbers")),
        Case("boxes", "1e300", _with_boxes("0,0,1e300,20"), anything),
    ]


def _box_columns() -> list[Case]:
    """Boxes in four columns, and two of them in one photograph."""
    return [
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
