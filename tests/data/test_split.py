"""Roles: disjoint by encounter, unknown individuals apart, nothing decided by row order."""

import re

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import SplitError
from reid_lib.core.names import GALLERY, IMAGE_ID, INDIVIDUAL, KNOWN, ROLE, TEST, UNUSED, VAL
from reid_lib.data.split import LEAKED, assign_roles


def make_rows(encounters_of: dict[str, int], *, photos: int = 2, dataset: str = "deer") -> pd.DataFrame:
    """A catalogue with `encounters_of[identity]` encounters of `photos` images each."""
    rows = [
        {
            "image_id": f"{dataset}-{identity}-{e}-{p}",
            "path": f"{dataset}/{identity}/{e}-{p}.jpg",
            "identity": identity,
            "dataset": dataset,
            "individual": f"{dataset}/{identity}",
            "encounter": f"{identity}-{e}",
        }
        for identity, n in encounters_of.items()
        for e in range(n)
        for p in range(photos)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def herd():
    """40 individuals in two data sets which use the same names, 1 to 6 encounters each."""
    sizes = {f"{i:02d}": 1 + i % 6 for i in range(20)}
    return pd.concat([make_rows(sizes, dataset="deer"), make_rows(sizes, dataset="elk")], ignore_index=True)


def sets_of(split, role, column=INDIVIDUAL):
    return set(split.rows.loc[split.queries(role), column])


def test_encounters_stay_on_one_side(herd):
    split = assign_roles(herd, policy="encounter")
    sides = split.rows.groupby(["individual", "encounter"])[ROLE].nunique()
    assert sides.max() == 1
    assert (split.leakage()["same_encounter"] == 0).all()


def test_random_split_leaks_and_the_audit_says_how_much(herd):
    split = assign_roles(herd, policy="random")
    rows = split.rows
    slow = {
        role: sum(
            ((rows[ROLE] == GALLERY) & (rows.individual == q.individual) & (rows.encounter == q.encounter)).any()
            for q in rows[rows[ROLE] == role].itertuples()
        )
        for role in (VAL, TEST)
    }
    audit = split.leakage().set_index(ROLE)["same_encounter"]
    assert audit.to_dict() == slow
    assert audit[TEST] > 0
    table = split.leakage_table()
    assert table.loc[LEAKED, TEST] == f"{slow[TEST]} of {table.loc['of known individuals', TEST]}"


def test_tables_for_people_have_words(herd):
    """The report's audit had `known_queries` and rows 0 and 1."""
    split = assign_roles(herd, policy="encounter")
    table = split.leakage_table()
    assert table.columns.tolist() == [VAL, TEST] and table.loc["photographs", VAL] == str(split.queries(VAL).sum())
    by_role = split.table()
    assert by_role.index.names == ["data set", "role", "animals"]
    heads = [*table.index, *by_role.columns, *by_role.index.names]
    assert heads and not any("_" in head for head in heads)
    undated = assign_roles(herd.drop(columns="encounter"), policy="random")
    assert undated.leakage_table().loc[LEAKED].tolist() == ["encounters are not known"] * 2


def test_unknown_individuals_are_disjoint_and_never_in_the_gallery(herd):
    split = assign_roles(herd, policy="encounter")
    rows = split.rows
    unknown = {r: set(rows.loc[split.queries(r) & ~rows[KNOWN].astype(bool), INDIVIDUAL]) for r in (VAL, TEST)}
    assert unknown[VAL] and unknown[TEST]
    assert not unknown[VAL] & unknown[TEST]
    assert not (unknown[VAL] | unknown[TEST]) & sets_of(split, GALLERY)


def test_known_means_enrolled_in_the_gallery(herd):
    split = assign_roles(herd, policy="encounter")
    rows = split.rows
    enrolled = sets_of(split, GALLERY)
    for role in (VAL, TEST):
        asked = rows[split.queries(role)]
        assert (asked[KNOWN] == asked[INDIVIDUAL].isin(enrolled)).all()


def test_row_order_changes_nothing(herd):
    shuffled = herd.sample(frac=1, random_state=3)
    a, b = assign_roles(herd, seed=5), assign_roles(shuffled, seed=5)
    assert a.fingerprint == b.fingerprint
    assert a.rows.set_index(IMAGE_ID)[ROLE].to_dict() == b.rows.set_index(IMAGE_ID)[ROLE].to_dict()


def test_seed_changes_the_split_and_its_fingerprints(herd):
    a, b = assign_roles(herd, seed=0), assign_roles(herd, seed=1)
    assert a.fingerprint != b.fingerprint
    assert a.test_fingerprint != b.test_fingerprint


def test_adding_a_data_set_leaves_the_others_alone(herd):
    alone = assign_roles(herd[herd.dataset == "deer"]).rows.set_index(IMAGE_ID)[ROLE]
    together = assign_roles(herd).rows.set_index(IMAGE_ID)[ROLE]
    assert together[alone.index].equals(alone)


def test_a_date_is_one_unit_where_there_are_no_encounters():
    rows = make_rows({"a": 4, "b": 4, "c": 4}).drop(columns="encounter")
    rows["date"] = [f"2024-0{1 + int(i.split('-')[2])}-01 12:{k:02d}:00" for k, i in enumerate(rows.image_id)]
    split = assign_roles(rows, unknown_split=0)
    assert split.policy == "encounter"
    assert split.rows.groupby(["identity", rows.date.str[:10]])[ROLE].nunique().max() == 1
    assert np.isnan(split.leakage()["same_encounter"]).all()


def test_no_unknown_individuals_when_none_are_asked_for(herd):
    split = assign_roles(herd, unknown_split=0)
    assert (split.leakage()["unknown_queries"] == 0).all()
    missed = split.rows[split.queries(UNUSED)]
    assert not set(missed[INDIVIDUAL]) & sets_of(split, GALLERY)
    says = f"left out: {missed[INDIVIDUAL].nunique()} individuals ({len(missed)} photographs) of whom nothing"
    assert len(missed) and any(note.startswith(says) for note in split.notes)


def official(herd):
    rows = herd.copy()
    rows["split"] = np.where(rows.identity.astype(int) >= 17, "test", "train")  # 17, 18, 19 only in test
    rows.loc[rows.encounter.str.endswith("-0"), "split"] = "train"
    rows.loc[rows.identity == "19", "split"] = "test"
    rows.loc[rows.encounter.str.endswith("-4"), "split"] = "test"
    return rows


def test_official_split_is_kept_and_val_carved_out_of_training(herd):
    rows = official(herd)
    split = assign_roles(rows)
    assert split.policy == "official"
    assert (split.rows.loc[split.queries(TEST), "split"] == "test").all()
    assert (split.rows.loc[split.queries(VAL), "split"] == "train").all()
    assert set(split.rows.loc[rows.split == "train", ROLE]) == {GALLERY, VAL}
    unknown_val = split.rows[split.queries(VAL) & ~split.rows[KNOWN].astype(bool)]
    assert len(unknown_val) > 0


def test_official_test_queries_see_val_enrolled(herd):
    split = assign_roles(official(herd))
    assert (split.gallery_for(TEST) == (split.rows["split"] == "train")).all()
    assert split.gallery_for(VAL).sum() < split.gallery_for(TEST).sum()
    asked = split.rows[split.queries(TEST)]
    enrolled = set(split.rows.loc[split.rows["split"] == "train", INDIVIDUAL])
    assert (asked[KNOWN] == asked[INDIVIDUAL].isin(enrolled)).all()
    # an individual that is unknown in val can be known in test
    unknown_val = split.rows[split.queries(VAL) & ~split.rows[KNOWN].astype(bool)]
    assert set(unknown_val[INDIVIDUAL]) <= enrolled


def test_unlabelled_images_are_queries_without_a_truth(herd):
    rows = official(herd)
    rows.loc[rows.split == "test", ["identity", "individual"]] = None
    rows.loc[rows.index[rows.split == "train"][0], ["identity", "individual"]] = None
    split = assign_roles(rows)
    assert split.rows.loc[split.queries(TEST), KNOWN].isna().all()
    assert (split.rows[ROLE] == UNUSED).sum() == 1


def test_one_image_per_individual_is_refused():
    with pytest.raises(SplitError, match="no individual can be found again.*second photograph.*other occasions$"):
        assign_roles(make_rows({f"{i}": 1 for i in range(12)}, photos=1))


def test_raising_val_split_is_advised_where_it_helps():
    with pytest.raises(SplitError, match="or raise val_split$"):
        assign_roles(make_rows({f"{i}": 3 for i in range(12)}), val_split=0.0, unknown_split=0.0)


def test_where_the_draw_is_to_blame_a_seed_that_helps_is_named():
    rows = make_rows({"a": 2, "b": 2, "c": 2})
    seeds = {seed: unusable(rows, seed=seed) for seed in range(12)}
    refused = [seed for seed, problem in seeds.items() if problem]
    assert refused, "three animals of two encounters each cannot always be split"
    for seed in refused[:3]:
        advised = int(re.search(r"-p split_seed (\d+) gives others$", seeds[seed]).group(1))
        assert advised > seed and not unusable(rows, seed=advised)


def unusable(rows, **settings) -> str:
    """Why these rows cannot be split; "" where they can."""
    try:
        assign_roles(rows, **settings)
    except SplitError as error:
        return str(error)
    return ""


def test_one_encounter_per_individual_is_refused_with_the_reason():
    with pytest.raises(SplitError, match="second encounter"):
        assign_roles(make_rows({f"{i}": 1 for i in range(12)}, photos=3))


def test_a_single_individual_is_refused():
    with pytest.raises(SplitError, match="one individual"):
        assign_roles(make_rows({"a": 5}))


@pytest.mark.parametrize("policy", ["official", "encounter", "nonsense"])
def test_a_policy_the_data_do_not_allow_is_refused(policy):
    rows = make_rows({"a": 4, "b": 4}).drop(columns="encounter")
    with pytest.raises(SplitError, match=policy):
        assign_roles(rows, policy=policy)


def test_photographs_without_an_occasion_stay_together_where_others_have_one():
    """Half the animals without an encounter: theirs may all be of one sighting."""
    rows = make_rows({f"{i:02d}": 4 for i in range(12)})
    rows.loc[rows["identity"].isin([f"{i:02d}" for i in range(6)]), "encounter"] = None
    split = assign_roles(rows)
    untold = split.rows[split.rows["encounter"].isna()]
    assert split.policy == "encounter" and (untold.groupby(INDIVIDUAL)[ROLE].nunique() == 1).all()
    assert any("48 of 96 photographs have neither an encounter nor a date" in note for note in split.notes)


def test_dates_that_cannot_be_read_are_told_and_are_no_occasions():
    rows = make_rows({f"{i:02d}": 3 for i in range(8)}).drop(columns="encounter")
    split = assign_roles(rows.assign(date="1. Mai 2024"))
    assert split.policy == "random"
    assert any(
        "48 of 48 dates cannot be read, e.g. '1. Mai 2024': write YYYY-MM-DD, of 1900" in note for note in split.notes
    )
    assert any("encounters are unknown" in note for note in split.notes)
    with pytest.raises(SplitError, match="YYYY-MM-DD"):
        assign_roles(rows.assign(date="1. Mai 2024"), policy="encounter")


@pytest.mark.parametrize("spelling", ["{:%Y:%m:%d}", "{:%Y:%m:%d} 10:20:30", "{:%Y-%m-%dT10:20:30}{zone}"])
def test_dates_of_cameras_and_of_mixed_time_zones_are_dates(spelling):
    rows = make_rows({f"{i:02d}": 3 for i in range(8)}).drop(columns="encounter")
    days = [pd.Timestamp("2024-05-01") + pd.Timedelta(days=k // 2) for k in range(len(rows))]
    plain = assign_roles(rows.assign(date=[f"{day:%Y-%m-%d}" for day in days]))
    zones = ("Z", "+02:00", "-0700", "")
    split = assign_roles(rows.assign(date=[spelling.format(d, zone=zones[k % 4]) for k, d in enumerate(days)]))
    assert split.policy == plain.policy == "encounter" and not split.notes
    assert split.rows[ROLE].equals(plain.rows[ROLE])


@pytest.mark.parametrize("date", ["10:20:30", "0001-01-01"])
def test_a_column_of_times_alone_or_of_a_clock_that_was_never_set_makes_no_encounters(date):
    rows = make_rows({f"{i:02d}": 3 for i in range(8)}).drop(columns="encounter")
    split = assign_roles(rows.assign(date=date))
    assert split.policy == "random" and any(f"48 of 48 dates cannot be read, e.g. '{date}'" in n for n in split.notes)


def test_of_partly_readable_dates_the_rest_stays_together():
    rows = make_rows({f"{i:02d}": 4 for i in range(8)}).drop(columns="encounter")
    rows["date"] = [f"2024-05-{1 + k % 28:02d}" for k in range(len(rows))]
    rows.loc[::4, "date"] = "32/13/2024"
    split = assign_roles(rows)
    bad = split.rows[split.rows["date"] == "32/13/2024"]
    assert split.policy == "encounter" and (bad.groupby(INDIVIDUAL)[ROLE].nunique() == 1).all()
    assert any("16 of 64 dates cannot be read" in note for note in split.notes)


def test_a_data_set_without_encounters_beside_one_with_them_is_split_image_by_image():
    """As in AnimalCLEF, where the lynxes have no dates: else each would be one unit, and none could be found again."""
    sizes = {f"{i:02d}": 4 for i in range(8)}
    undated = make_rows(sizes, dataset="lynx").assign(encounter=None)
    split = assign_roles(pd.concat([make_rows(sizes), undated], ignore_index=True), policy="encounter")
    known = split.rows[split.rows[KNOWN].fillna(False).astype(bool)]
    assert {role for role in known.loc[known["dataset"] == "lynx", ROLE]} == {GALLERY, VAL, TEST}
    assert [note for note in split.notes if note.startswith("encounters are unknown in lynx:")]
    assert not [note for note in split.notes if "count as one encounter" in note]


def test_without_a_test_it_is_told(herd):
    split = assign_roles(herd, test_split=0)
    assert not split.queries(TEST).any()
    (note,) = [note for note in split.notes if note.startswith("test has no queries (test_split 0")]
    assert "those of val remain" in note and not [n for n in assign_roles(herd).notes if "no queries" in n]


def test_val_without_unknown_individuals_says_what_follows(herd):
    (note,) = [n for n in assign_roles(herd, unknown_split=0).notes if n.startswith("val has no unknown")]
    assert note.endswith("every photograph will be given a name, none called new")
