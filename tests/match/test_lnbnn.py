"""LNBNN finds who is alike, within a data set, once; whatever could change a vote counts it anew."""

import errno
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from keypoint_cases import keypoints_of, rows_of, set_of

from reid_lib.core import pieces
from reid_lib.core.errors import ParameterError
from reid_lib.core.names import DATASET, INDIVIDUAL
from reid_lib.match import lnbnn, neighbours
from reid_lib.match.keypoints import KeypointSet
from reid_lib.match.lnbnn import count_votes


def animals(n_photographs=30, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 60, (rng.integers(20, 60), 128)) for _ in range(n_photographs)]


@pytest.fixture
def some(clean_dirs):
    """30 photographs of ten animals; queries that show a part of every fourth one, and one without keypoints."""
    rng, looks = np.random.default_rng(1), animals()
    gallery = set_of(looks, [f"a{i // 3}" for i in range(30)])
    shown = [np.clip(look[:15] + rng.integers(-5, 5, (15, 128)), 0, 255) for look in looks[::4]]
    return set_of([*shown, np.empty((0, 128))], [*(f"a{i * 4 // 3}" for i in range(8)), "a0"], prefix="q"), gallery


@pytest.fixture
def searched(monkeypatch):
    """How many descriptors were looked for, from now on."""
    asked = []

    def counting(method, gallery):
        search = neighbours.make_search(method, gallery)
        nearest = search.nearest
        search.nearest = lambda descriptors, k: (asked.append(len(descriptors)), nearest(descriptors, k))[1]
        return search

    monkeypatch.setattr(lnbnn, "make_search", counting)
    return asked


def tables(votes):
    return [votes.query, votes.image, votes.votes, votes.individual_votes]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(tables(a), tables(b), strict=True))


@pytest.mark.parametrize("method", ["exact", "flann"])
def test_the_photograph_that_is_shown_gets_the_most(some, method):
    queries, gallery = some
    votes = count_votes(queries, gallery, gallery.rows[INDIVIDUAL], method=method)
    for query in range(8):
        mine = votes.query == query
        assert votes.image[mine][votes.votes[mine].argmax()] == 4 * query
    assert 8 not in votes.query  # it has no keypoints
    assert (np.diff(votes.query * 30 + votes.image) > 0).all() and votes.votes.min() > 0
    assert votes.method == method and (votes.recall == 1) == (method == "exact") and 0.3 < votes.recall <= 1


def test_votes_of_an_individual_stand_beside_all_its_photographs(some):
    queries, gallery = some
    votes = count_votes(queries, gallery, gallery.rows[INDIVIDUAL])
    pairs = {}
    for query, image, whole in zip(votes.query, votes.image, votes.individual_votes, strict=True):
        pairs.setdefault((query, image // 3), set()).add(float(whole))
    assert all(len(values) == 1 for values in pairs.values())


def test_the_other_flank_gets_no_votes_and_takes_none(some):
    """As if it were not there, for queries of a known flank; where no flank is told nothing changes."""
    queries, gallery = some
    individual = gallery.rows[INDIVIDUAL]
    flank = np.array(["left", "right", None])[np.arange(30) % 3]
    everything = count_votes(queries, gallery, individual)
    told = replace(gallery, rows=gallery.rows.assign(orientation=flank))
    assert same(count_votes(queries, told, individual), everything)
    asked = replace(queries, rows=queries.rows.assign(orientation=["left", *["right"] * 7, None]))
    votes = count_votes(asked, told, individual)
    for query, other in enumerate(["right", *["left"] * 7]):
        alone = np.flatnonzero(flank != other)
        expected = count_votes(queries.take([query]), gallery.take(alone), individual.iloc[alone])
        mine = votes.query == query
        np.testing.assert_array_equal(votes.image[mine], alone[expected.image])
        np.testing.assert_array_equal(votes.votes[mine], expected.votes)
    assert not same(votes, everything)


def test_what_was_counted_is_not_counted_again(some, searched, capsys):
    queries, gallery = some
    first = count_votes(queries, gallery, gallery.rows[INDIVIDUAL])
    again = count_votes(queries, gallery, gallery.rows[INDIVIDUAL], progress=True)
    assert len(searched) == 1 and same(first, again)
    order = [5, 2, 8, 0]
    part = count_votes(queries.take(order), gallery, gallery.rows[INDIVIDUAL])
    assert len(searched) == 1
    for i, query in enumerate(order):
        assert part.votes[part.query == i].tolist() == first.votes[first.query == query].tolist()
    renamed = count_votes(queries, gallery, gallery.rows[INDIVIDUAL].str.upper())  # the same animals by other names
    assert len(searched) == 1 and same(first, renamed)


def test_whatever_could_change_a_vote_counts_it_anew(some, searched):
    queries, gallery = some
    count_votes(queries, gallery, gallery.rows[INDIVIDUAL])
    individual = gallery.rows[INDIVIDUAL].to_numpy()
    count_votes(queries, gallery, np.where(np.arange(30) == 7, "another", individual))
    count_votes(queries, gallery, individual, k=4)
    count_votes(queries, gallery, individual, method="flann")
    count_votes(queries, gallery.take(np.arange(29)), individual[:29])
    assert len(searched) == 5


def test_calls_that_share_a_bar_show_none_of_their_own(some, monkeypatch):
    queries, gallery = some
    done = []
    monkeypatch.setattr(lnbnn, "make_bar", None)
    for _ in range(2):
        count_votes(queries, gallery, gallery.rows[INDIVIDUAL], bar=SimpleNamespace(update=done.append))
    assert sum(done) == 2 * len(queries)


def test_only_within_a_data_set(clean_dirs):
    looks = animals(6)
    gallery = set_of(looks, list("ababcc"), dataset=["x", "x", "y", "y", "x", "y"])
    queries = set_of([looks[0][:9], looks[2][:9], looks[1]], list("aac"), prefix="q", dataset=["y", "y", "z"])
    votes = count_votes(queries, gallery, gallery.rows[INDIVIDUAL])
    assert set(gallery.rows[DATASET].to_numpy()[votes.image]) == {"y"} and set(votes.query) <= {0, 1}
    mine = votes.query == 1
    assert votes.image[mine][votes.votes[mine].argmax()] == 2


def test_pieces_are_those_of_one(some, monkeypatch):
    queries, gallery = some
    whole = count_votes(queries, gallery, gallery.rows[INDIVIDUAL])
    for path in (lnbnn.cache_root() / lnbnn.FOLDER).iterdir():
        path.unlink()
    monkeypatch.setattr(neighbours.Exact, "at_once", 20)
    written = []
    write = pieces.Pieces.write
    monkeypatch.setattr(
        pieces.Pieces, "write", lambda self, results: (written.append(len(results)), write(self, results))
    )
    assert same(count_votes(queries, gallery, gallery.rows[INDIVIDUAL]), whole) and len(written) > 3


def test_interrupted_it_goes_on_where_it_was(some, searched, monkeypatch):
    queries, gallery = some
    monkeypatch.setattr(neighbours.Exact, "at_once", 20)
    write, written = pieces.Pieces.write, []

    def stopped(self, results):
        write(self, results)
        written.append(len(results))
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(pieces.Pieces, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        count_votes(queries, gallery, gallery.rows[INDIVIDUAL])
    monkeypatch.setattr(pieces.Pieces, "write", write)
    before = sum(searched)
    found = count_votes(queries, gallery, gallery.rows[INDIVIDUAL])
    assert sum(searched) == 8 * 15 and before < sum(searched)
    assert len(set(found.query.tolist())) == 8


def test_a_full_disk_costs_the_cache_alone(some, monkeypatch, capsys):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    queries, gallery = some
    monkeypatch.setattr(pieces, "make_room", full)
    assert len(count_votes(queries, gallery, gallery.rows[INDIVIDUAL]).query)
    assert "votes are not kept" in capsys.readouterr().out


def test_recall_is_told(some, capsys):
    queries, gallery = some
    votes = count_votes(queries, gallery, gallery.rows[INDIVIDUAL], method="flann", progress=True)
    assert f"votes by flann: {votes.recall:.1%} of the nearest descriptors found" in capsys.readouterr().out
    again = count_votes(queries, gallery, gallery.rows[INDIVIDUAL], method="flann")
    assert again.recall == votes.recall


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_galleries_with_hardly_any_descriptor(clean_dirs, n):
    gallery = set_of([animals(1)[0][:n], np.empty((0, 128))], "ab")
    votes = count_votes(set_of(animals(2), "ab", prefix="q"), gallery, gallery.rows[INDIVIDUAL])
    assert votes.recall == 1.0 and set(votes.image) <= {0} and np.isfinite(votes.votes).all()


def test_without_queries_there_are_no_votes(some):
    queries, gallery = some
    assert len(count_votes(queries.take([]), gallery, gallery.rows[INDIVIDUAL]).query) == 0
    assert len(count_votes(queries, gallery.take([]), []).query) == 0


def test_photographs_without_a_label_are_animals_of_their_own(clean_dirs):
    looks = animals(4)
    gallery = set_of(looks, "aabb")
    queries = set_of([looks[1][:9]], "a", prefix="q")
    votes = count_votes(queries, gallery, [None, None, "b", "b"])
    assert len(set(votes.individual_votes[votes.image < 2].tolist())) == 2


def test_what_does_not_fit_is_refused(some):
    queries, gallery = some
    with pytest.raises(ParameterError, match="29 individuals for 30 gallery photographs"):
        count_votes(queries, gallery, gallery.rows[INDIVIDUAL][:29])
    with pytest.raises(ParameterError, match="k must be at least 1, got 0"):
        count_votes(queries, gallery, gallery.rows[INDIVIDUAL], k=0)
    other = KeypointSet.of([keypoints_of(np.zeros((2, 64), np.float16))], rows_of("a"), [b"w"])
    with pytest.raises(ParameterError, match="64 float16, of the gallery 128 uint8: use one extractor"):
        count_votes(other, gallery, gallery.rows[INDIVIDUAL])
