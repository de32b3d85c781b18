"""Places that cannot be written are told with the variable that moves them."""

import errno
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid_lib.core import paths
from reid_lib.core.errors import CatalogueError, RunError
from reid_lib.core.names import DATASET, IDENTITY, IMAGE_ID, INDIVIDUAL, PATH
from reid_lib.core.paths import escape_path, find_data, locate, readable_path
from reid_lib.data import pixels
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.demo.study import draw_demo
from reid_lib.runs import owner
from reid_lib.runs.run import Run


@pytest.fixture
def a_file(clean_dirs, monkeypatch):
    """REID_RUNS and REID_CACHE name a file."""
    file = clean_dirs / "file"
    file.write_text("no folder")
    for variable in ("REID_RUNS", "REID_CACHE"):
        monkeypatch.setenv(variable, str(file))
    return file


def open_run():
    return Run.open("r", params={}, key={}, provenance={})


def test_runs_that_lie_in_a_file(a_file):
    with pytest.raises(RunError, match=rf"{a_file} cannot be written \(Not a directory\).*set REID_RUNS to a folder"):
        open_run()


def test_a_cache_that_is_a_file(a_file, tmp_path):
    with pytest.raises(CatalogueError, match=r"cannot be written \(Not a directory\).*set REID_CACHE to a folder"):
        draw_demo("small", 0, progress=False)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "a.png")
    rows = pd.DataFrame({IMAGE_ID: ["a"], PATH: ["a.png"], IDENTITY: "a", DATASET: "d", INDIVIDUAL: "d/a"})
    with pytest.raises(CatalogueError, match=r"cannot be written .*set REID_CACHE to a folder"):
        pixels.load_pixels(Catalogue(rows, tmp_path, "folder"), image_size=32, progress=False)


def test_a_disk_that_is_full_before_a_run_begins_leaves_nothing(clean_dirs, monkeypatch):
    def full(path, text):
        path.touch()  # as a disk does that has room for the name alone
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(owner, "_write_new", full)
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\): make room"):
        open_run()
    assert not list((clean_dirs / "runs" / "r").iterdir())


def test_what_is_no_path_and_what_is_no_folder_or_file_are_told(tmp_path):
    with pytest.raises(CatalogueError, match=r"cannot be looked for: File name too long"):
        find_data("x" * 5000)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CatalogueError, match="neither a folder nor a file"):
        find_data(str(tmp_path / "pipe"))


@pytest.mark.parametrize("name", [b"a.jpg", "Zoë".encode(), b"Zo\xeb/caf\xe9 100%.jpg", b"\x81\xff.jpg", b"50%20.jpg"])
def test_a_path_of_any_bytes_is_text_that_finds_its_file(tmp_path, name):
    file = os.path.join(os.fsencode(tmp_path), name)
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "wb") as stream:
            stream.write(name)
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    text = escape_path(os.fsdecode(name))
    assert text.encode("utf-8") and locate(tmp_path, text).read_bytes() == name
    assert readable_path(os.fsdecode(name)).encode("utf-8")


def test_of_two_names_the_one_that_stands_there_counts(tmp_path):
    (tmp_path / "caf%41.jpg").write_text("as it stands")
    (tmp_path / "cafA.jpg").write_text("as it could be read")
    assert locate(tmp_path, "caf%41.jpg").read_text() == "as it stands"
    assert locate(tmp_path, "none%41.jpg") == tmp_path / "none%41.jpg", "what is missing is told by its own name"
    assert readable_path(os.fsdecode(b"Zo\xeb/Zo\xc3\xab.jpg")) == "Zoë/Zoë.jpg"


def test_an_installed_library_works_in_the_folder_that_init_made_from_anywhere_below(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "SOURCE", tmp_path / "site-packages")
    monkeypatch.setattr(paths, "PACKAGED", tmp_path / "site-packages" / "reid_lib")
    monkeypatch.delenv("REID_RUNS", raising=False)
    (tmp_path / "study" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "study" / "deep")
    assert not paths.in_checkout() and paths.project_root() == tmp_path / "study" / "deep"
    assert paths.notebooks_root() == tmp_path / "site-packages" / "reid_lib" / "notebooks"
    (tmp_path / "study" / "notebooks").mkdir()
    (tmp_path / "study" / "notebooks" / "train.ipynb").write_text("{}")
    assert paths.project_root() == tmp_path / "study" and paths.runs_root() == tmp_path / "study" / "runs"
    assert paths.notebooks_root() == tmp_path / "study" / "notebooks"
