"""Fusion of a study: what it learns from and never sees, what is defined where nothing can be learnt, the file."""

import json

import numpy as np
import pytest
from fusion_cases import Animals, Side, answered, auroc, fused_of, log_loss_of, raw_of, together, top1
from scipy.special import logit

from reid_lib.core.errors import ParameterError
from reid_lib.core.names import IDENTITY, ROLE
from reid_lib.match.fuse import MIN_POSITIVE, Fusion, choose_fits, fit_fusion
from reid_lib.match.fused import Fused
from reid_lib.match.pairs import PairTable
from reid_lib.match.reliability import expected_calibration_error
from reid_lib.openset.answers import Answers
from reid_lib.openset.fitting import fit_best_threshold
from reid_lib.openset.metrics import baks_baus_area
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.threshold import decide, fit_threshold

STUDY = Animals(known=15, unknown=15, photos=2, shortlist=10)


@pytest.fixture(scope="module")
def study() -> dict[str, Side]:
    return STUDY.draw(np.random.default_rng(0))


def with_labels(side: Side, identity) -> Side:
    queries = side.table.queries.assign(**{IDENTITY: identity})
    table = PairTable(queries, side.table.gallery, side.table.query, side.table.image, side.table.scores)
    everything = type(side.everything)(side.everything.values, queries, side.everything.gallery)
    everything.unit = side.everything.unit
    return Side(table, everything)


# ---- labels ---------------------------------------------------------------------------------------------------------


def test_permuted_test_labels_change_nothing(study):
    rng = np.random.default_rng(1)
    shuffled = with_labels(study["test"], rng.permutation(study["test"].table.queries[IDENTITY].to_numpy()))
    found = []
    for test in (study["test"], shuffled, with_labels(study["test"], None)):
        fitted = fit_fusion(study["val"].table, study["val"].everything)
        val = score_individuals(Fused.out_of_fold(study["val"].table, fitted, study["val"].everything))
        threshold = fit_threshold(Answers.of(val))
        predictions = score_individuals(Fused.frozen(test.table, fitted.fusion, test.everything))
        columns = [c for c in predictions if c.startswith(("identity_", "score", "image_"))]
        found.append((fitted.fusion, threshold.values, predictions[columns].assign(p=decide(predictions, threshold))))
    for fusion, values, predictions in found[1:]:
        assert fusion == found[0][0] and values == found[0][1] and predictions.equals(found[0][2])


def test_labels_of_test_are_refused(study):
    with pytest.raises(ParameterError, match="labels of test must not reach it"):
        fit_fusion(study["test"].table, study["test"].everything)


def test_a_fold_sees_nothing_of_its_individuals(study):
    """Whatever is done to the photographs of a fold's individuals, the fit of their fold stays as it is."""
    side = study["val"]
    fitted = fit_fusion(side.table)
    asked, enrolled = side.table.queries[IDENTITY].to_numpy(), side.table.gallery[IDENTITY].to_numpy()
    for fold in (0, 3):
        mine = set(asked[fitted.fit_of == fold])
        assert mine and not mine & set(asked[fitted.fit_of != fold])
        touched = np.isin(asked[side.table.query], list(mine)) | np.isin(enrolled[side.table.image], list(mine))
        table = side.table
        for name, values in side.table.scores.items():
            # a shift keeps who is whose rival, which the other pairs' margins know
            table = table.with_score(name, np.where(touched, values - 1000, values))
        other = fit_fusion(table)
        assert other.fits[fold].pairs.calibrations["cosine"] == fitted.fits[fold].pairs.calibrations["cosine"]
        assert other.fits[fold].pairs.calibrations["matches"] == fitted.fits[fold].pairs.calibrations["matches"]
        assert other.fusion.of("d").pairs.calibrations != fitted.fusion.of("d").pairs.calibrations


def test_one_encounter_on_both_sides_is_not_learnt_from(study):
    side = study["val"]
    queries = side.table.queries.assign(encounter="q" + side.table.queries[IDENTITY])
    gallery = side.table.gallery.assign(encounter="g" + side.table.gallery[IDENTITY])
    apart = PairTable(queries, gallery, side.table.query, side.table.image, side.table.scores)
    plain = fit_fusion(side.table)
    assert fit_fusion(apart).fusion == plain.fusion
    first = gallery[IDENTITY] == "a0"
    mixed = gallery.assign(encounter=gallery["encounter"].mask(first, "qa0"))
    met = PairTable(queries, mixed, side.table.query, side.table.image, side.table.scores)
    n = (met.same & ~met.apart).sum()
    assert n and fit_fusion(met).fusion.of("d").n_same == plain.fusion.of("d").n_same - n


# ---- what is worth what ---------------------------------------------------------------------------------------------


def many(animals: Animals, n: int, seed=0) -> np.ndarray:
    """(n, 3, 2) top-1 and AUROC on test: embedding alone, local alone, fused."""
    found = []
    for k in range(n):
        study = animals.draw(np.random.default_rng(seed + k))
        local = Answers.of(score_individuals(study["test"].table.similarity("matches")))
        found.append([(top1(a), auroc(a)) for a in (raw_of(study["test"]), local, answered(study)[1])])
    return np.array(found)


def test_independent_evidence_adds_up():
    embedding, local, fused = np.moveaxis(many(Animals(20, 20, 2, shortlist=12), 4), 1, 0)
    for alone in (embedding, local):
        gain = fused - alone
        assert (gain.mean(axis=0) > 2 * _error(gain)).all() and gain.mean(axis=0).min() > 0.02


@pytest.mark.parametrize(("worth", "better"), [((1.2, 0.0), 0), ((0.0, 1.2), 1)])
def test_a_score_that_is_noise_costs_nothing(worth, better):
    """A shortlist of everything, where the embedding is what is worthless."""
    found = many(Animals(12, 12, 2, worth=worth, shortlist=36), 4)
    loss = found[:, better] - found[:, 2]
    assert loss.mean(axis=0).max() < 0.03
    assert found[:, 2].mean(axis=0)[0] > found[:, 1 - better].mean(axis=0)[0] + 0.3


def test_few_animals_do_not_make_fusion_worse_than_the_embedding_alone():
    """12 animals and 80 queries of val; a local score that is worth little, or nothing."""
    for local in (0.0, 0.4):
        animals = Animals(known=12, unknown=8, photos=4, worth=(1.0, local), shortlist=15)
        found = many(animals, 4, seed=100)
        loss = found[:, 0] - found[:, 2]
        assert (loss.mean(axis=0) < 2 * _error(loss) + 0.01).all()


def test_each_data_set_learns_its_own_weights():
    rng = np.random.default_rng(5)
    sides = [
        Animals(15, 10, 2, worth=(1.5, 0.0), shortlist=12, dataset="embedded").draw(rng),
        Animals(15, 10, 2, worth=(0.0, 2.5), shortlist=45, dataset="matched").draw(rng),
    ]
    _, test, fitted = answered(together(sides))
    for name, everything, nothing in (("embedded", "cosine", "matches"), ("matched", "matches", "cosine")):
        fit = fitted.fusion.of(name).pairs
        spread = {}
        for score in (everything, nothing):
            weight = sum(w for key, w in fit.weights.items() if key.endswith(score))
            values = sides[name == "matched"]["test"].table.scores[score].astype(float)
            spread[score] = weight * fit.calibrations[score].evidence(values).std()
        assert spread[everything] > 4 * spread[nothing]
        assert fitted.fusion.source[name] == "own" and not fitted.fusion.reasons[name]
        alone = {role: side.only(everything) for role, side in sides[name == "matched"].items()}
        assert top1(test.of_dataset(name)) > top1(answered(alone)[1]) - 0.07


# ---- honesty --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.long
def test_what_val_reports_is_not_optimistic_and_a_fit_judged_on_its_own_pairs_is():
    """Five worthless scores beside the embedding, few animals: much to be misled by.

    The threshold that is then fitted on val is optimistic by itself, whatever the score; with out-of-fold probabilities
    no more than with raw cosines, which were fitted on nothing.
    """
    loss, area, rates = [], [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        study = Animals(12, 12, 2, worth=(1.0, 0.0), shortlist=8).draw(rng)
        for role, side in study.items():
            for k in range(4):
                side = Side(side.table.with_score(f"noise{k}", rng.normal(size=len(side.table))), side.everything)
            study[role] = side
        val, test, fitted = answered(study)
        naive = fused_of(study["val"], fitted)
        loss.append([log_loss_of(a) for a in (val, test)])
        area.append([baks_baus_area(a.score, a.named, a.known, a.individual) for a in (val, naive, test)])
        raw = [raw_of(study[role]) for role in ("val", "test")]
        rates.append([_optimism(val, test), _optimism(*raw)])
    loss_of_val, loss_of_test = np.array(loss).T
    assert (loss_of_test - loss_of_val).mean() < 2 * _error(loss_of_test - loss_of_val)
    val, naive, test = np.array(area).T
    assert (val - test).mean() < 2 * _error(val - test)
    assert (naive - val).mean() > 2 * _error(naive - val), "judged on its own pairs a fit looks better than it is"
    honest, unfitted = np.array(rates).T
    assert (honest - unfitted).mean() < 2 * _error(honest - unfitted)


def _optimism(val: Answers, test: Answers) -> float:
    """By how much sqrt(BAKS * BAUS) of val is above that of test, at the threshold fitted on val."""
    best = fit_best_threshold(val).best
    on_val, on_test = (fit_best_threshold(answers).rates(best)["geometric_mean"] for answers in (val, test))
    return on_val - on_test


def _error(values: np.ndarray) -> np.ndarray:
    return values.std(axis=0, ddof=1) / len(values) ** 0.5


@pytest.mark.slow
def test_probabilities_of_pairs_and_of_answers_are_calibrated():
    pairs, answers, shift = [], [], []
    for seed in range(6):
        study = Animals(20, 20, 3, shortlist=15, haze=1.0).draw(np.random.default_rng(seed))
        val, test, fitted = answered(study)
        side = study["test"]
        found = Fused.frozen(side.table, fitted.fusion, side.everything).pair_probability
        pairs.append((found, side.table.same))
        answers.append((test.score, test.named))
        shift.append(logit(val.score).mean() - logit(fused_of(study["val"], fitted).score).mean())
    assert expected_calibration_error(*map(np.concatenate, zip(*pairs, strict=True))) < 0.02
    assert expected_calibration_error(*map(np.concatenate, zip(*answers, strict=True))) < 0.06
    assert abs(np.mean(shift)) < 0.1, "out-of-fold probabilities lie where those of the frozen fit do: one threshold"


# ---- little to learn from -------------------------------------------------------------------------------------------


def test_a_data_set_without_positive_pairs_takes_the_fit_of_all():
    rng = np.random.default_rng(0)
    rich, poor = STUDY.draw(rng), Animals(5, 5, 2, shortlist=6, dataset="e").draw(rng)
    stranger = with_labels(poor["val"], [f"z{k}" for k in range(len(poor["val"].table.queries))])
    study = together([rich, {"val": stranger, "test": poor["test"]}])
    _, test, fitted = answered(study)
    assert fitted.fusion.source == {"d": "own", "e": "overall"}
    assert fitted.fusion.remarks() == [
        "e: 0 positive pairs of 0 individuals in the shortlists of val, "
        f"where a fit of its own takes {MIN_POSITIVE} of 5: the fit of all data sets together is used"
    ]
    assert fitted.fusion.of("e") == fitted.fusion.of("never seen") == fitted.fusion.fits[""]
    assert top1(test.of_dataset("e")) > 0.4


def test_worthless_scores_keep_their_order_and_folds_do_not_turn_it_round():
    """A fold without its positive pairs expects fewer: right answers of val would come out below wrong ones."""
    found = []
    for seed in range(6):
        study = Animals(15, 15, 2, worth=(0.1, 0.1), shortlist=12).draw(np.random.default_rng(seed))
        val, test, fitted = answered(study)
        assert min(fitted.fusion.of("d").pairs.weights.values()) > 0
        assert len(np.unique(test.score)) > 0.9 * len(test), "no two answers are alike by accident"
        found.append((auroc(val), auroc(test), auroc(raw_of(study["val"]))))
    val, test, raw = np.array(found).T
    assert abs(val.mean() - 0.5) < 0.06 and (raw - val).mean() < 0.06
    assert abs(test.mean() - 0.5) < 0.1


@pytest.mark.parametrize("n_queries", [0, 1, 20])
def test_without_any_positive_pair_the_answer_is_defined_and_said(n_queries):
    study = Animals(8, 8, 2, worth=(2.0, 2.0), shortlist=24).draw(np.random.default_rng(0))
    side = study["val"]
    strangers = with_labels(side, [f"z{k}" if k < n_queries else None for k in range(len(side.table.queries))])
    fitted = fit_fusion(strangers.table, strangers.everything)
    assert "nothing can be learnt from val" in fitted.fusion.remarks()[0]
    fit = fitted.fusion.of("d")
    assert fit.n_same == 0 and len(set(fit.pairs.weights.values())) == 1
    test = Answers.of(score_individuals(Fused.frozen(study["test"].table, fitted.fusion, study["test"].everything)))
    assert top1(test) > 0.8 and test.score.max() < 1, "the order of the scores is still there"
    val = score_individuals(Fused.out_of_fold(strangers.table, fitted, strangers.everything))
    assert val["score"].notna().all()


def test_an_empty_table_is_no_error(study):
    side = study["val"]
    nothing = side.table.where(np.zeros(len(side.table), bool))
    fitted = fit_fusion(nothing, side.everything)
    found = score_individuals(Fused.frozen(nothing, fitted.fusion, side.everything))
    assert found["score"].between(0, 1).all(), "by the global score alone"
    alone = fit_fusion(nothing)
    assert score_individuals(Fused.frozen(nothing, alone.fusion))["score"].isna().all()


# ---- the file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["auto", "wildfusion"])
def test_the_file_comes_back_to_the_last_bit(study, kind):
    side = study["test"]
    fusion = fit_fusion(study["val"].table, study["val"].everything, kind=kind).fusion
    again = Fusion.from_dict(json.loads(json.dumps(fusion.to_dict(), allow_nan=False)))
    assert again == fusion
    ours, theirs = (score_individuals(Fused.frozen(side.table, one, side.everything)) for one in (fusion, again))
    assert ours.equals(theirs)


def test_another_file_is_refused(study):
    stored = fit_fusion(study["val"].table).fusion.to_dict()
    with pytest.raises(ParameterError, match="format: .*1.*not 2"):
        Fusion.from_dict(stored | {"format": 2})
    del stored["fits"]["d"]["pairs"]["intercept"]
    with pytest.raises(ParameterError, match="fits.d.pairs.intercept: is missing"):
        Fusion.from_dict(stored)


def test_kinds_are_named(study):
    with pytest.raises(ParameterError, match="'median' is not one of auto, logistic, mean, wildfusion"):
        fit_fusion(study["val"].table, kind="median")
    with pytest.raises(ParameterError, match="no score to fuse"):
        fit_fusion(PairTable(*(getattr(study["val"].table, k) for k in ("queries", "gallery", "query", "image"))))


def test_queries_find_the_fit_of_their_data_set(study):
    fusion = fit_fusion(study["val"].table).fusion
    fits, which = choose_fits(study["test"].table.queries["dataset"], fusion)
    assert fits == [fusion.of("d")] and not which.any()
    assert ROLE in study["test"].table.queries


def test_a_score_that_is_only_tried_stays_only_where_it_helps(study):
    side, rng = study["val"], np.random.default_rng(0)
    useful = side.table.with_score("useful", rng.normal(3.0 * side.table.same))
    assert "useful" in fit_fusion(useful, tried=["useful"]).fusion.of("d").pairs.weights
    useless = side.table.with_score("useless", rng.normal(size=len(side.table)))
    fitted = fit_fusion(useless, tried=["useless"])
    assert "useless" not in fitted.fusion.of("d").pairs.weights and "useless" not in fitted.fusion.scores
    assert "margin of useless" not in fitted.fusion.of("d").pairs.loss
    wild = fit_fusion(useless, tried=["useless"], kind="wildfusion").fusion.of("d")
    assert list(wild.pairs.weights) == ["cosine", "matches"]
