"""Importing quickly leaves the interpreter as it was."""

import gc
import importlib
import os
import subprocess
import sys

import pytest

from reid_lib.core.kernel import ENGINE, SKIPPED, quick_imports, under_engine


def test_no_collection_within_and_collecting_again_afterwards():
    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_import_that_fails_is_not_hidden_and_undoes_everything():
    with pytest.raises(ModuleNotFoundError), quick_imports():
        importlib.import_module("no_such_module")
    assert gc.isenabled() and sys.modules.get(SKIPPED, "") is not None


def test_the_package_left_out_can_be_imported_afterwards(monkeypatch, tmp_path):
    (tmp_path / f"{SKIPPED}.py").write_text("here = 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, SKIPPED, raising=False)
    with quick_imports(), pytest.raises(ImportError):
        importlib.import_module(SKIPPED)
    assert importlib.import_module(SKIPPED).here == 1
    monkeypatch.delitem(sys.modules, SKIPPED)


def test_one_that_is_there_already_stays(monkeypatch):
    monkeypatch.setitem(sys.modules, SKIPPED, sys)
    with quick_imports():
        assert sys.modules[SKIPPED] is sys
    assert sys.modules[SKIPPED] is sys


def test_the_kernel_of_an_engine_is_known_by_its_parent_and_its_own_children_are_none(monkeypatch):
    assert not under_engine()
    monkeypatch.setenv(ENGINE, str(os.getpid()))
    asked = "from reid_lib.core.kernel import under_engine\nprint(under_engine())\n"
    child = f"import subprocess, sys\n{asked}subprocess.run([sys.executable, '-c', {asked!r}])"
    said = subprocess.run([sys.executable, "-uc", child], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "False"]
