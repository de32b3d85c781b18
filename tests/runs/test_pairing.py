"""Which run of the reference a run is compared with, over seeds that agree, differ, or are left over."""

from hypothesis import given
from hypothesis import strategies as st

from reid_lib.runs.pairing import Entry, pair_runs, pair_seeds, variant_of


def runs(*names, asked="t", reference="ref0") -> list[Entry]:
    """Entries from names such as "wide7": the variant, then the seed."""
    return [Entry(name, reference, name.rstrip("0123456789"), int(name.lstrip("abcdefghijklmnopqrstuvwxyz")), asked)
            for name in names]  # fmt: skip


def compared(*names) -> dict[str, str]:
    return {name: pair.other for name, pair in pair_runs(runs(*names)).items()}


def counted(*names) -> set[str]:
    return {name for name, pair in pair_runs(runs(*names)).items() if pair.counts}


def test_equal_seeds_are_paired():
    assert compared("ref0", "ref1", "wide0", "wide1") == {
        "ref0": "ref0",
        "ref1": "ref0",
        "wide0": "ref0",
        "wide1": "ref1",
    }
    assert counted("ref0", "ref1", "wide0", "wide1") == {"wide0", "wide1"}
    assert compared("ref0", "ref1", "wide1")["wide1"] == "ref1"


def test_a_seed_that_the_reference_lacks_is_compared_with_the_reference_and_has_no_part_in_the_verdict():
    names = ("ref0", "ref1", "wide1", "wide7")
    assert compared(*names)["wide7"] == "ref0" and counted(*names) == {"wide1"}


def test_where_no_seed_is_equal_the_reference_comes_first_then_the_order_of_the_seeds():
    found = pair_runs(runs("ref0", "ref1", "ref10", "wide2", "wide11", "wide3", reference="ref1"))
    assert [found[name].other for name in ("wide2", "wide3", "wide11")] == ["ref1", "ref0", "ref10"]
    assert compared("ref0", "wide7") == {"ref0": "ref0", "wide7": "ref0"} and counted("ref0", "wide7") == {"wide7"}
    names = ("ref0", "wide7", "wide8")
    assert set(compared(*names).values()) == {"ref0"} and counted(*names) == {"wide7"}  # one run is no two


def test_other_test_queries_and_references_that_are_not_there_have_no_pair():
    entries = runs("ref0", "ref1", "wide0") + runs("far0", "wide1", asked="other") + runs("lost0", reference="gone")
    assert set(pair_runs(entries)) == {"ref0", "ref1", "wide0"}
    assert pair_runs(runs("wide0", reference=None)) == {}


def test_a_runs_own_reference_is_that_of_its_pair():
    entries = runs("ref0", "mid0") + runs("wide0", reference="mid0")
    found = pair_runs(entries)
    assert found["wide0"].other == "mid0" and found["mid0"].other == "ref0"
    assert found["wide0"].variant != found["mid0"].variant


def test_of_equal_runs_under_two_names_one_counts():
    twins = [Entry("a", "ref0", "wide", 0, "t"), Entry("b", "ref0", "wide", 0, "t"), *runs("ref0")]
    found = pair_runs(twins)
    assert (found["a"].other, found["b"].other) == ("ref0", "ref0") and (found["a"].counts, found["b"].counts) == (1, 0)
    twin_of_reference = [Entry("again", "ref0", "ref", 0, "t"), *runs("ref0", "wide0")]
    assert pair_runs(twin_of_reference)["wide0"].other == "ref0"


def test_the_seed_is_no_part_of_the_variant():
    assert variant_of({"lr": 1, "seed": 3}) == (variant_of({"seed": 4, "lr": 1})[0], 3)
    assert variant_of({"lr": 1})[1] is None and variant_of({"lr": 1})[0] != variant_of({"lr": 2})[0]


seeds = st.sets(st.one_of(st.integers(0, 8), st.none()), min_size=1, max_size=6)


@given(seeds, seeds)
def test_no_seed_is_in_two_pairs_and_the_order_they_come_in_does_not_matter(mine, theirs):
    pairs = pair_seeds(mine, theirs, first=max(theirs, key=str))
    assert pairs == pair_seeds(sorted(mine, key=str, reverse=True), sorted(theirs, key=str), first=max(theirs, key=str))
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs) > 0
    assert set(pairs) <= {(a, b) for a in mine for b in theirs}
    common = mine & theirs
    assert {a for a, _ in pairs} == common and all(a == b for a, b in pairs) if common else (
        len(pairs) == min(len(mine), len(theirs))
    )  # fmt: skip
