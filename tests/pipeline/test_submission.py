"""A competition's format: answers, or clusters of test images, in its order, and refused here before it is there."""

import pandas as pd
import pytest

from reid_lib.core.errors import CatalogueError, SubmissionError
from reid_lib.core.names import NEW_INDIVIDUAL
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import Split
from reid_lib.pipeline.submission import check_sample, check_submission, make_submission

ROWS = pd.DataFrame(
    {"image_id": ["3", "1", "2", "9"], "dataset": ["lynx", "newt", "lynx", "newt"], "role": ["test"] * 3 + ["gallery"]}
)
ANSWERS = ROWS[:3].assign(predicted=["tom", NEW_INDIVIDUAL, "tom"])
CLUSTERS = pd.DataFrame(
    {"image_id": ["1", "2", "3"], "dataset": ["newt", "lynx", "lynx"], "cluster": ["new 0", "known tom b", "new 0"]}
)
NAMES = {"1": "cluster_newt_new_0", "2": "cluster_lynx_known_tom b", "3": "cluster_lynx_new_0"}
DATASET = ROWS.set_index("image_id")["dataset"]


def catalogue(folder, year: int, left_out: tuple[str, ...] = ()) -> Catalogue:
    out = pd.DataFrame(
        {"image_id": left_out, "path": [f"images/lynx/{k}.jpg" for k in left_out], "kind": "", "detail": ""}
    )
    return Catalogue(ROWS, folder, f"animalclef{year}", left_out=out)


def submit(folder, year: int, policy: str = "official", **given) -> pd.DataFrame:
    return make_submission(ANSWERS, CLUSTERS, catalogue(folder, year, **given), Split(ROWS, policy))


def write_sample(folder, ids, column="image_id", names="cluster_0"):
    pd.DataFrame({column: ids, "cluster": names}).to_csv(folder / "sample_submission.csv", index=False)


def test_answers_are_ordered_by_image_where_there_is_no_sample(tmp_path):
    wanted = {"image_id": ["1", "2", "3"], "identity": [NEW_INDIVIDUAL, "tom", "tom"]}
    assert submit(tmp_path, 2025).to_dict("list") == wanted
    check_sample(catalogue(tmp_path, 2025), Split(ROWS, "official"))


def test_clusters_are_named_by_data_set(tmp_path):
    assert submit(tmp_path, 2026).to_dict("list") == {"image_id": [*NAMES], "cluster": [*NAMES.values()]}


@pytest.mark.parametrize("year", [2025, 2026])
def test_lines_go_as_in_the_sample(tmp_path, year):
    write_sample(tmp_path, ["2", "3", "1"])
    check_sample(catalogue(tmp_path, year), Split(ROWS, "official"))
    assert submit(tmp_path, year)["image_id"].tolist() == ["2", "3", "1"]


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ({"ids": ["1", "2"]}, r"1 \(as 3\) are test photographs that it does not name"),
        ({"ids": ["1", "2", "3", "4"]}, r"1 \(as 4\) are not among the photographs"),
        ({"ids": ["1", "2", "2", "3"]}, r"1 \(as 2\) stand there more than once"),
        ({"ids": ["1", "2", "3"], "column": "id"}, "no column image_id, but id, cluster"),
        ({"ids": ["1", "2", "3"], "names": "cluster_lynx_0"}, r"1 \(as 1\) are of another data set there"),
    ],
)
def test_a_sample_of_other_photographs_is_told_before_hours_are_spent(tmp_path, sample, words):
    write_sample(tmp_path, **sample)
    with pytest.raises(CatalogueError, match=words):
        check_sample(catalogue(tmp_path, 2026), Split(ROWS, "official"))


def test_a_sample_that_is_no_table_is_told(tmp_path):
    (tmp_path / "sample_submission.csv").write_bytes(b"")
    with pytest.raises(CatalogueError, match="cannot be read"):
        check_sample(catalogue(tmp_path, 2026), Split(ROWS, "official"))


def test_photographs_that_the_run_was_not_asked_are_animals_of_their_own(tmp_path, caplog):
    """One that could not be read, and one that was taken out of the queries."""
    write_sample(tmp_path, ["9", "8", "2", "3", "1"])
    check_sample(catalogue(tmp_path, 2026, left_out=("8",)), Split(ROWS, "official"))
    found = submit(tmp_path, 2026, left_out=("8",)).set_index("image_id")["cluster"]
    added = {"9": "cluster_newt_left_out_0", "8": "cluster_lynx_left_out_1"}
    assert found.index.tolist() == ["9", "8", "2", "3", "1"] and found.to_dict() == NAMES | added
    assert "2 photographs" in caplog.text
    answers = submit(tmp_path, 2025, left_out=("8",)).set_index("image_id")["identity"]
    assert answers[["9", "8"]].tolist() == [NEW_INDIVIDUAL] * 2


def test_under_another_split_the_sample_is_nothing(tmp_path, caplog):
    write_sample(tmp_path, ["5"])
    check_sample(catalogue(tmp_path, 2026), Split(ROWS, "random"))
    assert len(submit(tmp_path, 2026, policy="random")) == 3 and "not for the competition" in caplog.text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([("2", "cluster_lynx_0"), ("1", "cluster_newt_0")], r"1 \(as 3\) are wanted and not there"),
        ([*NAMES.items(), ("2", "cluster_lynx_0")], r"1 \(as 2\) stand there more than once"),
        ([*NAMES.items(), ("7", "cluster_lynx_0")], r"1 \(as 7\) are no photographs of this data set"),
        ([*NAMES.items(), ("9", "cluster_newt_1")], r"1 \(as 9\) are there and not wanted"),
        ([*(NAMES | {"1": "cluster_lynx_0"}).items()], r"1 \(as 1\) have a name that does not start"),
        ([*(NAMES | {"2": "cluster_lynx_"}).items()], r"1 \(as 2\) have a name that does not start"),
        ([*(NAMES | {"3": None}).items()], r"1 \(as 3\) have no cluster"),
        ([*reversed(NAMES.items())], "not in the order of sample_submission.csv"),
    ],
)
def test_what_would_be_refused_is_not_written(lines, words):
    table = pd.DataFrame(lines, columns=["image_id", "cluster"])
    sample = pd.DataFrame({"image_id": [*NAMES]})
    with pytest.raises(SubmissionError, match=words):
        check_submission(table, "animalclef2026", DATASET, sample)
    check_submission(pd.DataFrame(NAMES.items(), columns=["image_id", "cluster"]), "animalclef2026", DATASET, sample)


def test_columns_of_another_name_are_refused():
    table = pd.DataFrame(NAMES.items(), columns=["image_id", "identity"])
    with pytest.raises(SubmissionError, match="image_id, cluster"):
        check_submission(table, "animalclef2026", DATASET)
