"""A transfer goes on with the same state of the same file only, and what arrived is checked."""

import base64
import hashlib
from http.client import HTTPException

import numpy as np
import pytest
from hub import serve

from reid_lib.data.transfer import ORIGIN, PART, DamagedTransfer, can_continue, continue_transfer, finish_transfer

LENGTH = 40_000


@pytest.fixture
def hub(tmp_path):
    (tmp_path / "hub").mkdir()
    with serve(tmp_path / "hub") as server:
        yield server


def blob(hub, seed=0):
    data = np.random.default_rng(seed).integers(0, 256, LENGTH, dtype=np.uint8).tobytes()
    (hub.folder / "data.bin").write_bytes(data)
    return data


@pytest.fixture
def half(hub, tmp_path):
    """A part that broke off, and what the whole file was then."""
    data, hub.break_at = blob(hub), LENGTH // 2
    part = tmp_path / f"data.bin{PART}"
    with pytest.raises((OSError, HTTPException)):
        continue_transfer(f"{hub.url}/data.bin", part)
    assert part.read_bytes() == data[: LENGTH // 2] and can_continue(f"{hub.url}/data.bin", part)
    return part


def fetched(hub, part):
    continue_transfer(f"{hub.url}/data.bin", part)
    return part.read_bytes()


def begins(hub):
    return [begin for _, _, begin in hub.asked]


def test_the_same_file_goes_on_and_leaves_no_word_beside_it(hub, half, tmp_path):
    assert fetched(hub, half) == (hub.folder / "data.bin").read_bytes() and begins(hub) == [0, LENGTH // 2]
    finish_transfer(half, tmp_path / "data.bin")
    assert not list(tmp_path.glob(f"*{ORIGIN}")) and not half.exists()


def test_a_file_that_has_changed_meanwhile_is_fetched_from_its_beginning(hub, half):
    """Equally long: by its length alone the two halves would have become one file."""
    data = blob(hub, seed=1)
    assert fetched(hub, half) == data


def test_a_server_that_answers_if_range_wrongly_is_caught_by_its_etag(hub, half):
    data, hub.no_if_range = blob(hub, seed=1), True
    with pytest.raises(DamagedTransfer, match="another file now"):
        fetched(hub, half)
    assert not half.exists() and fetched(hub, half) == data


def test_a_date_of_change_tells_states_apart_where_there_is_no_etag(hub, tmp_path):
    hub.extra = {"ETag": 'W/"weak"', "Last-Modified": "Wed, 01 May 2024 10:00:00 GMT"}
    data, hub.break_at = blob(hub), LENGTH // 2
    part = tmp_path / f"data.bin{PART}"
    for _ in range(2):
        with pytest.raises((OSError, HTTPException)):
            fetched(hub, part)
        hub.extra["Last-Modified"], hub.break_at = "Thu, 02 May 2024 10:00:00 GMT", LENGTH // 2
    hub.break_at = None
    assert fetched(hub, part) == data and begins(hub) == [0, LENGTH // 2, LENGTH // 2]


@pytest.mark.parametrize("how", ["no state told", "another address", "no word beside it"])
def test_a_part_of_which_nobody_knows_what_it_is_of_is_not_gone_on_with(hub, half, how):
    data, url = blob(hub, seed=1), f"{hub.url}/data.bin"
    if how == "no state told":
        hub.extra, hub.break_at = {"ETag": None}, LENGTH // 2
        half.unlink()
        with pytest.raises((OSError, HTTPException)):
            fetched(hub, half)
        assert not can_continue(url, half)
    elif how == "another address":
        (hub.folder / "other.bin").write_bytes(data)
        url = f"{hub.url}/other.bin"
    else:
        half.with_name(half.name + ORIGIN).unlink()
    continue_transfer(url, half)
    assert half.read_bytes() == data and begins(hub)[-1] == 0


@pytest.mark.parametrize("broken_off", [False, True])
def test_a_file_with_another_checksum_than_its_publisher_says_is_not_kept(hub, tmp_path, broken_off):
    data = blob(hub)
    told = base64.b64encode(hashlib.sha256(data).digest()).decode()
    hub.extra = {"Repr-Digest": f"sha-256=:{told}:"}
    (hub.folder / "data.bin").write_bytes(data[:-1] + b"!")
    part = tmp_path / f"data.bin{PART}"
    if broken_off:
        hub.break_at = LENGTH // 2
        with pytest.raises((OSError, HTTPException)):
            fetched(hub, part)
    with pytest.raises(DamagedTransfer, match="arrived damaged: its sha256 is .*, the publisher says"):
        fetched(hub, part)
    assert not part.exists() and not list(tmp_path.glob(f"*{ORIGIN}"))
    (hub.folder / "data.bin").write_bytes(data)
    assert fetched(hub, part) == data
