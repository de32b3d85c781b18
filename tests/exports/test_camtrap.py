"""Camtrap DP packages, validated by frictionless and the published profile, in a valid package by our reader."""

import json
import shutil
from pathlib import Path

import pytest
from exports_cases import STUDY, cells, study
from jsonschema import Draft4Validator

from reid_lib.core.errors import CatalogueError
from reid_lib.data.readers.camtrap import read_camtrap
from reid_lib.exports.camtrap import SCHEMAS, write_camtrap

PUBLISHED = Path(__file__).parent / "camtrap-dp-1.0.2"


def problems(folder: Path) -> list[str]:
    """What the published profile and table schemas find wrong; the profile without the schemas it fetches itself."""
    import frictionless

    package = json.loads((folder / "datapackage.json").read_text())
    profile = json.loads((PUBLISHED / "camtrap-dp-profile.json").read_text())
    own = profile["allOf"][1]
    own["properties"]["spatial"].pop("$ref")
    own["$defs"] = profile["$defs"]
    found = [error.message for error in Draft4Validator(own).iter_errors(package)]
    local = shutil.copytree(folder, folder.parent / f"{folder.name}-local", dirs_exist_ok=True)
    del package["profile"]
    for resource in package["resources"]:
        name = f"{resource['name']}-table-schema.json"
        assert resource["schema"] == f"{SCHEMAS}/{name}"
        resource["schema"] = json.loads((PUBLISHED / name).read_text())
    (local / "datapackage.json").write_text(json.dumps(package))
    report = frictionless.validate(str(local / "datapackage.json"))
    return [*found, *map(str, report.flatten(["title", "rowNumber", "fieldName", "note"]))]


def write(tmp_path, text=STUDY, **options):
    notes = write_camtrap(study(tmp_path, text), tmp_path / "package", **options)
    return tmp_path / "package", notes


def test_a_package_is_valid_and_says_who_was_where(tmp_path):
    told = {"title": "Lynx", "contributor": "A. Person", "sampling": "targeted"}
    folder, notes = write(tmp_path, **told)
    assert problems(folder) == []
    observations, media = cells(folder / "observations.csv"), cells(folder / "media.csv")
    assert observations["individualID"].tolist() == ["Anna", "Anna", "Anna", "Bob", "Anna", "Bob", ""]
    assert media["mediaID"].is_unique and len(media) == 6, "one photograph shows two animals, one has no date"
    first = observations.iloc[0]
    assert (first["eventStart"], first["eventEnd"]) == ("2024-05-01T10:00:00+02:00", "2024-05-01T10:01:30+02:00")
    deployments = cells(folder / "deployments.csv")
    assert deployments["deploymentStart"].tolist() == ["2024-05-01T10:00:00+02:00", "2024-05-02T09:00:00+02:00"]
    assert deployments["deploymentEnd"].tolist() == ["2024-05-20T09:00:00+02:00", "2024-06-03T09:00:00+02:00"]
    package = json.loads((folder / "datapackage.json").read_text())
    assert package["taxonomic"] == [{"scientificName": "Lynx lynx"}] and package["project"]["individualAnimals"]
    assert package["temporal"] == {"start": "2024-05-01", "end": "2024-06-03"}
    assert package["spatial"]["coordinates"][0][0] == [8.5, 50.1234567]
    assert "1 photograph without a date left out" in notes


def test_the_validation_finds_what_is_wrong(tmp_path):
    folder, _ = write(tmp_path)
    for column, wrong in (("individualID", None), ("observationType", "lynx"), ("deploymentID", "nowhere")):
        table = cells(folder / "observations.csv")
        if wrong:
            table.assign(**{column: wrong}).to_csv(folder / "observations.csv", index=False)
            assert problems(folder)
            table.to_csv(folder / "observations.csv", index=False)
    package = json.loads((folder / "datapackage.json").read_text())
    (folder / "datapackage.json").write_text(json.dumps(package | {"project": {"title": "x"}}))
    assert any("samplingDesign" in problem for problem in problems(folder))


def test_answers_of_a_machine_say_so_with_their_probability(tmp_path):
    answers = (
        "image_id,path,date,decision,probability,doubtful,accepted,latitude,longitude\n"
        "1,1.HEIC,2024-05-01 10:00,Anna,0.93,False,,50,8\n2,2.png,2024-05-01,Anna,0.93,False,yes,50,8\n"
    )
    folder, notes = write(tmp_path, answers, zone="-03:30")
    assert problems(folder) == []
    rows = cells(folder / "observations.csv")
    assert rows["classificationMethod"].tolist() == ["machine", "human"]
    assert rows["classificationProbability"].tolist() == ["0.93", ""] and rows["classifiedBy"].tolist() == [
        "reid_lib",
        "",
    ]
    media = cells(folder / "media.csv")
    assert media["fileMediatype"].tolist() == ["image/heic", "image/png"]
    assert media["timestamp"].tolist() == ["2024-05-01T10:00:00-03:30", "2024-05-01T00:00:00-03:30"]
    assert any("1 date tells no time of day" in note for note in notes)
    assert cells(folder / "deployments.csv")["timestampIssues"].tolist() == ["true"]
    assert json.loads((folder / "datapackage.json").read_text())["spatial"] == {"type": "Point", "coordinates": [8, 50]}


def test_our_reader_reads_it_back(tmp_path):
    folder, _ = write(tmp_path)
    frame = read_camtrap(folder).frame
    told = sorted(zip(frame["path"], frame["identity"].fillna(""), frame["encounter"], strict=True))
    rows = study(tmp_path).rows.dropna(subset="time")
    assert told == sorted(zip(rows["path"], rows["identity"].fillna(""), rows["encounter"], strict=True))


def test_rounded_coordinates_stay_rounded_and_say_so(tmp_path):
    sightings = study(tmp_path)
    sightings.rows[["latitude", "longitude"]] = sightings.rows[["latitude", "longitude"]].round(1)
    write_camtrap(sightings, tmp_path / "package", decimals=1)
    assert cells(tmp_path / "package/deployments.csv")["latitude"].tolist() == ["50.1", "50.2"]
    assert json.loads((tmp_path / "package/datapackage.json").read_text())["coordinatePrecision"] == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,identity,date\n1.jpg,A,\n", "no photograph has a date"),
        ("path,identity,date\n1.jpg,A,2024-05-01 10:00\n", r"1 of 1 times tell none. Pass it, e.g. --zone \+02:00"),
        ("path,identity,date\n1.jpg,A,2024-05-01T10:00Z\n", "1 of 1 locations have no coordinates.*--gps"),
        ("path,identity,date,lat,lon\n../1.jpg,A,2024-05-01T10:00Z,50,8\n", "paths below the package"),
    ],
)
def test_what_the_format_requires_is_told_with_the_cure_and_nothing_is_written(tmp_path, text, message):
    with pytest.raises(CatalogueError, match=message):
        write(tmp_path, text)
    assert not (tmp_path / "package").exists()


def test_boxes_are_written_as_shares_in_a_valid_package(tmp_path):
    boxes = ["bbox", '"0.1,0.2,0.3,0.4"', "", '"0.5,0,0.5,1"', "", "", "", "", ""]
    text = "\n".join(f"{line},{box}" for line, box in zip(STUDY.splitlines(), boxes, strict=True))
    folder, _ = write(tmp_path, text)
    assert problems(folder) == []
    found = cells(folder / "observations.csv").set_index("observationID")[["bboxX", "bboxY", "bboxWidth", "bboxHeight"]]
    assert found.loc["1"].astype(float).round(9).tolist() == [0.1, 0.2, 0.3, 0.4]
    assert found.loc["3"].astype(float).tolist() == [0.5, 0, 0.5, 1] and found.loc["2"].tolist() == [""] * 4
