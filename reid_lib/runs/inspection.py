"""Checks of a run folder before hours are spent: what is in the way of its files; what a finished run has lost."""

from reid_lib.core.errors import RunError, RunFormatError
from reid_lib.core.names import (
    CALIBRATION_JSON,
    CHECKPOINT,
    CHECKSUMS_JSON,
    CLUSTERS_CSV,
    EMBEDDINGS,
    FIGURES,
    HISTORY_CSV,
    IMAGES_CSV,
    MATCHES_NPZ,
    METRICS_JSON,
    MODEL_JSON,
    MODEL_WEIGHTS,
    PREDICTIONS_CSV,
    PROJECTION_CSV,
    REPORT_HTML,
    ROLES,
    SAME_PHOTOS_CSV,
    SCORES,
    SUBMISSION_CSV,
    SUSPECTS_CSV,
    THRESHOLD_CSV,
)
from reid_lib.runs import seals
from reid_lib.runs.folder import RunFolder


def check_nothing_in_the_way(run: RunFolder) -> None:
    """Before hours are spent: is there a folder where a file of the run will be written, or the other way round?

    Raises:
        RunError: there is.
    """
    written = (CHECKPOINT, HISTORY_CSV, MODEL_JSON, MODEL_WEIGHTS, IMAGES_CSV, METRICS_JSON, PREDICTIONS_CSV)
    written += (THRESHOLD_CSV, PROJECTION_CSV, SUBMISSION_CSV, CLUSTERS_CSV, REPORT_HTML, CHECKSUMS_JSON)
    written += (CALIBRATION_JSON, MATCHES_NPZ, SAME_PHOTOS_CSV, SUSPECTS_CSV)
    pictures = [f"{FIGURES}/{path.name}" for path in run.path(FIGURES).glob("*")]
    parts = [f"{folder}/{role}.npz" for folder in (EMBEDDINGS, SCORES) for role in ROLES]
    wrong = [name for name in (*written, *pictures, *parts) if run.path(name).is_dir()]
    wrong += [name for name in (FIGURES, EMBEDDINGS, SCORES) if run.path(name).is_file()]
    if wrong:
        raise RunError(
            f"{run.path(wrong[0])} is in the way: it is a {'file' if run.path(wrong[0]).is_file() else 'folder'}, and "
            "the run writes something of that name. Move it away, and run the same command again"
        )


def find_lost_files(run: RunFolder) -> dict[str, str]:
    """Files of a finished run that are not as it wrote them -> what is wrong; of one without checksums, which of its
    results cannot be read.

    Raises:
        RunFormatError: its results were written in a format that is not known here.
    """
    try:
        seal = seals.read_seal(run.folder)
    except RunError as error:
        return {CHECKSUMS_JSON: seals.explain(error.__cause__)}
    if seal is not None:
        return {name: why for name in seal if (why := seals.find_damage(run.folder, name, seal))}
    lost = {}
    for name in (METRICS_JSON, PREDICTIONS_CSV, THRESHOLD_CSV, PROJECTION_CSV):
        try:
            run.metrics() if name == METRICS_JSON else run.read_csv(name)
        except RunFormatError:
            raise  # of a newer version: not to be made again over what is whole
        except RunError as error:
            lost[name] = seals.explain(error.__cause__ or error)
    return lost
