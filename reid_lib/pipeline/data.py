"""From parameters to a catalogue and its roles."""

from reid_lib.core.logs import LOGGER
from reid_lib.core.names import GALLERY
from reid_lib.data.catalogue import Catalogue, read_catalogue
from reid_lib.data.split import Split, assign_roles
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import trained
from reid_lib.pipeline.takeover import SHARES
from reid_lib.runs.folder import check_name, folder_of, load_run
from reid_lib.runs.naming import name_of


def read(params: TrainParams | EvaluateParams) -> Catalogue:
    """The catalogue that the parameters name, audited; prints what a person should know about it.

    Raises:
        RunError: the run cannot have its name; told before a large catalogue is read.
    """
    folder_of(name_of(params))
    if params.reference:
        check_name(params.reference)
    catalogue = read_quietly(params)
    for note in catalogue.notes:
        LOGGER.warning(note)
    return catalogue


def read_quietly(params: TrainParams | EvaluateParams) -> Catalogue:
    """The catalogue, as `read` gives it, but nothing is logged, and the run's name is not checked."""
    return read_catalogue(
        params.dataset,
        params.data_root,
        columns=params.columns,
        encounter=params.encounter,
        split_seed=params.split_seed,
        skip_unreadable=params.skip_unreadable,
    )


def split(catalogue: Catalogue, params: TrainParams | EvaluateParams) -> Split:
    """Roles of all images; prints what a person should know about them.

    The roles of the images that a run was trained with are those it gave them. Whatever it was trained on, however that
    came among its queries, is left out of them.
    """
    run = load_run(params.run) if getattr(params, "run", "") else None
    result = trained.recall_split(run, catalogue) if run and _same_shares(params, run) else None
    result = result or assign_roles(
        catalogue.rows,
        policy=params.split_policy,
        val_split=params.val_split,
        test_split=params.test_split,
        unknown_split=params.unknown_split,
        seed=params.split_seed,
    )
    if run:
        learnt, who = trained.trained_on(run), f"run {run.name!r} was trained on"
        result = trained.exclude_trained(result, catalogue, learnt, who=who)
    elif isinstance(params, TrainParams):
        learnt, who = trained.list_photographs(catalogue, result.queries(GALLERY)), "this run is trained on copies of"
        result = trained.exclude_trained(result, catalogue, learnt, who=who)
    for note in result.notes:
        LOGGER.warning(note)
    return result


def _same_shares(params, run) -> bool:
    return all(getattr(params, name) == run.params.get(name) for name in SHARES)
