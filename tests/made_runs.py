"""Finished runs made from simulated embeddings in a second, by the library's own steps: for what reads runs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from on_tables import fit_threshold, oracle, summarise
from PIL import Image

from reid_lib.core.names import (
    COSINE,
    GALLERY,
    HISTORY_CSV,
    IMAGES_CSV,
    METRICS_JSON,
    N_RANKS,
    PREDICTED,
    PREDICTIONS_CSV,
    PROJECTION_CSV,
    ROLE,
    SCORE,
    TEST,
    THRESHOLD_CSV,
    TRUE_SCORE,
    VAL,
    ranked_column,
)
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.threshold import Threshold, decide
from reid_lib.params.fields import TrainParams
from reid_lib.runs.key import make_run_key
from reid_lib.runs.run import Run
from reid_lib.runs.table import promote

DIM = 16


def catalogue(*, n_known=24, n_unknown=20, images=3, datasets=("a", "b"), seed=0) -> pd.DataFrame:
    """Images with roles: every known individual has `images` in the gallery and one in val and in test."""
    rows = []
    for dataset in datasets:
        for k in range(n_known + 2 * n_unknown):
            kind = "known" if k < n_known else "val" if k < n_known + n_unknown else "test"
            roles = [GALLERY] * images + [VAL, TEST] if kind == "known" else [kind] * 2
            for i, role in enumerate(roles):
                name = f"{dataset}{k:04d}"
                rows.append(
                    {
                        "image_id": f"{name}-{i}",
                        "path": f"{name}-{i}.png",
                        "identity": name,
                        "dataset": dataset,
                        "individual": f"{dataset}/{name}",
                        "encounter": f"{name}-{i}",
                        "orientation": "left" if i % 2 else "right",
                        "role": role,
                        "known": kind == "known",
                    }
                )
    return pd.DataFrame(rows).astype({"known": "boolean"})


def embeddings(rows: pd.DataFrame, *, skill: float, seed: int) -> np.ndarray:
    """(n, DIM): each individual a direction of its own, each image some noise; more `skill`, less noise."""
    names, code = np.unique(rows["individual"], return_inverse=True)
    centres = np.random.default_rng(0).normal(size=(len(names), DIM))
    noise = np.random.default_rng(seed).normal(size=(len(rows), DIM))
    features = (skill * centres[code] + noise).astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def write_photos(rows: pd.DataFrame, root: Path) -> Path:
    """One small picture per image, of a colour of its individual's own."""
    root.mkdir(parents=True, exist_ok=True)
    for k, (path, individual) in enumerate(zip(rows["path"], rows["individual"], strict=True)):
        colour = np.random.default_rng(sum(map(ord, individual))).integers(40, 255, 3)
        pixels = np.zeros((48, 64, 3), dtype=np.uint8) + colour.astype(np.uint8)
        pixels[: 4 + k % 30] //= 2
        Image.fromarray(pixels).save(root / path)
    return root


def make_run(
    name: str,
    rows: pd.DataFrame,
    *,
    skill: float,
    photos: Path,
    seed: int = 0,
    repetitions: int = 50,
    unit: str = COSINE,
    **given,
) -> Path:
    """Write a finished run into `runs/` (REID_RUNS); returns its folder.

    Args:
        rows: as `catalogue` makes them.
        skill: how much an individual stands out from the noise of its images; see `embeddings`.
        photos: the folder of its photographs.
        repetitions: of the bootstrap.
        unit: of its scores; those of "probability" are cosines brought between 0 and 1.
        given: parameters.
    """
    params = TrainParams.checked({"run_name": name, "seed": seed} | given)
    run = Run.open(
        name,
        params=params.model_dump(),
        key=make_run_key(params, "made", "made"),
        provenance={"root": str(photos), "test_fingerprint": "made", "notes": []},
    )
    everything = EmbeddingSet(embeddings(rows, skill=skill, seed=seed + 1), rows)
    predictions, threshold = _answer(everything, unit)
    x, y = everything.features[:, :2].T
    told = rows[["image_id", "dataset", "individual", "orientation", "role", "known"]]
    run.write_csv(IMAGES_CSV, rows)
    run.write_csv(PREDICTIONS_CSV, predictions)
    run.write_csv(THRESHOLD_CSV, threshold.curve)
    run.write_csv(PROJECTION_CSV, told.assign(x=x, y=y))
    run.write_csv(HISTORY_CSV, history(skill))
    run.write_json(METRICS_JSON, _measure(predictions, threshold, unit, repetitions))
    run.finish()
    return run.folder


def _answer(everything: EmbeddingSet, unit: str) -> tuple[pd.DataFrame, Threshold]:
    """Predictions of val and test with their decisions, and the threshold, fitted on val."""
    role = everything.rows[ROLE]
    gallery = everything.where(role == GALLERY)
    val, test = (score_individuals(Cosine(everything.where(role == part), gallery)) for part in (VAL, TEST))
    if unit != COSINE:
        val, test = (_as_probabilities(answers) for answers in (val, test))
    threshold = fit_threshold(val)
    predictions = pd.concat([val, test], ignore_index=True)
    predictions[PREDICTED] = decide(predictions, threshold)
    return predictions, threshold


def _measure(predictions: pd.DataFrame, threshold: Threshold, unit: str, repetitions: int) -> dict:
    """What metrics.json of the run holds."""
    parts = {role: predictions[predictions[ROLE] == role] for role in (VAL, TEST)}
    measured = {role: summarise(part, repetitions=repetitions) for role, part in parts.items()}
    about = {"format": 1, "unit": unit, "gallery_images": {}, "test_fingerprint": "made"}
    return measured | about | {"threshold": threshold.to_dict(), "oracle": oracle(parts[TEST])}


def _as_probabilities(answers: pd.DataFrame) -> pd.DataFrame:
    scores = [SCORE, TRUE_SCORE, *(ranked_column(SCORE, k + 1) for k in range(N_RANKS))]
    return answers.assign(**{column: 1 / (1 + np.exp(8 - 12 * answers[column])) for column in scores})


THREE_RUNS = {
    "plain": {"skill": 1.0},
    "wide": {"skill": 2.0, "margin": 0.5},
    "triplet": {"skill": 0.5, "loss": "triplet", "lr": 3e-4},
}


def make_runs(root: Path, rows: pd.DataFrame, runs: dict[str, dict], *, reference: str = "") -> Path:
    """Finished runs of the same photographs; returns the folder that holds them.

    Args:
        runs: name -> arguments of `make_run`.
        reference: the run to promote; "" for none.
    """
    photos = write_photos(rows, root / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        for name, given in runs.items():
            make_run(name, rows, photos=photos, **given)
        if reference:
            promote(reference)
    return root / "runs"


def history(skill: float, epochs: int = 6) -> pd.DataFrame:
    epoch = np.arange(epochs + 1)
    gone = 1 - np.exp(-epoch / 3)
    columns = {
        "epoch": epoch,
        "train_loss": np.where(epoch == 0, np.nan, 9 - 6 * gone),
        "lr": np.where(epoch == 0, np.nan, 1e-3 * (1 - epoch / (epochs + 1))),
        "images_per_s": np.where(epoch == 0, np.nan, 42.0),
        "seconds": np.where(epoch == 0, np.nan, 10.0),
        "val_loss": 10 - 3 * skill * gone,
        "val_score": 0.1 + 0.2 * skill * gone,
        "val_top1": 0.1 + 0.3 * skill * gone,
    }
    return pd.DataFrame(columns)
