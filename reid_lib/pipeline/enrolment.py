"""Photographs as a recipe compares them: those of a run, from its files; others, embedded now."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.errors import CatalogueError, GalleryError
from reid_lib.core.kernel import quick_imports
from reid_lib.core.logs import LOGGER
from reid_lib.core.names import (
    CONTENT,
    DATASET,
    EMBEDDING,
    GALLERY,
    IDENTITY,
    IMAGE_ID,
    INDIVIDUAL,
    ROLE,
    ROLES,
    ROOT,
    TEST,
    VAL,
)
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.flanks import may_be_mirrored
from reid_lib.data.near_copies import SIDE, shrink_to_grey
from reid_lib.data.pixels import load_pixels
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.gallery.photographs import Photographs, select_columns
from reid_lib.gallery.recipe import Recipe
from reid_lib.match.cosine import Cosine
from reid_lib.match.encounters import ByEncounter, group_by_encounter
from reid_lib.match.fused import Fused
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.match.keypoints import KeypointSet
from reid_lib.match.pairs import PairTable
from reid_lib.match.rerank import SHARED_NEIGHBOURS
from reid_lib.match.similarity import Similarity
from reid_lib.openset.answers import Answers, is_right_candidate
from reid_lib.openset.fitting import fit_best_threshold
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.probability import estimate_probabilities
from reid_lib.openset.threshold import threshold_for
from reid_lib.pipeline.local_scores import make_extractor, score_shortlist
from reid_lib.pipeline.masking import make_masker
from reid_lib.pipeline.recipes import FinishedRun

if TYPE_CHECKING:
    from reid_lib.nets.network import ReidModel

ASKED = "asked"  # keeps the cached embeddings of new photographs apart
MOST_VAL = 300  # photographs of val by which the shift is measured, where local features are matched


class Network:
    """The network of a recipe, loaded when it is first needed, and where it computes.

    Args:
        folder: with model.json and model.safetensors.
        recipe: how it embeds.
        device: "auto", "cpu", "cuda" or "mps".
    """

    def __init__(self, folder: Path, recipe: Recipe, device: str = "auto"):
        with quick_imports():
            from reid_lib.nets.device import choose_device

        self.folder, self.recipe, self.device = folder, recipe, choose_device(device)
        self._model: ReidModel | None = None

    @property
    def model(self) -> "ReidModel":
        """On its device, in eval mode."""
        with quick_imports():
            from reid_lib.nets.model_files import load_model

        if self._model is None:
            self._model = load_model(self.folder).to(self.device)
        return self._model

    @property
    def local_device(self) -> str:
        """Where local features are found and matched."""
        return "cuda" if self.device == "cuda" else "cpu"

    def pixels(self, catalogue: Catalogue) -> np.ndarray:
        """Photographs as the network takes them."""
        return load_pixels(catalogue, **{name: self.model.config[name] for name in ("image_size", "interpolation")})

    def embed(self, pixels: np.ndarray, rows: pd.DataFrame) -> EmbeddingSet:
        """Embeddings to the last bit as the run would have computed them on this machine."""
        from reid_lib.embed.extract import Way
        from reid_lib.embed.store import embed_images
        from reid_lib.nets.device import embedding_precision

        recipe = self.recipe
        how = {"batch_size": recipe.batch_size, "torch_compile": recipe.torch_compile}
        way = Way.of(recipe.n_embedded, device=self.device, **how)
        precision = embedding_precision(recipe.precision, self.device)
        computed = {"device": self.device, "precision": precision, "way": way, "apart": ASKED, "views": recipe.views}
        computed["mirrored"] = may_be_mirrored(rows, recipe.flanked)
        return embed_images(self.model, pixels, rows, progress=True, **computed)


def describe_photographs(network: Network, catalogue: Catalogue) -> Photographs:
    """Photographs as the recipe compares them: embedded, their keypoints found, unless that was done before.

    Raises:
        CatalogueError: photographs cannot be decoded; all of them are listed.
    """
    pixels = network.pixels(catalogue)
    rows = _with_files(catalogue, catalogue.rows)
    embeddings = network.embed(pixels, rows)
    return Photographs(embeddings, find_needed_keypoints(network, catalogue, rows), shrink_to_grey(pixels))


def find_needed_keypoints(network: Network, catalogue: Catalogue, rows: pd.DataFrame) -> dict[str, KeypointSet]:
    """The keypoints that the recipe needs of some rows of a catalogue; none where the embedding answers alone."""
    recipe, found = network.recipe, {}
    for name in recipe.local_features:
        extractor = make_extractor(name, network.local_device, recipe.sift)
        found[name] = extract_keypoints(extractor, rows, catalogue.root, mask=make_masker(recipe.mask))
    return found


def enroll_run(finished: FinishedRun, network: Network, *, enrolled: str = "all") -> Photographs:
    """The named photographs of a run, with the embeddings that it stored.

    Args:
        enrolled: "all": gallery, val and test alike; "gallery": those that the run's own test was asked of.

    Raises:
        GalleryError: local features are needed, and the photographs are not there any more.
    """
    catalogue, chosen = finished.catalogue, finished.is_enrolled(enrolled)
    wanted = set(catalogue.rows.loc[chosen, IMAGE_ID])
    parts = [part.where(part.rows[IMAGE_ID].isin(wanted)) for part in finished.embeddings.values()]
    others = catalogue.rows[chosen & ~catalogue.rows[ROLE].isin(ROLES)]
    there = catalogue.root.is_dir()
    if len(others) and there:  # named and without a role: left out by the split, or as copies of what was trained on
        apart = Catalogue(others.reset_index(drop=True), catalogue.root, catalogue.name)
        parts.append(network.embed(network.pixels(apart), apart.rows))
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.joined(part) if len(part) else joined
    if not there:
        if network.recipe.local_features:
            raise GalleryError(
                f"the photographs of run {finished.run.name!r} are not in {catalogue.root} any more, and their local "
                "features are needed: put them back, or ask a gallery that was exported while they were there"
            )
        told = f", and without {len(others)} that the run did not embed" if len(others) else ""
        LOGGER.warning(
            f"the photographs of the run are not in {catalogue.root}: answers come without their pictures{told}"
        )
    rows = _with_files(catalogue, joined.rows) if there else _rows_of(catalogue, joined.rows, None)
    keypoints = find_needed_keypoints(network, catalogue, rows)
    return Photographs(EmbeddingSet(joined.features, rows), keypoints, _greys(network, finished, rows, there))


def _greys(network: Network, finished: FinishedRun, rows: pd.DataFrame, there: bool) -> np.ndarray:
    """Small grey pictures of rows of a run; 0 where it has no photographs any more."""
    greys = np.zeros((len(rows), SIDE, SIDE), dtype=np.uint8)
    if there:
        try:
            every = shrink_to_grey(network.pixels(finished.catalogue))
            place = pd.Series(np.arange(len(every)), index=finished.catalogue.rows[IMAGE_ID])
            greys = every[place[rows[IMAGE_ID]].to_numpy()]
        except CatalogueError as error:
            LOGGER.warning(f"copies of enrolled photographs cannot be looked for: {str(error).splitlines()[0]}")
    return greys


def _with_files(catalogue: Catalogue, rows: pd.DataFrame) -> pd.DataFrame:
    return _rows_of(catalogue, rows, catalogue.states.contents(rows))


def _rows_of(catalogue: Catalogue, rows: pd.DataFrame, contents: list[str] | None) -> pd.DataFrame:
    return select_columns(rows.assign(**{ROOT: str(catalogue.root), CONTENT: contents or None}))


# ---- comparing ------------------------------------------------------------------------------------------------------


def compare_photographs(
    network: Network, asked: Photographs, enrolled: Photographs
) -> tuple[Similarity, PairTable | None]:
    """How alike new photographs are to those enrolled, as the run of the recipe says it: its frozen fits decide.

    Args:
        asked: of any identity; their image ids are replaced, as others may have the same.
        enrolled: of named animals.

    Returns:
        The similarity, and the pairs that were matched in detail (None where the embedding answers alone).
    """
    recipe = network.recipe
    asked = _apart(asked, set(enrolled.rows[IMAGE_ID]))
    cosine = Cosine(asked.embeddings, enrolled.embeddings, device=network.device)
    similarity, table = cosine, None
    if recipe.fusion is not None:
        sets = {name: (asked.keypoints[name], enrolled.keypoints[name]) for name in recipe.local_features}
        how = {"n_shortlisted": recipe.shortlist, "device": network.local_device, "votes_by": recipe.votes}
        how |= {"rerank": recipe.fusion.uses(SHARED_NEIGHBOURS)}
        table, _ = score_shortlist(cosine, sets, **how)
        similarity = Fused.frozen(table, recipe.fusion, cosine if EMBEDDING in recipe.scores else None)
    if recipe.combination is not None:
        similarity = ByEncounter(similarity, recipe.combination)
    return similarity, table


def _apart(asked: Photographs, taken: set[str]) -> Photographs:
    """The same photographs under image ids that are not taken."""
    mark = "asked"
    while any(name.startswith(mark) for name in taken):
        mark += "?"
    return asked.with_rows(asked.rows.assign(**{IMAGE_ID: [f"{mark} {k}" for k in range(len(asked))]}))


def measure_shift(finished: FinishedRun, network: Network) -> dict:
    """How a larger gallery would move the threshold, which stays what it was.

    The queries of val are compared twice: with the gallery that the threshold was fitted on, and with that gallery and
    the photographs of test together. Test brings other photographs of known animals, and animals that no query shows;
    animals that are unknown in val are left out of it, so the same queries are known both times. Val and test share no
    encounter (where the split knows them), so no query finds a photograph taken beside it. Both times the frozen fits
    answer, which have seen val: what counts is the difference, not the level. Queries are encounters where those of the
    run are. Where local features are matched, about `MOST_VAL` photographs of val are compared, spread evenly.

    Returns:
        data set -> "before", "after" -> images, animals, queries, threshold (the best one of these answers), and
        baks, baus and geometric_mean at the frozen threshold, promised (mean probability of the best candidates) and
        right (share of these that are right); empty where val or test has nothing to measure by.
    """
    stored, catalogue = finished.embeddings, finished.catalogue
    gallery, val, test = (stored[role] for role in (GALLERY, VAL, TEST))
    val, test = (part.where(part.rows[IDENTITY].notna()) for part in (val, test))
    if not len(val) or not len(test):
        return {}
    if network.recipe.local_features:
        if not catalogue.root.is_dir():
            return {}
        chosen = _spread_queries(val.rows, by_encounter=network.recipe.combination is not None)
        val = EmbeddingSet(val.features[chosen], val.rows.iloc[chosen])
    known = set(gallery.rows[INDIVIDUAL])
    test = test.where(test.rows[INDIVIDUAL].isin(known) | ~test.rows[INDIVIDUAL].isin(val.rows[INDIVIDUAL]))
    asked, found = _photographs(network, catalogue, val), {}
    for when, part in (("before", gallery), ("after", gallery.joined(test))):
        similarity, _ = compare_photographs(network, asked, _photographs(network, catalogue, part))
        predictions = score_individuals(similarity)
        answers = Answers.of(predictions)
        for name, own in answers.by_dataset.items():
            fitted, limit = fit_best_threshold(own), threshold_for(network.recipe.frozen_threshold, name)
            if limit is not None and fitted.best is not None:
                rows = part.rows[part.rows[DATASET] == name]
                counts = {"images": len(rows), "animals": int(rows[INDIVIDUAL].nunique()), "queries": len(own.row)}
                best = float(fitted.best) if np.isfinite(fitted.best) else None
                rates = {metric: float(value) for metric, value in fitted.rates(limit).items()}
                believed = _believe(predictions[predictions[DATASET] == name], network.recipe)
                found.setdefault(name, {})[when] = counts | {"threshold": best} | rates | believed
    return {name: both for name, both in found.items() if len(both) == 2}


def _believe(predictions: pd.DataFrame, recipe: Recipe) -> dict[str, float]:
    """`promised`, the mean probability of the best candidates of labelled queries, and `right`, the share that is."""
    promised = np.nan_to_num(estimate_probabilities(predictions, recipe.curves)[:, 0])
    return {"promised": float(promised.mean()), "right": float(is_right_candidate(predictions).mean())}


def _spread_queries(rows: pd.DataFrame, *, by_encounter: bool) -> np.ndarray:
    """Places of about `MOST_VAL` rows at most, spread evenly; of whole encounters, where these are the queries."""
    query = group_by_encounter(rows) if by_encounter else np.arange(len(rows))
    n = int(query.max()) + 1
    asked = min(n, max(1, n * MOST_VAL // len(rows)))
    return np.flatnonzero(np.isin(query, np.linspace(0, n - 1, asked).round().astype(int)))


def _photographs(network: Network, catalogue: Catalogue, part: EmbeddingSet) -> Photographs:
    rows = _rows_of(catalogue, part.rows, None)
    nothing = np.zeros((len(rows), SIDE, SIDE), dtype=np.uint8)
    return Photographs(EmbeddingSet(part.features, rows), find_needed_keypoints(network, catalogue, rows), nothing)
