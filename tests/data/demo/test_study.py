"""The demo data: the same bytes for the same seed, whole or not there, and hard in the ways that real data are."""

import subprocess
import sys

import pandas as pd
import pytest
from demo_cases import same
from PIL import Image

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import DATASET, DATE, ENCOUNTER, IDENTITY, IMAGE_ID, ORIENTATION, PATH, SPECIES
from reid_lib.core.paths import project_root
from reid_lib.data.demo import study
from reid_lib.data.demo.drawing import draw_photo
from reid_lib.data.demo.study import COLUMNS, METADATA, PHOTOS, SIZES, draw_demo, plan_study

TINY = study.Size(2, 48, (0.5, 0.5))


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
    table = plan_study(size, seed)
    assert table.groupby(DATASET)[IDENTITY].nunique().sum() == pytest.approx(animals, rel=0.01)
    assert len(table) == pytest.approx(images, rel=0.12)
    assert table[DATASET].nunique() == table[SPECIES].nunique() == 3
    assert table.groupby(ENCOUNTER).size().isin(PHOTOS).all()
    visits = table.groupby([DATASET, IDENTITY])[ENCOUNTER].nunique()
    assert visits.min() == 1 and visits.max() == len(SIZES[size].odds)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_encounter_is_one_animal_on_one_day_and_encounters_follow_each_other(seed):
    table = plan_study("default", seed)
    assert (table.groupby(ENCOUNTER)[[DATASET, IDENTITY, DATE]].nunique() == 1).all(axis=None)
    days = table.drop_duplicates(ENCOUNTER).groupby([DATASET, IDENTITY])[DATE]
    assert days.apply(lambda dates: dates.is_monotonic_increasing and dates.is_unique).all()


def test_only_lynxes_have_flanks_and_both_occur():
    table = plan_study("default", 0)
    flanks = table.groupby(DATASET)[ORIENTATION].agg(set).to_dict()
    assert flanks == {"salamanders": {"top"}, "turtles": {"top"}, "lynxes": {"left", "right"}}


def test_a_flank_has_one_pattern_and_an_encounter_one_scene_whatever_the_photograph(tiny, monkeypatch):
    """What the drawing is handed, not what the pixels look like; nothing is shared between two seeds."""
    handed = []
    monkeypatch.setattr(study, "draw_photo", lambda *args: handed.append(args) or draw_photo(*args))
    for seed in (0, 1):
        draw_demo("small", seed, progress=False)
    tables = [plan_study("small", seed) for seed in (0, 1)]
    assert len(handed) == sum(map(len, tables))
    patterns, scenes = {}, {}
    for kind, pattern, flank, scene, _, (seed, _, animal, visit, _) in handed:
        assert same(patterns.setdefault((seed, kind.name, animal, flank), pattern), pattern)
        assert scenes.setdefault((seed, kind.name, animal, visit), scene) is scene
    assert len(scenes) == sum(table[ENCOUNTER].nunique() for table in tables)
    assert len({scene.ground.tobytes() for scene in scenes.values()}) == len(scenes)


def test_drawn_once(tiny, monkeypatch):
    folder = draw_demo("small", 0, progress=False)
    monkeypatch.setattr(study, "_draw_into", lambda *_: pytest.fail("drawn again"))
    assert draw_demo("small", 0, progress=False) == folder


def test_a_new_version_of_the_drawing_never_reads_an_old_folder(tiny, monkeypatch):
    old = draw_demo("small", 0, progress=False)
    monkeypatch.setattr(study, "VERSION", study.VERSION + 1)
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
        patch.setattr(study, "draw_photo", interrupted)
        draw_demo("small", 0, progress=False)
    assert list((tiny / "cache" / "demo").iterdir()) == []
    folder = draw_demo("small", 0, progress=False)
    assert (folder / METADATA).is_file() and len(list(folder.rglob("*.jpg"))) == len(plan_study("small", 0))


def test_a_folder_without_its_table_is_not_whole(tiny):
    folder = draw_demo("small", 0, progress=False)
    whole = contents(folder)
    (folder / METADATA).unlink()
    next(folder.rglob("*.jpg")).unlink()
    assert contents(draw_demo("small", 0, progress=False)) == whole


def test_a_purged_image_is_drawn_again_and_no_other_is_touched(tiny, capsys):
    """A tool that tidies caches removes what was not read for long; "missing file: correct data_root" helps nobody."""
    folder = draw_demo("small", 0, progress=False)
    whole, images = contents(folder), sorted(folder.rglob("*.jpg"))
    times = {path: path.stat().st_mtime_ns for path in images}
    images[0].unlink()
    images[1].write_bytes(b"")
    assert contents(draw_demo("small", 0, progress=False)) == whole
    assert "2 images of the demo data were gone" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == times[path] for path in images[2:])
    assert list(folder.parent.iterdir()) == [folder]


def test_where_another_process_was_first_its_folder_stays(tiny, monkeypatch):
    """The other one finishes while this one draws."""
    theirs = draw_demo("small", 0, progress=False)
    whole, aside = contents(theirs), tiny / "aside"
    theirs.rename(aside)
    really_draw = study._draw_into

    def draw_while_the_other_finishes(*args):
        really_draw(*args)
        aside.rename(theirs)
        (theirs / "theirs").touch()

    monkeypatch.setattr(study, "_draw_into", draw_while_the_other_finishes)
    assert draw_demo("small", 0, progress=False) == theirs
    assert contents(theirs) == whole | {"theirs": b""}
    assert list(theirs.parent.iterdir()) == [theirs]


def test_two_processes_at_once_end_with_one_whole_folder(tiny):
    program = (
        "from reid_lib.data.demo import study as demo; demo.SIZES['small'] = demo.Size(2, 48, (0.5, 0.5)); "
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
