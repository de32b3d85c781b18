"""The command line: `python -m reid_lib name | folder | state | show | stop | report | download | runs | sweep`."""

import argparse
import signal
import sys
import traceback

from reid_lib.cli import sweep
from reid_lib.core.errors import ReidError, RunError
from reid_lib.core.messages import ERROR, STOPPED, TRACEBACK, in_words
from reid_lib.params.papermill import PAPERMILL_HELP, papermill_params


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors are one message on stderr, after their traceback if that is asked
    for."""
    typed = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    options, rest = parser.parse_known_args([word for word in typed if word != TRACEBACK])  # wherever it stands
    if rest and not getattr(options, "takes_papermill", False):
        parser.error(f"unrecognised arguments: {' '.join(rest)}")
    options.papermill = rest
    try:
        options.command(options)
    except (ReidError, OSError) as error:
        if TRACEBACK in typed:
            traceback.print_exc()
        print(f"{ERROR} {in_words(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{STOPPED} by Ctrl-C", file=sys.stderr)
        return 128 + signal.SIGINT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reid_lib", description="Open-set animal re-identification.")
    parser.add_argument(TRACEBACK, action="store_true", help="where in the code an error came up; anywhere on the line")
    commands = parser.add_subparsers(required=True, metavar="command")
    name = commands.add_parser("name", help="the run name that papermill arguments lead to", epilog=PAPERMILL_HELP)
    name.add_argument("--notebook", default="train", help="train, evaluate, or the file that papermill is to execute")
    name.set_defaults(command=_name, takes_papermill=True)
    folder = commands.add_parser("folder", help="the folder of a run")
    folder.add_argument("run")
    folder.set_defaults(command=_folder)
    show = commands.add_parser("show", help="the headline result of a run")
    show.add_argument("run")
    show.set_defaults(command=_show)
    state = commands.add_parser(
        "state", help="planned (by a sweep), running, interrupted, failed, finished or unreadable"
    )
    state.add_argument("run")
    state.set_defaults(command=_state)
    stop = commands.add_parser("stop", help="ask a run on this machine to write a checkpoint and stop")
    stop.add_argument("run")
    stop.set_defaults(command=_stop)
    report = commands.add_parser("report", help="write report.html of a finished run again")
    report.add_argument("run")
    report.set_defaults(command=_report)
    download = commands.add_parser(
        "download", help="fetch data set and backbone of a run beforehand", epilog=PAPERMILL_HELP
    )
    download.set_defaults(command=_download, takes_papermill=True)
    runs = commands.add_parser("runs", help="all runs, the reference marked; 'runs promote RUN' sets the reference")
    runs.add_argument("action", nargs="?", choices=("promote",))
    runs.add_argument("run", nargs="?")
    runs.add_argument("--best", action="store_true", help="promote the best on val, if it beats the reference")
    runs.set_defaults(command=_runs)
    sweep.add_parser(commands, PAPERMILL_HELP)
    return parser


def _name(options) -> None:
    from reid_lib.runs.folder import folder_of

    params = papermill_params(options.papermill, options.notebook)
    print(folder_of(params.run_name or params.default_name()).name)


def _folder(options) -> None:
    from reid_lib.runs.folder import folder_of

    print(folder_of(options.run))


def _show(options) -> None:
    from reid_lib.openset.summary import headline
    from reid_lib.runs.folder import load_run

    run = load_run(options.run)
    print(headline(run.metrics()))
    print(f"run folder: {run.folder}")


def _report(options) -> None:
    from reid_lib.pages.run_report import write_report
    from reid_lib.runs.folder import load_run

    print(f"report: {write_report(load_run(options.run))}")


def _download(options) -> None:
    from reid_lib.cli.fetch import fetch

    fetch(papermill_params(options.papermill))


def _state(options) -> None:
    from reid_lib.runs.folder import PLANNED, no_such_run, state_of
    from reid_lib.sweep.plan import is_planned

    state = state_of(options.run)
    if state == PLANNED and not is_planned(options.run):
        raise RunError(no_such_run(options.run))
    print(state)


def _stop(options) -> None:
    from reid_lib.runs.run import ask_to_stop

    ask_to_stop(options.run)
    print(f"{options.run} is asked to stop after the step at hand; run it again and it continues")


def _runs(options) -> None:
    from reid_lib.runs import table

    if options.best and (options.action != "promote" or options.run):
        raise ReidError("--best chooses the run by itself: python -m reid_lib runs promote --best")
    if options.best:
        from reid_lib.compare.promote import choose_best

        choice = choose_best()
        if choice.run:
            table.promote(choice.run)
        print(choice.text)
    elif options.action == "promote":
        if not options.run:
            raise ReidError("which run? python -m reid_lib runs promote RUN")
        table.promote(options.run)
        print(f"{options.run} is the reference now")
    else:
        print(table.overview())
