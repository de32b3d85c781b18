"""Which run to promote: the best on val, where it differs from the reference beyond chance. No test label is read."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from reid_lib.compare.replicates import cached_resample
from reid_lib.compare.variants import METRIC, Variant, group_variants
from reid_lib.core.errors import ParameterError, RunError
from reid_lib.core.names import PREDICTIONS_CSV, SCORE, VAL
from reid_lib.openset import difference
from reid_lib.runs import table
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.pairing import pair_seeds


@dataclass(frozen=True)
class Choice:
    """What `choose_best` found.

    Attributes:
        run: name of the run to promote; None where the reference stays.
        reference: name of the reference so far; None where there is none.
        table: one row per variant, best first: run, seeds, val (geometric mean), and, where there is a reference, the
            columns of `difference.judge`.
        text: all of it for a person.
    """

    run: str | None
    reference: str | None
    table: pd.DataFrame
    text: str


def choose_best(root: Path | None = None) -> Choice:
    """The variant with the highest geometric mean on val, averaged over its seeds, that beats the reference.

    Runs that differ only in their seed are one variant; the run promoted is its best one on val. Candidates were asked
    the same test queries as the reference. A variant beats it when the paired interval of the difference on val
    excludes 0, corrected for the number of variants (Holm); `pairing` says which seeds are pairs. Without a reference
    the best is promoted and nothing compared. A run whose predictions cannot be read is left out, and told.

    Raises:
        RunError: no finished run; a reference that cannot be read; no reference, and runs of different test queries.
    """
    finished, lost = {}, []
    for run in table.list_complete(root):
        try:
            run.look_at(PREDICTIONS_CSV, (SCORE,))
            finished[run.name] = run
        except RunError as error:
            lost.append(f"note: {run.name} is left out: {error}")
    choice = _choice(finished, table.read_reference(root))
    return replace(choice, text="\n".join([choice.text, *lost]))


def _choice(finished: dict[str, RunFolder], reference: str | None) -> Choice:
    if not finished:
        raise RunError("no finished run to choose from: make one with 'make train'")
    if reference is not None and reference not in finished:
        raise RunError(f"the reference {reference!r} is not a finished run here: promote another by name")
    asked = {name: run.metrics()["test_fingerprint"] for name, run in finished.items()}
    if reference is None and len(set(asked.values())) > 1:
        raise RunError(
            f"there is no reference, and the {len(finished)} finished runs were asked {len(set(asked.values()))} "
            "different sets of test queries: promote one by name, and it decides which are compared"
        )
    wanted = asked[reference] if reference else next(iter(asked.values()))
    # The reference last: of runs that differ in nothing but their name, it is the one that stands for them.
    names = [name for name in finished if asked[name] == wanted and (name == reference or not _repeats(finished[name]))]
    names.sort(key=lambda name: name == reference)
    variants = group_variants([finished[name] for name in names])
    if not variants:
        raise RunError("no finished run has a geometric mean on val: promote one by name")
    if reference is None:
        return _first(variants)
    own = next((key for key, v in variants.items() if reference in {run.name for run in v.runs.values()}), None)
    if own is None:
        raise RunError(f"the reference {reference!r} has no geometric mean on val: promote another by name")
    return _against(variants, own, reference)


def _repeats(run: RunFolder) -> bool:
    """Whether it is the evaluation of another run, which stands for itself."""
    return bool(run.params.get("run"))


def _difference(a: Variant, b: Variant, reference: str) -> difference.Difference | None:
    """a minus b, the reference's variant, over their pairs of seeds; None where they were asked other queries."""
    first = next((seed for seed, run in b.runs.items() if run.name == reference), None)
    pairs = [(a.runs[one], b.runs[other]) for one, other in pair_seeds(a.runs, b.runs, first=first)]
    return difference_of(pairs, metric=METRIC, role=VAL)


def difference_of(pairs: list[tuple[RunFolder, RunFolder]], *, metric: str, role: str) -> difference.Difference | None:
    """`difference.measure_difference` of pairs of runs; None where they were asked other queries."""
    options = {"metric": metric, "role": role}
    try:
        return difference.measure_difference([tuple(cached_resample(run, **options) for run in pair) for pair in pairs])
    except ParameterError:
        return None


def _first(variants: dict[str, Variant]) -> Choice:
    table = _table(variants)
    best = table["run"].iloc[0]
    text = f"{best} has the highest geometric mean on val. There was no reference: nothing was compared."
    return Choice(best, None, table, f"{text}\n\n{_shown(table)}")


def _against(variants: dict[str, Variant], own: str, reference: str) -> Choice:
    found = {v.best: _difference(v, variants[own], reference) for key, v in variants.items() if key != own}
    table = _table(variants).merge(difference.judge(found), left_on="run", right_on="candidate", how="left")
    table = table.drop(columns="candidate")
    better = table.loc[table["verdict_holm"] == difference.BETTER, "run"]
    ahead = table.loc[(table["difference"] > 0) & (table["verdict_holm"] != difference.UNDEFINED), "run"]
    many = f", corrected for {len(found)} variants" if len(found) > 1 else ""
    if len(better):
        run = better.iloc[0]
        d = found[run]
        text = (
            f"{run} beats the reference {reference} on val: geometric mean {_signed(d)}{many} ({d.basis}). "
            "It is the reference now."
        )
    elif not found:
        run, text = None, f"{reference} stays the reference: there is no other variant of the same test queries."
    elif not len(ahead):
        run, text = None, f"{reference} stays the reference: no other variant is ahead of it on val."
    else:
        run, d = None, found[ahead.iloc[0]]
        more = difference.describe_needed(d)
        if d.verdict == difference.BETTER:  # but for the correction
            more = f"fewer candidates, or more individuals or seeds (p {d.p:.3f} before the correction)"
        text = (
            f"{reference} stays the reference. {ahead.iloc[0]} is ahead on val, geometric mean {_signed(d)}{many}, but "
            f"the two cannot be told apart ({d.basis}). Needed if the difference is real: {more}."
        )
    return Choice(run, reference, table, f"{text}\n\n{_shown(table)}")


def _table(variants: dict[str, Variant]) -> pd.DataFrame:
    return pd.DataFrame([{"run": v.best, "seeds": len(v.runs), "val": v.mean} for v in variants.values()])


def _signed(d: difference.Difference) -> str:
    return f"{d.value:+z.3f} ({d.low:+z.3f} to {d.high:+z.3f})"


def _shown(table: pd.DataFrame) -> str:
    columns = ["run", "seeds", "val", "difference", "low", "high", "p_holm", "verdict_holm"]
    shown = table[[column for column in columns if column in table]].rename(columns={"verdict_holm": "verdict"})
    return shown.to_string(index=False, float_format="{:.3f}".format, na_rep="")
