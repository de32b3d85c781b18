"""The plan of a sweep: variants that each change one parameter of a base, as files that papermill takes.

    variants/<name>/plan.yaml     the runs in order, and what they are measured against
    variants/<name>/<run>.yaml    what differs from the defaults, and why

The base is the promoted reference (or the defaults while there is none), so every variant can be compared with it.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid_lib.core import files
from reid_lib.core.errors import ParameterError, RunError
from reid_lib.core.names import CHOSEN
from reid_lib.core.paths import VARIANTS, project_root
from reid_lib.params.fields import TrainParams
from reid_lib.params.loss_units import LOSS_DEFAULTS
from reid_lib.params.run_names import short_name, spelled_name
from reid_lib.runs.folder import FINISHED, check_name, load_run, state_of
from reid_lib.runs.naming import choose_name, name_of
from reid_lib.runs.table import read_reference

PLAN = "plan.yaml"
JOB = "slurm.json"  # the last array that was submitted; see `slurm`
DEFAULTS = "the defaults"
# Parameters of a run that are no part of a variant: each variant has its own.
NOT_VARIED = ("run_name", "reference")
ALL = 10**6  # characters: more than any name has


@dataclass(frozen=True)
class Variant:
    """One run of a plan.

    Attributes:
        run: its name.
        params: what differs from the defaults, without the name.
        why: what differs from the base, in words.
    """

    run: str
    params: dict[str, Any]
    why: str


@dataclass(frozen=True)
class Plan:
    """Variants in the order in which they run.

    Attributes:
        folder: where its files lie.
        base: what the variants differ from, in words.
        notes: what was left out while planning; not kept in the files.
    """

    folder: Path
    base: str
    variants: tuple[Variant, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.name

    def file(self, variant: Variant) -> Path:
        """What papermill takes with -f."""
        return self.folder / f"{variant.run}.yaml"


def variants_root() -> Path:
    """The folder of all plans, `variants/`."""
    return project_root() / VARIANTS


def make_plan(
    vary: list[str],
    *,
    name: str = "sweep",
    seeds: int = 1,
    grid: bool = False,
    with_base: bool = True,
    base: dict[str, Any] | None = None,
    force: bool = False,
    root: Path | None = None,
) -> Plan:
    """Write a plan.

    Args:
        vary: "parameter=value,value,...", each of them once.
        name: of the plan.
        seeds: training seeds of each variant, counted from the base's; `split_seed` stays, so all share their queries.
        grid: every combination of values, instead of one change at a time.
        with_base: plan the base itself, too; where it is the reference, its own run stands for its seed.
        base: parameters of the base; None means those of the reference, or the defaults.
        force: replace a plan of this name that says something else.
        root: of the plans; None means `variants/`.

    Raises:
        ParameterError: an unknown parameter or a bad value, told as a notebook would; a plan that is there already.

    Example:
        reid sweep plan --vary margin=0.3,0.5,0.7 --vary lr=1e-4,3e-4 --seeds 3
    """
    folder = (root or variants_root()) / check_name(name)
    if seeds < 1:
        raise ParameterError(f"seeds: expected at least 1; got {seeds}")
    label, values, words = _base(base)
    choices = _choices(vary, values)
    changes = [{}] if with_base else []
    if grid:
        combined = itertools.product(*([(p, v) for v in own] for p, own in choices.items()))
        changes += [dict(combination) for combination in combined] if choices else []
    else:
        changes += [{parameter: value} for parameter, own in choices.items() for value in own]
    changes, notes = _without_base(changes, values)
    changes = [c for k, c in enumerate(changes) if (c or with_base) and c not in changes[:k]]
    variants = [_variant(values, change, seed, label) for change in changes for seed in range(seeds)]
    if not variants:
        raise ParameterError("nothing to run: every value is the base's own; pass --vary PARAMETER=VALUE,VALUE")
    made = Plan(folder, words, tuple(variants), notes)
    _write(made, force=force)
    return made


def load_plan(name: str = "sweep", *, root: Path | None = None) -> Plan:
    """A plan from its files, as they are now.

    Raises:
        ParameterError: there is none, or a file is missing or damaged.
    """
    import yaml

    folder = (root or variants_root()) / check_name(name)
    try:
        stored = yaml.safe_load((folder / PLAN).read_text(encoding="utf-8"))
        variants = []
        for run, why in stored["runs"].items():
            params = yaml.safe_load((folder / f"{check_name(run)}.yaml").read_text(encoding="utf-8"))
            TrainParams.checked(params)
            if params.pop("run_name") != run:
                raise ParameterError(f"{folder / run}.yaml has another run_name: plan again with --force")
            variants.append(Variant(run, params, why))
        return Plan(folder, stored["base"], tuple(variants))
    except FileNotFoundError as error:
        raise ParameterError(
            f"no plan {name!r}: {error.filename} is not there; make one with reid sweep plan --vary ..."
        ) from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(f"the plan in {folder} is damaged ({error!r}): plan again with --force") from error


def is_planned(run: str, *, root: Path | None = None) -> bool:
    """Is a run part of any plan?"""
    folders = [path.parent for path in (root or variants_root()).glob(f"*/{PLAN}")]
    return any(f"{run}.yaml" in _files_of(folder) for folder in folders)


def estimate_seconds(plan: Plan) -> float | None:
    """Training time of what is not finished, one after the other, at the reference's time for an epoch (a larger image
    or network takes longer, evaluation comes on top); None without a trained reference."""
    name = read_reference()
    try:
        history = load_run(name).history() if name else None
    except RunError:  # no estimate is worth an error
        return None
    if history is None or "seconds" not in history or history["seconds"].isna().all():
        return None
    usual = int(history["epoch"].max())  # where the number is left to the photographs
    left = [TrainParams(**v.params).num_epochs or usual for v in plan.variants if state_of(v.run) != FINISHED]
    return float(history["seconds"].mean() * sum(left))


def _base(given: dict[str, Any] | None) -> tuple[str, dict[str, Any], str]:
    """(run name to begin with, what differs from the defaults, words)."""
    if given is not None:
        values = TrainParams.checked(given).differences()
        name = values.pop("run_name", "") or (name_of(TrainParams(**values)) if values else "")
        return name, values, f"{name!r}, as given" if name else DEFAULTS
    name = read_reference()
    if name is None:
        return "", {}, f"{DEFAULTS}, as no run is promoted"
    reference = load_run(name)
    stored, chosen = reference.params, reference.described().get(CHOSEN, [])
    if "run" in stored:
        raise ParameterError(
            f"the reference {name!r} is an evaluation, which no training can vary: promote a trained run, "
            "or pass the base as papermill arguments"
        )
    values = TrainParams.checked(stored).differences()
    return name, {p: v for p, v in values.items() if p not in (*NOT_VARIED, *chosen)}, f"the reference {name!r}"


def _choices(vary: list[str], base: dict[str, Any]) -> dict[str, list]:
    """Parameter -> its values, as TrainParams understands them; everything wrong is told at once."""
    choices, problems = {}, []
    for text in vary:
        name, equals, values = text.partition("=")
        if not equals:
            problems.append(f"--vary {text}: expected PARAMETER=VALUE,VALUE, e.g. --vary lr=1e-4,3e-4")
        elif name in choices:
            problems.append(f"--vary {name} is there twice: give all its values at once")
        elif name in (*NOT_VARIED, "seed"):
            problems.append(f"--vary {name}: " + ("use --seeds N" if name == "seed" else "each variant has its own"))
        else:
            choices[name] = []
            for value in map(str.strip, values.split(",")):
                if len(value.splitlines()) > 1:  # it would end the comment at the head of a plan's file
                    problems.append(f"--vary {name}: expected values of one line each; got {value!r}")
                    continue
                try:
                    params = TrainParams.checked(_changed(base, {name: value})[0])
                    choices[name].append(getattr(params, name))
                except ParameterError as error:
                    problems.append(str(error))
    if problems:
        raise ParameterError("\n".join(dict.fromkeys(problems)))
    return choices


def _changed(base: dict[str, Any], change: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The base with a change, and which of its values had to go: a margin is in units of its loss."""
    values, dropped = dict(base), []
    if "loss" in change and change["loss"] != base.get("loss", TrainParams.model_fields["loss"].default):
        dropped = [p for p in ("margin", "scale") if p in values and p not in change]
        values = {p: v for p, v in values.items() if p not in dropped}
    return values | change, dropped


def _without_base(changes: list[dict], base: dict[str, Any]) -> tuple[list[dict], tuple[str, ...]]:
    """Changes without values that are the base's own, and which those are."""
    own = TrainParams().model_dump() | base
    for what in ("margin", "scale"):  # not given means the loss's own
        if own[what] is None:
            own[what] = getattr(LOSS_DEFAULTS[own["loss"]], what)
    kept, notes = [], {}
    for change in changes:
        other_loss = change.get("loss", own["loss"]) != own["loss"]
        same = [p for p, v in change.items() if v == own[p] and not (other_loss and p in ("margin", "scale"))]
        kept.append({p: v for p, v in change.items() if p not in same})
        notes |= {f"{p} {change[p]} is the base's own": None for p in same}
    return kept, tuple(notes)


def _variant(base: dict[str, Any], change: dict[str, Any], seed: int, label: str) -> Variant:
    values, dropped = _changed(base, change)
    first = base.get("seed", TrainParams.model_fields["seed"].default)
    change = change | ({"seed": first + seed} if seed else {})
    params = TrainParams.checked(values | change)
    run = _name_of(base, change, label, params)
    why = ", ".join(f"{p} {v}" for p, v in change.items()) or "the base itself"
    if dropped:
        why += f" (without the base's {' and '.join(dropped)}: another loss has other units)"
    return Variant(check_name(run), {p: v for p, v in params.differences().items() if p not in NOT_VARIED}, why)


def _name_of(base: dict[str, Any], change: dict[str, Any], label: str, params: TrainParams) -> str:
    """Of a base that somebody named, its name and the change. Of any other the name that papermill's arguments lead to:
    one run, whether it is swept or typed, and in whatever order. A longer one is cut, and would lose the change."""
    typed = name_of(params)
    made = label in ("", name_of(TrainParams(**base)))
    if made and (not change or not label or params.default_name() == params.default_name(longest=ALL)):
        return typed
    in_order = {name: change[name] for name in TrainParams.model_fields if name in change}
    return choose_name(short_name(in_order, label), spelled_name(in_order, label)) if change else label


def _write(made: Plan, *, force: bool) -> None:
    """All files of a plan; the same plan again is left as it is.

    Raises:
        ParameterError: another plan has this name.
    """
    import yaml

    def text(values) -> str:
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)

    runs = {v.run: v.why for v in made.variants}
    if len(runs) < len(made.variants):
        raise ParameterError("two variants would have the same run name: give fewer parameters, or shorter values")
    wanted = {PLAN: f"# python -m reid_lib sweep run --name {made.name}\n" + text({"base": made.base, "runs": runs})}
    for v in made.variants:
        head = f"# {v.why[0].upper()}{v.why[1:]}, measured against {made.base}.\n"
        wanted[made.file(v).name] = head + text({"run_name": v.run} | v.params)
    own = [made.folder / name for name in {*wanted, *_files_of(made.folder)}]  # the folder may hold other files, too
    there = {path.name: path.read_text(encoding="utf-8") for path in own if path.exists()}
    if there == wanted:
        return
    if there and not force:
        raise ParameterError(
            f"the plan {made.name!r} is there already and says something else: pass --force to replace it "
            f"(runs stay), or another --name ({made.folder})"
        )
    for name in there:
        (made.folder / name).unlink()
    (made.folder / JOB).unlink(missing_ok=True)  # its tasks were numbered after the plan that is gone
    made.folder.mkdir(parents=True, exist_ok=True)
    # The list of runs comes last: a plan that broke off is none.
    for name, content in sorted(wanted.items(), key=lambda item: item[0] == PLAN):
        with files.atomic(made.folder / name) as path:
            path.write_text(content, encoding="utf-8")


def _files_of(folder: Path) -> list[str]:
    """Files of the plan in a folder, as far as it can be read."""
    import yaml

    try:
        runs = yaml.safe_load((folder / PLAN).read_text(encoding="utf-8"))["runs"]
        return [PLAN, *(f"{check_name(run)}.yaml" for run in runs)]
    except (OSError, yaml.YAMLError, KeyError, TypeError, RunError):
        return []
