"""One exception tree. A message says what was expected, what came, and what to do."""


def is_text(name: str) -> bool:
    """Can the name be written as UTF-8? Those of files that were named in another encoding cannot."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    r"""The text with bytes that are not UTF-8 written out ("caf\xe9.jpg"): names of files may hold them, no output can.

    Python holds such a byte of a name as a lone surrogate (PEP 383), which no file in UTF-8 and no notebook takes.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # other surrogates, which stand for no byte
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def first_line(error: BaseException) -> str:
    """What an error of another library says, in one line; its kind where it says nothing."""
    return str(error).strip().split("\n")[0] or type(error).__name__


class ReidError(Exception):
    """Base of every error this library raises on purpose. Its message can be printed, whatever it quotes."""

    def __init__(self, *args: object):
        super().__init__(*(printable(arg) if isinstance(arg, str) else arg for arg in args))


class ParameterError(ReidError, ValueError):
    """A parameter is unknown, of the wrong type or out of range."""


class CatalogueError(ReidError, ValueError):
    """A data set cannot be read as a catalogue, or its images cannot be used."""


class SplitError(ReidError, ValueError):
    """The catalogue cannot be split into the roles asked for."""


class ModelError(ReidError, RuntimeError):
    """A backbone or its weights cannot be had, or do not fit."""


class TrainingError(ReidError, RuntimeError):
    """Training cannot go on (for example, the loss is not a number)."""


class TrainingInterrupted(ReidError, RuntimeError):
    """Training stopped because it was asked to; it can be continued."""


class RunError(ReidError, RuntimeError):
    """A run folder cannot be used."""


class RunFormatError(RunError):
    """A run folder was written in a format that this version does not know; it stays as it is."""


class SubmissionError(ReidError, ValueError):
    """What would be sent to a competition would be refused."""


class GalleryError(ReidError, RuntimeError):
    """A gallery cannot be used, or cannot be changed as asked."""


class ReviewError(ReidError, RuntimeError):
    """A review, or its table of decisions, cannot be used, or a decision cannot be taken."""


class RunBusyError(RunError):
    """Another live process owns the run."""


class RunDiffersError(RunError):
    """A run of this name exists with other parameters or other data."""
