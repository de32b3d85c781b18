"""Promises of the repository itself: direction of imports, light import, no machine's paths, one list of packages."""

import importlib
import re
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
import yaml
from browser import require

from reid_lib.core.paths import project_root

ROOT = project_root()
LIBRARY = ROOT / "reid_lib"
PACKAGES = sorted(".".join(path.parent.relative_to(ROOT).parts) for path in LIBRARY.rglob("__init__.py"))
MODULES = sorted(path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.py") if not path.name.startswith("__"))
# These import without torch; what they never reach, not even inside a function, import-linter holds (pyproject.toml).
TORCH_FREE = (
    "core", "params", "data", "embed", "match", "openset", "discover", "runs", "compare", "figures", "pages", "views",
    "sweep",
)  # fmt: skip


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_has_its_tests(module):
    assert (ROOT / "tests" / module.parent / f"test_{module.name}").exists()


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_a_face_gives_what_it_says_and_hides_no_module(package):
    face = importlib.import_module(package)
    modules = {path.stem for path in (ROOT / package.replace(".", "/")).iterdir()}
    assert not modules & set(face.__all__)
    assert all(getattr(face, name) is not None for name in face.__all__) and dir(face) == face.__all__
    with pytest.raises(AttributeError, match="no_such_name"):
        face.no_such_name  # noqa: B018


def test_notebooks_import_faces_only():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for module, names in re.findall(r"^from (reid_lib[\w.]*) import ([\w, ]+)$", cell.source, re.M):
                face = importlib.import_module(module)
                known = {name.removeprefix("reid_lib.") for name in PACKAGES} if module == "reid_lib" else face.__all__
                assert set(names.split(", ")) <= set(known), path.name


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy():
    heavy = ("torch", "pandas", "numpy", "pydantic", "timm", "matplotlib", "sklearn")
    assert python(f"import sys, reid_lib; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_everything_from_stored_embeddings_on_works_without_torch():
    names = [".".join(("reid_lib", *path.with_suffix("").parts)) for path in MODULES if path.parts[0] in TORCH_FREE]
    code = f"import importlib, sys\nsys.modules['torch'] = None\nfor name in {names}: importlib.import_module(name)"
    assert python(code) == ""


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).exists()]


def test_no_absolute_path_of_a_machine():
    paths = re.compile(r"(?<![\w.:/])/(home|root|work|Users|mnt|scratch|cluster)/\w")
    own = "tests/test_repository.py"
    for name in tracked():
        if name != own and not name.endswith((".png", ".jpg")):
            assert not paths.search((ROOT / name).read_text(encoding="utf-8")), name


def test_shell_scripts_pass_shellcheck_and_stop_at_errors():
    require(shutil.which("shellcheck"), "shellcheck is not installed")
    scripts = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "slurm").glob("*.sh"))
    done = subprocess.run(
        ["shellcheck", "--external-sources", *scripts, ".ci/run"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout
    for script in scripts:
        text = (ROOT / script).read_text()
        assert "set -euo pipefail" in text or script in ("slurm/env.sh", "slurm/job.sh"), (
            script
        )  # sourced by the others


def test_no_photograph_is_in_the_repository():
    images = [name for name in tracked() if name.lower().endswith((".jpg", ".jpeg", ".png", ".tif"))]
    assert all(name.startswith("docs/") for name in images)


def test_notebooks_are_committed_without_outputs_and_stay_thin():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert not any(cell.outputs or cell.execution_count for cell in code), path.name
        assert len(code) <= 15, path.name
        assert sum(len(cell.source.splitlines()) for cell in code) <= 110, path.name
        assert not any(re.search(r"^\s*(def|class) ", cell.source, re.M) for cell in code), path.name


def test_conda_and_pip_build_the_same_environment():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert f"python{project['requires-python']},<3.14" in conda, "conda takes the newest that is tested"
    pip = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    makefile = (ROOT / "Makefile").read_text()
    extra = re.search(r"--editable '\.\[(\w+)\]'", makefile).group(1)
    assert pip == [f"--editable .[{extra}]"]
    # nothing comes from conda that pip would install too: torch and torchvision have to come from one place
    assert {re.split("[<>=]", entry)[0] for entry in conda if isinstance(entry, str)} == {"python", "pip", "make"}


def test_the_tests_need_what_the_extra_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "wildlife-datasets==1.0.8" in project["optional-dependencies"]["wildlife"]
    assert "wildlife-datasets==1.0.8" in project["optional-dependencies"]["test"]
