"""report.html of a run that has ended: its executed notebook without the code, one file that a browser opens.

Nothing in it is loaded from elsewhere. nbconvert is imported where it is used: that takes a second or two.
"""

import base64
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from reid_lib.core import files
from reid_lib.core.errors import ParameterError, RunError
from reid_lib.core.kernel import quick_imports
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    EVALUATE_NOTEBOOK,
    FIGURES,
    METRICS_JSON,
    PARAMS_JSON,
    REPORT_HTML,
    TEST,
    TRAIN_NOTEBOOK,
)
from reid_lib.core.paths import runs_root
from reid_lib.pages.html import render_part, render_template
from reid_lib.pages.notebook_page import render_notebook
from reid_lib.pages.reproduce import describe_command, describe_cost
from reid_lib.params.cells import cells_before_reading, literals_of_cells
from reid_lib.params.fields import TrainParams, kind_of
from reid_lib.runs.folder import FAILED, FINISHED, INTERRUPTED, RunFolder

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = (TRAIN_NOTEBOOK, EVALUATE_NOTEBOOK)  # as `make train` leaves them in the run folder
# Name of a figure -> its caption where no notebook's prose stands around it; in this order.
CAPTIONS = {
    "photographs": "One animal a row, a photograph of each of its encounters.",
    "loss": "Loss by epoch.",
    "scores": "Open-set scores on the validation photographs, by epoch.",
    "score_distributions": "How alike the test photographs are to their nearest known individual.",
    "threshold": "BAKS and BAUS on val at every threshold; the threshold is fitted there.",
    "confusion": "What became of the test photographs.",
    "projection": "Embeddings in two dimensions: photographs that the model finds alike lie close.",
    "retrieval": "Queries and the nearest photographs of the gallery.",
    "animals": "Results of each animal: who is named well, and who is not.",
    "encounters": "Answers to the photographs of each encounter.",
    "detection": "CMC curve (is the animal among the k most alike?) and DET curve (misses against false alarms).",
    "calibration": "How far the probability of the best candidate can be believed, on test.",
    "mistakes": "The most confident mistakes: known animals that were called new, unknown ones that were given a name.",
    "masks": "What the mask takes for the animal, in photographs where it has probably failed and in some others.",
    "same_photos": "Queries (left) and gallery images that are one photograph: they say nothing of recognition.",
    "matches": "Where queries and their best candidates are alike, for every kind of outcome.",
    "doubtful": "Wrong and doubtful answers: where the photographs are alike.",
    "reliability": "How far the probabilities of pairs can be believed.",
    "clusters": "Clusters of the test photographs by animal: how right they are, and how many individuals were found.",
    "leak": "The same embeddings under a random split: what the background gives away.",
}
# How a report ends: a flipped digit in it is noticed.
END, SEAL = b"</html>", re.compile(rb"<!-- crc32 ([0-9a-f]{8}) --></html>$")
LONGEST_SEAL = 64  # bytes
ERROR_CELL = "papermill-error-cell-tag"
SAYS_RUN = re.compile(r"^run '([^']+)' (?:on |is finished)", re.M)  # as pipeline.start prints it


def write_report(run: RunFolder, notebook: Path | None = None) -> Path:
    """Write report.html of a finished run, whole or not at all; returns its path.

    Shown is the notebook given; else the executed train.ipynb or evaluate.ipynb of the run folder, when it ran to its
    end and is this run's; else what the run's own files say.

    Raises:
        RunError: the run is not finished, the notebook given cannot be read or is another run's, or the disk is full.
    """
    _check_finished(run)
    if notebook is not None:
        shown = _read(notebook)
        if shown is None:
            raise RunError(f"{notebook} is no notebook that can be read: expected an executed .ipynb file")
        if other := _of_another_run(shown, run):
            raise RunError(f"{notebook} is not the notebook of run {run.name!r}: {other}")
    else:
        shown = _executed(run)
    return _write(run, shown)


def leave_report(run: RunFolder, notebook: Any = None) -> None:
    """Write report.html of a run that has ended, or is about to; a failure is a note, never an error.

    Args:
        run: finished or not.
        notebook: as it was executed, to its end or not; None: as `write_report` finds it.
    """
    try:
        with quick_imports():
            import nbconvert  # noqa: F401
        if notebook is None or (run.finished and not _ran_through(notebook)):
            _write(run, _executed(run))
        else:
            _write(run, _as_far_as_it_came(notebook))
    except Exception as error:  # whatever it is: the results are complete, and the report can be made again
        again = f"reid report {run.name}"
        LOGGER.warning(f"no {REPORT_HTML} ({type(error).__name__}: {error}); again: {again}")


def worked_on(notebook: Any) -> RunFolder | None:
    """The run that an executed notebook worked on, as its output says; None where there is none."""
    told = SAYS_RUN.findall(_printed(notebook))
    run = RunFolder(runs_root() / told[-1]) if told else None
    return run if run is not None and run.path(PARAMS_JSON).exists() else None


def has_report(run: RunFolder) -> bool:
    """Is there a report, to its last line and as it was written?"""
    try:
        content = run.path(REPORT_HTML).read_bytes().rstrip()
    except OSError:
        return False
    if not (sealed := SEAL.search(content, max(0, len(content) - LONGEST_SEAL))):
        return content.endswith(END)  # of a version before
    return zlib.crc32(content[: sealed.start()]) == int(sealed[1], 16)


def assemble_report(run: RunFolder) -> "NotebookNode":
    """A notebook (nbformat 4) made of the run's files: parameters, notes, metrics and figures."""
    from nbformat import v4

    from reid_lib.discover.measures import tabulate_discovery
    from reid_lib.figures.labels import metric_label
    from reid_lib.openset.summary import ON_VAL, judged_role, tabulate_summary

    described = run.described()
    cells = [v4.new_markdown_cell("## Parameters that differ from the defaults"), _html_cell(_parameters(described))]
    if notes := described.get("notes"):
        cells += [v4.new_markdown_cell("## The data"), _html_cell(render_part("items", notes))]
    role = judged_role(run.metrics())
    metrics = tabulate_summary(run.metrics()[role]).rename(index=metric_label)
    where = "on test" if role == TEST else ON_VAL
    cells += [v4.new_markdown_cell(f"## Metrics {where}, with 95 % intervals"), _html_cell(metrics.to_html())]
    if (found := run.metrics().get("discovery")) and found[TEST]["counts"]:
        text = tabulate_discovery(found[TEST]).to_html()
        cells += [v4.new_markdown_cell("## Clusters of the test photographs, with 95 % intervals"), _html_cell(text)]
    stored = {path.stem: path for path in sorted(run.path(FIGURES).glob("*.png"))}
    if stored:
        cells.append(v4.new_markdown_cell("## Figures"))
    for name in sorted(stored, key=lambda name: (list(CAPTIONS).index(name) if name in CAPTIONS else 99, name)):
        picture = base64.b64encode(stored[name].read_bytes()).decode("ascii")
        caption = CAPTIONS.get(name, f"{name}.")
        cell = _output_cell("image/png", picture, alt=caption)
        cells += [cell, _html_cell(render_part("caption", caption))]
    return v4.new_notebook(cells=cells)


def _executed(run: RunFolder):
    """The executed notebook of the run folder when it ran to its end, else one made of the run's own files."""
    found = (_read(run.path(name)) for name in NOTEBOOKS)
    own = (nb for nb in found if nb is not None and _ran_through(nb) and not _of_another_run(nb, run))
    shown = next(own, None)
    return assemble_report(run) if shown is None else shown


def _check_finished(run: RunFolder) -> None:
    if not run.finished:
        raise RunError(f"run {run.name!r} is {run.status()['state']}, not finished: it has no results to report")


def _write(run: RunFolder, notebook) -> Path:
    path = run.path(REPORT_HTML)
    text = render_notebook(notebook, title=run.name, header=_header(run))
    content = text.rstrip().encode("utf-8").removesuffix(END)
    with suppress(OSError):
        path.rmdir()  # an empty folder in its place is nobody's loss; another one is told
    with files.atomic(path) as temporary:
        temporary.write_bytes(content + b"<!-- crc32 %08x -->" % zlib.crc32(content) + END + b"\n")
    return path


def _header(run: RunFolder) -> Markup:
    """What stands under the title: the result, or why there is none, and where it comes from."""
    described, status = run.described(), run.status()
    environment, params = described.get("environment", {}), described["params"]
    facts = {"data set": params.get("dataset"), "backbone": params.get("backbone"), "evaluates run": params.get("run")}
    ended = status.get("ended") or time.time()  # it is being finished just now
    state = status["state"] if status["state"] in (FAILED, INTERRUPTED) else FINISHED
    facts[state] = f"{datetime.fromtimestamp(ended).astimezone():%Y-%m-%d %H:%M %Z}"
    if commit := environment.get("git_commit"):
        facts["code"] = commit[:10] + (" with changes" if environment.get("git_dirty") else "")
    facts |= describe_cost(status, now=time.time())
    if environment.get("cpus"):
        facts["on"] = f"{environment['cpus']} CPU cores, {environment.get('system', '')}".rstrip(", ")
    facts = {name: fact for name, fact in facts.items() if fact}
    command = describe_command(params)
    return render_template("run_header.html", results=list(_results(run, status)), facts=facts, command=command)


def _results(run: RunFolder, status: dict) -> Iterator[str]:
    """How the run ended where it did not finish, and its result where it came so far."""
    from reid_lib.discover.measures import describe_discovery
    from reid_lib.openset.same_photo import describe_same_photos
    from reid_lib.openset.summary import headline

    if status["state"] == FAILED:
        yield f"This run failed: {status.get('error') or 'for a reason that it had no time to tell'}"
    if status["state"] == INTERRUPTED:
        yield "This run was stopped before its end. The same command, or the same cells run again, continue it."
    if run.path(METRICS_JSON).exists():
        metrics = run.metrics()
        yield headline(metrics)
        if own_photos := describe_same_photos(metrics):
            yield own_photos
        if clusters := describe_discovery(metrics):
            yield clusters


def _parameters(described: dict) -> str:
    """The parameters that differ from today's defaults, as an HTML table."""
    import pandas as pd

    params = described["params"]
    fields = kind_of(params).model_fields
    rows = [
        {"parameter": name, "value": str(value), "default": str(field.default), "meaning": field.description}
        for name, value in params.items()
        if (field := fields.get(name)) and value != field.default
    ]
    if not rows:
        return render_part("paragraph", "None.")
    with pd.option_context("display.max_colwidth", None):
        return pd.DataFrame(rows).to_html(index=False)


def _html_cell(text: str):
    return _output_cell("text/html", str(text))


def _output_cell(kind: str, content: str, **metadata):
    from nbformat import v4

    output = v4.new_output("display_data", data={kind: content}, metadata={kind: metadata} if metadata else {})
    return v4.new_code_cell(outputs=[output], execution_count=1)


def _read(path: Path):
    """A notebook file, or None where there is none that can be read."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError):  # half-written JSON is a ValueError
        return None


def _ran_through(notebook) -> bool:
    """Was every code cell run without an error? One that was stopped is not the notebook of a finished run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    marked = any(ERROR_CELL in cell.metadata.get("tags", []) for cell in notebook.cells)
    failed = any(output.output_type == "error" for cell in code for output in cell.outputs)
    return bool(code) and not marked and not failed and all(cell.execution_count for cell in code)


def _of_another_run(notebook, run: RunFolder) -> str:
    """What shows that an executed notebook is not this run's, in words; empty where nothing does.

    It says which run it worked on. A folder that was used again may hold the notebook of an earlier run of its name:
    then the parameters in its cells are others.
    """
    if others := [name for name in SAYS_RUN.findall(_printed(notebook)) if name != run.name]:
        return f"it shows run {others[0]!r}"
    called, sources = cells_before_reading(notebook)
    if called != TrainParams.__name__:
        return ""  # an evaluation takes its parameters over from the run it evaluates
    stored, fields = run.params, TrainParams.model_fields
    typed = {name: value for name, value in literals_of_cells(sources, set(fields)).items() if name in fields}
    try:
        theirs = TrainParams.checked(typed).model_dump()
    except ParameterError:
        return ""  # of another version
    wrong = [n for n in typed if n in stored and n not in TrainParams.NOT_IDENTITY and stored[n] != theirs[n]]
    return f"{wrong[0]} is {theirs[wrong[0]]!r} there, {stored[wrong[0]]!r} in the run" if wrong else ""


def _printed(notebook: Any) -> str:
    """What its cells printed, without progress bars, which leave their line open."""
    outputs = (o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs)
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")


def _as_far_as_it_came(notebook: Any) -> Any:
    """The notebook without what stands after the last cell that was run."""
    ran = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.execution_count]
    if not _ran_through(notebook) and ran:
        notebook.cells = notebook.cells[: ran[-1] + 1]
    return notebook
