"""Archives of others write below their folder and nowhere else."""

import io
import shutil
import tarfile
import zipfile

import pytest

from reid_lib.core.errors import CatalogueError
from reid_lib.data.archives import check_names, unpack_within


def member(name, *, link=""):
    told = tarfile.TarInfo(name)
    if link:
        told.type, told.linkname = tarfile.SYMTYPE, link
    else:
        told.size = 4
    return told


@pytest.mark.parametrize("told", [member("../x"), member("a/../../x"), member("link", link="../../elsewhere")])
def test_a_library_that_names_no_filter_writes_nothing_outside(tmp_path, told):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(told, io.BytesIO(b"evil"))
    folder = tmp_path / "one" / "two"
    folder.mkdir(parents=True)
    with pytest.raises(CatalogueError, match="outside of its folder"), unpack_within(folder):
        shutil.unpack_archive(tmp_path / "a.tar", folder)
    assert [path.name for path in tmp_path.rglob("*") if path.name not in ("one", "two")] == ["a.tar"]


def test_a_tar_archive_of_photographs_is_unpacked_and_the_filter_is_as_before(tmp_path):
    before = tarfile.TarFile.extraction_filter
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(member("/anna/1.jpg"), io.BytesIO(b"good"))  # absolute names are taken as below the folder
        archive.addfile(member("berta/2.jpg"), io.BytesIO(b"good"))
    with unpack_within(tmp_path):
        shutil.unpack_archive(tmp_path / "a.tar.gz", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.jpg")) == ["1.jpg", "2.jpg"]
    assert tarfile.TarFile.extraction_filter is before


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..\\x", "C:\\x", "\\\\server\\share\\x"])
def test_names_of_a_zip_archive_that_lead_out_are_told(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good/1.jpg", b"good")
        archive.writestr(name, b"evil")
    with pytest.raises(CatalogueError, match="lie outside of the folder"):
        check_names(tmp_path / "a.zip")


def test_other_names_and_other_kinds_of_archives_pass(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a..b/1...jpg", b"good")
    (tmp_path / "a.tar").write_bytes(b"no zip")
    check_names(tmp_path / "a.zip")
    check_names(tmp_path / "a.tar")
    check_names(tmp_path / "gone.zip")
