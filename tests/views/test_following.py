"""Looking for new runs: on demand, and by a timer of the kernel that nothing has to wait for."""

import asyncio

import pytest

from reid_lib.core.errors import RunError
from reid_lib.views import following
from reid_lib.views.following import Follow


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(following, "PERIOD_S", 0.01)
    monkeypatch.setattr(following, "SHARE", 0)
    monkeypatch.setattr(following, "_latest", [])


def test_the_button_says_what_is_new_and_that_nothing_is():
    new = ["finished: <b>"]
    follow = Follow(lambda: new.pop() if new else "", by_itself=False)
    follow.button.click()
    assert "finished: &lt;b&gt;" in follow.said.value
    follow.button.click()
    assert "nothing new" in follow.said.value


def test_by_itself_it_looks_until_the_box_is_cleared_and_does_not_keep_the_loop():
    looks = []

    async def kernel():
        follow = Follow(lambda: looks.append(1) or "", by_itself=True)
        await asyncio.sleep(0.1)
        assert len(looks) > 1 and follow.said.value == ""
        follow.by_itself.value = False
        n = len(looks)
        await asyncio.sleep(0.05)
        assert len(looks) == n
        follow.by_itself.value = True
        await asyncio.sleep(0.05)
        assert len(looks) > n

    asyncio.run(asyncio.wait_for(kernel(), 20))  # it ends while the box is ticked


def test_a_cell_that_is_run_again_leaves_one_that_looks():
    async def kernel():
        first, second = (Follow(str, by_itself=True) for _ in range(2))
        assert (first.by_itself.value, second.by_itself.value) == (False, True) and first._timer is None

    asyncio.run(kernel())


def test_a_folder_that_cannot_be_read_is_told_and_looked_at_again():
    answers = iter([RunError("runs cannot be listed"), "finished: a"])

    def look():
        if isinstance(answer := next(answers, ""), str):
            return answer
        raise answer

    async def kernel():
        follow = Follow(look, by_itself=True)
        said = []
        follow.said.observe(lambda change: said.append(change["new"]), "value")
        await asyncio.sleep(0.1)
        assert "cannot be listed" in said[0] and "finished: a" in said[1]

    asyncio.run(kernel())


def test_outside_of_a_kernel_the_button_alone_looks():
    assert Follow(str, by_itself=True)._timer is None
