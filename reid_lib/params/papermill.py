"""What a call of papermill will run with, read without running it: its arguments, and the notebook they are for."""

import base64
from pathlib import Path

from reid_lib.core.errors import ReidError
from reid_lib.core.kernel import quick_imports
from reid_lib.core.paths import project_root

PAPERMILL_HELP = "arguments as papermill takes them: -p NAME VALUE, -r NAME TEXT, -f FILE, -y YAML, -b BASE64"


def papermill_values(arguments: list[str]) -> dict:
    """What papermill would inject for these arguments.

    papermill itself parses them, in the order it applies them: base64, files, YAML, then -p and -r.

    Raises:
        ReidError: papermill could not read them either.
    """
    with quick_imports():
        import yaml
        from papermill import cli
        from papermill.exceptions import PapermillException

    notebooks = [argument for argument in arguments if argument.endswith(".ipynb")]
    if notebooks:
        raise ReidError(f"leave the notebooks out ({', '.join(notebooks)}): expected only parameters, as -p lr 1e-4")
    try:
        given = cli.papermill.make_context("papermill", ["in.ipynb", "out.ipynb", *arguments]).params
    except cli.click.ClickException as error:
        raise ReidError(f"papermill does not take these arguments: {error.format_message()}") from error
    values = {}
    try:
        for text in given["parameters_base64"]:
            values |= yaml.load(base64.b64decode(text), Loader=cli.NoDatesSafeLoader) or {}
        for path in given["parameters_file"]:
            if "://" not in path and not Path(path).is_file():
                raise ReidError(f"-f {path}: there is no such file in {Path.cwd()}")
            values |= cli.read_yaml_file(path) or {}
        for text in given["parameters_yaml"]:
            values |= yaml.load(text, Loader=cli.NoDatesSafeLoader) or {}
    except (OSError, ValueError, TypeError, yaml.YAMLError, PapermillException) as error:
        raise ReidError(f"these arguments hold no parameters: expected name: value in YAML; {error}") from error
    values |= {name: cli._resolve_type(value) for name, value in given["parameters"]}
    return values | dict(given["parameters_raw"])


def papermill_params(arguments: list[str], notebook: str = "train"):
    """The parameters (`TrainParams` or `EvaluateParams`) of a run that papermill makes of a notebook and arguments.

    Those of the notebook's own parameters cell, which its user may have edited, then those of the arguments.

    Args:
        notebook: "train" or "evaluate", or the file that is executed.

    Raises:
        ReidError: the notebook or the arguments cannot be read.
        ParameterError: a parameter is unknown or has a bad value.
    """
    from reid_lib.params.cells import cells_before_reading, values_of_cells
    from reid_lib.params.fields import EvaluateParams, TrainParams

    path = Path(notebook)
    if notebook in ("train", "evaluate"):
        path = project_root() / "notebooks" / f"{notebook}.ipynb"
    called, sources = cells_before_reading(_parameterized(path, papermill_values(arguments)))
    kinds = {kind.__name__: kind for kind in (TrainParams, EvaluateParams)}
    if called not in kinds:
        raise ReidError(f"{path} is not known to be a notebook of runs: expected a cell with {' or '.join(kinds)}")
    kind = kinds[called]
    return kind.checked(values_of_cells(sources, set(kind.model_fields), where=path))


def edited_parameters(notebook: Path) -> dict:
    """Name -> default of the parameters that a notebook's own cell sets to something else than their default."""
    params = papermill_params([], str(notebook))
    return {name: type(params).model_fields[name].default for name in params.differences()}


def _parameterized(path: Path, values: dict):
    """The notebook that papermill executes: its own cell put in, as it does it."""
    with quick_imports():
        import nbformat
        from papermill.iorw import load_notebook_node
        from papermill.parameterize import parameterize_notebook

    if not path.is_file():
        raise ReidError(f"there is no notebook {path}")
    try:
        read = load_notebook_node(str(path))
        return parameterize_notebook(read, values) if values else read
    except (OSError, ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise ReidError(f"{path} is no notebook that papermill can execute ({error!r})") from error
