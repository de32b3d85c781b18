"""The sheet of masks of a run: those that have probably failed come first, the others are drawn blindly."""

import itertools

import numpy as np
import pytest
from drawn import texts

from reid_lib.core.names import IMAGE_ID
from reid_lib.pipeline import local_scores, masks
from reid_lib.pipeline.masks import SHOWN, choose_masks

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


class Halves:
    """Takes the left half for the animal; of every tenth photograph everything."""

    key = "halves"

    def __init__(self):
        self.count = itertools.count()  # threads take a number each

    def find(self, photos):
        found = [np.zeros(photo.shape[:2], dtype=bool) for photo in photos]
        for mask in found:
            mask[:, : mask.shape[1] // (2 if next(self.count) % 10 else 1)] = True
        return found


@pytest.fixture
def masked(fused, cache, monkeypatch):
    experiment, _, _ = fused
    monkeypatch.setenv("REID_CACHE", str(cache))
    masker = Halves()
    for module in (masks, local_scores):
        monkeypatch.setattr(module, "make_masker", lambda mask: masker)
    monkeypatch.setattr(experiment, "params", experiment.params.model_copy(update={"mask": "u2netp"}))
    return experiment


def test_the_most_doubtful_come_first_in_turns_and_leave_room_for_others():
    covered = np.array([0.3, 0.95, 0.02, 0.4, 1.0, 0.0, *[0.5] * 20, *[0.99] * 20])
    chosen = choose_masks(covered)
    assert chosen[:4] == [4, 5, 26, 2] and len(chosen) == SHOWN  # everything, nothing, everything, nothing
    assert [covered[k] > 0.9 or covered[k] < 0.03 for k in chosen] == [True] * 6 + [False] * 6
    assert chosen[6:] == [0, 3, 6, 7, 8, 9]
    assert choose_masks(np.full(30, 0.5)) == list(range(SHOWN))
    assert len(choose_masks(np.ones(30))) == SHOWN and choose_masks(np.empty(0)) == []


def test_the_sheet_shows_masks_with_the_keypoints_that_were_kept_on_them(masked):
    ax = masks.draw_masks(masked)
    frames = [patch for patch in ax.patches if str(patch.get_gid()).startswith("frame")]
    n, told = len(masked.split.rows), [patch.get_gid() for patch in frames]
    assert told == ["frame nearly everything"] * 6 + ["frame "] * 6
    assert f"Of {n} photographs, the mask covers nearly everything in {-(-n // 10)} " in " ".join(texts(ax))
    assert len(set(masked.split.rows[IMAGE_ID]) & set(texts(ax))) == SHOWN
    dots = [line for line in ax.lines if line.get_gid() == "keypoints"]
    for line, frame in list(zip(dots, frames, strict=True))[6:]:
        middle = frame.get_x() + frame.get_width() / 2
        assert len(line.get_xdata()) and (line.get_xdata() <= middle + 0.02).all()  # none on the other half


def test_without_a_mask_nothing_is_shown(fused, monkeypatch):
    drawn = []
    monkeypatch.setattr(masks, "save_figure", lambda *told: drawn.append(told))
    masks.show_masks(fused[0])
    assert not drawn
