"""The steps wired together, one call for each cell of a notebook.

read -> split -> start (a run folder) -> train -> evaluate -> finish
"""

import hashlib

import numpy as np
import pandas as pd

from reid_lib import (
    launch,
    openset,
    project,
    reports,
    runs,
    runtable,
    seals,
    stats,
    trained,
)
from reid_lib import split as splits
from reid_lib.catalogue import Catalogue, read_catalogue
from reid_lib.drawing import draw_leak, keep, leak, suspects, tell_undrawn
from reid_lib.embed import EmbeddingSet
from reid_lib.embedcache import embedded
from reid_lib.errors import ModelError, ParameterError
from reid_lib.experiment import Experiment, Results, load_results
from reid_lib.imports import quick_imports
from reid_lib.inspection import lost_files, nothing_in_the_way
from reid_lib.interrupt import stop_on_signal
from reid_lib.names import (
    ALL_METRICS_CSV,
    DATASET,
    EMBEDDINGS,
    GALLERY,
    HISTORY_CSV,
    IMAGE_ID,
    IMAGES_CSV,
    INDIVIDUAL,
    KNOWN,
    LEFT_OUT_CSV,
    METRICS_JSON,
    MODEL_WEIGHTS,
    ORIENTATION,
    PREDICTED,
    PREDICTIONS_CSV,
    PROJECTION_CSV,
    REPORT_HTML,
    ROLE,
    ROLES,
    SUBMISSION_CSV,
    SUSPECTS_CSV,
    TEST,
    THRESHOLD_CSV,
    TRAINED_CSV,
    UNUSED,
    VAL,
)
from reid_lib.nearcopies import small_greys
from reid_lib.params import EvaluateParams, TrainParams
from reid_lib.runfolder import CURE, FINISHED, PLANNED, check_name, folder_of, load_run, no_such_run, state_of
from reid_lib.split import Split
from reid_lib.submission import submission
from reid_lib.suspects import find_suspects

# What the notebooks call, wherever it lives.
__all__ = [
    "Experiment", "Results", "draw_leak", "evaluate", "finish", "keep", "leak", "load_results", "read", "settle",
    "split", "start", "suspects", "train",
]  # fmt: skip

METRICS_FORMAT = 1
PROJECTION_TXT = "projection.txt"  # why there are no coordinates in projection.csv
# What the roles of images follow from, beside the images.
SHARES = ("split_policy", "val_split", "test_split", "unknown_split", "split_seed")
# What an evaluation of a run takes over from it, unless it names a data set of its own.
TAKEN_OVER = ("dataset", "data_root", "columns", "skip_unreadable", "threshold_individuals", *SHARES)
# Of these, what says where the photographs lie may be given anew: they may have moved.
FREE = ("data_root", "columns", "skip_unreadable")
# What a run's network was made with.
NETWORK = ("backbone", "pretrained", "image_size")


def read(params) -> Catalogue:
    """The catalogue that the parameters name, audited; prints what a person should know about it.

    Raises:
        RunError: the run cannot have its name; told before a large catalogue is read.
    """
    folder_of(params.run_name or params.default_name())
    if params.reference:
        check_name(params.reference)
    catalogue = read_catalogue(
        params.dataset,
        params.data_root,
        columns=params.columns,
        split_seed=params.split_seed,
        skip_unreadable=params.skip_unreadable,
    )
    for note in catalogue.notes:
        print("note:", note)
    return catalogue


def split(catalogue: Catalogue, params) -> Split:
    """Roles of all images; prints what a person should know about them.

    The roles of the images that a run was trained with are those it gave them. Whatever it was trained on, however that
    came among its queries, is left out of them.
    """
    run = load_run(params.run) if getattr(params, "run", "") else None
    result = trained.own_split(run, catalogue) if run and _same_shares(params, run) else None
    result = result or splits.assign_roles(
        catalogue.rows,
        policy=params.split_policy,
        val_split=params.val_split,
        test_split=params.test_split,
        unknown_split=params.unknown_split,
        seed=params.split_seed,
    )
    if run:
        learnt, who = trained.trained_on(run), f"run {run.name!r} was trained on"
        result = trained.without_trained(result, catalogue, learnt, who=who)
    elif isinstance(params, TrainParams):
        learnt, who = trained.photographs(catalogue, result.queries(GALLERY)), "this run is trained on copies of"
        result = trained.without_trained(result, catalogue, learnt, who=who)
    for note in result.notes:
        print("note:", note)
    return result


def _same_shares(params, run) -> bool:
    return all(getattr(params, name) == run.params.get(name) for name in SHARES)


def start(params, catalogue: Catalogue, split: Split) -> Experiment:
    """Claim the run folder: new, continued, or finished already.

    Raises:
        RunBusyError: another live process owns it.
        RunDiffersError: a run of this name has other parameters or other data.
    """
    run = runs.Run.open(
        params.run_name or params.default_name(),
        params=params.model_dump(),
        identity=runs.identity(params, catalogue.fingerprint, split.fingerprint) | _evaluated_weights(params),
        provenance={
            "catalogue_fingerprint": catalogue.fingerprint,
            "split_fingerprint": split.fingerprint,
            "test_fingerprint": split.test_fingerprint,
            "split_policy": split.policy,
            "root": str(catalogue.root),
            "notes": list(catalogue.notes),
        },
    )
    experiment = Experiment(params, catalogue, split, run)
    if run.finished and (lost := lost_files(run)):
        for name, why in lost.items():
            print(f"note: {run.path(name)} {why}")
        print(f"run {run.name!r} was finished; what is lost is made again from what is whole")
        nothing_in_the_way(run)
        run.reopen()
        if HISTORY_CSV in lost:  # it decides on what is trained: it comes from the checkpoint, not from what is left
            run.path(HISTORY_CSV).unlink(missing_ok=True)
    if params.reference and (state := state_of(params.reference)) != FINISHED:
        told = no_such_run(params.reference) if state == PLANNED else f"the reference {params.reference!r} is {state}"
        print(f"note: {told}: this run is compared with its reference once that is finished")
    if run.finished:
        print(f"run {run.name!r} is finished: its results are shown, nothing is computed again ({run.folder})")
    else:
        with run.guard():
            nothing_in_the_way(run)
            run.path(REPORT_HTML).unlink(missing_ok=True)  # of results that are made anew now
            run.write_csv(IMAGES_CSV, split.rows)
            if isinstance(params, TrainParams):
                run.write_csv(TRAINED_CSV, trained.photographs(catalogue, split.queries(GALLERY)))
            if len(catalogue.left_out):
                run.write_csv(LEFT_OUT_CSV, catalogue.left_out)
        print(f"run {run.name!r} on {experiment.device}: {run.folder}")
    return experiment


def _evaluated_weights(params) -> dict:
    """A run trained again under its old name has other weights: its evaluation is another one, too."""
    if not getattr(params, "run", ""):
        return {}
    run = load_run(params.run)
    weights = run.path(MODEL_WEIGHTS)
    try:
        seals.check(run.folder, MODEL_WEIGHTS)
        with open(weights, "rb") as file:
            return {"weights_sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    except (OSError, ValueError) as error:
        raise ModelError(f"{weights} cannot be read ({seals.why(error)}): {CURE}") from error


def train(experiment: Experiment) -> pd.DataFrame:
    """Train the network of a run, or continue; returns its history, one row per epoch.

    With several GPUs (`num_gpus`), or on several nodes of a Slurm job, in processes of their own.
    """
    run, e = experiment.run, experiment
    if not run.finished:
        with run.guard(), stop_on_signal() as stop:
            per_node, n_nodes = launch.processes(e.params.num_gpus, e.device), launch.nodes()
            if _is_trained(experiment):
                print("training was complete: the best weights and history.csv are whole, nothing is trained again")
            elif per_node * n_nodes > 1:
                launch.train_in_processes(run, per_node=per_node, n_nodes=n_nodes, stop=stop)
            else:
                with quick_imports():
                    from reid_lib.learn import learn
                learn(e.params, e.split, lambda model: _looked_through(e, e.pixels(model)), run, e.device, stop)
    return run.history()


def _is_trained(experiment: Experiment) -> bool:
    with quick_imports():
        from reid_lib.learn import is_complete
    return is_complete(experiment.params, experiment.run)


def evaluate(experiment: Experiment) -> Results:
    """Embed, search, fit the threshold on val, apply it once to test, write every result into the run folder."""
    run = experiment.run
    if run.finished:
        return load_results(run)
    with run.guard():
        embeddings = _embed(experiment)
        predictions, threshold = _answer(experiment.split, embeddings, experiment.params.threshold_individuals)
        metrics = _measure(experiment, predictions, threshold)
        projection = _project(run, embeddings)
        results = Results(predictions, threshold, metrics, projection)
        answers = submission(results.test, embeddings[TEST], threshold, dataset=experiment.params.dataset)
        run.write_csv(PREDICTIONS_CSV, predictions)
        run.write_csv(THRESHOLD_CSV, threshold.curve)
        run.write_csv(PROJECTION_CSV, projection)
        run.write_csv(SUBMISSION_CSV, answers)
        run.write_json(METRICS_JSON, metrics)
    return results


def _looked_through(experiment: Experiment, pixels: np.ndarray, embeddings: EmbeddingSet | None = None) -> np.ndarray:
    """The pixels, looked through for copies under two animals: told before training, and with embeddings after it."""
    if experiment.greys is None:
        experiment.greys = small_greys(pixels, progress=True)
    found = find_suspects(experiment.greys, experiment.split.rows, embeddings)
    experiment.run.write_csv(SUSPECTS_CSV, found.pairs)
    if found.note != experiment.told:
        print("note:", found.note)
    experiment.told = found.note
    return pixels


def finish(experiment: Experiment, results: Results) -> None:
    """Leave report.html, mark the run finished, bring `all_model_metrics.csv` up to date, and print the headline.

    In this order: a run that reads finished has its report. Where one is lost, it is made again.
    """
    run = experiment.run
    said = f"{stats.headline(results.metrics)}\nrun folder: {run.folder}"
    if not run.finished:
        seals.seal(run.folder)
        reports.leave_report(run, said)
        run.finish()
        _tell_all(run)
    elif not reports.has_report(run):
        reports.leave_report(run, said)
    print(said)


def _tell_all(run) -> None:
    """The table of all runs; whatever keeps it from being written, this run is finished."""
    try:
        runtable.rewrite_table()
    except Exception as error:  # of other runs, or of a folder that is not ours
        print(
            f"note: run {run.name!r} is finished, but {ALL_METRICS_CSV} could not be brought up to date ({error}); "
            "the next run that finishes does it"
        )


def _embed(experiment: Experiment) -> dict[str, EmbeddingSet]:
    """Every image that has a role, embedded by the best weights unless they did so before; stored by role."""
    from reid_lib.device import embedding_precision

    model = _model(experiment).to(experiment.device)
    rows, pixels = experiment.split.rows, experiment.pixels(model)
    everything = embedded(
        model,
        pixels,
        rows,
        where=rows[ROLE] != UNUSED,
        batch_size=experiment.params.batch_size,
        device=experiment.device,
        precision=embedding_precision(experiment.params.precision, experiment.device),
        torch_compile=experiment.params.torch_compile,
        progress=True,
    )
    _looked_through(experiment, pixels, everything)
    embeddings = {role: everything.where(everything.rows[ROLE] == role) for role in ROLES}
    for role, part in embeddings.items():
        with experiment.run.write(f"{EMBEDDINGS}/{role}.npz") as path:
            part.save(path)
    return embeddings


def _model(experiment: Experiment):
    """The network to evaluate: trained in this run, in another run, or a backbone as it comes."""
    from reid_lib.model import build_model, load_model, save_model

    params = experiment.params
    if isinstance(params, TrainParams):
        return load_model(experiment.run.folder)
    if params.run:
        return load_model(load_run(params.run).folder)
    model = build_model(params.backbone, pretrained=params.pretrained, image_size=params.image_size, embedding_dim=0)
    save_model(model, experiment.run.write)
    return model


def _answer(split: Split, embeddings: dict, min_individuals: int) -> tuple[pd.DataFrame, openset.Threshold]:
    """Predictions of val and test. The threshold sees val alone, and is frozen before test is scored."""
    val = openset.score_individuals(embeddings[VAL], embeddings[GALLERY])
    threshold = openset.fit_threshold(val, min_individuals=min_individuals)
    enrolled = embeddings[GALLERY]
    if split.policy == "official":
        enrolled = enrolled.joined(embeddings[VAL])
    test = openset.score_individuals(embeddings[TEST], enrolled)
    predictions = pd.concat([val, test], ignore_index=True)
    predictions[PREDICTED] = openset.decide(predictions, threshold)
    return predictions, threshold


def _measure(experiment: Experiment, predictions: pd.DataFrame, threshold: openset.Threshold) -> dict:
    """metrics.json: the one door through which results leave."""
    split = experiment.split
    parts = {role: predictions[predictions[ROLE] == role] for role in (VAL, TEST)}
    measured = {role: stats.summarise(part) for role, part in parts.items()}
    if split.left_out:
        measured["left_out"] = split.left_out | {"why": split.remarks[-1]}
    return measured | {
        "format": METRICS_FORMAT,
        "threshold": threshold.to_dict(),
        "oracle": openset.oracle(parts[TEST]),
        # Under a data set's own split the threshold was fitted on a smaller gallery than it is applied to.
        "gallery_images": {role: int(split.gallery_for(role).sum()) for role in (VAL, TEST)},
        "test_fingerprint": split.test_fingerprint,
        "split_policy": split.policy,
        "leakage": split.leakage().set_index(ROLE)["same_encounter"].to_dict(),
    }


def _project(run: runs.Run, embeddings: dict[str, EmbeddingSet]) -> pd.DataFrame:
    """2-D coordinates of all embedded images, with what figures colour them by; NaN where they cannot be laid out."""
    everything = embeddings[GALLERY].joined(embeddings[VAL]).joined(embeddings[TEST])
    try:
        plane = project.project(everything.features, seed=0)
    except Exception as error:
        tell_undrawn(run, "the 2-D projection", PROJECTION_TXT, error)
        plane = np.full((len(everything), 2), np.nan)
    kept = [c for c in (IMAGE_ID, DATASET, INDIVIDUAL, ORIENTATION, ROLE, KNOWN) if c in everything.rows]
    return everything.rows[kept].assign(x=plane[:, 0], y=plane[:, 1])


def settle(params: EvaluateParams) -> EvaluateParams:
    """Fill in what an evaluation takes over from the run it evaluates: its data and its split.

    The run's name is made before that, from what was typed: it is the one `python -m reid_lib name` tells.
    """
    params = params.model_copy(update={"run_name": params.run_name or params.default_name()})
    if not params.run:
        return params.model_copy(update={"dataset": params.dataset or "demo"})
    stored, changed = load_run(params.run).params, params.differences()
    taken = [] if params.dataset else [name for name in TAKEN_OVER if name not in FREE or name not in changed]
    own_data = {name: stored[name] for name in taken if name in stored}
    fixed = {name: stored.get(name) for name in (*NETWORK, *own_data)}
    _refuse(params, {name: value for name, value in fixed.items() if name in changed and changed[name] != value})
    return params.model_copy(update=own_data)


def _refuse(params: EvaluateParams, stored: dict) -> None:
    """Parameters that an evaluation was given and that belong to its run."""
    if stored:
        lines = [f"  {name}: {value!r} in the run, {getattr(params, name)!r} here" for name, value in stored.items()]
        raise ParameterError(
            f"run {params.run!r} has its own network and split:\n"
            + "\n".join(lines)
            + "\nleave them out; for other data or another split pass dataset, too"
        )
