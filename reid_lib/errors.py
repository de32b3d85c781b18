"""One exception tree. A message says what was expected, what came, and what to do."""


class ReidError(Exception):
    """Base of every error this library raises on purpose."""


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
    """Training was asked to stop, and has: it can be continued."""


class RunError(ReidError, RuntimeError):
    """A run folder cannot be used."""


class RunBusyError(RunError):
    """Another live process owns the run."""


class RunDiffersError(RunError):
    """A run of this name exists with other parameters or other data."""
