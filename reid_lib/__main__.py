"""A small command line: `python -m reid_lib name | folder | show | report | runs`."""

import argparse
import base64
import sys

from reid_lib.errors import ReidError

PAPERMILL_HELP = "arguments as papermill takes them: -p NAME VALUE, -r NAME TEXT, -f FILE, -y YAML, -b BASE64"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors are one message on stderr."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command is not _name:
        parser.error(f"unrecognised arguments: {' '.join(rest)}")
    options.papermill = rest
    try:
        options.command(options)
    except ReidError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reid_lib", description="Open-set animal re-identification.")
    commands = parser.add_subparsers(required=True, metavar="command")
    name = commands.add_parser("name", help="the run name that papermill arguments lead to", epilog=PAPERMILL_HELP)
    name.add_argument("--notebook", choices=("train", "evaluate"), default="train")
    name.set_defaults(command=_name)
    folder = commands.add_parser("folder", help="the folder of a run")
    folder.add_argument("run")
    folder.set_defaults(command=_folder)
    show = commands.add_parser("show", help="the headline result of a run")
    show.add_argument("run")
    show.set_defaults(command=_show)
    report = commands.add_parser("report", help="write report.html of a finished run again")
    report.add_argument("run")
    report.set_defaults(command=_report)
    runs = commands.add_parser("runs", help="all runs, the reference marked; 'runs promote RUN' sets the reference")
    runs.add_argument("action", nargs="?", choices=("promote",))
    runs.add_argument("run", nargs="?")
    runs.add_argument("--best", action="store_true", help="promote the best on val, if it beats the reference")
    runs.set_defaults(command=_runs)
    return parser


def papermill_values(arguments: list[str]) -> dict:
    """What papermill would inject for these arguments.

    papermill itself parses them, in the order it applies them: base64, files, YAML, then -p and -r.

    Raises:
        ReidError: papermill could not read them either.
    """
    import yaml
    from papermill import cli
    from papermill.exceptions import PapermillException

    try:
        given = cli.papermill.make_context("papermill", ["in.ipynb", "out.ipynb", *arguments]).params
    except cli.click.ClickException as error:
        raise ReidError(f"papermill does not take these arguments: {error.format_message()}") from error
    values = {}
    try:
        for text in given["parameters_base64"]:
            values |= yaml.load(base64.b64decode(text), Loader=cli.NoDatesSafeLoader) or {}
        for path in given["parameters_file"]:
            values |= cli.read_yaml_file(path) or {}
        for text in given["parameters_yaml"]:
            values |= yaml.load(text, Loader=cli.NoDatesSafeLoader) or {}
    except (OSError, ValueError, TypeError, yaml.YAMLError, PapermillException) as error:
        raise ReidError(f"these arguments hold no parameters: expected name: value in YAML; {error}") from error
    values |= {name: cli._resolve_type(value) for name, value in given["parameters"]}
    return values | dict(given["parameters_raw"])


def _name(options) -> None:
    from reid_lib.params import EvaluateParams, TrainParams
    from reid_lib.runs import check_name

    kind = TrainParams if options.notebook == "train" else EvaluateParams
    params = kind.checked(papermill_values(options.papermill))
    print(check_name(params.run_name or params.default_name()))


def _folder(options) -> None:
    from reid_lib.paths import runs_root
    from reid_lib.runs import check_name

    print(runs_root() / check_name(options.run))


def _show(options) -> None:
    from reid_lib.runs import load_run
    from reid_lib.stats import headline

    run = load_run(options.run)
    print(headline(run.metrics()))
    print(f"run folder: {run.folder}")


def _report(options) -> None:
    from reid_lib.reports import write_report
    from reid_lib.runs import load_run

    print(f"report: {write_report(load_run(options.run))}")


def _runs(options) -> None:
    from reid_lib import runtable

    if options.best and (options.action != "promote" or options.run):
        raise ReidError("--best chooses the run by itself: python -m reid_lib runs promote --best")
    if options.best:
        from reid_lib.choose import choose_best

        choice = choose_best()
        if choice.run:
            runtable.promote(choice.run)
        print(choice.text)
    elif options.action == "promote":
        if not options.run:
            raise ReidError("which run? python -m reid_lib runs promote RUN")
        runtable.promote(options.run)
        print(f"{options.run} is the reference now")
    else:
        print(runtable.overview())


if __name__ == "__main__":
    sys.exit(main())
