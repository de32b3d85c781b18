"""Every format is written, and coordinates leave when they are asked for alone."""

import numpy as np
import pytest
from exports_cases import cells, study
from PIL import Image

from reid_lib.core.errors import CatalogueError
from reid_lib.exports.formats import Options, settle_places, write_sightings
from reid_lib.exports.offered import FORMATS

FILES = {
    "csv": {"sightings.csv"},
    "histories": {"histories.csv", "occasions.csv"},
    "inp": {"histories.inp", "occasions.csv"},
    "secr": {"captures.txt", "traps.txt", "occasions.csv"},
    "camtrap-dp": {"datapackage.json", "deployments.csv", "media.csv", "observations.csv"},
    "wildbook": {"wildbook_1.csv", "file_names.csv"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_writes_its_files(tmp_path, name):
    write_sightings(study(tmp_path), name, tmp_path / "out", Options(gps=True))
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES[name]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "camtrap-dp"])
def test_without_being_asked_no_coordinate_leaves(tmp_path, name):
    notes = write_sightings(study(tmp_path), name, tmp_path / "out")
    assert any("coordinates of 8 photographs are kept out: --gps" in note for note in notes)
    written = " ".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert not any(part in written for part in ("50.1", "50.2", "8.5", "8.6", "atitude"))


def test_camtrap_dp_needs_them_and_says_so(tmp_path):
    with pytest.raises(CatalogueError, match="--gps"):
        write_sightings(study(tmp_path), "camtrap-dp", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rounding_blurs_what_leaves(tmp_path):
    write_sightings(study(tmp_path), "csv", tmp_path / "out", Options(gps=True, decimals=2))
    assert cells(tmp_path / "out/sightings.csv")["latitude"].tolist()[:3] == ["50.12", "50.12", "50.2"]


def test_photographs_tell_coordinates_where_the_table_does_not(tmp_path):
    exif = Image.Exif()
    exif[0x8825] = {1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (18.0, 15.0, 36.0)}
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "1.jpg", exif=exif)
    rows = study(tmp_path, "path,identity,lat,lon\n1.jpg,A,,\n2.jpg,A,1,2\n3.jpg,A,,\n").rows
    settled, _ = settle_places(rows, Options(gps=True, photos=tmp_path))
    assert settled[["latitude", "longitude"]].to_numpy().tolist()[:2] == [[-33.5, 18.26], [1, 2]]
    assert settled["latitude"].isna().tolist() == [False, False, True]
    assert settle_places(rows, Options(photos=tmp_path))[0]["latitude"].isna().all()


def test_without_names_of_locations_coordinates_part_them(tmp_path):
    rows = "1.jpg,A,50.10041,8.5\n2.jpg,A,50.10043,8.5\n3.jpg,A,50.2,8.5\n4.jpg,A,,\n"
    rows = study(tmp_path, "path,identity,lat,lon\n" + rows).rows
    settled, notes = settle_places(rows, Options(gps=True))
    assert settled["location"].fillna("").tolist() == ["50.100 8.500", "50.100 8.500", "50.200 8.500", ""]
    assert notes == ["3 photographs name no location: 2 are made of coordinates"]
    settled, _ = settle_places(rows, Options(gps=True, decimals=0))
    assert settled["location"].fillna("").tolist() == ["50 8", "50 8", "50 8", ""], "8.5 is rounded to even"
    assert settle_places(rows, Options())[0]["location"].isna().all()


def test_an_unknown_format_and_impossible_coordinates_are_refused(tmp_path):
    with pytest.raises(CatalogueError, match="unknown format 'excel': expected one of csv, histories"):
        write_sightings(study(tmp_path), "excel", tmp_path)
    wrong = study(tmp_path, "path,identity,lat,lon\n1.jpg,A,5012,8\n")
    with pytest.raises(CatalogueError, match="1 coordinates are no degrees, e.g. 5012, 8"):
        write_sightings(wrong, "csv", tmp_path, Options(gps=True))


def test_the_plain_table_keeps_days_as_days(tmp_path):
    write_sightings(
        study(tmp_path, "path,identity,date\n1.jpg,A,1.5.2024\n2.jpg,B,2024-05-01 10:00\n"), "csv", tmp_path
    )
    table = cells(tmp_path / "sightings.csv")
    assert table["date"].tolist() == ["2024-05-01", "2024-05-01T10:00:00"]
    assert list(table) == ["image_id", "path", "identity", "date", "by"]
