"""Notebooks and variants into the wheel: they lie beside the package, and `reid init` copies them out of it.

All else stands in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = {"notebooks": "*.ipynb", "variants": "*.yaml"}  # folder beside the package -> what of it comes along


class BuildWithNotebooks(build_py):
    """The package, and in it copies of the folders that lie beside it; an editable install uses those themselves."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for folder, pattern in CARRIED.items():
            into = Path(self.build_lib) / "reid_lib" / folder
            into.mkdir(parents=True, exist_ok=True)
            for path in Path(folder).glob(pattern):
                shutil.copy(path, into)


setup(cmdclass={"build_py": BuildWithNotebooks})
