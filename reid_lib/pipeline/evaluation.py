"""The parts of an evaluation: embed, answer, measure, lay out."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.errors import ModelError
from reid_lib.core.files import hash_file
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    DATASET,
    EMBEDDINGS,
    GALLERY,
    IMAGE_ID,
    INDIVIDUAL,
    KNOWN,
    MODEL_WEIGHTS,
    ORIENTATION,
    PREDICTED,
    ROLE,
    ROLES,
    SUSPECTS_CSV,
    TEST,
    UNIT,
    VAL,
)
from reid_lib.data.near_copies import shrink_to_grey
from reid_lib.discover.suspects import find_suspects
from reid_lib.embed import projection
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.match.similarity import Similarity
from reid_lib.openset import summary
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.results import FORMAT
from reid_lib.openset.threshold import Threshold, decide, fit_oracle, fit_threshold
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline.drawing import report_undrawn
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.viewing import Viewing, choose_views, embed_viewed
from reid_lib.runs import seals
from reid_lib.runs.folder import CURE, load_run
from reid_lib.runs.run import Run

if TYPE_CHECKING:
    from reid_lib.nets.network import ReidModel

PROJECTION_TXT = "projection.txt"  # why there are no coordinates in projection.csv


def describe_weights(params: TrainParams | EvaluateParams) -> dict:
    """For the run's key, the SHA-256 of the weights that an evaluation of a run takes over; else nothing.

    A run trained again under its old name has other weights, so its evaluation is another one, too.

    Raises:
        ModelError: the weights cannot be read, or are not as they were sealed.
    """
    if not getattr(params, "run", ""):
        return {}
    run = load_run(params.run)
    weights = run.path(MODEL_WEIGHTS)
    try:
        seals.check(run.folder, MODEL_WEIGHTS)
        return {"weights_sha256": hash_file(weights)}
    except (OSError, ValueError) as error:
        raise ModelError(f"{weights} cannot be read ({seals.explain(error)}): {CURE}") from error


def inspect_photographs(
    experiment: Experiment, pixels: np.ndarray, embeddings: EmbeddingSet | None = None
) -> np.ndarray:
    """Look for copies of photographs under two animals, store them, and warn; returns the pixels as they are.

    Before training it goes by hashes, after it by embeddings as well.
    """
    if experiment.greys is None:
        experiment.greys = shrink_to_grey(pixels, progress=True)
    found = find_suspects(experiment.greys, experiment.split.rows, embeddings)
    experiment.run.write_csv(SUSPECTS_CSV, found.pairs)
    if found.note != experiment.copies_note:
        LOGGER.warning(found.note)
    experiment.copies_note = found.note
    return pixels


def embed_roles(experiment: Experiment) -> tuple[dict[str, EmbeddingSet], Viewing]:
    """Every image that has a role, embedded by the best weights unless they did so before; stored by role.

    Returns:
        The embeddings by role, and the views that they are means of.
    """
    model = _model(experiment)
    pixels = experiment.pixels(model)
    viewing = choose_views(experiment, model, pixels)
    embeddings = embed_by_role(experiment, model, pixels, viewing)
    inspect_photographs(experiment, pixels, join_roles(embeddings))
    for role, part in embeddings.items():
        with experiment.run.write(f"{EMBEDDINGS}/{role}.npz") as path:
            part.save(path)
    return embeddings, viewing


def embed_by_role(
    experiment: Experiment, model: "ReidModel", pixels: np.ndarray, viewing: Viewing | None = None
) -> dict[str, EmbeddingSet]:
    """Every image that has a role, by a network, unless it did so before.

    Args:
        pixels: of all images, as `Experiment.pixels` gives them for the network.
        viewing: the views of each image; None: the whole photograph alone.
    """
    everything = embed_viewed(experiment, model, pixels, viewing or Viewing(), ROLES)
    return {role: everything.where(everything.rows[ROLE] == role) for role in ROLES}


def join_roles(embeddings: dict[str, EmbeddingSet]) -> EmbeddingSet:
    """All images, those of the gallery first."""
    return embeddings[GALLERY].joined(embeddings[VAL]).joined(embeddings[TEST])


def _model(experiment: Experiment):
    """The network to evaluate: trained in this run, in another run, or a backbone as it comes."""
    from reid_lib.nets.model_files import load_model, save_model
    from reid_lib.nets.network import build_model

    params = experiment.params
    if isinstance(params, TrainParams):
        return load_model(experiment.run.folder)
    if params.run:
        return load_model(load_run(params.run).folder)
    model = build_model(params.backbone, pretrained=params.pretrained, image_size=params.image_size, embedding_dim=0)
    save_model(model, experiment.run.write)
    return model


def compare_roles(experiment: Experiment, embeddings: dict[str, EmbeddingSet]) -> dict[str, Similarity]:
    """Role -> cosine similarity of the queries of val, and of test, with the images enrolled for them."""
    enrolled = {VAL: embeddings[GALLERY], TEST: embeddings[GALLERY]}
    if experiment.split.policy == "official":
        enrolled[TEST] = enrolled[TEST].joined(embeddings[VAL])
    return {role: Cosine(embeddings[role], images, device=experiment.device) for role, images in enrolled.items()}


def answer_queries(alike: dict[str, Similarity], min_individuals: int) -> tuple[pd.DataFrame, Threshold]:
    """Predictions of val and test, and the threshold, which sees val alone and is frozen before test is scored.

    Args:
        alike: role -> similarity of its queries.
        min_individuals: see `threshold.fit_threshold`.
    """
    val = score_individuals(alike[VAL])
    threshold = fit_threshold(Answers.of(val), min_individuals=min_individuals)
    test = score_individuals(alike[TEST])
    predictions = pd.concat([val, test], ignore_index=True)
    predictions[PREDICTED] = decide(predictions, threshold)
    return predictions, threshold


def measure_metrics(experiment: Experiment, predictions: pd.DataFrame, threshold: Threshold, unit: str) -> dict:
    """What metrics.json says of the answers; `unit` is that of the scores."""
    split = experiment.split
    answers = Answers.of(predictions)
    measured = {role: summary.summarise(answers.of_role(role)) for role in (VAL, TEST)}
    if split.left_out:
        measured["left_out"] = split.left_out | {"why": split.remarks[-1]}
    measured |= {
        "format": FORMAT,
        UNIT: unit,
        "threshold": threshold.to_dict(),
        "oracle": fit_oracle(answers.of_role(TEST)),
        # Under a data set's own split the threshold was fitted on a smaller gallery than it is applied to.
        "gallery_images": {role: int(split.gallery_for(role).sum()) for role in (VAL, TEST)},
        "test_fingerprint": split.test_fingerprint,
        "split_policy": split.policy,
        "leakage": split.leakage().set_index(ROLE)["same_encounter"].to_dict(),
    }
    return measured


def write_projection(run: Run, embeddings: dict[str, EmbeddingSet]) -> pd.DataFrame:
    """2-D coordinates of all embedded images, with what figures colour them by; NaN where they cannot be laid out."""
    everything = join_roles(embeddings)
    try:
        plane = projection.reduce_to_plane(everything.features, seed=0)
    except Exception as error:
        report_undrawn(run, "the 2-D projection", PROJECTION_TXT, error)
        plane = np.full((len(everything), 2), np.nan)
    kept = [c for c in (IMAGE_ID, DATASET, INDIVIDUAL, ORIENTATION, ROLE, KNOWN) if c in everything.rows]
    return everything.rows[kept].assign(x=plane[:, 0], y=plane[:, 1])
