"""Which values a notebook's parameters have: those of its parameters cell, and of papermill's cell after it.

Read in the notebook's own kernel, and from its file before it is run: both by the same rule.
"""

import ast
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid_lib.core.errors import ParameterError
from reid_lib.core.kernel import find_ipython

if TYPE_CHECKING:  # a kernel needs none of it, and importing it takes two seconds
    from nbformat import NotebookNode

INJECTED = "# Parameters"  # papermill's cell starts with it
PAPERMILL_PREFIX = "PAPERMILL_"  # set by --inject-paths
# What is assigned in there are not names of the cell.
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
SCOPES += (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def notebook_values(fields: set[str]) -> dict[str, Any]:
    """Name -> value of what the latest parameters cell, and papermill's injected cell after it, assign.

    The parameters cell is the latest executed one that assigns most of `fields`: tags are not visible to the kernel.
    A literal is read from the source, so that a later cell's own `loss = ...` changes nothing when this cell is run
    again; anything else (`lr = 10 * 1e-4`, typed in JupyterLab) from the user's namespace.

    Raises:
        ParameterError: not in a notebook, or no cell there assigns the parameters.
    """
    namespace = _shell().user_ns
    found = _chosen(list(namespace.get("In", [])), fields)
    if not found and fields <= namespace.keys():
        # A runner that keeps no history (nbval): only the names are there, and all of them.
        return {name: namespace[name] for name in fields}
    if not found:
        raise ParameterError(
            "no parameters cell was run: run the cell tagged 'parameters' first, then this one "
            "(it is known by assigning more than half of the parameters)"
        )
    return _values(found, namespace)


def cells_before_reading(notebook: "NotebookNode") -> tuple[str, list[str]]:
    """Name of the class whose `from_notebook` a notebook (nbformat 4) calls, and the sources of the code cells that run
    before; an empty name and every code cell where it calls none."""
    sources = [_python(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    for k, source in enumerate(sources):
        if called := re.search(r"(\w+)\.from_notebook\(", source):
            return called[1], sources[:k]
    return "", sources


def _python(source: str) -> str:
    """A cell as its kernel keeps it in `In`: magics (`%config ...`) are calls."""
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return TransformerManager().transform_cell(source)


def literals_of_cells(sources: list[str], fields: set[str]) -> dict[str, Any]:
    """As `values_of_cells`, without what only running the cells tells."""
    values = {}
    for name, node in _merged(_chosen(sources, fields)).items():
        try:
            values[name] = ast.literal_eval(node)
        except (ValueError, TypeError):
            continue
    return values


def names_in_cells(sources: list[str], fields: set[str]) -> set[str]:
    """The names that `notebook_values` will tell of, once these cells have run."""
    return {name for name in _merged(_chosen(sources, fields)) if not name.startswith(PAPERMILL_PREFIX)}


def injected_values(sources: list[str]) -> dict[str, Any]:
    """Name -> value in papermill's own cell; empty where there is none."""
    injected = [source for source in sources if _injected(source)][-1:]
    try:
        return _values(injected, {})
    except ParameterError:  # a number that has no literal: float('nan')
        return _values(injected, _run(injected, Path("papermill's cell")))


def values_of_cells(sources: list[str], fields: set[str], *, where: Path) -> dict[str, Any]:
    """Name -> value that `notebook_values` will tell once these cells have run; `where` is the file they stand in.

    What is no literal (`lr = 10 * 1e-4`) is computed, by running the parameters cell here.

    Raises:
        ParameterError: no cell assigns the parameters, or it cannot be run by itself.
    """
    found = _chosen(sources, fields)
    if not found:
        raise ParameterError(
            f"{where} has no parameters cell: expected a code cell that assigns more than half of the parameters, one "
            "a line, before the one with from_notebook()"
        )
    try:
        return _values(found, {})
    except ParameterError:
        return _values(found, _run(found, where))


def _run(sources: list[str], where: Path) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for source in sources:
            with redirect_stdout(sys.stderr):  # a name is all that may be printed on stdout
                exec(compile(source, str(where), "exec"), namespace)
    except Exception as error:
        raise ParameterError(
            f"the parameters cell of {where} cannot be read beforehand ({type(error).__name__}: {error}): write values "
            "into it that need no other cell"
        ) from error
    return namespace


def _chosen(sources: list[str], fields: set[str]) -> list[str]:
    """Of cells in the order in which they run: the parameters cell, and papermill's after it, if any."""
    cells = [_assigned(source) for source in sources]
    most = [i for i, cell in enumerate(cells) if len(cell.keys() & fields) > len(fields) / 2]
    # A cell of one's own may begin with that comment, too.
    own = [i for i in most if not _injected(sources[i])] or most
    if not own:
        return []
    later = [i for i in range(own[-1] + 1, len(cells)) if _injected(sources[i])]
    return [sources[i] for i in (own[-1], *later[-1:])]


def _merged(sources: list[str]) -> dict[str, ast.expr | None]:
    return {name: node for source in sources for name, node in _assigned(source).items()}


def _values(sources: list[str], namespace: dict[str, Any]) -> dict[str, Any]:
    assigned = _merged(sources)
    return {
        name: _value(node, name, namespace) for name, node in assigned.items() if not name.startswith(PAPERMILL_PREFIX)
    }


def _value(node: ast.expr | None, name: str, namespace: dict) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        pass
    if name not in namespace:
        raise ParameterError(
            f"{name!r} has no value: the parameters cell stopped with an error; mend it and run it again"
        )
    return namespace[name]


def _shell():
    shell = find_ipython()
    if shell is None:
        raise ParameterError(
            "from_notebook() reads a notebook's parameters cell; in a script, pass the parameters: TrainParams(lr=1e-4)"
        )
    return shell


def _injected(source: str) -> bool:
    return source.lstrip().startswith(INJECTED)


def _assigned(source: str) -> dict[str, ast.expr | None]:
    """Name -> the expression that a cell assigns to it; nothing where the cell is not Python (magics).

    None stands for what only running the cell can tell: `lr *= 10`, `lr, m = 1e-3, 4`, an assignment under an `if`.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    assigned = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and all(isinstance(target, ast.Name) for target in targets):
            assigned |= {target.id: node.value for target in targets if node.value is not None}
        else:
            assigned |= dict.fromkeys(_stored(node))
    return assigned


def _stored(node: ast.AST) -> set[str]:
    """Names that a statement sets in its cell, however deep."""
    if isinstance(node, SCOPES):
        return set()
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    return set().union(*map(_stored, ast.iter_child_nodes(node)))
