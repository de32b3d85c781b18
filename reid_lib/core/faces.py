"""The face of a package: its public names, each imported from its module when it is first asked for (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module


def face(package: str, homes: Mapping[str, str]) -> tuple[list[str], Callable, Callable]:
    """`__all__`, `__getattr__` and `__dir__` of a package, for its `__init__`: importing it imports no module of it.

    Args:
        package: its name.
        homes: module of the package -> names that it gives, separated by spaces.
    """
    home = {name: module for module, names in homes.items() for name in names.split()}

    def get(name: str):
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return sorted(home), get, lambda: sorted(home)
