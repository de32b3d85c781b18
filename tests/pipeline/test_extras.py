"""The optional extras: every one of pyproject.toml is told, and what is lacking has its line."""

import tomllib
from importlib import metadata

import pytest

from reid_lib.core.paths import project_root
from reid_lib.pipeline import extras

FOR_DEVELOPERS = {"test", "docs"}


def test_every_extra_of_the_package_says_what_it_gives():
    project = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
    assert set(extras.GIVES) == set(project["optional-dependencies"]) - FOR_DEVELOPERS


@pytest.fixture
def packages(monkeypatch):
    """Requirements and installed packages of this test's own."""
    required = ["base>=1", 'a>=2; extra == "local"', 'opencv-python<5; extra == "local"', 'b; extra == "heic"']
    required.append('c; python_version < "3" and extra == "local"')
    installed = {"a": "1.9", "b": "3.0", "opencv-python-headless": "5.0"}

    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(metadata, "requires", lambda name: required)
    monkeypatch.setattr(metadata, "version", version)
    return installed


def test_what_is_too_old_lacks_and_what_does_as_well_does_not(packages):
    local, heic = extras.list_extras()[:2]
    assert local.lacking == ("a>=2",) and local.installed == ("opencv-python-headless 5.0",)
    assert heic.lacking == () and heic.installed == ("b 3.0",)
    packages["a"] = "2.1rc1"
    assert extras.list_extras()[0].lacking == ()


def test_the_line_is_of_the_checkout_or_of_the_packages(packages, monkeypatch):
    assert extras.list_extras()[0].install == "pip install -e '.[local]'"
    monkeypatch.setattr(extras, "in_checkout", lambda: False)
    assert extras.list_extras()[0].install == "pip install 'a>=2'"
