"""A review in words: why a pair is asked, what an answer would change, what is left."""

from collections.abc import Sequence

import numpy as np

from reid_lib.review.stopping import PATIENCE

UNCHANGED = "changes no group"
SURELY = 0.99  # a chance that is not worth saying


def describe_join(names: tuple[str, str], sizes: tuple[int, int], *, inside: bool, n_answers: int) -> str:
    """Why a join is asked about.

    Args:
        names: clusters of both photographs.
        sizes: photographs on both sides.
        inside: is it a join in one group, or between two?
        n_answers: given about other pairs that lie across it.
    """
    again = " (one answer about them may be wrong: asked again by another pair)" if n_answers else ""
    if inside:
        two = f"{min(sizes)} and {max(sizes)}"
        return f"{_name(names)}: {_count(sum(sizes))} that count as one animal may show two, {two}{again}"
    if names[0] == names[1]:
        return f"{names[0]}: two parts of it, {sizes[0]} and {_count(sizes[1])}, may be one animal after all{again}"
    return f"{names[0]} ({_count(sizes[0])}) and {names[1]} ({_count(sizes[1])}) may be one animal{again}"


def describe_contradiction(decision: str) -> str:
    """Why a decision is asked once more.

    Args:
        decision: the one that is in doubt; "disputed" where people disagree.
    """
    if decision == "disputed":
        return "people disagree about this pair"
    return f"decisions contradict each other, and the one to doubt first is that this pair is {decision!r}"


def describe_second_look(decision: str, *, outweighed: bool) -> str:
    """Why an answer is asked once more that contradicts no other.

    Args:
        decision: the answer that was given.
        outweighed: other answers outweigh it, and one more like it would turn the scale.
    """
    if outweighed:
        return f"a second look: this pair was called {decision!r}; others outweigh that, but would not outweigh two"
    return f"a second look: this pair was called {decision!r}, pictures or names speak against it, and much hangs on it"


def describe_regrouping(before: np.ndarray, after: np.ndarray) -> str:
    """What becomes of groups.

    Args:
        before, after: (m,) int, group of each photograph.
    """
    kept = _mates(before) == _mates(after)
    if kept.all():
        return UNCHANGED
    old, new = (
        sorted(np.unique(label[~kept], return_counts=True)[1].tolist(), reverse=True) for label in (before, after)
    )
    return f"{_groups(old)} {'becomes' if len(old) == 1 else 'become'} {_groups(new, articles=False)}"


def describe_left(questions: int, contradictions: int, changes: float, chance: float, stop: bool) -> str:
    """What is left of a review, in one or two sentences; see `ReviewQueue.left`."""
    if not questions:
        return "nothing is left to ask"
    first = (
        f"{contradictions} of them where decisions contradict each other or people disagree, " if contradictions else ""
    )
    left = f"{questions:,} {'question is' if questions == 1 else 'questions are'} left, {first}"
    left += f"about {changes:,.0f} of whose answers would change something"
    ahead = f"any of the next {min(PATIENCE, questions)} does"
    if stop:
        return f"{left}. The chance that {ahead} is below 5 %: you can stop here"
    if chance > SURELY:
        return f"{left}: go on"
    return f"{left}. The chance that {ahead} is {chance:.0%}, by the last answers"


def count_moved(before: np.ndarray, after: np.ndarray) -> int:
    """Pairs of photographs that are together in just one of two groupings, (m,) int each."""
    both = np.stack([before, after], axis=1)
    pairs = [
        (n * (n - 1) // 2).sum()
        for n in (_sizes(before), _sizes(after), np.unique(both, axis=0, return_counts=True)[1])
    ]
    return int(pairs[0] + pairs[1] - 2 * pairs[2])


def _sizes(label: np.ndarray) -> np.ndarray:
    return np.unique(label, return_counts=True)[1]


def _mates(label: np.ndarray) -> np.ndarray:
    """(m,) object: who is in the group of each."""
    of = {k: frozenset(np.flatnonzero(label == k).tolist()) for k in np.unique(label).tolist()}
    found = np.empty(len(label), dtype=object)
    found[:] = [of[k] for k in label.tolist()]
    return found


def _groups(sizes: Sequence[int], *, articles: bool = True) -> str:
    if len(sizes) == 1:
        return f"a group of {_count(sizes[0])}" if articles else f"one of {sizes[0]}"
    told = ", ".join(map(str, sizes[:-1])) + f" and {_count(sizes[-1]) if articles else sizes[-1]}"
    return f"groups of {told}" if articles else f"{len(sizes)}, of {told}"


def _name(names: tuple[str, str]) -> str:
    return names[0] if names[0] == names[1] else f"{names[0]} and {names[1]}"


def _count(n: int) -> str:
    return f"{n:,} photograph{'' if n == 1 else 's'}"
