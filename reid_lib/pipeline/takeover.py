"""What an evaluation takes over from the run it evaluates."""

from reid_lib.core.errors import ParameterError
from reid_lib.params.fields import EvaluateParams
from reid_lib.runs.folder import load_run
from reid_lib.runs.naming import name_of

# What the roles of images follow from, beside the images.
SHARES = ("split_policy", "val_split", "test_split", "unknown_split", "split_seed")
# What an evaluation of a run takes over from it, unless it names a data set of its own.
TAKEN_OVER = ("dataset", "data_root", "columns", "encounter", "skip_unreadable", "threshold_individuals", *SHARES)
# Of these, what says where the photographs lie may be given anew: they may have moved.
FREE = ("data_root", "columns", "skip_unreadable")
# What a run's network was made with.
NETWORK = ("backbone", "pretrained", "image_size")


def settle_params(params: EvaluateParams) -> EvaluateParams:
    """Fill in what an evaluation takes over from the run it evaluates: its data and its split.

    The run's name is made before that, from what was typed: it is the one `reid name` tells.
    """
    params = params.model_copy(update={"run_name": name_of(params)})
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
