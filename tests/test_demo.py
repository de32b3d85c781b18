"""The demo data: the same bytes for the same seed, whole or not there, and hard in the ways that real data are."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib import demo
from reid_lib.demo import COLUMNS, METADATA, PHOTOS, SIZES, draw_demo, plan
from reid_lib.demo_draw import KINDS, LYNX, SALAMANDER, draw_pattern, draw_photo, draw_pose, draw_scene
from reid_lib.errors import CatalogueError
from reid_lib.names import DATASET, DATE, ENCOUNTER, IDENTITY, IMAGE_ID, ORIENTATION, PATH, SPECIES
from reid_lib.paths import project_root

TINY = demo.Size(2, 48, (0.5, 0.5))


@pytest.fixture
def tiny(clean_dirs, monkeypatch):
    """Size "small" drawn in a moment: two animals of each kind, 48 px."""
    monkeypatch.setitem(SIZES, "small", TINY)
    return clean_dirs


def contents(folder) -> dict:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_seed_same_bytes_and_other_seed_other_animals(tiny, monkeypatch):
    first = contents(draw_demo("small", 0, progress=False))
    other = contents(draw_demo("small", 1, progress=False))
    monkeypatch.setenv("REID_CACHE", str(tiny / "elsewhere"))
    again = contents(draw_demo("small", 0, progress=False))
    assert first == again
    shared = [name for name in first if name in other and name.endswith(".jpg")]
    assert shared and all(first[name] != other[name] for name in shared)


def test_the_table_names_every_image_and_has_the_columns_of_the_contract(tiny):
    folder = draw_demo("small", 0, progress=False)
    table = pd.read_csv(folder / METADATA)
    assert tuple(table) == COLUMNS
    assert COLUMNS == (IMAGE_ID, PATH, IDENTITY, DATASET, SPECIES, ENCOUNTER, DATE, ORIENTATION)
    assert not table.isna().any(axis=None)
    assert table[IMAGE_ID].is_unique and table[PATH].is_unique
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")} == set(table[PATH])
    for path in table[PATH]:
        with Image.open(folder / path) as image:
            assert image.size == (TINY.side, TINY.side) and image.mode == "RGB"


@pytest.mark.parametrize(
    ("size", "animals", "images"), [("small", 24, 150), ("default", 90, 700), ("large", 1000, 10000)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_sizes_are_about_what_they_say(size, animals, images, seed):
    table = plan(size, seed)
    assert table.groupby(DATASET)[IDENTITY].nunique().sum() == pytest.approx(animals, rel=0.01)
    assert len(table) == pytest.approx(images, rel=0.12)
    assert table[DATASET].nunique() == table[SPECIES].nunique() == 3
    assert table.groupby(ENCOUNTER).size().isin(PHOTOS).all()
    visits = table.groupby([DATASET, IDENTITY])[ENCOUNTER].nunique()
    assert visits.min() == 1 and visits.max() == len(SIZES[size].odds)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_encounter_is_one_animal_on_one_day_and_encounters_follow_each_other(seed):
    table = plan("default", seed)
    assert (table.groupby(ENCOUNTER)[[DATASET, IDENTITY, DATE]].nunique() == 1).all(axis=None)
    days = table.drop_duplicates(ENCOUNTER).groupby([DATASET, IDENTITY])[DATE]
    assert days.apply(lambda dates: dates.is_monotonic_increasing and dates.is_unique).all()


def test_only_lynxes_have_flanks_and_both_occur():
    table = plan("default", 0)
    flanks = table.groupby(DATASET)[ORIENTATION].agg(set).to_dict()
    assert flanks == {"salamanders": {"top"}, "turtles": {"top"}, "lynxes": {"left", "right"}}


def same(a: list, b: list) -> bool:
    return len(a) == len(b) and all(np.array_equal(p, q) and s == t for (p, s), (q, t) in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_pattern_belongs_to_one_flank_of_one_animal(kind):
    flank = kind.flanks[0]
    pattern = draw_pattern(kind, 0, 3, flank)
    assert same(pattern, draw_pattern(kind, 0, 3, flank))
    others = [draw_pattern(kind, 0, 4, flank), draw_pattern(kind, 1, 3, flank)]
    others += [draw_pattern(kind, 0, 3, other) for other in kind.flanks[1:]]
    assert not any(same(pattern, other) for other in others)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_marks_lie_on_the_body(kind):
    for animal in range(10):
        for polygon, tone in draw_pattern(kind, 0, animal, kind.flanks[0]):
            along, across = polygon.T
            assert np.all(np.abs(across) <= kind.half_width(along) + 1e-12)
            assert 0 <= tone < len(kind.tones)


def test_a_flank_has_one_pattern_and_an_encounter_one_scene_whatever_the_photograph(tiny, monkeypatch):
    """What the drawing is handed, not what the pixels look like; nothing is shared between two seeds."""
    handed = []
    monkeypatch.setattr(demo, "draw_photo", lambda *args: handed.append(args) or draw_photo(*args))
    for seed in (0, 1):
        draw_demo("small", seed, progress=False)
    tables = [plan("small", seed) for seed in (0, 1)]
    assert len(handed) == sum(map(len, tables))
    patterns, scenes = {}, {}
    for kind, pattern, flank, scene, _, (seed, _, animal, visit, _) in handed:
        assert same(patterns.setdefault((seed, kind.name, animal, flank), pattern), pattern)
        assert scenes.setdefault((seed, kind.name, animal, visit), scene) is scene
    assert len(scenes) == sum(table[ENCOUNTER].nunique() for table in tables)
    assert len({scene.ground.tobytes() for scene in scenes.values()}) == len(scenes)


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


def test_drawn_once(tiny, monkeypatch):
    folder = draw_demo("small", 0, progress=False)
    monkeypatch.setattr(demo, "_draw_into", lambda *_: pytest.fail("drawn again"))
    assert draw_demo("small", 0, progress=False) == folder


def test_a_new_version_of_the_drawing_never_reads_an_old_folder(tiny, monkeypatch):
    old = draw_demo("small", 0, progress=False)
    monkeypatch.setattr(demo, "VERSION", demo.VERSION + 1)
    new = draw_demo("small", 0, progress=False)
    assert new != old and (new / METADATA).is_file()


@pytest.mark.parametrize(("error", "told"), [
    (KeyboardInterrupt(), KeyboardInterrupt), (OSError(28, "No space left on device"), CatalogueError),
])  # fmt: skip
def test_an_interrupted_drawing_leaves_nothing_and_is_drawn_again(tiny, monkeypatch, error, told):
    drawn = []

    def interrupted(*args):
        drawn.append(args)
        if len(drawn) > 3:
            raise error
        return draw_photo(*args)

    with monkeypatch.context() as patch, pytest.raises(told):
        patch.setattr(demo, "draw_photo", interrupted)
        draw_demo("small", 0, progress=False)
    assert list((tiny / "cache" / "demo").iterdir()) == []
    folder = draw_demo("small", 0, progress=False)
    assert (folder / METADATA).is_file() and len(list(folder.rglob("*.jpg"))) == len(plan("small", 0))


def test_a_folder_without_its_table_is_not_whole(tiny):
    folder = draw_demo("small", 0, progress=False)
    whole = contents(folder)
    (folder / METADATA).unlink()
    next(folder.rglob("*.jpg")).unlink()
    assert contents(draw_demo("small", 0, progress=False)) == whole


def test_where_another_process_was_first_its_folder_stays(tiny, monkeypatch):
    """The other one finishes while this one draws."""
    theirs = draw_demo("small", 0, progress=False)
    whole, aside = contents(theirs), tiny / "aside"
    theirs.rename(aside)
    really_draw = demo._draw_into

    def draw_while_the_other_finishes(*args):
        really_draw(*args)
        aside.rename(theirs)
        (theirs / "theirs").touch()

    monkeypatch.setattr(demo, "_draw_into", draw_while_the_other_finishes)
    assert draw_demo("small", 0, progress=False) == theirs
    assert contents(theirs) == whole | {"theirs": b""}
    assert list(theirs.parent.iterdir()) == [theirs]


def test_two_processes_at_once_end_with_one_whole_folder(tiny):
    program = (
        "from reid_lib import demo; demo.SIZES['small'] = demo.Size(2, 48, (0.5, 0.5)); "
        "print(demo.draw_demo('small', 5, progress=False))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", program], cwd=project_root(), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert folders == {str(draw_demo("small", 5, progress=False))}
    assert len(list((tiny / "cache" / "demo").iterdir())) == 1


@pytest.mark.parametrize(
    ("size", "seed", "expected"), [("huge", 0, "small, default, large"), ("small", -1, "0 or more")]
)
def test_wrong_arguments_say_what_is_expected(clean_dirs, size, seed, expected):
    with pytest.raises(CatalogueError, match=expected):
        draw_demo(size, seed)
