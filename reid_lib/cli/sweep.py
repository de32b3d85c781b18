"""`python -m reid_lib sweep plan | submit | run | status | variant`."""

import argparse
import sys

from reid_lib.core.errors import ReidError
from reid_lib.params.papermill import papermill_values


def add_parser(commands, papermill_help: str) -> None:
    """The sweep's commands, below those of `python -m reid_lib`."""
    sweep = commands.add_parser("sweep", help="plan variants of the reference, run them, see how far they are")
    actions = sweep.add_subparsers(required=True, metavar="plan | submit | run | status | variant")
    of_base = f"The base may be given, too: {papermill_help}"
    plan = actions.add_parser("plan", help="write the variants", epilog=of_base)
    submit = actions.add_parser("submit", help="plan, and submit as a Slurm job array", epilog=of_base)
    for action in (plan, submit):
        action.add_argument(
            "--vary", action="append", default=[], metavar="PARAMETER=VALUE,VALUE", help="may be repeated"
        )
        action.add_argument("--seeds", type=int, default=1, metavar="N", help="training seeds of each variant (1)")
        action.add_argument("--grid", action="store_true", help="all combinations, instead of one change at a time")
        action.add_argument("--no-base", action="store_true", help="leave the base itself out")
        action.add_argument("--force", action="store_true", help="replace a plan of this name")
        action.set_defaults(takes_papermill=True)
    plan.set_defaults(command=_plan)
    submit.add_argument("--parallel", type=int, default=3, metavar="N", help="tasks at a time (3)")
    submit.add_argument("--sbatch", default="", metavar="OPTIONS", help='for sbatch: "--time=2:00:00 --partition=gpu"')
    submit.set_defaults(command=_submit)
    run = actions.add_parser("run", help="run what is not finished")
    run.add_argument("--parallel", type=int, default=1, metavar="N", help="runs at a time (1)")
    run.add_argument("--only", type=int, metavar="K", help="the K-th variant alone, counted from 0")
    run.set_defaults(command=_run)
    status = actions.add_parser("status", help="how far each run is")
    status.set_defaults(command=_status)
    variant = actions.add_parser("variant", help="name of the K-th run of a plan, counted from 0")
    variant.add_argument("number", type=int, metavar="K")
    instead = variant.add_mutually_exclusive_group()
    instead.add_argument("--file", action="store_true", help="its file, which papermill takes with -f, instead")
    instead.add_argument("--arguments", action="store_true", help="its arguments of papermill, one a line, instead")
    variant.set_defaults(command=_variant)
    for action in (plan, submit, run, status, variant):
        action.add_argument("--name", default="sweep", help="name of the plan (sweep)")


def _plan(options: argparse.Namespace) -> None:
    _made(options)
    print(f"run them: python -m reid_lib sweep run{_name(options)} --parallel 2")


def _submit(options: argparse.Namespace) -> None:
    from reid_lib.sweep import slurm
    from reid_lib.sweep.plan import load_plan

    # Without --vary it is the plan that is there: what is finished of it will not run again.
    plan = _made(options) if options.vary else load_plan(options.name)
    job = slurm.submit(plan, parallel=options.parallel, options=options.sbatch)
    print(f"submitted as job {job}; python -m reid_lib sweep status{_name(options)} shows how far it is")


def _made(options: argparse.Namespace):
    from reid_lib.sweep import plan
    from reid_lib.sweep.status import duration

    made = plan.plan(
        options.vary,
        name=options.name,
        seeds=options.seeds,
        grid=options.grid,
        with_base=not options.no_base,
        base=papermill_values(options.papermill) if options.papermill else None,
        force=options.force,
    )
    print(f"{len(made.variants)} runs, measured against {made.base}, in {made.folder}:")
    for k, variant in enumerate(made.variants):
        print(f"  {k}  {variant.run}: {variant.why}")
    for note in made.notes:
        print(f"note: {note}")
    if seconds := plan.expected_seconds(made):
        print(f"about {duration(seconds)} of training one after the other, by the time of the reference")
    return made


def _run(options: argparse.Namespace) -> None:
    from reid_lib.sweep.plan import load_plan
    from reid_lib.sweep.runner import Sweep, threads
    from reid_lib.sweep.status import Screen

    if share := threads(options.parallel):
        print(f"each run computes with {share} threads; one that continues exactly needs the same OMP_NUM_THREADS")
    sweep = Sweep(load_plan(options.name), parallel=options.parallel, only=options.only, show=Screen())
    try:
        failed = sweep.run()
    except KeyboardInterrupt:
        print(f"stopped; python -m reid_lib sweep run{_name(options)} continues", file=sys.stderr)
        sys.exit(130)
    if failed:
        told = "\n".join(f"  {run}: {reason}" for run, reason in failed.items())
        raise ReidError(f"{len(failed)} runs failed twice; the others are done:\n{told}")


def _status(options: argparse.Namespace) -> None:
    from reid_lib.sweep import slurm
    from reid_lib.sweep.plan import load_plan
    from reid_lib.sweep.status import status, table_text

    plan = load_plan(options.name)
    table = status(plan)
    if told := slurm.states(plan):
        table.insert(2, "slurm", table["run"].map(told).fillna(""))
    print(table_text(table))


def _variant(options: argparse.Namespace) -> None:
    from reid_lib.sweep.plan import load_plan
    from reid_lib.sweep.runner import papermill_arguments
    from reid_lib.sweep.status import DIFFERS, status

    plan = load_plan(options.name)
    if not 0 <= options.number < len(plan.variants):
        raise ReidError(
            f"variant {options.number} of the plan {plan.name!r}: expected 0 to {len(plan.variants) - 1}, "
            f"so --array=0-{len(plan.variants) - 1}"
        )
    chosen = plan.variants[options.number]
    row = status(plan).iloc[options.number]
    if row["state"] == DIFFERS:
        raise ReidError(f"variant {options.number}, {row['note']}")
    if options.arguments:
        print(*papermill_arguments(plan, chosen), sep="\n")
    else:
        print(plan.file(chosen) if options.file else chosen.run)


def _name(options: argparse.Namespace) -> str:
    return "" if options.name == "sweep" else f" --name {options.name}"
