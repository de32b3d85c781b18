"""The choice of runs that all views follow: in a kernel they are redrawn in turn."""

import asyncio

from reid_lib.views import base


def test_in_a_kernel_views_are_redrawn_one_after_the_other_and_once_for_the_last_choice(picker):
    drawn = []

    class Noting(base.View):
        def refresh(self):
            drawn.append((id(self), self.chosen.runs))

    views = [Noting(picker, [], []) for _ in range(2)]
    first, second = picker.comparison.names[:2]
    drawn.clear()

    async def kernel():
        picker.choose(first)
        picker.choose(second)
        assert drawn == []  # the picker has answered, the views have not begun
        await asyncio.sleep(0)
        assert drawn == [(id(views[0]), (second,))]  # other messages get their turn in between
        await asyncio.sleep(0)

    asyncio.run(kernel())
    assert drawn == [(id(view), (second,)) for view in views]
    picker.choose(first)
    assert drawn[2:] == [(id(view), (first,)) for view in views]
