"""Is this version slower than an older one? Both on this machine, in turns, by the contenders of bench.py.

    python benchmarks/versions.py 7fa0deb                       # a commit or a tag of this repository
    python benchmarks/versions.py 7fa0deb --only step --rounds 5

Last results may come from another machine; a ratio of two versions in turns does not. The packages are the same for
both. Work that the older version has no contender for is left out, and named.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import draw_photographs, list_comparisons

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NO_CONTENDER = "KeyError"  # how contenders.py ends where it does not know a name


def check_out(commit: str, folder: Path) -> Path:
    """The files of a commit, without a worktree that would have to be removed again."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder


def run_version(root: Path, name: str, options: dict, cache: Path) -> float | None:
    """Seconds of a contender's work in the files of one version; None where it has no such contender."""
    command = [sys.executable, str(root / "benchmarks" / "contenders.py"), name, json.dumps(options)]
    environment = os.environ | {"PYTHONPATH": str(root), "REID_CACHE": str(cache), "TQDM_DISABLE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root)
    if done.returncode and NO_CONTENDER in done.stderr.strip().splitlines()[-1]:
        return None
    if done.returncode:
        raise SystemExit(f"{name} failed in {root}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])["seconds"]


def compare_versions(versions: dict[str, Path], name: str, options: dict, rounds: int, folder: Path) -> list[list]:
    """Seconds of each round: [older, this]; empty where a version has no such contender."""
    found = []
    for number in range(rounds):
        turn = []
        for version, root in versions.items():
            kept = f"{version}-kept" if name.endswith("again") else f"{version}-{number}-{time.time()}"
            turn.append(run_version(root, name, options, folder / kept))
            if turn[-1] is None:
                return []
        found.append(turn)
        print(f"  {name}: {turn[0]:.2f} s before, {turn[1]:.2f} s now", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the older version")
    parser.add_argument("--only", default="", help="parts of bench.py, joined by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    parts, lines = asked.only.split(",") if asked.only else [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["REID_CACHE"] = str(folder / "demo")
        versions = {"older": check_out(asked.commit, folder / "older"), "this": ROOT}
        for comparison in list_comparisons("default"):
            if parts and comparison.part not in parts:
                continue
            options = comparison.options | {"threads": asked.threads}
            if "photos" in options:
                root = folder / f"photos{options['photos']}"
                options["photos"] = str(root if root.exists() else draw_photographs(folder, options["photos"]))
            print(comparison.what, flush=True)
            found = compare_versions(versions, comparison.contenders[0], options, asked.rounds, folder)
            ratio = statistics.median(before / now for before, now in found) if found else None
            told = f"{ratio:.2f} × as fast" if ratio else f"no {comparison.contenders[0]} before"
            lines.append(f"| {comparison.what} | {told} |")
    print("\n| work | this version beside " + asked.commit + " |\n|---|---|\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
