"""Results in the order of the items, errors at their item, and no more at a time than promised."""

import threading
import time

import pytest

from reid_lib.core.parallel import iterate_ahead, map_in_threads


def quickly(function, items):
    return map_in_threads(function, items, title="", workers=4, progress=False)


def later_is_quicker(item: int) -> int:
    time.sleep(0.02 / (item + 1))
    return item * item


def fails_at_3(item: int) -> int:
    if item == 3:
        raise ValueError("three")
    return item


@pytest.mark.parametrize("run", [quickly, iterate_ahead])
def test_results_come_in_the_order_of_the_items_and_errors_at_theirs(run):
    assert list(run(later_is_quicker, range(9))) == [k * k for k in range(9)]
    assert list(run(later_is_quicker, [])) == []
    found = run(fails_at_3, range(9))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(found)


def test_one_item_is_made_ahead_of_the_one_worked_on_and_no_more():
    begun, second = [], threading.Event()

    def make(item: int) -> int:
        begun.append(item)
        if item == 1:
            second.set()
        return item

    for item in iterate_ahead(make, range(6)):
        assert second.wait(5), "nothing is made while the first is worked on"
        time.sleep(0.01)  # whatever is under way has begun by now
        assert max(begun) <= item + 1
    assert begun == list(range(6))


def test_few_items_are_under_way_at_a_time():
    begun = []
    found = map_in_threads(begun.append, range(100), title="", workers=1, progress=False)
    next(found)
    time.sleep(0.05)
    assert len(begun) <= 8
    found.close()
