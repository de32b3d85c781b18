"""Promises of the repository itself: direction of imports, light import, no machine's paths, one list of packages."""

import ast
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
    "core", "params", "data", "embed", "match", "openset", "discover", "runs", "gallery", "review", "compare",
    "figures", "pages", "views", "sweep",
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


def test_a_kernel_and_the_command_line_import_no_notebook_format():
    """nbformat compiles the grammar of URIs, two seconds of each kernel; papermill's own module has no choice."""
    names = "params.cells", "params.papermill", "pipeline.steps", "pages.notebook_page", "cli.commands", "views.base"
    imports = "\n".join(f"import reid_lib.{name}" for name in names)
    assert python(f"import sys\n{imports}\nprint('nbformat' in sys.modules)") == "False"


def test_answering_one_new_photograph_imports_nothing_that_it_does_not_need():
    """Nearly all of the seconds from the command to the answer are imports; torch itself comes with the network."""
    heavy = ("torch", "matplotlib", "sklearn", "IPython", "scipy.fft", "scipy.ndimage", "scipy.sparse.csgraph")
    imports = "import sys\nfrom reid_lib.pipeline import answer_pictures, identification\n"
    grouped = "from reid_lib.discover.clusters import find_components\nfind_components(None, ['one'], 0.5)\n"
    assert python(f"{imports}{grouped}print([m for m in {heavy} if m in sys.modules])") == "[]"


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).exists()]


def test_a_plan_under_its_own_name_leaves_a_checkout_clean_and_one_that_a_person_named_can_be_committed():
    tracked()  # a git checkout
    plans = ["variants/sweep/plan.yaml", "variants/widths/plan.yaml", "variants/widths/slurm.json"]
    ignored = subprocess.run(["git", "check-ignore", *plans], capture_output=True, text=True, cwd=ROOT).stdout
    assert ignored.split() == [plans[0], plans[2]]


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
    newest = {r.split("python_version ")[1] for r in project["optional-dependencies"]["local"] if "python_version" in r}
    assert newest == {"< '3.13'"}, "the newest Python that has all packages of the extra"
    assert f"python{project['requires-python']},<3.13" in conda, "conda takes the newest it may"
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


def test_no_module_is_longer_than_350_lines():
    for path in [*LIBRARY.rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        assert path.read_text(encoding="utf-8").count("\n") <= 350, path.name


@pytest.mark.parametrize("folder", ["reid_lib", "tests", "benchmarks"])
def test_no_function_is_longer_than_50_lines(folder):
    files = [path for path in (ROOT / folder).rglob("*.py") if ".peers" not in path.parts]
    assert len(files) > 40
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < 50, f"{path.relative_to(ROOT)}: {node.name}"


def public_functions(body: list[ast.stmt], *, method: bool = False):
    """Functions and methods without an underscore, each with its arguments (without self or cls)."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, method=True)
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
            yield node, arguments[1:] if method and not static else arguments


def test_every_public_argument_has_a_type():
    for path in LIBRARY.rglob("*.py"):
        for node, arguments in public_functions(ast.parse(path.read_text(encoding="utf-8")).body):
            untyped = [argument.arg for argument in arguments if argument.annotation is None]
            assert not untyped, f"{path.relative_to(LIBRARY)}: {node.name}({', '.join(untyped)})"


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md", ".ci/run"])
def test_paths_that_a_page_names_are_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/])([\w/]+/[\w/]+\.(?:py|ipynb|yaml))(?!\w)", text)
    named = [name for name in named if "mine.py" not in name]  # an example
    assert len(named) > 5 and not [n for n in named if not any((base / n).exists() for base in (ROOT, LIBRARY))]


def test_the_map_names_every_package():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| ", text[text.index("| package | one job |") :], re.M)
    assert sorted(listed) == sorted(path.parent.name for path in LIBRARY.glob("*/__init__.py"))


def test_citation_and_package_say_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert (ROOT / "LICENSE").read_text().split("\n", 2)[1].strip() == "Apache License"
