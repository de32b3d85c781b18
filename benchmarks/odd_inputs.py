"""What becomes of odd inputs: tables, folders and files of photographs, boxes, dates, splits, parameters.

    python benchmarks/odd_inputs.py [--only tables] [--list]

Each input goes the way a user's would: read, audited, split, decoded; or checked as a notebook's parameters. It ends
well (with or without a note), or in a message of ours. It must neither end in a raw traceback nor take more than a
minute, and where an input says what is to come of it, that is compared: something else without a word is silently
wrong. Exits with 1 where anything is raw or wrong.
"""

import argparse
import os
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from odd_cases import Case, stock_herd

from reid_lib.core.errors import ReidError
from reid_lib.core.messages import counted

LIMIT_S = 60
WELL, NOTED, MESSAGE, RAW, WRONG, REFUSED = (
    *("ends well", "ends well, with a note", "a message of ours", "raw traceback", "silently wrong"),
    "another message",
)
KINDS = (WELL, NOTED, MESSAGE, RAW, WRONG, REFUSED)


class TooLongError(Exception):
    """An input took more than `LIMIT_S`."""


def all_cases() -> list[Case]:
    import odd_annotations
    import odd_folders
    import odd_parameters
    import odd_photographs
    import odd_tables
    import odd_values

    modules = odd_tables, odd_values, odd_folders, odd_photographs, odd_annotations, odd_parameters
    return [case for module in modules for case in module.cases()]


def judge(case: Case, folder: Path) -> tuple[str, str]:
    """How one input ends, and what is to say of it."""
    try:
        signal.alarm(LIMIT_S)
        result = case.run(folder)
    except ReidError as error:
        complaint = case.expect(error)
        return (REFUSED, f"{complaint}: {error}") if complaint else (MESSAGE, str(error))
    except Exception:
        return RAW, traceback.format_exc(limit=-4)
    finally:
        signal.alarm(0)
    if complaint := case.expect(result):
        return WRONG, complaint
    notes = getattr(result, "notes", [])
    return (NOTED, "; ".join(notes)) if notes else (WELL, "")


def print_table(ends: list[tuple[Case, str, str]]) -> None:
    print("| inputs | number | " + " | ".join(KINDS) + " |\n" + "|---" * (len(KINDS) + 2) + "|")
    areas = list(dict.fromkeys(case.area for case, _, _ in ends))
    for area in [*areas, "all"]:
        kinds = Counter(kind for case, kind, _ in ends if area in (case.area, "all"))
        print(f"| {area} | {sum(kinds.values())} | " + " | ".join(str(kinds[kind]) for kind in KINDS) + " |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="areas, or names of inputs, that hold this text")
    parser.add_argument("--list", action="store_true", help="show how each input ends")
    given = parser.parse_args()

    def too_long(*_):
        raise TooLongError(f"more than {LIMIT_S} s")

    signal.signal(signal.SIGALRM, too_long)
    ends = []
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"REID_CACHE": f"{place}/cache", "REID_RUNS": f"{place}/runs"}
        os.environ.pop("REID_DATA", None)
        stock_herd(Path(place) / "stock")
        for number, case in enumerate(all_cases()):
            if given.only not in f"{case.area}: {case.name}":
                continue
            folder = Path(place) / f"{number:03}"
            folder.mkdir()
            ends.append((case, *judge(case, folder)))
    for case, kind, told in ends:
        if given.list or kind in (RAW, WRONG, REFUSED):
            print(f"[{kind}] {case.area}: {case.name}\n    " + told.strip().replace("\n", "\n    "))
    print_table(ends)
    bad = sum(kind in (RAW, WRONG, REFUSED) for _, kind, _ in ends)
    print(f"\n{counted(len(ends), 'input')}, of which {bad} end as none should")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
