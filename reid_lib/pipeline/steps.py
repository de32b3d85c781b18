"""The steps wired together, one call for each cell of a notebook.

read -> split -> start (a run folder) -> train -> evaluate -> finish
"""

import pandas as pd

from reid_lib.core.kernel import quick_imports, under_engine
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    CHOSEN,
    CLUSTERS_CSV,
    GALLERY,
    HISTORY_CSV,
    IMAGES_CSV,
    LEFT_OUT_CSV,
    METRICS_JSON,
    PREDICTIONS_CSV,
    PROJECTION_CSV,
    REPORT_HTML,
    ROLE,
    SUBMISSION_CSV,
    TEST,
    THRESHOLD_CSV,
    TRAINED_CSV,
    VAL,
)
from reid_lib.core.signals import stop_on_signal
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import Split
from reid_lib.discover.measures import describe_discovery
from reid_lib.openset import summary
from reid_lib.openset.results import check_results
from reid_lib.openset.same_photo import describe_same_photos
from reid_lib.pages import run_report
from reid_lib.pages.finished_run import make_missing, update_table
from reid_lib.pages.reproduce import describe_time
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import launch, trained
from reid_lib.pipeline.automatic import settle_training
from reid_lib.pipeline.discovery import discover_individuals
from reid_lib.pipeline.evaluation import (
    answer_queries,
    compare_roles,
    describe_weights,
    embed_roles,
    inspect_photographs,
    measure_metrics,
    write_projection,
)
from reid_lib.pipeline.experiment import Evaluation, Experiment, load_evaluation
from reid_lib.pipeline.explain import store_matches
from reid_lib.pipeline.frozen import compare_with_start, describe_start
from reid_lib.pipeline.mirrors import mirror_run, warn_missing
from reid_lib.pipeline.query_unit import group_queries, spread_answers
from reid_lib.pipeline.scoring import describe_fusion, measure_scores, score_roles, store_scores
from reid_lib.pipeline.submission import check_sample, make_submission
from reid_lib.runs import seals
from reid_lib.runs.folder import FINISHED, PLANNED, no_such_run, read_fingerprint, state_of
from reid_lib.runs.inspection import check_nothing_in_the_way, find_lost_files
from reid_lib.runs.key import make_run_key
from reid_lib.runs.naming import name_of
from reid_lib.runs.provenance import measure_peak_memory
from reid_lib.runs.run import Run


def start(params: TrainParams | EvaluateParams, catalogue: Catalogue, split: Split) -> Experiment:
    """Claim the run folder: new, continued, or finished already.

    Raises:
        RunBusyError: another live process owns it.
        RunDiffersError: a run of this name has other parameters or other data.
        CatalogueError: the sample of a competition names other photographs than its data set has.
    """
    warn_missing(params.mirror)
    name, chosen = name_of(params), []
    fingerprint = catalogue.fingerprint_like(read_fingerprint(name))
    if isinstance(params, TrainParams):
        chosen = params.left
        params = settle_training(params, catalogue, int(split.queries(GALLERY).sum()), fingerprint)
    run = Run.open(
        name,
        params=params.model_dump(),
        key=make_run_key(params, fingerprint, split.fingerprint) | describe_weights(params),
        provenance={
            "catalogue_fingerprint": fingerprint,
            "split_fingerprint": split.fingerprint,
            "test_fingerprint": split.test_fingerprint,
            "split_policy": split.policy,
            "root": str(catalogue.root),
            "notes": list(catalogue.notes),
            CHOSEN: chosen,
        },
    )
    experiment = Experiment(params, catalogue, split, run)
    if run.finished and (lost := find_lost_files(run)):
        for name, why in lost.items():
            LOGGER.warning(f"{run.path(name)} {why}")
        LOGGER.info(f"run {run.name!r} was finished; what is lost is made again from what is whole")
        check_nothing_in_the_way(run)
        run.reopen()
        if HISTORY_CSV in lost:  # it decides on what is trained: it comes from the checkpoint, not from what is left
            run.path(HISTORY_CSV).unlink(missing_ok=True)
    if params.reference and (state := state_of(params.reference)) != FINISHED:
        told = no_such_run(params.reference) if state == PLANNED else f"the reference {params.reference!r} is {state}"
        LOGGER.warning(f"{told}: this run is compared with its reference once that is finished")
    if run.finished:
        print(f"run {run.name!r} is finished: its results are shown, nothing is computed again ({run.folder})")
    else:
        _write_photographs(experiment)
        print(f"run {run.name!r} on {experiment.device}: {run.folder}")
    return experiment


def _write_photographs(experiment: Experiment) -> None:
    """The first files of a run: its photographs with their roles, those trained on, those left out."""
    run, catalogue, split = experiment.run, experiment.catalogue, experiment.split
    with run.guard():
        check_nothing_in_the_way(run)
        check_sample(catalogue, split)
        run.path(REPORT_HTML).unlink(missing_ok=True)  # of results that are made anew now
        run.write_csv(IMAGES_CSV, split.rows)
        if isinstance(experiment.params, TrainParams):
            run.write_csv(TRAINED_CSV, trained.list_photographs(catalogue, split.queries(GALLERY)))
        if len(catalogue.left_out):
            run.write_csv(LEFT_OUT_CSV, catalogue.left_out)


def train(experiment: Experiment) -> pd.DataFrame:
    """Train the network of a run, or continue; returns its history, one row per epoch.

    With several GPUs (`num_gpus`), or on several nodes of a Slurm job, it trains in processes of their own.

    Raises:
        ParameterError: there are not so many GPUs, or on a CPU the result would depend on the number of processes.
    """
    run, e = experiment.run, experiment
    if not run.finished:
        with run.guard(), e.timing("training"), stop_on_signal() as stop:
            per_node, n_nodes = launch.count_processes(e.params.num_gpus, e.device), launch.count_nodes()
            if _is_trained(experiment):
                LOGGER.info(
                    "training was complete: the best weights and history.csv are whole, nothing is trained again"
                )
            elif per_node * n_nodes > 1:
                launch.check_same_result(e.params, e.device, per_node=per_node, n_nodes=n_nodes)
                launch.train_in_processes(run, per_node=per_node, n_nodes=n_nodes, stop=stop)
            else:
                with quick_imports():
                    from reid_lib.train.learn import learn
                learn(e.params, e.split, lambda model: inspect_photographs(e, e.pixels(model)), run, e.device, stop)
    return run.history()


def _is_trained(experiment: Experiment) -> bool:
    with quick_imports():
        from reid_lib.train.learn import is_complete
    return is_complete(experiment.params, experiment.run)


def evaluate(experiment: Experiment) -> Evaluation:
    """Embed, search, fit the threshold on val, apply it once to test, write every result into the run folder."""
    run = experiment.run
    if run.finished:
        return load_evaluation(run)
    with run.guard(), experiment.timing("evaluation"):
        embeddings, viewing = embed_roles(experiment)
        cosines = compare_roles(experiment, embeddings)
        scored = score_roles(experiment, cosines)
        scored, unit = group_queries(experiment, scored)
        predictions, threshold = answer_queries(scored.alike, experiment.params.threshold_individuals)
        metrics = measure_metrics(experiment, predictions, threshold, scored.alike[TEST].unit)
        metrics = compare_with_start(experiment, predictions, metrics)
        metrics |= measure_scores(experiment, scored, predictions, summary.judged_role(metrics))
        photographs = spread_answers(scored, predictions[predictions[ROLE] == TEST])
        val = predictions[predictions[ROLE] == VAL]
        clusters, discovery = discover_individuals(experiment, embeddings, scored, photographs, val)
        metrics = check_results(metrics | unit | viewing.to_dict() | discovery).to_dict()
        projection = write_projection(run, embeddings)
        results = Evaluation(predictions, threshold, metrics, projection)
        store_scores(run, scored)
        run.write_csv(PREDICTIONS_CSV, predictions)
        run.write_csv(THRESHOLD_CSV, threshold.curve)
        run.write_csv(PROJECTION_CSV, projection)
        if clusters is not None:
            run.write_csv(CLUSTERS_CSV, clusters)
        run.write_json(METRICS_JSON, metrics)
        run.write_csv(SUBMISSION_CSV, make_submission(photographs, clusters, experiment.catalogue, experiment.split))
        store_matches(experiment, results)
    return results


def measure_memory(device: str) -> dict[str, int | None]:
    """Bytes that this process has held at most, of the machine's memory and of the GPU's."""
    found = {"memory": measure_peak_memory()}
    if device == "cuda":
        with quick_imports():
            import torch
        found["gpu_memory"] = torch.cuda.max_memory_allocated()
    return found


def finish(experiment: Experiment, results: Evaluation) -> None:
    """Leave report.html, mark the run finished, bring `all_model_metrics.csv` up to date, and print the headline.

    In this order: a run that reads finished has its report. Of a run that was finished before, report and row are made
    where they are missing. Papermill's engine leaves the report itself when the notebook has ended, with the output of
    this cell in it.
    """
    run = experiment.run
    metrics = results.metrics
    lines = [summary.headline(metrics), describe_start(metrics), describe_fusion(metrics)]
    lines += [describe_same_photos(metrics), describe_discovery(metrics), f"run folder: {run.folder}"]
    if run.finished:
        make_missing(run, report=not under_engine())
    else:
        run.tell_cost(experiment.seconds, **measure_memory(experiment.device))
        seals.seal(run.folder)
        if not under_engine():
            run_report.leave_report(run)
        run.finish()
        update_table(run)
    mirror_run(run, run.params.get("mirror", ""))
    print("\n".join(line for line in [*lines, describe_time(run.status())] if line))
