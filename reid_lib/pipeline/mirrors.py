"""History and metrics of a run copied to where other programs show them: TensorBoard, MLflow, in local folders.

A mirror is a copy of what the run folder has: it is written anew whenever the run is finished or shown again, and
whatever keeps it from being written, the run is whole.
"""

import importlib.util
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reid_lib.core.errors import first_line
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import MLFLOW, TENSORBOARD, TEST, VAL
from reid_lib.pipeline.extras import find_install_line
from reid_lib.runs.folder import RunFolder

EXPERIMENT = "reid_lib"  # of MLflow
DATABASE = "mlflow.db"
RUN_TAG = "reid_run"
LONGEST = 6000  # characters of a parameter that MLflow takes
AT_ONCE = 1000  # metrics in a call of MLflow
SHOWN_BY = {
    TENSORBOARD: "tensorboard --logdir {folder}",
    MLFLOW: "mlflow ui --backend-store-uri sqlite:///{folder}/mlflow.db",
}


def warn_missing(mirror: str) -> None:
    """Say at the start of a run which mirrors will not be written, and what installs them."""
    for kind in _kinds(mirror):
        if why := _missing(kind):
            LOGGER.warning(why)


def mirror_run(run: RunFolder, mirror: str) -> None:
    """Write the mirrors of a finished run; a failure is a note, never an error.

    Args:
        mirror: the parameter: "tensorboard", "mlflow", joined by +; "" for none.
    """
    for kind in _kinds(mirror):
        folder = run.folder.parent / kind
        if why := _missing(kind):
            LOGGER.warning(why)
            continue
        try:
            WRITE[kind](run, folder)
            LOGGER.info(f"mirrored to {kind}: {SHOWN_BY[kind].format(folder=folder)}")
        except Exception as error:  # of another program: the run is finished all the same
            LOGGER.warning(f"run {run.name!r} is not mirrored to {kind} ({type(error).__name__}: {first_line(error)})")


def _kinds(mirror: str) -> list[str]:
    return [kind for kind in mirror.split("+") if kind]


def _missing(kind: str) -> str:
    """What to say where the package of a mirror is not installed; "" where it is."""
    if importlib.util.find_spec(kind) is not None:
        return ""
    return f"mirror {kind}: the package {kind} is not installed, so nothing is written there: {find_install_line(kind)}"


def list_values(run: RunFolder) -> Iterator[tuple[str, float, int]]:
    """(name, value, epoch) of each number of the history and of the results; results stand at the last epoch.

    History is called as its columns, results "test/baks", "val/baks"; what is undefined is left out.
    """
    history = run.history()
    last = int(history["epoch"].max()) if len(history) else 0
    for row in history.to_dict("records"):
        for column, value in row.items():
            if column != "epoch" and _is_number(value):
                yield f"history/{column}", float(value), int(row["epoch"])
    metrics = run.metrics()
    for role in (TEST, VAL):
        for name, entry in metrics[role]["overall"].items():
            for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                if _is_number(entry[part]):
                    yield f"{role}/{name}{suffix}", float(entry[part]), last


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def write_tensorboard(run: RunFolder, folder: Path) -> None:
    """`folder/<run>`: curves, results, and the parameters as hyperparameters."""
    from torch.utils.tensorboard import SummaryWriter

    own = folder / run.name
    shutil.rmtree(own, ignore_errors=True)  # events are only ever added: the same run again would stand there twice
    values = list(list_values(run))
    with SummaryWriter(str(own)) as writer:
        for name, value, epoch in values:
            writer.add_scalar(name, value, epoch)
        params = {n: v if isinstance(v, bool | int | float | str) else str(v) for n, v in run.params.items()}
        results = {f"hparam/{name}": value for name, value, _ in values if name.startswith((TEST, VAL))}
        writer.add_hparams(params, results, run_name=".")


def write_mlflow(run: RunFolder, folder: Path) -> None:
    """A run of the experiment `reid_lib` in the database `folder/mlflow.db`; an earlier one of this name is deleted.

    A database, since MLflow 3 refuses stores of files.
    """
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / DATABASE}")
    known = client.get_experiment_by_name(EXPERIMENT)
    place = (folder / "artifacts").as_uri()
    experiment = known.experiment_id if known else client.create_experiment(EXPERIMENT, artifact_location=place)
    for before in client.search_runs([experiment], filter_string=f"tags.{RUN_TAG} = '{run.name}'"):
        client.delete_run(before.info.run_id)
    status = run.status()
    began, ended = (int(1000 * (status.get(when) or 0)) for when in ("started", "ended"))
    made = client.create_run(experiment, start_time=began, run_name=run.name).info.run_id
    metrics = [Metric(name, value, ended, epoch) for name, value, epoch in list_values(run)]
    params = [Param(name, str(value)[:LONGEST]) for name, value in run.params.items()]
    client.log_batch(made, params=params, tags=[RunTag(RUN_TAG, run.name), RunTag("folder", str(run.folder))])
    for start in range(0, len(metrics), AT_ONCE):
        client.log_batch(made, metrics=metrics[start : start + AT_ONCE])
    client.set_terminated(made, end_time=ended)


WRITE: dict[str, Callable[[RunFolder, Path], None]] = {TENSORBOARD: write_tensorboard, MLFLOW: write_mlflow}
