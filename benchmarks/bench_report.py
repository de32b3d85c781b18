"""The tables of benchmarks/README.md, written from the JSON files in benchmarks/results/."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS, README = HERE / "results", HERE / "README.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def write_readme() -> None:
    """The tables of README.md, from the JSON files: one for each device, that measured last first."""
    found = sorted(
        (json.loads(path.read_text()) for path in RESULTS.glob("*.json")), key=lambda r: r["date"], reverse=True
    )
    devices = dict.fromkeys(result["machine"]["device"] for result in found)
    of_each = [[result for result in found if result["machine"]["device"] == device] for device in devices]
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(map(report, of_each)) + f"\n\n{END}{after}")


def report(results: list[dict]) -> str:
    """What a device did, newest result first: each comparison as it came out last, and its ratio the time before."""
    latest, before = {}, {}
    for result in results:
        for comparison in result["comparisons"]:
            what = comparison["what"]
            (before.setdefault(what, comparison) if what in latest else latest.setdefault(what, comparison))
    machine = results[0]["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    dates = ", ".join(sorted({result["date"] for result in results}, reverse=True))
    lines = [
        f"### {machine['device']}", "", f"Measured on {dates}. Python {machine['python']}, {versions}.", "",
        "| work | contender | per second | ours is faster by | the run before | asked for | memory added, MB | note |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for what, comparison in latest.items():
        for k, (name, row) in enumerate(comparison["contenders"].items()):
            earlier = before.get(what, {}).get("contenders", {}).get(name)
            ratios = [f"{each['ours_is_faster_by']:.3g} ×" if k and each else "" for each in (row, earlier)]
            more = describe_more(row)
            asked = f"{comparison['target']:.3g} ×" if k == 1 and comparison["target"] else ""
            lines.append(
                f"| {what if k == 0 else ''} | {name.replace('_', ' ')} | {row['per_second']:,.1f} "
                f"{comparison['unit']} | {ratios[0]} | {ratios[1]} | {asked} | {row['added_mb']:,.0f} | {more} |"
            )
    lines += [line for result in results if (line := describe_notebooks(result.get("notebook")))][:2]
    lines += [line for result in results if (line := describe_growth(result.get("growth")))][:1]
    return "\n".join(lines)


def describe_more(row: dict) -> str:
    """What else was measured of a contender."""
    said = [
        ("ready_s", lambda value: f"made ready in {value:.1f} s"),
        ("lowest_cosine", lambda value: f"cosine ≥ {value:.4f}"),
        ("same_neighbours", lambda value: f"{100 * value:.1f} % equal"),
        ("rank_correlation", lambda value: f"rank correlation of the scores with ours {value:.2f}"),
        ("geometric_mean", lambda value: f"geometric mean {value:.4f}"),
        ("loading_share", lambda value: f"loading {100 * value:.1f} % of the epoch"),
        ("gpu_busy", lambda value: f"GPU busy {100 * value:.0f} % of the time"),
    ]
    return ", ".join(words(row[name]) for name, words in said if name in row)


def describe_notebooks(found: dict | None) -> str:
    if not found:
        return ""
    line = (
        f"\ntrain.ipynb through papermill on demo:small, one epoch: {found['seconds']:.1f} s, of which "
        f"{found['overhead_seconds']:.1f} s are neither training nor evaluation."
    )
    if seconds := found.get("default_seconds"):
        line += f" Its defaults, all in: {seconds:.0f} s (asked for: under {found['default_target']} s)."
    return line


def describe_growth(rows: list[dict] | None) -> str:
    said = (f"{r['images']:,} images: {r['per_second']:.0f} a second, {r['added_mb']:.0f} MB" for r in rows or [])
    return f"\nFrom small files to embeddings at 64 px, by number: {'; '.join(said)}." if rows else ""
