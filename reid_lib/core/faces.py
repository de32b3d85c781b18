"""The face of a package: names that others take from it, each imported from its module when it is first asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module


def face(package: str, homes: Mapping[str, str]) -> tuple[list[str], Callable, Callable]:
    """`__all__`, `__getattr__` and `__dir__` (PEP 562) of a package whose import costs nothing.

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
