"""Tables as sightings: who counts as seen, and what is told of the rest."""

import pandas as pd
import pytest
from exports_cases import STUDY, study

from reid_lib.core.errors import CatalogueError
from reid_lib.exports.sightings import read_sightings

ANSWERS = """image_id,path,dataset,encounter,date,decision,probability,in_words,doubtful,new_animal,accepted,problem
1,1.jpg,folder,,2024-05-01,Anna,0.99,almost certainly,False,,,
2,2.jpg,folder,,2024-05-01,Anna,0.6,perhaps,True,,,
3,3.jpg,folder,,2024-05-01,Anna,0.6,perhaps,True,,yes,
4,4.jpg,folder,,2024-05-01,Anna,0.9,probably,False,,Bob,
5,5.jpg,folder,,2024-05-01,Anna,0.9,probably,False,,no,
6,6.jpg,folder,,2024-05-01,new_individual,0.9,new,False,new-1,,
7,7.jpg,folder,,2024-05-01,Anna,0.9,probably,False,new-2,new_individual,
8,8.jpg,folder,,,,,,,,,empty file
9,9.jpg,folder,,2024-05-01,1,0.99,almost certainly,False,,1,
10,10.jpg,folder,,2024-05-01,Anna,0.6,perhaps,True,,X,
11,11.jpg,folder,,2024-05-01,Anna,0.6,perhaps,True,new-3,New,
"""


def test_of_an_answer_what_a_person_accepted_counts_first(tmp_path):
    found = study(tmp_path, ANSWERS)
    told = dict(zip(found.rows["image_id"], found.rows["identity"].fillna(""), strict=True))
    assert told == {"1": "Anna", "2": "", "3": "Anna", "4": "Bob", "5": "", "6": "new-1", "7": "new-2", "9": "1"} | {
        "10": "Anna",
        "11": "new-3",
    }
    assert found.rows["by"].tolist() == ["machine"] * 2 + ["human"] * 3 + ["machine"] + ["human"] * 4
    notes = " ".join(found.notes)
    assert "1 photograph could not be used" in notes and "1 answer was refused" in notes
    assert "1 doubtful answer names no animal" in notes
    assert study(tmp_path, ANSWERS, doubtful=True).rows["identity"].tolist()[1] == "Anna"


def test_a_catalogue_with_times_zones_and_places(tmp_path):
    rows = study(tmp_path).rows
    assert rows["time"].tolist()[0] == pd.Timestamp("2024-05-01 10:00:00") and rows["time"].isna().tolist()[-1]
    assert rows["utc_offset"].tolist()[0] == "+02:00" and rows["clock"].tolist() == [True] * 7 + [False]
    assert rows["location"].tolist()[:3] == ["K 1", "K 1", "K_2"] and rows["latitude"].tolist()[2] == 50.2
    assert set(rows["by"]) == {"human"}


@pytest.mark.parametrize(
    ("date", "clock", "offset"),
    [
        ("2024-05-01", False, None),
        ("2024:05:01 10:11:12", True, None),
        ("2024-05-01T10:11Z", True, "+00:00"),
        ("2024-05-01 10:11:12 -0330", True, "-03:30"),
        ("20240501_101112", True, None),
        ("01.05.2024 10:11", True, None),
        ("01.05.2024", False, None),
    ],
)
def test_whether_the_time_of_day_and_its_zone_are_told(tmp_path, date, clock, offset):
    row = study(tmp_path, f"path,identity,date\n1.jpg,A,{date}\n").rows.iloc[0]
    assert (row["clock"], row["utc_offset"], str(row["time"])[:10]) == (clock, offset, "2024-05-01")


def test_columns_are_found_by_their_usual_names_or_said(tmp_path):
    rows = study(
        tmp_path, "Datei,Tier,Lat,Lon\n1.jpg,A,50,8\n", columns="path:Datei identity:Tier", species="Lynx lynx"
    ).rows
    assert rows.iloc[0][["path", "identity", "latitude", "species"]].tolist() == ["1.jpg", "A", 50.0, "Lynx lynx"]


def test_one_name_in_two_data_sets_is_two_animals(tmp_path):
    found = study(tmp_path, "path,identity,dataset\n1.jpg,01,a\n2.jpg,01,b\n3.jpg,,b\n")
    assert found.rows["identity"].fillna("").tolist() == ["a/01", "b/01", ""] and "several data sets" in found.notes[0]


def test_an_accepted_animal_of_another_data_set_is_counted_there(tmp_path):
    table = "path,dataset,decision,accepted\n1.jpg,lynxes,Anna,\n2.jpg,bears,new_individual,lynxes/Anna\n"
    table += "3.jpg,bears,Bo,bears/Bo\n"
    assert study(tmp_path, table).rows["identity"].tolist() == ["lynxes/Anna", "lynxes/Anna", "bears/Bo"]


def test_a_folder_is_looked_through_for_its_table(tmp_path):
    (tmp_path / "images.csv").write_text(STUDY)
    assert len(read_sightings(tmp_path).rows) == 8
    (tmp_path / "images.csv").unlink()
    with pytest.raises(CatalogueError, match="nor a folder with answers.csv"):
        read_sightings(tmp_path)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("path,x\n1.jpg,A\n", "", "no column of animals. It has: 'path', 'x'"),
        ("identity,x\nA,1\n", "", "no column of photographs"),
        ("path,identity\n1.jpg,A\n", "location:Ort", "no column 'Ort'"),
        ("path,identity\n1.jpg,A\n", "lokation:Ort", "did you mean 'location'"),
    ],
)
def test_what_is_missing_is_told_with_the_cure(tmp_path, text, columns, message):
    with pytest.raises(CatalogueError, match=message):
        study(tmp_path, text, columns=columns)


def test_a_date_that_cannot_be_read_is_told(tmp_path):
    assert "1 date cannot be read, e.g. 'spring'" in study(tmp_path, "path,identity,date\n1.jpg,A,spring\n").notes


def test_a_photograph_goes_by_its_id_or_its_path_and_a_row_without_either_is_left_out(tmp_path):
    found = study(tmp_path, "image_id,path,identity\n1,a.jpg,A\n2,,B\n,c.jpg,C\n,,D\n")
    assert found.rows[["image_id", "path"]].to_numpy().tolist() == [["1", "a.jpg"], ["2", "2"], ["c.jpg", "c.jpg"]]
    assert found.notes == ("1 row names no photograph: left out",)


def test_several_data_sets_without_a_single_name_are_read(tmp_path):
    assert study(tmp_path, "path,identity,dataset\n1.jpg,,a\n2.jpg,,b\n").rows["identity"].isna().all()


def test_a_column_that_is_said_to_be_the_animal_is_not_the_place_too(tmp_path):
    rows = study(tmp_path, "path,site\n1.jpg,Anna\n", columns="identity:site").rows
    assert rows["identity"].tolist() == ["Anna"] and rows["location"].isna().all()
