"""Threads that each compute alone: results in order, torch's own threads put back, also after an error."""

import threading

import pytest
import torch

from reid_lib.nets.side_by_side import side_by_side


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_in_order_each_in_a_thread_with_one_of_torchs(threads):
    def look(item):
        return item * item, torch.get_num_threads(), threading.current_thread() is threading.main_thread()

    with side_by_side("cpu", 20) as map_all:
        assert [value for value, _, _ in map_all(look, list(range(20)))] == [k * k for k in range(20)]
        assert {(n, main) for _, n, main in map_all(look, list(range(20)))} == {(1, threads == 1)}
        assert map_all(look, []) == []
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("device, n_items", [("cuda", 20), ("cpu", 1), ("cpu", 0)])
def test_a_gpu_and_a_single_item_stay_in_the_callers_thread(threads, device, n_items):
    with side_by_side(device, n_items) as map_all:
        assert map_all(lambda _: torch.get_num_threads(), [0]) == [threads]


def test_an_error_comes_through_and_the_threads_are_put_back(threads):
    with pytest.raises(ZeroDivisionError), side_by_side("cpu", 5) as map_all:
        map_all(lambda item: 1 / item, [1, 2, 0, 4, 5])
    assert torch.get_num_threads() == threads
