"""The optional extras of the package: what each gives, which of its packages are here, how the others are installed."""

from dataclasses import dataclass
from importlib import metadata

from reid_lib.core.paths import in_checkout

PACKAGE = "reid-lab"
# Extra -> what it gives. Its packages stand in pyproject.toml.
GIVES = {
    "local": "ALIKED, DISK and XFeat with LightGlue beside SIFT, and the mask of the animal (Python below 3.13)",
    "heic": "HEIC photographs, as telephones take them",
    "onnx": "model.onnx beside the timm model in `reid export`",
    "parquet": "the table of all runs as all_model_metrics.parquet, too",
    "tensorboard": "curves and results in TensorBoard (parameter mirror)",
    "mlflow": "runs, curves and results in MLflow (parameter mirror)",
    "umap": "two-dimensional projections by UMAP",
    "wildlife": "the data sets of wildlife-datasets (dataset wildlife:<Class>), fetched by `reid download`",
}
# Package -> another that does as well: of OpenCV the library has the one without windows.
STANDS_FOR = {"opencv-python": "opencv-python-headless"}


@dataclass(frozen=True)
class Extra:
    """One extra, as it is here.

    Attributes:
        installed: its packages that are here, with their versions.
        lacking: requirements that are not met.
        install: the line that brings them.
    """

    name: str
    gives: str
    installed: tuple[str, ...]
    lacking: tuple[str, ...]
    install: str


def list_extras() -> list[Extra]:
    """All extras, by what the installed package says that it requires."""
    required = _requirements()
    return [_look_at(name, required.get(name, [])) for name in GIVES]


def find_install_line(name: str) -> str:
    """What to type for an extra."""
    return next(extra.install for extra in list_extras() if extra.name == name)


def _requirements() -> dict[str, list]:
    """Extra -> its requirements that apply to this Python and system."""
    from packaging.requirements import Requirement

    found: dict[str, list] = {}
    for text in metadata.requires(PACKAGE) or ():
        requirement = Requirement(text)
        for name in GIVES:
            marker = requirement.marker
            if marker and marker.evaluate({"extra": name}) and not marker.evaluate({"extra": ""}):
                found.setdefault(name, []).append(requirement)
    return found


def _look_at(name: str, requirements: list) -> Extra:
    installed, lacking = [], []
    for requirement in requirements:
        wanted = f"{requirement.name}{requirement.specifier}"
        package, version = requirement.name, find_version(requirement.name)
        fits = version is not None and requirement.specifier.contains(version, prereleases=True)
        if version is None and (version := find_version(STANDS_FOR.get(package, ""))):
            package, fits = STANDS_FOR[package], True
        (installed if fits else lacking).append(f"{package} {version}" if fits else wanted)
    line = f"pip install -e '.[{name}]'" if in_checkout() else " ".join(["pip install", *(f"'{w}'" for w in lacking)])
    return Extra(name, GIVES[name], tuple(installed), tuple(lacking), line)


def find_version(package: str) -> str | None:
    """Of an installed package; None where it is not here."""
    try:
        return metadata.version(package) if package else None
    except metadata.PackageNotFoundError:
        return None
