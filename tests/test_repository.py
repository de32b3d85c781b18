"""Promises of the repository itself: direction of imports, light import, no machine's paths, one list of packages."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
import yaml
from browser import require

from reid_lib.paths import project_root

ROOT = project_root()
LIBRARY = ROOT / "reid_lib"
MODULES = {path.stem for path in LIBRARY.glob("*.py")} - {"__init__", "__main__"}

# From the base to the right-most module, as the data go. A module imports only from lines above its own, or its own.
LAYERS = [
    {"names", "errors", "messages"},
    {"paths", "threads", "imports"},
    {
        "params",
        "notebook",
        "metrics",
        "files",
        "ownership",
        "runfolder",
        "seals",
        "runs",
        "device",
        "plotstyle",
        "legible",
        "interrupt",
        "environment",
    },
    {"pairing", "runtable", "arguments", "papermillengine"},
    {"sweep"},
    {"sweeprun", "slurm"},
    {"sweepcli"},
    {"demo_draw", "demo"},
    {"tablefile", "spellings", "dates"},
    {"photofile", "photo", "boxes", "folder", "tables", "audit", "tidy", "readers"},
    {"catalogue"},
    {"roles"},
    {"split"},
    {"trained"},
    {"pixelcache"},
    {"images"},
    {"group"},
    {"augment"},
    {"batches"},
    {"backbones", "losses"},
    {"model"},
    {"schedule", "activations", "compiling", "graphs", "checkpoint"},
    {"train"},
    {"onednn"},
    {"fold"},
    {"embed"},
    {"embedcache"},
    {"search"},
    {"nearcopies"},
    {"ranking", "approximate", "suspects"},
    {"threshold", "bounds"},
    {"openset"},
    {"stats", "submission", "project"},
    {"bootstrap", "paired", "choose"},
    {"background"},
    {"plots", "plotscores", "photographs", "plotcompare", "plotimpact", "plotperformance"},
    {"validation"},
    {"learn", "launch", "reports", "reportpage", "inspection"},
    {"download"},
    {"experiment"},
    {"drawing"},
    {"pipeline"},
    {"worker"},
    {"compare", "cards"},
    {"verdicts"},
    {"widgets", "comparisonpage"},
    {"thresholdview"},
    {"embeddingview", "mistakesview", "exportview"},
]
TORCH_FREE = [
    "names", "errors", "paths", "imports", "params", "notebook", "runs", "pairing", "runtable", "catalogue", "split",
    "images", "embed", "embedcache", "search", "ranking", "openset", "metrics", "stats", "threshold", "bootstrap",
    "paired", "choose", "submission", "project", "plots", "plotscores", "photographs", "background", "plotcompare",
    "plotimpact", "plotperformance", "reports", "pipeline", "compare", "cards", "verdicts", "widgets",
    "comparisonpage", "thresholdview", "embeddingview", "mistakesview", "exportview", "arguments", "sweep", "sweeprun",
    "slurm", "sweepcli", "seals", "roles", "trained",
    "nearcopies", "suspects", "bounds", "experiment", "drawing", "inspection",
]  # fmt: skip


def imports_of(module: str) -> set[str]:
    """Modules of the library that a module imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse((LIBRARY / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "reid_lib":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reid_lib."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("reid_lib.")}
    return found & MODULES


def test_every_module_has_its_place_on_the_way_of_the_data():
    assert set().union(*LAYERS) == MODULES


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module):
    place = next(i for i, layer in enumerate(LAYERS) if module in layer)
    allowed = set().union(*LAYERS[: place + 1])
    assert imports_of(module) <= allowed


def test_training_knows_neither_search_nor_metrics_nor_folders():
    assert not imports_of("train") & {
        "search",
        "openset",
        "metrics",
        "stats",
        "runfolder",
        "seals",
        "runs",
        "runtable",
        "paths",
        "pipeline",
    }


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy():
    heavy = ("torch", "pandas", "numpy", "pydantic", "timm", "matplotlib", "sklearn")
    assert python(f"import sys, reid_lib; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_everything_from_stored_embeddings_on_works_without_torch():
    names = ", ".join(TORCH_FREE)
    code = f"import sys\nsys.modules['torch'] = None\nfrom reid_lib import {names}\nprint('ok')"
    assert python(code) == "ok"


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
