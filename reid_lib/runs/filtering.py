"""Runs chosen by an expression over their table: `lr < 1e-3 and dataset == "demo"`.

It has Python's grammar (`ast`) and is computed here, node by node: comparisons, `and`, `or`, `not`, `in`, sums and
products. Nothing is called and no attribute is read, so an expression can do nothing but choose.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from reid_lib.core.errors import RunError
from reid_lib.core.suggest import did_you_mean, find_near
from reid_lib.runs.table import PARAM, RUN

EXAMPLE = 'lr < 1e-3 and dataset == "demo"'
LONGEST, SHOWN = 1000, 120  # characters: of an expression, and of one in a message
PARTS = "names of columns, numbers, text, comparisons, and, or, not, in, + - * /"
ORDERS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
SUMS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
BOTH = {ast.BitAnd: all, ast.BitOr: any}  # as pandas writes `and` and `or`
ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.Compare),
    *(ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple, ast.BinOp),
    *ORDERS,
    *SUMS,
    *BOTH,
)
Row = dict[str, Any]


def filter_runs(table: pd.DataFrame, expression: str) -> list[str]:
    """The runs for which an expression holds, in the order of the table; all where it is empty.

    A name is a column (`val_geometric_mean`, `tags`) or a parameter without its `param_` (`lr`). What is missing equals
    `None` and is neither less nor more than anything. `"wide" in run` asks for a part of a text, `"paper" in tags` for
    one of several words.

    Args:
        table: a row for each run, with `run`; otherwise as `table.tabulate_metrics` has it.

    Raises:
        RunError: it is no such expression, names no column, or compares text with numbers.

    Example:
        >>> filter_runs(pd.DataFrame({"run": ["a", "b"], "param_lr": [1e-3, 3e-4]}), "lr < 1e-3")
        ['b']
    """
    names = [str(name) for name in table[RUN]] if RUN in table else []
    if not expression.strip():
        return names
    choosing = _Filter(expression, list(table.columns))
    rows = ({str(column): _plain(value) for column, value in row.items()} for row in table.to_dict("records"))
    return [name for name, holds in zip(names, choosing.ask(rows), strict=True) if holds]


class _Filter:
    """An expression that has been read; `ask` computes it for rows."""

    def __init__(self, expression: str, columns: list[str]):
        self.expression = expression.strip()
        self.tree = self._parse()
        self.columns = {node.id: self._find(node.id, columns) for node in ast.walk(self.tree) if _is_name(node)}
        self._fitting: set[ast.AST] = set()  # comparisons that some row allows
        self._unfit: dict[ast.AST, str] = {}  # what is wrong with those that a row does not

    def ask(self, rows: Iterable[Row]) -> list[bool]:
        """Does it hold, for each row?"""
        try:
            found = [self._truth(self.tree.body, row) for row in rows]
        except RecursionError:
            self._refuse("it is nested too deeply")
        for node, why in self._unfit.items():
            if node not in self._fitting:
                self._refuse(why)
        return found

    def _refuse(self, why: str) -> NoReturn:
        raise RunError(f"the filter {_shorten(self.expression)} cannot be used: {why}")

    def _parse(self) -> ast.Expression:
        if len(self.expression) > LONGEST:
            self._refuse(f"it has {len(self.expression):,} characters, and {LONGEST:,} are the most")
        try:
            tree = ast.parse(self.expression, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            single = re.search(r"(?<![=<>!])=(?!=)", self.expression)
            told = error.msg if isinstance(error, SyntaxError) else str(error)
            self._refuse(f"{'equal is written ==' if single else told}; expected something like {EXAMPLE}")
        for node in ast.walk(tree):
            if isinstance(node, ast.expr) and not _is_allowed(node):
                self._refuse(f"{_shorten(ast.unparse(node))} is none of what it may hold: {PARTS}, as in {EXAMPLE}")
        return tree

    def _find(self, name: str, columns: list[str]) -> str:
        """The column that a name stands for."""
        for column in (name, f"{PARAM}{name}"):
            if column in columns:
                return column
        short = [str(c).removeprefix(PARAM) for c in columns]
        near = did_you_mean(find_near(name, short), f'; text stands in quotation marks: "{name}"')
        self._refuse(f"there is no column {name!r}{near}")

    def _truth(self, node: ast.expr, row: Row) -> bool:
        value = self._value(node, row)
        if value is None or isinstance(value, bool):
            return bool(value)
        self._refuse(f"{ast.unparse(node)} alone is neither true nor false: compare it with something")

    def _value(self, node: ast.expr, row: Row) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return row[self.columns[node.id]]
            case ast.List() | ast.Tuple():
                return tuple(self._value(one, row) for one in node.elts)
            case ast.BoolOp():  # all are asked: a mistake is told whatever the first says
                held = [self._truth(one, row) for one in node.values]
                return all(held) if isinstance(node.op, ast.And) else any(held)
            case ast.UnaryOp(op=ast.Not()):
                return not self._truth(node.operand, row)
            case ast.UnaryOp():
                value = self._number(node.operand, row)
                return -value if value is not None and isinstance(node.op, ast.USub) else value
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                return BOTH[type(node.op)]([self._side(node, one, row) for one in (node.left, node.right)])
            case ast.BinOp():
                return self._sum(node, row)
            case ast.Compare():
                return self._compare(node, row)

    def _side(self, node: ast.BinOp, side: ast.expr, row: Row) -> bool:
        value = self._value(side, row)
        if value is None or isinstance(value, bool):
            return bool(value)
        self._refuse(f"write 'and' and 'or', or put both sides in brackets: {ast.unparse(node)} joins no comparisons")

    def _number(self, node: ast.expr, row: Row) -> float | None:
        value = self._value(node, row)
        if value is None or isinstance(value, Real):
            return value
        self._refuse(f"{ast.unparse(node)} is no number")

    def _sum(self, node: ast.BinOp, row: Row) -> float | None:
        left, right = self._number(node.left, row), self._number(node.right, row)
        if left is None or right is None:
            return None
        try:
            return SUMS[type(node.op)](float(left), float(right))
        except ArithmeticError:  # divided by zero, or beyond what a float holds
            return None

    def _compare(self, node: ast.Compare, row: Row) -> bool:
        sides = [node.left, *node.comparators]
        values = [self._value(side, row) for side in sides]
        pairs = zip(values[:-1], values[1:], sides[:-1], sides[1:], node.ops, strict=True)
        return all([self._holds(op, a, b, (left, right)) for a, b, left, right, op in pairs])

    def _holds(self, op: ast.cmpop, a: Any, b: Any, sides: tuple[ast.expr, ast.expr]) -> bool:
        inside, inverse = isinstance(op, ast.In | ast.NotIn), isinstance(op, ast.NotEq | ast.NotIn)
        if a is None or b is None:
            among = inside and isinstance(b, tuple) and a in b
            return (among or (not inside and type(op) not in ORDERS and a is b)) != inverse
        if inside and isinstance(b, str) and isinstance(a, str):
            return self._fits(op, a in b) != inverse
        if inside and isinstance(b, tuple):
            return self._fits(op, any(_kind(a) == _kind(one) and a == one for one in b)) != inverse
        if inside or _kind(a) != _kind(b):
            self._unfit[op] = _explain(a, b, sides, inside=inside)
            return inverse
        held: Callable = ORDERS.get(type(op), operator.eq)
        return self._fits(op, bool(held(a, b))) != inverse

    def _fits(self, op: ast.cmpop, held: bool) -> bool:
        self._fitting.add(op)
        return held


def _is_allowed(node: ast.expr) -> bool:
    """Is a node one of those that are computed here, with the operators that stand in it?"""
    parts = [node, *(part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.expr))]
    known = not isinstance(node, ast.Constant) or isinstance(node.value, Real | str | None)
    return known and all(isinstance(part, ALLOWED) for part in parts)


def _shorten(expression: str) -> str:
    return expression if len(expression) <= SHOWN else f"{expression[:SHOWN]} ..."


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _plain(value: Any) -> Any:
    """A cell as Python has it; None where it is missing."""
    if isinstance(value, list | tuple):
        return tuple(value)
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)) else value


def _kind(value: Any) -> str:
    return "number" if isinstance(value, Real) else "words" if isinstance(value, tuple) else "text"


def _explain(a: Any, b: Any, sides: tuple[ast.expr, ast.expr], *, inside: bool) -> str:
    """What is wrong with a comparison of two kinds of values."""
    left, right = map(ast.unparse, sides)
    if inside:
        return f'{left} in {right}: expected a list, a text or tags on the right, as in "wide" in run'
    if "words" in (_kind(a), _kind(b)):
        several, one = (left, right) if _kind(a) == "words" else (right, left)
        return f"{several} holds several words: write {one} in {several}"
    number, text = (left, right) if _kind(a) == "number" else (right, left)
    return f"{number} is a number and {text} is text"
