"""The face of a package imports nothing until a name of it is asked for."""

import subprocess
import sys

import pytest

from reid_lib.core.faces import face
from reid_lib.core.names import ranked_column


def test_a_name_comes_from_its_module():
    names, get, listed = face("reid_lib.core", {"names": "ranked_column IMAGE_ID", "errors": "ReidError"})
    assert names == listed() == ["IMAGE_ID", "ReidError", "ranked_column"]
    assert get("ranked_column") is ranked_column


def test_a_name_that_is_not_there_is_an_attribute_error_of_the_package():
    with pytest.raises(AttributeError, match="'reid_lib.core' has no attribute 'nothing'"):
        face("reid_lib.core", {"names": "ranked_column"})[1]("nothing")


def test_importing_a_face_imports_none_of_its_modules():
    code = "import sys, reid_lib.figures, reid_lib.pipeline; print([m for m in sys.modules if 'reid_lib.p' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['reid_lib.pipeline']"
