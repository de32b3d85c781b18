"""papermill's own engine, with quiet kernels. papermill imports this module whenever it starts: pyproject.toml says so.

And where a notebook ends with an error of this library, or papermill was told of a file that is not there, papermill
ends with the message alone instead of its own traceback around it. The exit code stays papermill's.
"""

import sys
from pathlib import Path

from papermill import engines
from papermill.exceptions import PapermillException, PapermillExecutionError

from reid_lib.core.messages import ERROR, in_words, papermill_debugs, told_by_message

# ipykernel 7 warns at every start that kernel and notebook talk to each other unencrypted, on this very machine.
QUIET = "--IPKernelApp.log_level=ERROR"


class Engine(engines.NBClientEngine):
    """Executes notebooks as papermill does without it."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        """See papermill; IPython's kernels are told to keep their warnings to themselves."""
        if nb_man.nb.metadata.get("kernelspec", {}).get("language") == "python" and "python" in kernel_name:
            options = {"extra_arguments": [QUIET]} | options
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


def show_message(kind: type, error: BaseException, traceback, *, otherwise=sys.excepthook) -> None:
    """A `sys.excepthook`: what ends papermill, told on stderr."""
    if told := _told(error):
        print(told, file=sys.stderr)
    else:
        otherwise(kind, error, traceback)


def _told(error: BaseException) -> str:
    if isinstance(error, PapermillExecutionError):
        return told_by_message(error.ename, error.traceback)
    papermill = "papermill" in (Path(sys.argv[0]).stem, Path(sys.argv[0]).parent.name)  # `python -m papermill`, too
    if not papermill or papermill_debugs(sys.argv):
        return ""
    return f"{ERROR} {in_words(error)}" if isinstance(error, PapermillException | OSError) else ""


sys.excepthook = show_message
engines.papermill_engines.register(None, Engine)
