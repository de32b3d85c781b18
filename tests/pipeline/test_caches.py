"""The caches: counted, bounded as their modules say, cleared by kind; what is being written stays."""

import os

import pytest

from reid_lib.core.errors import ParameterError
from reid_lib.core.paths import cache_root
from reid_lib.pipeline import caches


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs / "cache"


def write(path, size=10, *, age_s=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (path.stat().st_mtime - age_s,) * 2)
    return path


def of(kind):
    return next(one for one in caches.list_caches() if one.kind == kind)


def test_sizes_and_bounds(root):
    assert all(one.bytes == one.files == 0 for one in caches.list_caches()), "nothing is there yet"
    write(root / "pixels" / "a.npy", 100)
    write(root / "demo" / "small" / "images" / "a.jpg", 7)
    write(root / "pixels" / ".locks" / "a.lock", 1)
    assert of("pixels")[3:5] == (100, 1) and of("demo")[3:5] == (7, 1) and of("demo").bound is None
    assert of("pixels").bound == int(caches.pixel_store.LIMIT_SHARE * caches.measure_disk(root).total)


def test_one_kind_is_cleared_and_what_is_being_written_stays(root):
    old = write(root / "pixels" / "old.npy", 50)
    abandoned = write(root / "pixels" / "b.part", 5, age_s=2 * caches.FRESH_S)
    building = write(root / "pixels" / "c.part", 5)
    drawing = write(root / "demo" / ".drawing-1" / "a.jpg")
    other = write(root / "embeddings" / "a.npz")
    lock = write(root / "pixels" / ".locks" / "a.lock")
    assert caches.clear_cache("pixels") == 55
    assert not old.exists() and not abandoned.exists() and building.exists() and other.exists() and lock.exists()
    write(root / "demo" / "small" / "images" / "a.jpg", 7)
    # an unfinished drawing counts by its folder's name
    assert caches.clear_cache("demo") == 7 and drawing.exists() and not (root / "demo" / "small").exists()


def test_a_cache_that_is_none_is_told_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'pixels'"):
        caches.clear_cache("pixel")


def test_every_folder_of_the_cache_is_a_kind():
    """As the modules name them: a cache that is not listed would grow unseen."""
    import re

    from reid_lib.core.paths import project_root

    named = set()
    for path in (project_root() / "reid_lib").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name not in ("paths.py", "caches.py", "diagnosis.py"):
            named |= set(re.findall(r'cache_root\(\) / "(\w+)"', text))
            if "cache_root() / FOLDER" in text:
                named |= set(re.findall(r'^FOLDER = "(\w+)"', text, re.M))
    assert named == set(caches.KINDS) and cache_root().name == "cache"
