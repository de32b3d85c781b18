"""The demo data: the same bytes for the same seed, whole or not there, and hard in the ways that real data are."""

import numpy as np

from reid_lib.data.demo.drawing import draw_pose, draw_scene
from reid_lib.data.demo.patterns import LYNX, SALAMANDER


def test_encounters_of_one_animal_differ_in_ground_and_light():
    scenes = [draw_scene(SALAMANDER, 48, [0, 0, 7, visit]) for visit in range(4)]
    again = draw_scene(SALAMANDER, 48, [0, 0, 7, 0])
    assert again.ground.tobytes() == scenes[0].ground.tobytes() and np.array_equal(again.light, scenes[0].light)
    for i in range(4):
        for j in range(i):
            grounds = [np.asarray(scenes[k].ground, float) for k in (i, j)]
            assert np.abs(grounds[0] - grounds[1]).mean() > 5  # of 255
            assert not np.allclose(scenes[i].light, scenes[j].light, rtol=0.01)


def test_left_and_right_flanks_look_to_their_side():
    """The head (u = 0) is left of the rear (u = 1) on a left flank, and the feet (t > 0) are below the back."""
    for seed in range(20):
        for flank, sign in (("left", 1), ("right", -1)):
            (head, _), (rear, _) = (pose := draw_pose(LYNX, 100, flank, np.random.default_rng(seed))).place(
                [(0, 0), (1, 0)]
            )
            assert sign * (rear - head) > 0
            (_, back), (_, feet) = pose.place([(0.5, -0.2), (0.5, 0.3)])
            assert feet > back


def test_a_bent_spine_keeps_its_length():
    """However bent, the spine is as long as the kind says, times the scale of the photograph (0.82 ... 1.05)."""
    pose = draw_pose(SALAMANDER, 100, "top", np.random.default_rng(0))
    along = np.array(pose.place(np.column_stack([np.linspace(0, 1, 400), np.zeros(400)])))
    length = np.hypot(*np.diff(along, axis=0).T).sum()
    assert 0.82 * 100 * SALAMANDER.length * 0.99 <= length <= 1.05 * 100 * SALAMANDER.length * 1.01
