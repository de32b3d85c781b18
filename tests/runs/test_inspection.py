"""A run folder looked over: what stands in the way is told before hours are spent, what is lost is named."""

import pytest
from made_runs import catalogue, make_run

from reid_lib.core import files
from reid_lib.core.errors import RunError, RunFormatError
from reid_lib.core.names import CHECKSUMS_JSON, FIGURES, MATCHES_NPZ, METRICS_JSON, PREDICTIONS_CSV, SCORES
from reid_lib.runs import seals
from reid_lib.runs.folder import RunFolder
from reid_lib.runs.inspection import check_nothing_in_the_way, find_lost_files


@pytest.fixture
def run(clean_dirs):
    rows = catalogue(n_known=3, n_unknown=2, images=2, datasets=("a",))
    folder = RunFolder(make_run("mine", rows, skill=1.0, photos=clean_dirs))
    folder.path(CHECKSUMS_JSON).unlink(missing_ok=True)
    return folder


def test_a_run_as_it_was_written_has_nothing_in_the_way_and_nothing_lost(run):
    check_nothing_in_the_way(run)
    assert find_lost_files(run) == {}
    seals.seal(run.folder)
    assert find_lost_files(run) == {}


@pytest.mark.parametrize("name", [PREDICTIONS_CSV, MATCHES_NPZ, f"{SCORES}/val.npz"])
def test_a_folder_in_the_place_of_a_file_is_told(run, name):
    run.path(name).unlink(missing_ok=True)
    run.path(name).mkdir(parents=True)
    with pytest.raises(RunError, match=f"{name} is in the way: it is a folder"):
        check_nothing_in_the_way(run)


@pytest.mark.parametrize("name", [FIGURES, SCORES])
def test_a_file_in_the_place_of_a_folder_is_told(run, name):
    run.path(name).write_text("")
    with pytest.raises(RunError, match=f"{name} is in the way: it is a file"):
        check_nothing_in_the_way(run)


def test_without_checksums_results_that_cannot_be_read_are_named(run):
    run.path(METRICS_JSON).write_text("{")
    run.path(PREDICTIONS_CSV).unlink()
    assert set(find_lost_files(run)) == {METRICS_JSON, PREDICTIONS_CSV}


def test_results_of_a_newer_version_are_not_lost_and_not_made_again(run):
    stored = files.read_json(run.path(METRICS_JSON)) | {"format": 2}
    files.write_json(run.path(METRICS_JSON), stored)
    with pytest.raises(RunFormatError, match="metrics.json is of another format: it is of format 2.*update reid_lib"):
        find_lost_files(run)
    seals.seal(run.folder)
    assert find_lost_files(run) == {}


def test_with_checksums_every_changed_file_is_named(run):
    seals.seal(run.folder)
    content = run.path(PREDICTIONS_CSV).read_bytes()
    run.path(PREDICTIONS_CSV).write_bytes(content[:-1] + b"x")
    assert (
        list(find_lost_files(run)) == [PREDICTIONS_CSV] and "checksum differs" in find_lost_files(run)[PREDICTIONS_CSV]
    )


def test_damaged_checksums_are_named_themselves(run):
    seals.seal(run.folder)
    run.path(CHECKSUMS_JSON).write_text("{")
    assert list(find_lost_files(run)) == [CHECKSUMS_JSON]
