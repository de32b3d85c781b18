"""`reid init`: notebooks and recipes copied where the library came as a wheel; what is there stays."""

import pytest
from main_cases import say

from reid_lib.cli import init
from reid_lib.core.errors import ReidError
from reid_lib.core.paths import project_root


def test_the_same_files_as_in_the_checkout_and_a_second_time_none(capsys, tmp_path):
    code, out, _ = say(capsys, "init", str(tmp_path / "study"))
    notebook = tmp_path / "study" / "notebooks" / "train.ipynb"
    assert code == 0 and notebook.read_bytes() == (project_root() / "notebooks" / "train.ipynb").read_bytes()
    assert (tmp_path / "study" / "variants" / "nyala.yaml").is_file() and "files copied into" in out
    notebook.write_text("edited")
    assert say(capsys, "init", str(tmp_path / "study"))[1].startswith("0 files copied")
    assert notebook.read_text() == "edited"


def test_a_package_without_notebooks_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(init, "SOURCE", tmp_path)
    with pytest.raises(ReidError, match="holds no notebooks"):
        init.copy_project(tmp_path / "study")
