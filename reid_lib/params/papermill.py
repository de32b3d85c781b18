"""What a call of papermill will run with, read without running it: its arguments, and the notebook they are for."""

import base64
import binascii
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from reid_lib.core.errors import ParameterError, ReidError
from reid_lib.core.kernel import quick_imports
from reid_lib.core.logs import keep_root_logger, quieten
from reid_lib.core.paths import notebooks_root
from reid_lib.params.fields import EvaluateParams, IdentifyParams, ReviewParams, TrainParams
from reid_lib.params.look import LookParams

READS = ".from_notebook("
# Notebook -> its parameters.
NOTEBOOKS = {
    "train": TrainParams,
    "evaluate": EvaluateParams,
    "identify": IdentifyParams,
    "review": ReviewParams,
    "data": LookParams,
}
KINDS = {kind.__name__: kind for kind in (TrainParams, EvaluateParams, IdentifyParams)}
CHECKED = {kind.__name__: kind for kind in NOTEBOOKS.values()}
PAPERMILL_HELP = "arguments as papermill takes them: -p NAME VALUE, -r NAME TEXT, -f FILE, -y YAML, -b BASE64"


def papermill_values(arguments: list[str]) -> dict:
    """What papermill would inject for these arguments into train.ipynb.

    papermill itself reads them, in the order it applies them: base64, files, YAML, then -p and -r.

    Raises:
        ReidError: papermill could not read them either.
        ParameterError: a number is written as only a program reads it.
    """
    from reid_lib.params.cells import cells_before_reading, injected_values

    with quick_imports():
        from nbformat import v4

    empty = v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.ipynb"
        _write(empty, path)
        prepared, typed = _prepared(path, arguments)
    values = injected_values(cells_before_reading(prepared)[1])
    TrainParams.check_typed(values, typed)
    return values


def papermill_params(arguments: list[str], notebook: str = "train") -> TrainParams | EvaluateParams:
    """The parameters (`TrainParams` or `EvaluateParams`) of a run that papermill makes of a notebook and arguments.

    Those of the notebook's own parameters cell, which its user may have edited, then those of the arguments.

    Args:
        notebook: "train" or "evaluate", or the file that is executed.

    Raises:
        ReidError: the notebook or the arguments cannot be read.
        ParameterError: a parameter is unknown or has a bad value.
    """
    from reid_lib.params.cells import cells_before_reading, values_of_cells

    path = Path(notebook)
    if notebook in ("train", "evaluate"):
        path = notebooks_root() / f"{notebook}.ipynb"
    prepared, typed = _prepared(path, arguments)
    called, sources = cells_before_reading(prepared)
    kind = KINDS.get(called)
    if kind is None:
        raise ReidError(f"{path} is not known to be a notebook of runs: expected a cell with {' or '.join(KINDS)}")
    values = values_of_cells(sources, set(kind.model_fields), where=path)
    kind.check_typed(values, typed)
    return kind.checked(values)


def typed_texts(given: Mapping[str, Any]) -> dict[str, str]:
    """Name -> what was typed of the values that papermill, or YAML for it, may read as numbers.

    Args:
        given: the parameters of papermill's own command (`click.Context.params`).
    """
    import yaml

    texts: dict[str, str] = {}
    for document in _documents(given):
        try:
            read = yaml.load(document, Loader=yaml.BaseLoader)  # every value a text
        except yaml.YAMLError:  # which papermill itself tells
            continue
        if isinstance(read, dict):
            texts |= {str(name): value if isinstance(value, str) else "" for name, value in read.items()}
    texts |= dict(given.get("parameters") or ())
    raw = dict(given.get("parameters_raw") or ())
    return {name: text for name, text in texts.items() if name not in raw and text}


def _documents(given: Mapping[str, Any]) -> Iterator[str | bytes]:
    """The YAML of papermill's arguments, in the order in which it is applied; what cannot be read papermill tells."""
    for encoded in given.get("parameters_base64") or ():
        try:
            yield base64.b64decode(encoded)
        except (binascii.Error, ValueError):
            continue
    for name in given.get("parameters_file") or ():
        try:
            yield Path(name).read_bytes()
        except OSError:
            continue
    yield from given.get("parameters_yaml") or ()


def refused_parameters(notebook: Any, typed: Mapping[str, str] | None = None) -> tuple[int, ParameterError] | None:
    """What `from_notebook` will say against the parameters of a notebook (nbformat 4), told without running it.

    Args:
        notebook: with papermill's cell.
        typed: of `typed_texts`; a number that only a program reads as one is refused, too.

    Returns the number of the cell that calls it, and the error; None where nothing is wrong, or only running the cells
    tells. Where a value is no literal (`lr = 10 * 1e-4`), names are checked, and values are left to the kernel.
    """
    from reid_lib.params.cells import cells_before_reading, literals_of_cells, names_in_cells

    called, sources = cells_before_reading(notebook)
    if called not in CHECKED:
        return None
    kind = CHECKED[called]
    fields = set(kind.model_fields)
    names, literals = names_in_cells(sources, fields), literals_of_cells(sources, fields)
    known = names <= literals.keys()
    values = {name: literals[name] for name in names} if known else dict.fromkeys(names - fields)
    try:
        kind.check_typed(literals, dict(typed or {}))
        kind.checked(values)
    except ParameterError as error:
        calls = (i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and READS in cell.source)
        return next(calls), error
    return None


def edited_parameters(notebook: Path) -> dict:
    """Name -> default of the parameters that a notebook's own cell sets to something else than their default."""
    params = papermill_params([], str(notebook))
    return {name: type(params).model_fields[name].default for name in params.differences()}


def _prepared(path: Path, arguments: list[str]) -> tuple[Any, dict[str, str]]:
    """The notebook that papermill would execute, its own cell put in, and `typed_texts`: papermill's command line
    makes it."""
    with quick_imports():
        import nbformat
        import yaml
        from papermill.cli import papermill
        from papermill.exceptions import PapermillException

    if not path.is_file():
        raise ReidError(f"there is no notebook {path}")
    if named := [argument for argument in arguments if argument.endswith(".ipynb")]:
        raise ReidError(f"leave the notebooks out ({', '.join(named)}): expected only parameters, as -p lr 1e-4")
    read = _read(path)
    if not arguments:
        return read, {}
    typed: dict[str, str] = {}
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.ipynb"
        try:
            # What it says of paths and of unknown parameters, our own check says better. The execution that may follow
            # in this process sets up its log itself.
            with quieten("papermill", below=logging.CRITICAL), keep_root_logger():
                context = papermill.make_context("papermill", [str(path), str(out), *arguments])
                typed = typed_texts(context.params)
                context.params |= {"prepare_only": True, "log_level": "WARNING"}
                papermill.invoke(context)
        except (click.exceptions.Exit, SystemExit):  # --version, --help-notebook
            pass
        except click.ClickException as error:
            raise ReidError(f"papermill does not take these arguments: {error.format_message()}") from error
        except OSError as error:
            raise ReidError(f"-f {error.filename}: there is no such file in {Path.cwd()}") from error
        except (ValueError, TypeError, yaml.YAMLError, PapermillException) as error:
            raise ReidError(f"these arguments hold no parameters: expected name: value in YAML; {error}") from error
        if not out.exists():
            raise ReidError(f"expected only parameters, as -p lr 1e-4; got {' '.join(arguments)}")
        return nbformat.read(out, as_version=4), typed


def _read(path: Path):
    with quick_imports():
        import nbformat
        from papermill.iorw import load_notebook_node
    try:
        return load_notebook_node(str(path))
    except (OSError, ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise ReidError(f"{path} is no notebook that papermill can execute ({error!r})") from error


def _write(notebook: Any, path: Path) -> None:
    with quick_imports():
        import nbformat

    nbformat.write(notebook, path)
