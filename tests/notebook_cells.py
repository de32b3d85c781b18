"""A notebook's code cells, run in this process by IPython as a kernel would: for what they do, not the way to them.

A papermill with its kernel takes 15 s of processor more, most of it for importing torch once again.
"""

from typing import NamedTuple

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from reid_lib.core.paths import project_root
from reid_lib.params.cells import INJECTED


class Executed(NamedTuple):
    """What the cells of a notebook left.

    Attributes:
        text: what they printed.
        html: what they displayed as HTML, and what they ended with, one for each.
    """

    text: str
    html: list[str]


def run_cells(notebook: str, **given) -> Executed:
    """Run all code cells of notebooks/<notebook>.

    Args:
        given: parameters, as papermill would inject them.

    Raises:
        Whatever a cell raises.
    """
    nb = nbformat.read(project_root() / "notebooks" / notebook, as_version=4)
    sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    if given:
        sources.insert(1, "\n".join([INJECTED, *(f"{name} = {value!r}" for name, value in given.items())]))
    html = []
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        with capture_output() as captured:
            for source in sources:
                ended = shell.run_cell(source, store_history=True)
                ended.raise_error()
                if hasattr(ended.result, "_repr_html_"):
                    html.append(ended.result._repr_html_())
    finally:
        InteractiveShell.clear_instance()
    displayed = [output.data["text/html"] for output in captured.outputs if "text/html" in output.data]
    return Executed(captured.stdout, [*displayed, *html])
