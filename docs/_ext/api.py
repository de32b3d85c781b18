"""`{api} PACKAGE`: the public names of a package, read from its source without importing it (torch takes seconds).

Signatures come from the syntax tree; the entries are those of Sphinx's Python domain, so
names have anchors and are found.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
LONGEST_VALUE = 60  # of a constant that is shown


@cache
def _tree(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def find_homes(package: str) -> dict[str, str]:
    """Public name -> the module that defines it, as the package's `face(...)` says."""
    for node in ast.walk(_tree(package)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "face":
            homes = ast.literal_eval(node.args[1])
            return {name: f"{package}.{module}" for module, names in homes.items() for name in names.split()}
    raise ValueError(f"{package} has no face")


def find_definition(module: str, name: str) -> Definition:
    """Where a module defines a name, or the one that it takes it from."""
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in _targets(node):
            return node
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return find_definition(str(node.module), name)
    raise ValueError(f"{module} defines no {name}")


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def describe_package(package: str) -> Iterator[str]:
    """Lines of reStructuredText: what the package is for, and each of its public names."""
    yield from [f".. py:module:: {package}", "   :no-index-entry:", ""]
    yield from [_prose(" ".join((ast.get_docstring(_tree(package)) or "").split())), ""]
    for name, module in find_homes(package).items():
        yield from _describe(find_definition(module, name), name, module)


def _describe(node: Definition, name: str, module: str) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef):
        yield from _entry("function", f"{name}{_signature(node)}", _docstring(node))
    elif isinstance(node, ast.ClassDef):
        content = _docstring(node)
        for method in _public_methods(node):  # one line each: a whole entry takes Sphinx twenty times as long
            content += ["", f"``{_typed(method)}``", f"   {_first_sentence(method)}"]
        yield from _entry("class", name + _class_signature(node), content)
    else:
        value = ast.unparse(node.value) if node.value else ""
        shown = f"``{value}``" if len(value) <= LONGEST_VALUE else f"Defined in ``{module}``."
        yield from _entry("data", name, [shown])


def _entry(kind: str, typed: str, content: list[str]) -> Iterator[str]:
    yield from [f".. py:{kind}:: {typed}", "", *(f"   {line}" if line else "" for line in content), ""]


def _docstring(node: ast.AST) -> list[str]:
    """The first paragraph as prose, the rest as it is written: no docstring can break the site."""
    first, _, rest = (ast.get_docstring(node) or "").partition("\n\n")  # type: ignore[arg-type]
    lines = [_prose(" ".join(first.split())), ""]
    if rest:
        lines += [".. code-block:: text", "   :class: docstring", "", *textwrap.indent(rest, "   ").splitlines(), ""]
    return lines


def _prose(text: str) -> str:
    """Words between backticks as code; nothing else is markup."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return re.sub(r"([*_|`\\])", r"\\\1", text)
    plain = [re.sub(r"([*_|\\])", r"\\\1", part) for part in parts[::2]]
    code = [f"\\ ``{part}``\\ " for part in parts[1::2]]  # also beside letters and brackets
    return "".join(one for pair in zip(plain, [*code, ""], strict=True) for one in pair)


def _signature(node: ast.FunctionDef, *, method: bool = False) -> str:
    arguments = node.args
    if method:
        arguments = ast.arguments(**{field: getattr(arguments, field) for field in arguments._fields})
        arguments.args = arguments.args[1:]
    given = ast.unparse(arguments)
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({given}){returned}".replace("'", "").replace('"', "") if "Literal" not in given else f"({given})"


def _class_signature(node: ast.ClassDef) -> str:
    """That of `__init__`, or the fields of a dataclass or named tuple."""
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            return _signature(method, method=True).removesuffix(" -> None")
    bases = [ast.unparse(base) for base in node.bases]
    if not any("dataclass" in ast.unparse(d) for d in node.decorator_list) and "NamedTuple" not in bases:
        return ""
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign) and "ClassVar" not in ast.unparse(part)]
    return f"({', '.join(_field(part) for part in fields)})"


def _field(part: ast.AnnAssign) -> str:
    made = part.value is not None and ast.unparse(part.value).startswith("field(")
    told = f"{ast.unparse(part.target)}: {ast.unparse(part.annotation)}"
    return told + (" = ..." if made else f" = {ast.unparse(part.value)}" if part.value else "")


def _public_methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef) and not part.name.startswith("_")]
    return [method for method in methods if ast.get_docstring(method)]


def _typed(method: ast.FunctionDef) -> str:
    """How a method or property is written by who uses it."""
    marks = [ast.unparse(decorator) for decorator in method.decorator_list]
    if any(mark in ("property", "cached_property") for mark in marks):
        return f".{method.name}"
    return f".{method.name}{_signature(method, method='staticmethod' not in marks)}"


def _first_sentence(method: ast.FunctionDef) -> str:
    return _prose(" ".join((ast.get_docstring(method) or "").split("\n\n")[0].split()))


class Api(SphinxDirective):
    """The names of one package."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """See `describe_package`."""
        text = "\n".join(describe_package(self.arguments[0]))
        return self.parse_text_to_nodes(f"```{{eval-rst}}\n{text}\n```")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive (Sphinx calls it)."""
    app.add_directive("api", Api)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
