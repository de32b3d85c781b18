"""The reader of Camtrap DP packages, on one whose rows are told by hand."""

import json

import pandas as pd
import pytest
from readers_cases import save

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, DATE, ENCOUNTER, IDENTITY, IMAGE_ID, PATH, SPECIES, UTC_OFFSET
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.readers.camtrap import read_camtrap

pytestmark = pytest.mark.usefixtures("clean_dirs")

MEDIA = """mediaID,deploymentID,captureMethod,timestamp,filePath,filePublic,fileName,fileMediatype
m1,d1,activityDetection,2024-05-01T10:00:00+02:00,media/1.jpg,true,1.jpg,image/jpeg
m2,d1,activityDetection,2024-05-01T10:00:05+02:00,media/2.jpg,true,2.jpg,image/jpeg
m3,d1,activityDetection,2024-05-02T11:00:00+02:00,media/3.jpg,true,3.jpg,image/jpeg
m4,d2,activityDetection,2024-05-02T11:00:00+02:00,media/4.jpg,true,4.jpg,image/jpeg
m5,d1,activityDetection,2024-05-01T10:00:06+02:00,media/5.mp4,true,5.mp4,video/mp4
m6,d1,activityDetection,2024-05-01T10:00:07+02:00,https://example.org/6.jpg,true,6.jpg,image/jpeg
m7,d2,activityDetection,2024-05-03T11:00:00+02:00,media/7.jpg,true,7.jpg,image/jpeg
"""
HEADER = (
    "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
    "individualID,bboxX,bboxY,bboxWidth,bboxHeight\n"
)
DAY = "2024-05-01T08:00:00Z,2024-05-01T08:01:00Z"
OBSERVATIONS = (
    HEADER
    + f"""o1,d1,m1,e1,{DAY},media,animal,Lynx lynx,Anna,0.1,0.2,0.25,0.5
o2,d1,m1,e1,{DAY},media,animal,Lynx lynx,Bob,0.5,0.2,0.25,0.5
o3,d1,m1,e1,{DAY},media,animal,Lynx lynx,NA,,,,
o4,d1,,e1,{DAY},event,animal,Lynx lynx,Anna,,,,
o5,d1,m3,e2,2024-05-02T09:00:00Z,2024-05-02T09:00:00Z,media,blank,,,,,,
o6,d2,m4,e3,2024-05-02T09:00:00Z,2024-05-02T09:00:00Z,media,animal,Lynx lynx,,,,,
o7,d2,,e4,2024-05-03T09:00:00Z,2024-05-03T09:00:00Z,event,animal,Lynx lynx,Anna,,,,
o8,d2,,e4,2024-05-03T09:00:00Z,2024-05-03T09:00:00Z,event,animal,Lynx lynx,Bob,,,,
"""
)


def write_package(root, observations=OBSERVATIONS, media=MEDIA):
    resources = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]
    (root / "datapackage.json").write_text(json.dumps({"resources": resources}))
    (root / "media.csv").write_text(media)
    (root / "observations.csv").write_text(observations)
    for number in (1, 2, 3, 4, 7):
        save(root / f"media/{number}.jpg")
    return root


def test_photographs_and_animals_of_a_package(tmp_path):
    catalogue = read_catalogue("camtrap-dp", str(write_package(tmp_path)))
    rows = catalogue.rows.set_index(IMAGE_ID)
    # m1 shows two animals, m2 is of an event of Anna alone, m4 is of nobody known; m3 is blank, m7 of an event of two
    assert rows[IDENTITY].fillna("").to_dict() == {"m1": "Anna", "m1#2": "Bob", "m2": "Anna", "m4": ""}
    assert rows[PATH].to_dict() == {f"m{n}": f"media/{n[0]}.jpg" for n in ("1", "1#2", "2", "4")}
    assert rows[BBOX].dropna().to_dict() == {"m1": "2.4,3.2,6,8", "m1#2": "12,3.2,6,8"}, "shares of 24 x 16 px"
    assert rows[ENCOUNTER].to_dict() == {"m1": "e1", "m1#2": "e1", "m2": "e1", "m4": "e3"}
    assert rows.at["m2", DATE] == "2024-05-01T10:00:05+02:00" and set(rows[UTC_OFFSET]) == {"+02:00"}
    assert set(rows[SPECIES]) == {"Lynx lynx"}
    notes = " ".join(catalogue.notes)
    assert "1 .mp4 (a video" in notes and "1 .jpg (it lies at an address" in notes
    assert "2 of 5 photographs have no observation of an animal" in notes
    assert "1 photograph of events with several animals" in notes
    assert catalogue.left_out[PATH].tolist() == ["media/5.mp4", "https://example.org/6.jpg"]


def test_where_it_was_is_not_read(tmp_path):
    root = write_package(tmp_path, media=MEDIA.replace("fileMediatype\n", "fileMediatype,latitude\n"))
    assert not {"latitude", "longitude"} & set(read_camtrap(root).frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "datapackage.json").unlink(), "no datapackage.json in"),
        (lambda root: (root / "datapackage.json").write_text("[]"), "is no data package"),
        (lambda root: (root / "datapackage.json").write_text('{"resources": []}'), "resource 'media' is None"),
        (lambda root: (root / "media.csv").unlink(), "names media.csv, which is not there"),
        (lambda root: (root / "media.csv").write_text("mediaID,x\nm1,2\n"), "has no column deploymentID, timestamp"),
        (lambda root: (root / "observations.csv").write_text(HEADER), "no rows below its header"),
        (
            lambda root: (root / "observations.csv").write_text(HEADER + f"o,d1,zz,e,{DAY},media,animal,x,Anna,,,,\n"),
            "no observation of an animal belongs to a photograph",
        ),
        (
            lambda root: (root / "media.csv").write_text(MEDIA.replace("media/", "http://x/")),
            "none of 7 media is a photograph on this disk.*download it",
        ),
    ],
)
def test_what_is_no_package_is_told_with_the_cure(tmp_path, change, message):
    change(write_package(tmp_path))
    with pytest.raises(CatalogueError, match=message):
        read_camtrap(tmp_path)


def test_a_package_with_media_alone_and_an_unlabelled_one(tmp_path):
    lines = OBSERVATIONS.splitlines(keepends=True)
    table = read_camtrap(write_package(tmp_path, lines[0] + lines[1]) / "datapackage.json")
    assert table.frame[IMAGE_ID].tolist() == ["m1"] and isinstance(table.frame, pd.DataFrame)
    write_package(tmp_path, lines[0] + lines[6])
    with pytest.raises(CatalogueError, match="none of the 1 images has an identity"):
        read_catalogue("camtrap-dp", str(tmp_path))
