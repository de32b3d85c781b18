"""What a finished run leaves for people: report.html and its row in the table of all runs, made where missing."""

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import ALL_METRICS_CSV
from reid_lib.pages import run_report
from reid_lib.runs import table
from reid_lib.runs.folder import RunFolder


def update_table(run: RunFolder) -> None:
    """Bring the table of all runs up to date; whatever keeps it from being written, this run is finished."""
    try:
        table.rewrite_table(run.folder.parent)
    except Exception as error:  # of other runs, or of a folder that is not ours
        LOGGER.warning(
            f"run {run.name!r} is finished, but {ALL_METRICS_CSV} could not be brought up to date ({error}); "
            "the next run that finishes does it"
        )


def is_complete(run: RunFolder) -> bool:
    """Has a finished run its report and its row?"""
    return run_report.has_report(run) and table.is_tabulated(run)


def make_missing(run: RunFolder, *, report: bool = True) -> None:
    """Make report and row of a finished run whose process was stopped before it came to them; what is there stays.

    Args:
        report: False where somebody else leaves it: papermill's engine, when the notebook has ended.
    """
    if report and not run_report.has_report(run):
        run_report.leave_report(run)
    if not table.is_tabulated(run):
        update_table(run)
