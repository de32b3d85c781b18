"""Odd tables: separators, encodings, columns, names of animals, the data set's own split."""

from odd_cases import (
    NAMES,
    Case,
    anything,
    frame,
    read_table,
    refused,
    same,
    same_animals,
    text_of,
    told,
    well,
)

from reid_lib.core.names import ORIENTATION, SPLIT

PLAIN = text_of(frame())
UMLAUTS = {name[0]: name for name in ("aä", "bö", "cü", "dé", "eñ", "fç", "gå", "hß")}
FOREIGN = [UMLAUTS[name[0]] for name in NAMES]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252")
HEADERS = {
    "path": ("Path", "FILE", "File Name", "file-name", "filepath", "image_path", " image ", "Photo", "img"),
    "identity": ("Identity", "INDIVIDUAL", "individual id", "Animal", "animal-id", "Name", "label", " individual_name"),
}


def cases() -> list[Case]:
    return [*_forms(), *_broken(), *_columns(), *_identities(), *_names_side_by_side(), *_splits()]


def _forms() -> list[Case]:
    found = []
    for separator in ",;\t|":
        for encoding in ENCODINGS:
            text = text_of(frame(identity=FOREIGN), separator)
            run = read_table(text, encoding=encoding)
            found.append(Case("tables", f"separator {separator!r}, {encoding}", run, well(same_animals(FOREIGN))))
    lines = PLAIN.splitlines()
    forms = {
        "\\r\\n": text_of(frame(), end="\r\n"),
        "\\r alone": text_of(frame(), end="\r"),
        "both ends of lines": "\r\n".join(lines[:9]) + "\n" + "\n".join(lines[9:]),
        "no end of the last line": PLAIN.rstrip("\n"),
        "blank lines before": "\n\n" + PLAIN,
        "blank lines within": "\n\n".join(lines),
        "blank lines behind": PLAIN + "\n\n\n",
        "commas behind every row": "".join(line + ",\n" for line in lines),
        "commas behind rows, not the header": lines[0] + "\n" + "".join(line + ",,\n" for line in lines[1:]),
        "everything in quotes": text_of(frame(), quoting=1),
        "blanks behind separators": PLAIN.replace(",", ",  "),
        "blanks before separators": PLAIN.replace(",", "  ,"),
        "sep=, before": "sep=,\n" + PLAIN,
        "sep=; of another table": "sep=;\n" + PLAIN,
        '"sep=," in quotes': '"sep=,"\r\n' + PLAIN,
        "sep=,, saved again": "sep=,,\n" + PLAIN,
        "sep=\\t": "sep=\\t\n" + text_of(frame(), "\t"),
        "a mark of UTF-8 and sep=": "\ufeffsep=;\n" + text_of(frame(), ";"),
        "rows turned round": "\n".join([lines[0], *lines[:0:-1]]),
        "a column more than anybody needs": text_of(frame(weather="sun", notes="")),
        "two hundred columns more": text_of(frame(**{f"c{i}": i for i in range(200)})),
        "a cell of 200,000 letters": text_of(frame(notes="x" * 200_000)),
        "line breaks in a cell": text_of(frame(notes="one\ntwo")),
    }
    return found + [Case("tables", name, read_table(text), same) for name, text in forms.items()]


def _broken() -> list[Case]:
    lines = PLAIN.splitlines()
    broken = {
        "nothing": (b"", refused("is empty")),
        "blanks alone": (b" \n \n", refused("")),
        "a header alone": (lines[0], refused("no rows")),
        "no header": ("\n".join(lines[1:]), refused("no column for path and identity")),
        "one column": ("path\n" + "\n".join(NAMES), refused("identity")),
        "the wrong separator": (PLAIN.replace(",", " "), refused("no column")),
        "a line of comment before": ("# my herd\n" + PLAIN, refused("")),
        "a workbook": (b"PK\x03\x04" + bytes(500), refused("workbook")),
        "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(500), refused("workbook")),
        "a PDF": (b"%PDF-1.4\n" + bytes(range(128, 256)) * 4, refused("")),
        "random bytes": (bytes((7 * i * i + 3) % 256 for i in range(4000)), refused("")),
        "a NUL byte": (PLAIN.replace("b/0", "b\0/0"), refused("NUL byte")),
        "UTF-16 cut in a letter": (PLAIN.encode("utf-16")[:-1], refused("no text in utf-16")),
        "a comma without quotes": (PLAIN.replace("c/1.png,c", "c/1.png,Fox, old"), refused("quotes")),
        "a quote that does not close": (PLAIN.replace("c/1.png,c", '"c/1.png,c'), refused("")),
        "rows of one cell": (lines[0] + "\n" + "\n".join(NAMES), refused("identity")),
        "half of it": (PLAIN[: len(PLAIN) // 2], told("")),
        "HTML": ("<html><body><table></table></body></html>", refused("")),
        "JSON": ('{"path": ["a/0.png"], "identity": ["a"]}', refused("no rows")),
        "headers of another language": (PLAIN.replace("path,identity", "Datei,Tier"), refused("Datei", "-p columns")),
        "the header twice": (lines[0] + "\n" + PLAIN, refused("missing file")),
        "a Git LFS pointer": ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", refused("")),
    }
    return [Case("tables", name, read_table(content), expect) for name, (content, expect) in broken.items()]


def _columns() -> list[Case]:
    found = []
    for ours, spellings in HEADERS.items():
        for name in spellings:
            run = read_table(text_of(frame().rename(columns={ours: name})))
            found.append(Case("columns", f"{ours} called {name!r}", run, same))
    swapped = text_of(frame().rename(columns={"path": "where", "identity": "who is it"}))
    given = {
        "path:where 'identity:who is it'": same,
        "path:where identity:who": refused("no column 'who'"),
        "paht:where": refused("did you mean 'path'"),
        "path": refused("not a pair"),
        "path:": refused("not a pair"),
        "path:where path:where 'identity:who is it'": same,
        "'path:where": refused("cannot be read"),
        "path:where identity:where": anything,
        "image_id:where path:where 'identity:who is it'": same,
        "path:where 'identity:who is it' date:where": told("dates cannot be read"),
    }
    for columns, expect in given.items():
        found.append(Case("columns", f"columns={columns!r}", read_table(swapped, columns=columns), expect))
    twice = "path,path,identity\n" + "".join(f"{name},nothing.png,{name[0]}\n" for name in NAMES)
    more = {
        "path twice": (twice, anything),
        "image_id of numbers": (text_of(frame(image_id=range(len(NAMES)))), same),
        "one image_id for all": (text_of(frame(image_id="x")), refused("more than once")),
        "an image_id that is missing": (text_of(frame(image_id=["", *map(str, range(1, 32))])), refused("no image_id")),
        "orientation in capitals": (text_of(frame(orientation="LEFT ")), well(_flanks("left"))),
        "orientation unknown": (text_of(frame(orientation="unknown")), same),
        "data sets of numbers": (text_of(frame(dataset=[i % 2 for i in range(len(NAMES))])), anything),
        "a data set with a slash": (text_of(frame(dataset="x/y")), same),
        "one encounter for all": (text_of(frame(encounter="e")), told("")),
        "an encounter each": (text_of(frame(encounter=NAMES)), same),
        "encounters of numbers and blanks": (text_of(frame(encounter=[1, 2, "", " "] * 8)), same),
    }
    return found + [Case("columns", name, read_table(text), expect) for name, (text, expect) in more.items()]


def _flanks(wanted: str):
    return lambda found: "" if set(found.catalogue.rows[ORIENTATION]) == {wanted} else "another orientation"


def _named(**names: str) -> str:
    """The table of the plain herd, with other names for some of the animals a to h."""
    return text_of(frame(identity=[names.get(name[0], name[0]) for name in NAMES]))


def _kept(**names: str):
    """Expected: these names; "" for an animal without one."""
    wanted = [names.get(name[0], name[0]) for name in NAMES]
    return well(same_animals(None if value == "" else value for value in wanted))


def _identities() -> list[Case]:
    """One animal under an odd name, and words that are no name."""
    odd = [
        *("007", "1e5", "7.0", "0", "-1", "+1", "True", "false", "NA", "None", "null", "nan", "N/A", "inf"),
        *(
            "猫",
            "🦁",
            "a/b",
            "a\\b",
            "a,b",
            'a"b',
            "a'b",
            "a;b",
            "a|b",
            "=1+1",
            "@x",
            "<b>x</b>",
            "%41",
            "..",
            "/",
            "x" * 500,
        ),
    ]
    found = [Case("identities", repr(name[:20]), read_table(_named(a=name)), _kept(a=name)) for name in odd]
    for name in ("", " ", "\u200b", "unknown", "Unknown ", "UNIDENTIFIED", "new_individual"):
        found.append(Case("identities", f"{name!r} is none", read_table(_named(a=name)), _kept(a="")))
    return found


def _names_side_by_side() -> list[Case]:
    """Names that read alike, one name for all, a name each, none."""
    look_alike = told("read alike")
    return [
        Case("identities", "blanks around", read_table(_named(a="  a  ")), same),
        Case("identities", "a line break", read_table(_named(a="one\ntwo")), _kept(a="one\ntwo")),
        Case("identities", "capitals tell two apart", read_table(_named(a="Fox", b="fox")), look_alike),
        Case("identities", "a blank tells two apart", read_table(_named(a="fox 1", b="fox1")), look_alike),
        Case("identities", "a hidden letter tells two apart", read_table(_named(a="fox", b="fo\u200bx")), look_alike),
        Case(
            "identities",
            "two forms of one accent",
            read_table(_named(a="Zo\u00eb", b="Zoe\u0308")),
            told("count as one"),
        ),
        Case("identities", "one animal", read_table(text_of(frame(identity="a"))), refused("one individual")),
        Case("identities", "an animal each", read_table(text_of(frame(identity=NAMES))), refused("found again")),
        Case("identities", "none at all", read_table(text_of(frame(identity=""))), refused("nothing to learn")),
        Case("identities", "unknown, all of them", read_table(text_of(frame(identity="unknown"))), refused("nothing")),
        Case("identities", "numbers of a spreadsheet", read_table(_named(a="12.0", b="12")), anything),
    ]


def _splits() -> list[Case]:
    def halves(train, test, *more):
        return [(train if k % 4 < 2 else test) if not more or k % 8 < 4 else more[0] for k in range(len(NAMES))]

    def official(found) -> str:
        wanted = ["train" if k % 4 < 2 else "test" for k in range(len(NAMES))]
        return (
            ""
            if found.split.policy == "official" and found.catalogue.rows[SPLIT].tolist() == wanted
            else "not official"
        )

    good = (
        ("train", "test"),
        ("Train", "TEST"),
        ("database", "query"),
        ("training", "testing"),
        ("gallery", "query"),
        (" train ", "test"),
        ("val", "test"),
    )
    found = [
        Case("splits", f"{a}, {b}", read_table(text_of(frame(split=halves(a, b)))), well(official)) for a, b in good
    ]
    odd = {
        "a typo of test": (halves("train", "tset"), told("'tset'", "did you mean 'test'")),
        "a typo of train": (halves("trian", "test"), told("'trian'", "did you mean 'train'")),
        "a typo in some rows": (halves("train", "test", "tests"), told("'tests'", "did you mean 'test'")),
        "a third part": (halves("train", "test", "holdout"), told("'holdout'")),
        "numbers": (halves("1", "2"), told("'1', '2' are neither")),
        "True and False": (halves("True", "False"), told("neither train nor test")),
        "all of it train": ("train", told("no row of it is called test")),
        "all of it test": ("test", told("no row of it is called train")),
        "empty": ("", same),
        "half of it empty": (halves("train", "test", ""), told("have no split value")),
        "no animal on both sides": (["train" if k < 16 else "test" for k in range(len(NAMES))], told("not used")),
        "words for nothing": ("NA", same),
    }
    return found + [
        Case("splits", name, read_table(text_of(frame(split=v))), expect) for name, (v, expect) in odd.items()
    ]
