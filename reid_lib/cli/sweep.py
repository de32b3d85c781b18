"""`reid sweep plan | submit | run | status | variant`."""

import sys
from typing import TYPE_CHECKING

import click

from reid_lib.cli.commands import PapermillCommand, as_json, echo_json, example, program, with_options
from reid_lib.cli.completion import PLAN
from reid_lib.core.errors import ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.params.papermill import papermill_values

if TYPE_CHECKING:
    from reid_lib.sweep.plan import Plan

PLAN_NAME = "sweep"
of_plan = click.option("--name", default=PLAN_NAME, type=PLAN, metavar="NAME", help="Name of the plan (sweep).")
of_variants = with_options(
    click.option("--vary", multiple=True, metavar="PARAMETER=VALUE,VALUE", help="May be repeated."),
    click.option("--seeds", type=int, default=1, metavar="N", help="Training seeds of each variant (1)."),
    click.option("--grid", is_flag=True, help="All combinations, instead of one change at a time."),
    click.option("--no-base", is_flag=True, help="Leave the base itself out."),
    click.option("--force", is_flag=True, help="Replace a plan of this name."),
)


@click.group(epilog=example("sweep plan --vary margin=0.2,0.4 --seeds 2", "sweep run --parallel 2"))
def sweep() -> None:
    """Plan variants of the reference, run them, see how far they are."""


@sweep.command(
    "plan", cls=PapermillCommand, epilog=example("sweep plan --vary margin=0.2,0.4 --vary lr=3e-4 --seeds 2")
)
@of_plan
@of_variants
def plan_variants(name: str, **asked) -> None:
    """Write the variants. The base may be given, too, as papermill's arguments."""
    _make_plan(name, **asked)
    click.echo(f"run them: {program()} sweep run{_named(name)} --parallel 2")


@sweep.command(cls=PapermillCommand, epilog=example('sweep submit --vary margin=0.2,0.4 --sbatch "--time=2:00:00"'))
@of_plan
@of_variants
@click.option("--parallel", type=int, default=3, metavar="N", help="Tasks at a time (3).")
@click.option("--sbatch", default="", metavar="OPTIONS", help='For sbatch: "--time=2:00:00 --partition=gpu".')
def submit(name: str, parallel: int, sbatch: str, **asked) -> None:
    """Plan, and submit as a Slurm job array. Without --vary the plan that is there is submitted."""
    from reid_lib.sweep import slurm
    from reid_lib.sweep.plan import load_plan

    # Without --vary it is the plan that is there: what is finished of it will not run again.
    plan = _make_plan(name, **asked) if asked["vary"] else load_plan(name)
    job = slurm.submit(plan, parallel=parallel, options=sbatch)
    click.echo(f"submitted as job {job}; {program()} sweep status{_named(name)} shows how far it is")


@sweep.command(epilog=example("sweep run --parallel 2"))
@of_plan
@click.option("--parallel", type=int, default=1, metavar="N", help="Runs at a time (1).")
@click.option("--only", type=int, metavar="K", help="The K-th variant alone, counted from 0.")
def run(name: str, parallel: int, only: int | None) -> None:
    """Run what is not finished."""
    from reid_lib.sweep.plan import load_plan
    from reid_lib.sweep.runner import Sweep, count_threads
    from reid_lib.sweep.status import Screen

    if share := count_threads(parallel):
        click.echo(f"each run computes with {share} threads; one that continues exactly needs the same OMP_NUM_THREADS")
    plan = load_plan(name)
    try:
        failed = Sweep(plan, parallel=parallel, only=only, show=Screen()).run()
    except KeyboardInterrupt:
        click.echo(f"stopped; {program()} sweep run{_named(name)} continues", err=True)
        sys.exit(130)
    if only is None:
        _tell_verdict(plan)
    if failed:
        told = "\n".join(f"  {run}: {reason}" for run, reason in failed.items())
        raise ReidError(f"{counted(len(failed), 'run')} failed twice; the others are done:\n{told}")


def _tell_verdict(plan: "Plan") -> None:
    """How the sweep ended; where it cannot be said, the runs are finished all the same."""
    from reid_lib.sweep.verdict import describe_verdict

    try:
        click.echo(f"\n{describe_verdict(plan)}")
    except (ReidError, OSError) as error:
        LOGGER.warning(f"no verdict: {error}")


@sweep.command(epilog=example("sweep status", "sweep status --json"))
@of_plan
@as_json
def status(name: str, as_json: bool) -> None:
    """How far each run is."""
    from reid_lib.sweep import slurm
    from reid_lib.sweep.plan import load_plan
    from reid_lib.sweep.status import format_table, tabulate_status

    plan = load_plan(name)
    table = tabulate_status(plan)
    if told := slurm.ask_states(plan):
        table.insert(2, "slurm", table["run"].map(told).fillna(""))
    if as_json:
        echo_json({"plan": plan.name, "base": plan.base, "runs": table.to_dict("records")})
    else:
        click.echo(format_table(table))


@sweep.command(epilog=example("sweep variant 0", "sweep variant 0 --file"))
@click.argument("number", type=int, metavar="K", help="Counted from 0, as the plan lists them.")
@of_plan
@click.option("--file", is_flag=True, help="Its file, which papermill takes with -f, instead.")
@click.option("--arguments", is_flag=True, help="Its arguments of papermill, one a line, instead.")
def variant(number: int, name: str, file: bool, arguments: bool) -> None:
    """Name of the K-th run of a plan, counted from 0."""
    from reid_lib.sweep.plan import load_plan
    from reid_lib.sweep.runner import papermill_arguments
    from reid_lib.sweep.status import DIFFERS, tabulate_status

    if file and arguments:
        raise click.UsageError("--file and --arguments are two answers: ask for one of them.")
    plan = load_plan(name)
    if not 0 <= number < len(plan.variants):
        raise ReidError(
            f"variant {number} of the plan {plan.name!r}: expected 0 to {len(plan.variants) - 1}, "
            f"so --array=0-{len(plan.variants) - 1}"
        )
    chosen = plan.variants[number]
    row = tabulate_status(plan).iloc[number]
    if row["state"] == DIFFERS:
        raise ReidError(f"variant {number}, {row['note']}")
    if arguments:
        click.echo("\n".join(papermill_arguments(plan, chosen)))
    else:
        click.echo(plan.file(chosen) if file else chosen.run)


def _make_plan(
    name: str, *, vary: tuple[str, ...], seeds: int, grid: bool, no_base: bool, force: bool, papermill: tuple[str, ...]
) -> "Plan":
    """Write the plan and say what is in it."""
    from reid_lib.core.messages import format_duration
    from reid_lib.sweep import plan

    base = papermill_values(list(papermill)) if papermill else None
    made = plan.make_plan(list(vary), name=name, seeds=seeds, grid=grid, with_base=not no_base, base=base, force=force)
    click.echo(f"{counted(len(made.variants), 'run')}, measured against {made.base}, in {made.folder}:")
    for k, variant in enumerate(made.variants):
        click.echo(f"  {k}  {variant.run}: {variant.why}")
    for note in made.notes:
        click.echo(f"note: {note}")
    if seconds := plan.estimate_seconds(made):
        click.echo(f"about {format_duration(seconds)} of training one after the other, by the time of the reference")
    return made


def _named(name: str) -> str:
    return "" if name == PLAN_NAME else f" --name {name}"
