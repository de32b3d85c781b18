"""A competition's format: answers, or clusters of test images."""

import pandas as pd
import pytest

from reid_lib.core.names import NEW_INDIVIDUAL
from reid_lib.data.catalogue import Catalogue
from reid_lib.pipeline.submission import make_submission

ANSWERS = pd.DataFrame(
    {"image_id": ["3", "1", "2"], "dataset": ["lynx", "newt", "lynx"], "predicted": ["tom", NEW_INDIVIDUAL, "tom"]}
)
CLUSTERS = pd.DataFrame(
    {"image_id": ["1", "2", "3"], "dataset": ["newt", "lynx", "lynx"], "cluster": ["new 0", "known tom b", "new 0"]}
)


def submit(folder, year: int) -> pd.DataFrame:
    return make_submission(ANSWERS, CLUSTERS, Catalogue(ANSWERS, folder, f"animalclef{year}"))


def write_sample(folder, ids, column="image_id"):
    pd.DataFrame({column: ids, "cluster": "cluster_lynx_0"}).to_csv(folder / "sample_submission.csv", index=False)


def test_answers_are_ordered_by_image_where_there_is_no_sample(tmp_path):
    wanted = {"image_id": ["1", "2", "3"], "identity": [NEW_INDIVIDUAL, "tom", "tom"]}
    assert submit(tmp_path, 2025).to_dict("list") == wanted


def test_clusters_are_named_by_data_set(tmp_path):
    names = ["cluster_newt_new_0", "cluster_lynx_known_tom b", "cluster_lynx_new_0"]
    assert submit(tmp_path, 2026).to_dict("list") == {"image_id": ["1", "2", "3"], "cluster": names}


@pytest.mark.parametrize("year", [2025, 2026])
def test_lines_go_as_in_the_sample(tmp_path, year):
    write_sample(tmp_path, ["2", "3", "1"])
    assert submit(tmp_path, year)["image_id"].tolist() == ["2", "3", "1"]


@pytest.mark.parametrize("ids", [["1", "2"], ["1", "2", "3", "4"], ["1", "2", "2", "3"]])
def test_a_sample_of_other_photographs_is_told_and_costs_nothing(tmp_path, ids, caplog):
    write_sample(tmp_path, ids)
    assert submit(tmp_path, 2026)["image_id"].tolist() == ["1", "2", "3"]
    assert "would be refused" in caplog.text


def test_a_sample_without_image_ids_is_told(tmp_path, caplog):
    write_sample(tmp_path, ["1", "2", "3"], column="id")
    assert len(submit(tmp_path, 2026)) == 3 and "cannot be read" in caplog.text
