"""The documentation site: it builds without a warning, its examples run, and what it tells to type is accepted."""

import doctest
import importlib
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from made_runs import catalogue, make_run, write_photos
from PIL import Image

from reid_lib.cli.main import commands
from reid_lib.core.paths import project_root
from reid_lib.params import NOTEBOOKS, TrainParams

ROOT = project_root()
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.name != "log.md")  # a log keeps what was typed then
TOLD = [*PAGES, ROOT / "README.md", ROOT / "runs" / "README.md", ROOT / "CONTRIBUTING.md"]
# What MyST-Parser uses of Sphinx until the next version of both.
pytestmark = pytest.mark.filterwarnings("ignore:.*Check CHANGES for Sphinx API modifications")
PLACE = re.compile(r"[A-Z]+")  # stands for what a person types there
STARTS = ("reid ", "python -m reid_lib ", "papermill ", "sbatch ", "slurm/", "make ")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site; a warning is an error."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    out = tmp_path_factory.mktemp("site")
    with patch_docutils(DOCS), docutils_namespace():
        app = Sphinx(DOCS, DOCS, out / "html", out / "doctrees", "html", status=None, warningiserror=True)
        app.build()
    assert app.statuscode == 0
    return out / "html"


class Links(HTMLParser):
    """What a page makes a browser fetch by itself, and where its links lead."""

    def __init__(self, text: str):
        super().__init__()
        self.fetched, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        given = dict(attributes)
        if tag in ("script", "img", "iframe", "source", "video"):
            self.fetched.append(given.get("src") or "")
        elif tag == "link" and given.get("rel") not in ("index", "search", "next", "prev", "canonical"):
            self.fetched.append(given.get("href") or "")
        elif tag == "a":
            self.links.append(given.get("href") or "")


def test_the_site_works_offline_and_no_link_within_it_is_dead(site):
    pages = sorted(page for page in site.rglob("*.html") if "_static" not in page.parts)
    assert len(pages) > 25
    for page in pages:
        found = Links(page.read_text(encoding="utf-8"))
        assert not [address for address in found.fetched if re.match(r"(https?:)?//", address)], page.name
        for address in found.links + found.fetched:
            there = address.split("#")[0].split("?")[0]
            if there and not re.match(r"[a-z]+:", there):
                assert (page.parent / there).exists(), f"{page.relative_to(site)}: {address}"
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"""(url\(|@import)\s*["']?(https?:)?//""", text), style.name


def test_every_parameter_stands_on_its_page_with_its_default(site):
    page = (site / "reference" / "parameters.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    for kind in NOTEBOOKS.values():
        for name, field in kind.model_fields.items():
            assert re.search(rf">{name}<", page), name
            assert field.default in ("", None) or str(field.default) in text, name
            words = field.description.replace("<", "&lt;").replace(">", "&gt;").replace("'", "’")
            assert words[:20] in text.replace("'", "’"), name


def test_every_command_and_every_public_name_has_its_place(site):
    text = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert all(f"reid {name}" in text for name in commands.commands)
    told = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "api").glob("*.md"))
    packages = {path.parent.name for path in (ROOT / "reid_lib").glob("*/__init__.py")} - {"cli"}
    assert packages == set(re.findall(r"^```\{api\} reid_lib\.(\w+)$", told, re.M))
    pages = "".join(path.read_text(encoding="utf-8") for path in (site / "api").glob("*.html"))
    for name in ("reid_lib.openset.fit_threshold", "reid_lib.match.Cosine", "reid_lib.train.fit"):
        assert f'id="{name}"' in pages


def examples(page: Path) -> str:
    """The Python examples of a page, one after the other, on the lines where they stand."""
    lines, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            line = ""
        lines.append(line if inside else "")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def as_told(tmp_path_factory) -> Path:
    """A folder with what the pages presuppose: photographs, and a finished run."""
    root = tmp_path_factory.mktemp("told")
    for name in ("Anna", *(f"Animal {k}" for k in range(11))):
        (root / "photos" / name).mkdir(parents=True)
        for day in range(1, 5):
            for k in (1, 2):
                colour = (sum(map(ord, name)) % 256, 40 * day, 80 * k)
                Image.new("RGB", (16, 16), colour).save(root / "photos" / name / f"2024-05-0{day}_{k}.png")
    rows = catalogue(n_known=3, n_unknown=2, images=2, datasets=("a",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        make_run("default", rows, skill=1.0, photos=write_photos(rows, root / "drawn"), repetitions=20)
    return root


@pytest.mark.parametrize("page", [path for path in PAGES if "```python" in path.read_text()], ids=lambda p: p.stem)
def test_the_examples_of_a_page_run(page, as_told, monkeypatch):
    monkeypatch.setenv("REID_RUNS", str(as_told / "runs"))
    monkeypatch.setenv("REID_CACHE", str(as_told / "cache"))
    monkeypatch.chdir(as_told)
    test = doctest.DocTestParser().get_doctest(examples(page), {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner()
    assert len(test.examples) > 2
    runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


EXAMPLES = [path for path in (ROOT / "reid_lib").rglob("*.py") if re.search(r"^ +>>> ", path.read_text(), re.M)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_docstrings_run(path, tmp_path, monkeypatch):
    monkeypatch.setenv("REID_CACHE", str(tmp_path))
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert doctest.testmod(module).failed == 0


def typed(page: Path) -> list[str]:
    """What a page tells to type: lines of its blocks of commands, and words between backticks."""
    text = re.sub(r"^```(?!text|\{).*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    text = re.sub(r" *\\\n +", " ", text)  # a command over several lines
    blocks = [line.strip() for line in re.findall(r"^ {4}(\S.*)$", text, re.M)]
    inline = [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", text)]
    return [line for line in blocks + inline if line.startswith((*STARTS, "-p "))]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_a_command_fits_the_page_in_a_window_of_1280_px(page):
    """Between the lists of pages and of headings there is room for 86 letters; longer ones had to be scrolled."""
    lines = re.findall(r"^ {4}(\S.*)$", page.read_text(encoding="utf-8"), re.M)
    assert [line for line in lines if line.startswith(STARTS) and len(line) > 86] == []


def test_what_the_pages_tell_to_type_is_understood():
    lines = [(page, line) for page in TOLD for line in typed(page)]
    assert len(lines) > 80
    wrong = []
    for page, line in lines:
        try:
            check_line(line)
        except (click.ClickException, AssertionError, ValueError, KeyError) as error:
            wrong.append(f"{page.relative_to(ROOT)}: {line}\n    {getattr(error, 'message', error)}")
    assert not wrong, "\n".join(wrong)


def check_line(line: str) -> None:
    """Is this line accepted by what it calls? Only parsed: nothing is run."""
    words = shlex.split(line, comments=True)
    if words[:3] == ["python", "-m", "reid_lib"]:
        words = ["reid", *words[3:]]
    if words[0] == "reid":
        check_command(words[1:])
    elif words[0] == "papermill":
        files = [word for word in words[1:3] if word.endswith(".ipynb")]
        assert (ROOT / "notebooks" / Path(files[0]).name).exists() if files else words[1].startswith("-"), files
        check_values(words, NOTEBOOKS.get(Path(files[0]).stem) if files else None)
    elif words[0] == "make":
        targets = [word for word in words[1:] if "=" not in word]
        assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M) for target in targets), targets
    else:
        scripts = [word for word in words if word.startswith("slurm/")]
        assert all((ROOT / script).exists() for script in scripts), scripts
        check_values(words, TrainParams if scripts else None)


def check_command(words: list[str]) -> None:
    """The command exists, and takes these arguments."""
    command, context = commands, click.Context(commands, info_name="reid")
    while isinstance(command, click.Group):
        words = [word for word in words if word != "--traceback"]
        if not words or words[0] in ("--help", "--version", "..."):
            return
        assert words[0] in command.commands, f"no command {words[0]!r}"
        command, name, words = command.commands[words[0]], words[0], words[1:]
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name, parent=context)
    if words in ([], ["--help"]):  # named, not called
        return
    kind = NOTEBOOKS.get(command.name)
    try:
        with command.make_context(command.name, list(words), parent=context) as made:
            check_values(list(made.params.get("papermill") or ()), kind)
    except click.BadParameter as error:  # FORMAT stands for one of those that are offered
        if not any(re.search(rf"'{word}' is not one of", error.message) for word in words if PLACE.fullmatch(word)):
            raise


def check_values(words: list[str], kind: type | None):
    """Every `-p NAME VALUE` names a parameter, and one of its values; every `-f FILE` is there."""
    threes = zip(words, words[1:], words[2:], strict=False)
    given = {name: value for option, name, value in threes if option == "-p" and not PLACE.fullmatch(name)}
    for option, file in zip(words, words[1:], strict=False):
        assert option != "-f" or not file.startswith("variants/") or (ROOT / file).exists(), file
    refused = []
    for one in [kind] if kind else NOTEBOOKS.values():
        try:
            return one.checked(given)
        except ValueError as error:
            refused.append(str(error))
    raise ValueError(min(refused, key=len))
