"""Fused probabilities as a similarity: what a slow loop gives, for any memory and order of rows."""

import numpy as np
import pytest
from fusion_cases import Animals, Side, together
from memory import added_mb
from scipy.special import expit

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import IMAGE_ID
from reid_lib.match.answer import AnswerFit
from reid_lib.match.fuse import fit_fusion
from reid_lib.match.fused import Fused
from reid_lib.match.pairs import PairTable
from reid_lib.openset.predictions import score_individuals

SMALL = Animals(known=8, unknown=6, photos=2, shortlist=6)


@pytest.fixture(scope="module")
def study() -> tuple[dict[str, Side], object]:
    rng = np.random.default_rng(0)
    sides = together([SMALL.draw(rng), Animals(8, 6, 2, worth=(2, 2), shortlist=6, dataset="e").draw(rng)])
    return sides, fit_fusion(sides["val"].table, sides["val"].everything)


def with_margin(fusion):
    """Fits whose answers look at the rival, whatever was learnt."""
    answer = AnswerFit(slope=0.7, margin=0.4, intercept=-0.5)
    return [fusion.of(name).model_copy(update={"answer": answer}) for name in ("d", "e")]


def dense(alike, max_bytes=2**28) -> np.ndarray:
    return np.concatenate([block for _, _, block in alike.blocks(max_bytes=max_bytes)])


def slow(side: Side, fits, fit_of) -> np.ndarray:
    """One pair at a time."""
    table, found = side.table, np.full(side.everything.values.shape, -np.inf)
    who = (table.gallery["dataset"] + "/" + table.gallery["identity"]).tolist()
    full = Fused(table, fits, fit_of, side.everything)
    odds_of = {(q, g): odds for q, g, odds in zip(table.query, table.image, full.pair_log_odds, strict=True)}
    for q, row in enumerate(side.everything.values):
        fit, odds = fits[fit_of[q]], {}
        for g, score in enumerate(row):
            if table.gallery["dataset"][g] == table.queries["dataset"][q] and score > -np.inf:
                odds[g] = odds_of.get((q, g), fit.outside.log_odds(np.array([score]))[0])
        top = max(odds, key=odds.get)
        for g, own in odds.items():
            rival = max(value for h, value in odds.items() if who[h] != who[top]) if g == top else odds[top]
            answer = fit.answer
            found[q, g] = expit(answer.slope * own + answer.margin * np.clip(own - rival, -20, 20) + answer.intercept)
    return found


@pytest.mark.parametrize("max_bytes", [1, 20_000, 2**28])
def test_blocks_equal_a_loop_for_any_memory(study, max_bytes):
    side, fits = study[0]["test"], with_margin(study[1].fusion)
    fit_of = (side.table.queries["dataset"] == "e").astype(int).to_numpy()
    found = dense(Fused(side.table, fits, fit_of, side.everything), max_bytes)
    np.testing.assert_allclose(found, slow(side, fits, fit_of), rtol=1e-12)
    compared = found > -np.inf
    assert found[compared].min() >= 0 and found[compared].max() <= 1 and compared.mean() == pytest.approx(0.5)


def test_pairs_of_the_table_have_the_probability_of_their_scores(study):
    side, fusion = study[0]["test"], study[1].fusion
    fused = Fused.frozen(side.table, fusion, side.everything)
    for name in ("d", "e"):
        mine = side.table.dataset == name
        found = fused.pair_probability[mine]
        fit = fusion.of(name).pairs
        if set(fit.calibrations) <= set(side.table.scores):
            expected = fit.probability({k: v[mine].astype(float) for k, v in side.table.scores.items()})
            np.testing.assert_array_equal(found, expected)
        assert 0 < found.min() and found.max() < 1


def test_the_ranking_within_a_query_is_that_of_the_pairs(study):
    side, fits = study[0]["test"], with_margin(study[1].fusion)
    fit_of = np.zeros(len(side.table.queries), int)
    bare = [fit.model_copy(update={"answer": None}) for fit in fits]
    ours, plain = (dense(Fused(side.table, some, fit_of, side.everything)) for some in (fits, bare))
    assert (np.argsort(ours, axis=1, kind="stable") == np.argsort(plain, axis=1, kind="stable")).all()


def test_without_a_global_score_pairs_outside_the_table_are_not_compared(study):
    side = study[0]["val"]
    fitted = fit_fusion(side.table)
    found = dense(Fused.out_of_fold(side.table, fitted), 5000)
    inside = np.zeros_like(found, bool)
    inside[side.table.query, side.table.image] = True
    assert (np.isneginf(found) == ~inside).all()
    assert score_individuals(Fused.out_of_fold(side.table, fitted))["identity_1"].notna().all()


def test_the_order_of_rows_changes_nothing(study):
    side, fusion = study[0]["val"], study[1]
    rng = np.random.default_rng(0)
    rows, columns = (rng.permutation(len(one)) for one in (side.table.queries, side.table.gallery))
    back = np.argsort(rows), np.argsort(columns)
    query, image = back[0][side.table.query], back[1][side.table.image]
    order = np.lexsort((image, query))
    queries, gallery = (
        one.iloc[at].reset_index(drop=True) for one, at in ((side.table.queries, rows), (side.table.gallery, columns))
    )
    scores = {name: values[order] for name, values in side.table.scores.items()}
    everything = type(side.everything)(side.everything.values[rows][:, columns], queries, gallery)
    everything.unit = side.everything.unit
    table = PairTable(queries, gallery, query[order], image[order], scores)
    fitted = fit_fusion(table, everything)
    assert fitted.fusion == fusion.fusion, "to the last bit"
    ours = score_individuals(Fused.out_of_fold(side.table, fusion, side.everything)).set_index(IMAGE_ID)
    theirs = score_individuals(Fused.out_of_fold(table, fitted, everything)).set_index(IMAGE_ID)
    assert ours.equals(theirs.loc[ours.index])


def test_wildfusion_is_the_mean_and_knows_the_shortlist_alone(study):
    side = study[0]["val"]
    fitted = fit_fusion(side.table, side.everything, kind="wildfusion")
    fused = Fused.frozen(side.table, fitted.fusion)
    fit = fitted.fusion.of("d").pairs
    mine = side.table.dataset == "d"
    expected = fit.probability({k: v[mine].astype(float) for k, v in side.table.scores.items()})
    np.testing.assert_allclose(fused.pair_probability[mine], np.clip(expected, 0, 1), atol=1e-12)
    found = dense(fused)
    np.testing.assert_allclose(found[side.table.query, side.table.image], fused.pair_probability)
    assert np.isneginf(found).sum() == found.size - len(side.table)
    assert fitted.fusion.of("d").outside is None and fitted.fusion.of("d").answer is None


def test_bad_input_is_refused(study):
    sides, fitted = study
    with pytest.raises(ParameterError, match="the global score has"):
        Fused.frozen(
            sides["test"].table, fitted.fusion, Animals(known=3).draw(np.random.default_rng(0))["test"].everything
        )
    with pytest.raises(ParameterError, match="fitted on matches"):
        Fused.frozen(sides["test"].only("cosine").table, fitted.fusion, sides["test"].everything)


def test_memory_is_bounded():
    prepare = """
import numpy as np, sys
sys.path.insert(0, "tests")
from pair_cases import rows_of
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.fuse import fit_fusion
from reid_lib.match.fused import Fused
from reid_lib.match.pairs import PairTable, look_up, shortlist
from reid_lib.openset.predictions import score_individuals
rng = np.random.default_rng(0)
def study(n, g):
    sets = [EmbeddingSet(rng.standard_normal((k, 8)).astype(np.float32), rows_of(s, [f"a{i % 300}" for i in range(k)]))
            for s, k in (("q", n), ("g", g))]
    cosine = Cosine(*sets)
    query, image = shortlist(cosine, 10)
    return PairTable(cosine.queries, cosine.gallery, query, image, {"cosine": look_up(cosine, query, image)}), cosine
fusion = fit_fusion(*study(50, 600)).fusion
table, cosine = study(2000, 16000)
fused = Fused.frozen(table, fusion, cosine)
score_individuals(Fused.frozen(*study(50, 600)[:1], fusion))
"""
    assert added_mb(prepare, "score_individuals(fused, max_bytes=2**26)") < 100  # the dense matrix has 256 MB
