"""Changes of a gallery: whole or not at all, undone one after the other, alone or among many processes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from gallery_cases import make_gallery, photographs, same

from reid_lib.core.errors import GalleryError
from reid_lib.gallery import changes, segments, versions
from reid_lib.gallery.store import open_gallery


@pytest.fixture
def gallery(clean_dirs):
    return make_gallery(clean_dirs)


def names(gallery):
    return gallery.rows()[1]["identity"].value_counts().to_dict()


def test_what_is_added_is_found_and_what_was_there_is_not_touched(gallery):
    before = {path: path.stat().st_mtime_ns for path in (gallery.folder / segments.FOLDER).rglob("*")}
    changes.add_photographs(gallery, photographs({"Clara": 2, "Anna": 1}, seed=1, prefix="new"), what="added")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert names(gallery) == {"Anna": 4, "Berta": 2, "Clara": 2}
    version, loaded = gallery.load()
    assert (version.images, version.animals) == (8, 3) and len(loaded) == 8
    assert (loaded.embeddings.features[5:] == photographs({"Clara": 2, "Anna": 1}, seed=1).embeddings.features).all()


def test_an_image_id_that_is_taken_gets_a_number(gallery):
    changes.add_photographs(gallery, photographs({"Clara": 2}, seed=1), what="added")
    changes.add_photographs(gallery, photographs({"Clara": 1}, seed=2), what="added")
    assert gallery.rows()[1]["image_id"].tolist()[5:] == ["p0.jpg#2", "p1.jpg#2", "p0.jpg#3"]


def test_what_is_enrolled_by_its_content_is_not_added_again_unless_it_was_removed(gallery):
    some = photographs({"Clara": 2}, prefix="q")
    some = some.with_rows(some.rows.assign(content=["c0", "c1"]))
    assert changes.add_photographs(gallery, some.where([True, False]), what="added")[1] == 1
    version, added = changes.add_photographs(gallery, some, what="added")
    assert (added, version.images) == (1, 7)
    assert changes.add_photographs(gallery, some, what="added") == (version, 0)
    changes.remove_photographs(gallery, animal="Clara")
    assert changes.add_photographs(gallery, some, what="added")[1] == 2


def test_a_nameless_photograph_is_refused(gallery):
    some = photographs({"Clara": 1})
    for nameless in (None, " "):
        with pytest.raises(GalleryError, match="give each an identity"):
            changes.add_photographs(gallery, some.with_rows(some.rows.assign(identity=nameless)), what="added")


def test_a_name_that_another_process_takes_meanwhile_is_not_given_twice(gallery, monkeypatch):
    """The other one renames after this one was asked, before it has the lock: it is checked under the lock."""
    hold = changes.hold_lock

    def hold_after_another(path, **how):
        monkeypatch.setattr(changes, "hold_lock", hold)
        changes.rename_animal(gallery, "Berta", "Clara")
        return hold(path, **how)

    monkeypatch.setattr(changes, "hold_lock", hold_after_another)
    with pytest.raises(GalleryError, match="an animal 'Clara' already"):
        changes.rename_animal(gallery, "Anna", "Clara")
    assert names(gallery) == {"Anna": 3, "Clara": 2}


def test_a_reader_that_a_purge_overtakes_sees_the_new_version(gallery, monkeypatch):
    """Between reading which version counts and reading that version, another process purges."""
    read = versions.read_version

    def read_after_a_purge(root, number):
        monkeypatch.setattr(versions, "read_version", read)
        changes.purge(gallery)
        return read(root, number)

    monkeypatch.setattr(versions, "read_version", read_after_a_purge)
    version, loaded = gallery.load()
    assert (version.number, version.images, len(loaded)) == (2, 5, 5)


def test_rename_merge_and_remove(gallery):
    changes.rename_animal(gallery, "Anna", "Änne")
    assert names(gallery) == {"Änne": 3, "Berta": 2}
    with pytest.raises(GalleryError, match="merge them"):
        changes.rename_animal(gallery, "Änne", "Berta")
    assert changes.merge_animals(gallery, "d/Änne", "Berta").animals == 1
    assert names(gallery) == {"Berta": 5}
    changes.add_photographs(gallery, photographs({"Anna": 1}, prefix="q"), what="added")
    assert names(gallery) == {"Berta": 5, "Anna": 1}  # the new Anna is not the one that was renamed
    changes.remove_photographs(gallery, animal="Berta")
    assert names(gallery) == {"Anna": 1} and len(gallery.load()[1]) == 1
    with pytest.raises(GalleryError, match="no animal 'Bertha'"):
        changes.remove_photographs(gallery, animal="Bertha")
    with pytest.raises(GalleryError, match="no photograph 'p0.jpg'"):
        changes.remove_photographs(gallery, images=["p0.jpg"])


def test_undo_goes_back_one_change_after_the_other_and_on_from_there(gallery):
    first = gallery.load()[1]
    changes.add_photographs(gallery, photographs({"Clara": 2}, prefix="q"), what="added Clara")
    changes.rename_animal(gallery, "Clara", "Dora")
    assert changes.undo(gallery)[0].what == "renamed Clara to Dora" and "Clara" in names(gallery)
    changes.merge_animals(gallery, "Clara", "Anna")
    assert changes.undo(gallery)[0].what == "merged Clara into Anna" and names(gallery)["Clara"] == 2
    assert changes.undo(gallery)[0].what == "added Clara" and same(gallery.load()[1], first)
    with pytest.raises(GalleryError, match="no change that could be undone"):
        changes.undo(gallery)
    told = [version.what for version in gallery.log()]
    assert told[0] == "made" and told[-1] == "undone: added Clara" and len(told) == 7
    assert all(version.who and version.when for version in gallery.log())


def test_what_is_purged_is_gone_from_the_disk_and_the_log_stays(gallery):
    changes.add_photographs(gallery, photographs({"Clara": 2}, prefix="secret"), what="added")
    changes.remove_photographs(gallery, animal="Clara")
    rest = gallery.load()[1]
    assert changes.purge(gallery) >= 1
    assert same(gallery.load()[1], rest)
    every = b"".join(path.read_bytes() for path in (gallery.folder / segments.FOLDER).rglob("*") if path.is_file())
    assert b"secret" not in every
    with pytest.raises(GalleryError, match="no change that could be undone"):
        changes.undo(gallery)
    assert [version.what for version in gallery.log()][1] == "added"
    changes.remove_photographs(gallery, animal="Anna")
    changes.remove_photographs(gallery, animal="Berta")
    changes.purge(gallery)
    assert len(gallery.rows()[1]) == 0
    with pytest.raises(GalleryError, match="is empty"):
        gallery.load()
    changes.add_photographs(gallery, photographs({"Clara": 2}), what="added")
    assert names(gallery) == {"Clara": 2}


def test_many_small_additions_are_joined_and_mean_the_same(gallery, monkeypatch):
    monkeypatch.setattr(changes, "MOST_SEGMENTS", 4)
    changes.rename_animal(gallery, "Anna", "Zoe")
    for k in range(6):
        changes.add_photographs(gallery, photographs({f"animal {k}": 1}, seed=k, prefix=f"q{k}-"), what="added")
    changes.rename_animal(gallery, "animal 0", "first")
    version = gallery.version()
    assert len(version.segments) <= 4
    assert names(gallery) == {"Zoe": 3, "Berta": 2, "first": 1} | {f"animal {k}": 1 for k in range(1, 6)}
    for _ in range(7):
        changes.undo(gallery)
    assert names(gallery) == {"Zoe": 3, "Berta": 2}


ADD = """
import sys
sys.path.insert(0, sys.argv[1])
from gallery_cases import photographs
from reid_lib.gallery.changes import add_photographs
from reid_lib.gallery.store import open_gallery
print("ready", flush=True)
add_photographs(open_gallery("lynxes"), photographs({"new": 300}, seed=3, prefix="new"), what="added")
"""


def add_in_a_process():
    tests = os.path.dirname(os.path.dirname(__file__))
    return subprocess.Popen([sys.executable, "-c", ADD, tests], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_addition_leaves_the_gallery_whole_and_the_same_command_completes(gallery):
    """kill -9 at moments spread over the writing."""
    first = gallery.load()[1]
    for after in np.linspace(0, 0.12, 5):
        with add_in_a_process() as adding:
            adding.stdout.readline()
            time.sleep(after)
            adding.send_signal(signal.SIGKILL)
        version, loaded = gallery.load()
        assert len(loaded) == version.images and (len(loaded) - 5) % 300 == 0
        assert same(loaded.where(np.arange(len(loaded)) < 5), first)
    before = len(gallery.load()[1])
    with add_in_a_process() as adding:
        adding.communicate()
    assert adding.returncode == 0 and len(gallery.load()[1]) == before + 300
    there = {path.name for path in (gallery.folder / segments.FOLDER).iterdir()}
    assert there == {told["id"] for version in gallery.log() for told in version.segments}


READ = """
import sys
from reid_lib.gallery.store import open_gallery
gallery = open_gallery("lynxes")
print("ready", flush=True)
for _ in range(8):
    version, loaded = gallery.load()
    assert version.images == len(loaded) and len(loaded) % 5 == 0, (version.images, len(loaded))
    assert loaded.rows["identity"].nunique() == version.animals
"""


@pytest.mark.slow
def test_readers_see_old_or_new_while_others_change_it(gallery):
    readers = [subprocess.Popen([sys.executable, "-c", READ], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for reader in readers:
        reader.stdout.readline()
    k = 0
    while any(reader.poll() is None for reader in readers):
        changes.add_photographs(gallery, photographs({f"n{k}": 5}, seed=k, prefix=f"n{k}-"), what="added")
        if k % 3 == 2:
            changes.remove_photographs(gallery, animal=f"n{k}")
            changes.purge(gallery)
        k += 1
    for reader in readers:
        reader.communicate()
    assert [reader.returncode for reader in readers] == [0] * 4
    assert len(open_gallery("lynxes").load()[1]) == 5 + 5 * k - 5 * (k // 3)
