"""Roles that stay when photographs are added, whatever is added; shares that hold within what a draw allows."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid_lib.core.errors import SplitError
from reid_lib.core.names import GALLERY, IMAGE_ID, INDIVIDUAL, KNOWN, ROLE, TEST, UNUSED, VAL
from reid_lib.data import split as splits
from reid_lib.data.readers.folder import find_encounters, make_draw_keys
from reid_lib.data.roles import hash_to_number
from reid_lib.data.split import assign_roles

DAY = datetime(2024, 5, 1)


@pytest.fixture(autouse=True)
def nothing_is_refused(monkeypatch):
    """Small tables often have too little to be useful: here their roles are looked at all the same."""
    monkeypatch.setattr(splits, "_problem", lambda split: "")


def one_row(dataset: str, identity: str, k: int, **columns) -> dict:
    name = {"dataset": dataset, "identity": identity, "individual": f"{dataset}/{identity}"}
    return {"image_id": f"{dataset}-{identity}-{k}", "path": f"{dataset}-{identity}-{k}.jpg"} | name | columns


animals = st.tuples(st.sampled_from(["deer", "elk"]), st.sampled_from([f"{i:02d}" for i in range(9)]))


@st.composite
def tables(draw) -> pd.DataFrame:
    """A table of photographs: encounters and dates, each of them there or not, in columns that are there or not."""
    whose = draw(st.lists(animals, min_size=2, max_size=60))
    has = {name: draw(st.booleans()) for name in ("encounter", "date")}
    rows = []
    for k, (dataset, identity) in enumerate(whose):
        told = {}
        if has["encounter"]:
            told["encounter"] = draw(st.none() | st.sampled_from([f"{identity}-{e}" for e in range(5)]))
        if has["date"]:
            told["date"] = draw(st.none() | st.sampled_from(["2024-05-01", "2024-05-02 13:00", "2024-05-03", "32.13."]))
        rows.append(one_row(dataset, identity, k, **told))
    return pd.DataFrame(rows)


@st.composite
def folders(draw) -> pd.DataFrame:
    """A folder of photographs with times: encounters follow from them, and merge when a photograph comes between."""
    whose = draw(st.lists(st.sampled_from([f"{i}" for i in range(5)]), min_size=2, max_size=50))
    minute = st.none() | st.integers(0, 50).map(lambda n: 12 * n)  # ten hours, five cells of the clock
    times = [draw(minute) for _ in whose]
    return pd.DataFrame([one_row("folder", i, k, minute=m) for k, (i, m) in enumerate(zip(whose, times, strict=True))])


def read(folder: pd.DataFrame) -> pd.DataFrame:
    """What the folder reader makes of photographs with these times."""
    times = [None if pd.isna(m) else DAY + timedelta(minutes=m) for m in folder["minute"]]
    rows = folder.drop(columns="minute")
    if not any(times):
        return rows
    dates = [time.isoformat() if time else None for time in times]
    return rows.assign(
        date=dates, encounter=find_encounters(list(folder["identity"]), times), draw_key=make_draw_keys(times)
    )


def split_or_none(rows, **settings):
    try:
        return assign_roles(rows, **settings)
    except SplitError:
        return None


def roles_of(split) -> pd.Series:
    return split.rows.set_index(IMAGE_ID)[ROLE]


def check_sound(split):
    """What holds of every split."""
    rows = split.rows
    gallery = set(rows.loc[split.queries(GALLERY), INDIVIDUAL])
    known, labelled = rows[KNOWN].fillna(False).astype(bool), rows[INDIVIDUAL].notna()
    unknown = {role: set(rows.loc[split.queries(role) & labelled & ~known, INDIVIDUAL]) for role in (VAL, TEST)}
    assert not unknown[VAL] & unknown[TEST] or split.policy == "official"
    assert not unknown[VAL] & gallery and not unknown[TEST] & gallery
    if split.policy != "random" and "encounter" in rows:
        assert (rows.dropna(subset=["encounter"]).groupby([INDIVIDUAL, "encounter"])[ROLE].nunique() == 1).all()


def check_grown(rows, grown, *, policy, seed):
    """Two splits of which the second has more rows: what was in the gallery is there still."""
    before, after = (split_or_none(part, policy=policy, seed=seed) for part in (rows, grown))
    for split in (before, after):
        if split is not None:
            check_sound(split)
    if before is None or after is None:
        return
    was, is_now = roles_of(before), roles_of(after)
    assert set(is_now[was.index[was == GALLERY]]) <= {GALLERY}


@given(tables(), st.data(), st.sampled_from(["auto", "encounter", "random"]), st.integers(0, 50))
@settings(max_examples=60)
def test_adding_rows_never_moves_an_old_image_from_gallery_to_query(rows, data, policy, seed):
    kept = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    old = rows[kept]
    if old.empty:
        return
    for column in ("encounter", "date"):  # a column without a value is none, as the catalogue has it
        old = old.drop(columns=[column] if column in old and old[column].isna().all() else [])
    check_grown(old, rows, policy=policy, seed=seed)


@given(folders(), st.data(), st.sampled_from(["auto", "encounter", "random"]), st.integers(0, 50))
@settings(max_examples=60)
def test_encounters_that_follow_from_times_keep_their_gallery_images_when_they_merge(folder, data, policy, seed):
    kept = data.draw(st.lists(st.booleans(), min_size=len(folder), max_size=len(folder)))
    if any(kept):
        check_grown(read(folder[kept]), read(folder), policy=policy, seed=seed)


@given(tables(), st.data(), st.integers(0, 50))
@settings(max_examples=30)
def test_the_official_split_keeps_its_gallery_images_when_rows_are_added(rows, data, seed):
    parts = data.draw(
        st.lists(st.sampled_from(["train", "train", "test", None]), min_size=len(rows), max_size=len(rows))
    )
    rows = rows.assign(split=parts)
    kept = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    old = rows[kept]
    if {"train", "test"} <= set(old["split"]):
        check_grown(old, rows, policy="official", seed=seed)


@given(tables(), st.integers(0, 50), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_neither_the_order_of_rows_nor_their_index_matters(rows, seed, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    a, b = (split_or_none(part, seed=seed) for part in (rows, rows.iloc[order]))
    c = split_or_none(rows.iloc[order].reset_index(drop=True), seed=seed)
    assert (a is None) == (b is None) == (c is None)
    if a is not None:
        assert a.fingerprint == b.fingerprint == c.fingerprint
        assert a.test_fingerprint == b.test_fingerprint == c.test_fingerprint


def test_a_photograph_that_bridges_two_encounters_makes_both_gallery_if_one_was():
    """All pairs of times, so that each combination of the two roles occurs."""
    seen = set()
    for k in range(30):
        identity, base = f"{k}", 110 + 24 * 60 * (k % 7)
        others = pd.DataFrame([one_row("folder", f"other{j}", i, minute=1000 * i) for j in range(9) for i in range(9)])
        two = pd.DataFrame([one_row("folder", identity, n, minute=base + 40 * n) for n in range(2)])
        bridge = pd.DataFrame([one_row("folder", identity, 2, minute=base + 20)])
        before = roles_of(assign_roles(read(pd.concat([others, two], ignore_index=True))))[list(two["image_id"])]
        after = roles_of(assign_roles(read(pd.concat([others, two, bridge], ignore_index=True))))[list(two["image_id"])]
        seen.add(tuple(sorted(before)))
        assert after.nunique() == 1
        if GALLERY in set(before):
            assert set(after) == {GALLERY}
    assert any(GALLERY in pair and set(pair) != {GALLERY} for pair in seen)


def herd(n_individuals: int, n_encounters: int) -> pd.DataFrame:
    return pd.DataFrame(
        [one_row("deer", f"{i}", e, encounter=f"{i}-{e}") for i in range(n_individuals) for e in range(n_encounters)]
    )


@pytest.mark.parametrize("policy", ["encounter", "random"])
@pytest.mark.parametrize(("val", "test"), [(0.2, 0.2), (0.1, 0.3)])
def test_shares_hold_within_what_a_draw_allows(policy, val, test):
    """Independent draws: the counts lie within four standard deviations of the binomial's mean."""
    n, per = 1500, 6
    split = assign_roles(herd(n, per), policy=policy, val_split=val, test_split=test, unknown_split=0.15, seed=1)
    rows = split.rows
    alone = (val + test) ** per  # of all encounters none in the gallery
    unknown = {
        role: rows.loc[(rows[ROLE] == role) & ~rows[KNOWN].astype(bool), INDIVIDUAL].nunique() for role in (VAL, TEST)
    }
    for role, share in ((VAL, val), (TEST, test)):
        p = 0.15 + 0.7 * alone * share / (val + test)
        assert abs(unknown[role] - n * p) < 4 * np.sqrt(n * p * (1 - p))
        known = rows[rows[INDIVIDUAL].isin(set(rows.loc[rows[ROLE] == GALLERY, INDIVIDUAL]))]
        p = (share - share / (val + test) * (val + test) ** per) / (1 - alone)  # given that one is in the gallery
        assert abs((known[ROLE] == role).sum() - len(known) * p) < 4 * np.sqrt(len(known) * p * (1 - p))


def test_an_individual_seen_once_is_enrolled_or_unknown():
    others = herd(20, 5).assign(dataset="elk", individual=lambda r: "elk/" + r["identity"])
    rows = pd.concat([herd(800, 1), others], ignore_index=True)
    split = assign_roles(rows.assign(image_id=[f"{i}" for i in range(len(rows))]), seed=2)
    rows = split.rows[split.rows["dataset"] == "deer"]
    assert not rows.loc[rows[ROLE] != GALLERY, KNOWN].any()
    assert abs((rows[ROLE] == GALLERY).sum() - 800 * 0.7 * 0.6) < 4 * np.sqrt(800 * 0.42 * 0.58)


def test_few_individuals_have_unknown_ones_among_them_nearly_always():
    """Ten individuals, 15 % for val and for test: without the first and last of them, a fifth of the draws had none."""
    missing = sum(
        not {VAL, TEST} <= set(split.rows.loc[~split.rows[KNOWN].fillna(True).astype(bool), ROLE])
        for seed in range(100)
        if (split := split_or_none(herd(10, 6), seed=seed)) is not None
    )
    assert missing < 100 * 0.15  # 2 x 0.7^10 = 0.056, and four standard deviations


def test_with_unknown_split_0_an_individual_that_nothing_enrols_is_left_out():
    rows = assign_roles(herd(200, 2), unknown_split=0.0).rows
    enrolled = set(rows.loc[rows[ROLE] == GALLERY, INDIVIDUAL])
    assert set(rows.loc[~rows[INDIVIDUAL].isin(enrolled), ROLE]) == {UNUSED}
    assert UNUSED not in set(rows.loc[rows[INDIVIDUAL].isin(enrolled), ROLE])


def test_runs_that_differ_in_val_split_share_their_known_test_queries():
    a, b = (assign_roles(herd(60, 5), val_split=share, seed=3).rows for share in (0.1, 0.2))
    asked = [set(rows.loc[(rows[ROLE] == TEST) & rows[KNOWN], IMAGE_ID]) for rows in (a, b)]
    assert asked[1] <= asked[0] and len(asked[1]) > 20


def test_numbers_are_even_and_the_same_in_every_process_and_for_every_name():
    drawn = np.array([hash_to_number("encounter", 0, f"{i}", "žluťoučký\udc80") for i in range(4000)])
    assert (drawn >= 0).all() and (drawn < 1).all()
    counts, _ = np.histogram(drawn, bins=10, range=(0, 1))
    assert abs(counts - 400).max() < 4 * np.sqrt(400 * 0.9)
    assert hash_to_number("a", 0, "b", "c") != hash_to_number("a", 0, "bc") != hash_to_number("a", 1, "bc")
