"""What a finished run knows of answering: its network, its frozen threshold, its calibration, as a `Recipe`."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from reid_lib.core.errors import RunError
from reid_lib.core.files import hash_file
from reid_lib.core.names import (
    CALIBRATION_JSON,
    EMBEDDING,
    EMBEDDINGS,
    GALLERY,
    IDENTITY,
    IMAGES_CSV,
    MODEL_JSON,
    MODEL_WEIGHTS,
    PREDICTIONS_CSV,
    ROLE,
    ROLES,
    TEST,
    UNIT,
    UNUSED,
    VAL,
)
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.split import Split
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.views import ONE
from reid_lib.gallery.recipe import Recipe
from reid_lib.match.cosine import Cosine
from reid_lib.match.fuse import Fusion
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.probability import calibrate_candidates
from reid_lib.openset.threshold import fit_threshold
from reid_lib.params.fields import EvaluateParams, TrainParams, kind_of
from reid_lib.pipeline.local_scores import SIFT, sift_of
from reid_lib.pipeline.masking import NONE
from reid_lib.runs.folder import CURE, RunFolder, load_run
from reid_lib.runs.seals import check


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A finished run as new photographs see it, from its files alone.

    Attributes:
        run: its folder.
        params: those that it was made with.
        catalogue: its photographs with their roles; the files need not be there any more.
        split: the roles.
        model_folder: where its network lies: its own folder, or that of the run it evaluates.
    """

    run: RunFolder
    params: TrainParams | EvaluateParams
    catalogue: Catalogue
    split: Split
    model_folder: Path

    @classmethod
    def load(cls, name: str) -> "FinishedRun":
        """The run of a name.

        Raises:
            RunError: there is none, it is not finished, or its network is not here.
        """
        run = load_run(name)
        described = run.described()
        kind = kind_of(described["params"])
        params = kind(**described["params"])
        split = Split(run.read_csv(IMAGES_CSV), described["split_policy"])
        catalogue = Catalogue(split.rows, Path(described["root"]), params.dataset)
        folder = load_run(params.run).folder if getattr(params, "run", "") else run.folder
        for file in (MODEL_WEIGHTS, MODEL_JSON):
            if not (folder / file).is_file():
                raise RunError(f"{folder / file} is missing: run the notebook of run {folder.name!r} again")
            try:
                check(folder, file)
            except ValueError as error:
                raise RunError(f"{folder / file} cannot be used ({error}): {CURE}") from error
        return cls(run, params, catalogue, split, folder)

    @cached_property
    def weights_sha256(self) -> str:
        """Of the file of its weights."""
        return hash_file(self.model_folder / MODEL_WEIGHTS)

    @cached_property
    def embeddings(self) -> dict[str, EmbeddingSet]:
        """Role -> embeddings, as the run stored them."""
        rows = self.split.rows
        return {role: EmbeddingSet.load(self.run.path(f"{EMBEDDINGS}/{role}.npz"), rows) for role in ROLES}

    @cached_property
    def views(self) -> dict:
        """What metrics.json says of the views that its embeddings are means of; of one, where it says nothing."""
        return self.run.metrics().get("views") or {"used": ONE}

    def is_enrolled(self, enrolled: str) -> pd.Series:
        """Which images are searched: every one that is named ("all"), or those that test was asked of ("gallery")."""
        rows = self.split.rows
        named = rows[IDENTITY].notna()
        return named if enrolled == "all" else named & pd.Series(self.split.gallery_for(TEST), index=rows.index)

    def recipe(self) -> Recipe:
        """How photographs are answered by this run."""
        metrics, params = self.run.metrics(), self.params
        predictions = self.run.read_csv(PREDICTIONS_CSV)
        stored = self.run.path(CALIBRATION_JSON)
        fusion = Fusion.from_dict(self.run.read_json(CALIBRATION_JSON)) if stored.exists() else None
        val = predictions[predictions[ROLE] == VAL]
        exact = metrics.get("recall", {}).get(SIFT, 1.0) == 1.0
        by_cosine = score_individuals(Cosine(self.embeddings[VAL], self.embeddings[GALLERY]))
        joining = fit_threshold(Answers.of(by_cosine), min_individuals=params.threshold_individuals)
        return Recipe(
            run=self.run.name,
            weights_sha256=self.weights_sha256,
            n_embedded=int((self.split.rows[ROLE] != UNUSED).sum()),
            batch_size=params.batch_size,
            torch_compile=params.torch_compile,
            precision=params.precision,
            scores=getattr(params, "scores", EMBEDDING) if fusion else EMBEDDING,
            local_features=params.features if fusion else [],
            shortlist=getattr(params, "shortlist", 1),
            mask=(metrics.get("mask", {}).get("used") or params.mask) if fusion else NONE,
            sift=sift_of(metrics),
            votes="exact" if exact else "auto",
            combination=metrics.get("combination") or None,
            unit=metrics.get(UNIT, "cosine"),
            threshold=metrics["threshold"],
            joining=joining.to_dict(),
            fusion=fusion,
            curves={} if fusion else calibrate_candidates(val),
            views=self.views["used"],
            flanked=self.views.get("flanked", []),
        )
