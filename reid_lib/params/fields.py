"""Every parameter of the notebooks with its default, unit and range."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from reid_lib.core.names import MLFLOW, TENSORBOARD
from reid_lib.params.base import NotebookParams
from reid_lib.params.loss_units import LOSS_DEFAULTS, MARGIN_LIMITS

LARGEST_SEED = 2**63 - 1  # of the whole numbers of a table; torch's generators take twice as many
MIRRORS = (TENSORBOARD, MLFLOW)
AUTO = 0  # of a number that the photographs decide on
LEFT_TO_PHOTOGRAPHS = ("image_size", "num_epochs")  # of a training, while they are that
LEAST_PX = 32  # networks halve a picture five times
MANY = 10**9  # no study has so many images, animals or epochs; larger numbers are slips


class DataParams(NotebookParams):
    """Which photographs, and which role each gets: shared by training and evaluation."""

    dataset: str = Field(
        "demo",
        description="demo, demo:small, demo:large, folder, csv, wildlife:<Class>, ...: see docs/formats.md",
    )
    data_root: str = Field("", description="where the photographs lie; empty means REID_DATA (demo needs none)")
    columns: str = Field(
        "", description="csv and coco, ours:theirs separated by spaces, e.g. identity:animal path:file"
    )
    encounter: str = Field(
        "",
        description="folder and megadetector, a pattern of paths, e.g. {identity}/{encounter}_*; empty: by EXIF time",
    )
    skip_unreadable: bool = Field(False, description="leave bad images out (and say so) instead of stopping")
    run_name: str = Field("", description="empty: made from what differs from these defaults")
    reference: str = Field("", description="run to compare with; empty: the promoted one")
    backbone: str = Field("tf_efficientnet_lite0", description="any timm name, or hf-hub:owner/model")
    pretrained: bool = Field(True, description="start from pretrained weights")
    split_policy: Literal["auto", "official", "encounter", "random"] = Field(
        "auto", description="what stays on one side: auto, official, encounter, random"
    )
    val_split: float = Field(0.2, ge=0, le=0.5, description="share of a known individual's encounters asked in val")
    test_split: float = Field(0.2, ge=0, le=0.5, description="share of a known individual's encounters asked in test")
    unknown_split: float = Field(
        0.15, ge=0, le=0.4, description="share of the individuals held out whole, for val and once more for test"
    )
    threshold_individuals: int = Field(
        10, ge=1, le=MANY, description="known and unknown val individuals a data set needs for a threshold of its own"
    )
    split_seed: int = Field(0, ge=0, le=LARGEST_SEED, description="split, drawing of the demo data")
    batch_size: int = Field(24, ge=2, le=65536, description="images")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="auto, cpu, cuda, mps")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto, fp32, bf16: of training; embeddings stay true to fp32"
    )
    num_workers: int = Field(-1, ge=-1, le=256, description="image loading processes; -1: chosen for the machine")
    torch_compile: Literal["auto", "always", "never"] = Field(
        "auto", description="compile the network: auto (where it repays itself), always, never"
    )
    mirror: str = Field(
        "", description="copies of history and metrics beside the run: tensorboard, mlflow, or both joined by +"
    )

    @field_validator("mirror")
    @classmethod
    def _known_mirrors(cls, value: str) -> str:
        names = [name.strip().lower() for name in value.split("+")] if value.strip() else []
        if any(name not in MIRRORS for name in names):
            raise ValueError(f"expected {' or '.join(MIRRORS)}, both joined by +, or nothing")
        return "+".join(dict.fromkeys(names))


class TrainParams(DataParams):
    """Parameters of train.ipynb."""

    image_size: int = Field(
        AUTO,
        ge=0,
        le=2048,
        description="px, side of the square that the whole image is resized to; 0: what they have, up to 256",
    )
    embedding_dim: int = Field(512, ge=2, le=8192, description="numbers in an embedding")
    loss: Literal["arcface", "cosface", "subcenter_arcface", "triplet", "contrastive", "multisimilarity"] = Field(
        "arcface", description="arcface, cosface, subcenter_arcface, triplet, contrastive, multisimilarity"
    )
    margin: float | None = Field(
        None,
        ge=0,
        description="None: the loss's own. Radians (arcface), cosine (cosface), distance (triplet, contrastive)",
    )
    scale: float | None = Field(
        None, gt=0, le=1000, description="None: the loss's own; arcface, subcenter_arcface and cosface have one"
    )
    lr: float = Field(1e-3, gt=0, le=10, description="learning rate of the backbone")
    head_lr_factor: float = Field(10.0, gt=0, le=1000, description="head and class weights learn this much faster")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="AdamW, per unit of learning rate")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of pooled features dropped before the head")
    scheduler: Literal["cosine", "plateau", "none"] = Field("cosine", description="cosine, plateau, none")
    warmup: float = Field(1.0, ge=0, le=1000, description="epochs of linear warm-up")
    num_epochs: int = Field(
        AUTO, ge=0, le=100000, description="passes over the training images; 0: 7 to 16, by size and number of them"
    )
    eval_every: int = Field(2, ge=1, le=MANY, description="epochs between evaluations on val")
    patience: int = Field(
        0, ge=0, le=MANY, description="evaluations without a better val score before stopping; 0: never"
    )
    m: int = Field(4, ge=1, description="images per individual in a batch")
    n: int = Field(0, ge=0, le=MANY, description="most training images; 0: all")
    classes: Literal["identity", "identity+orientation"] = Field(
        "identity", description="identity, or identity+orientation (each flank a class of its own in the loss)"
    )
    augmentation: bool = Field(True, description="vary pose, scale, light and sharpness while training")
    flip: bool = Field(False, description="mirror at random; a mirrored flank is another animal")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="weights, order, augmentation")
    num_gpus: int = Field(
        1,
        ge=0,
        le=1024,
        description="GPUs of a machine to train on; 0: all; on a CPU: processes, 1 with batch normalisation",
    )

    @property
    def left(self) -> list[str]:
        """Names of the numbers that are left to the photographs."""
        return [name for name in LEFT_TO_PHOTOGRAPHS if getattr(self, name) == AUTO]

    @field_validator(*LEFT_TO_PHOTOGRAPHS, mode="before")
    @classmethod
    def _word_of_numbers(cls, value):
        return AUTO if isinstance(value, str) and value.strip().lower() == "auto" else value

    @model_validator(mode="after")
    def _fit_together(self):
        problems = self._problems_of_the_loss()
        if AUTO < self.image_size < LEAST_PX:
            problems.append(f"image_size: expected at least {LEAST_PX} px, or 0 (auto); got {self.image_size}")
        if self.m > self.batch_size:
            problems.append(f"m: {self.m} images per individual do not fit into a batch_size of {self.batch_size}")
        if self.n == 1:
            problems.append("n: nothing can be told apart in one training image; expected 0 (all) or at least 2")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems_of_the_loss(self) -> list[str]:
        own, problems = LOSS_DEFAULTS[self.loss], []
        for what in ("margin", "scale"):
            if getattr(self, what) is not None and getattr(own, what) is None:
                having = ", ".join(name for name, d in LOSS_DEFAULTS.items() if getattr(d, what) is not None)
                problems.append(f"{what}: the loss {self.loss!r} has none (those that have: {having}); leave it empty")
        most = MARGIN_LIMITS.get(own.margin_unit, math.inf)
        if self.margin is not None and self.margin > most:
            problems.append(f"margin: {self.loss!r} takes {own.margin_unit}, at most {most:.3g}; got {self.margin:g}")
        return problems


LOCAL_FEATURES = ("sift", "aliked", "disk", "xfeat")


class EvaluateParams(DataParams):
    """Parameters of evaluate.ipynb."""

    RUN_PREFIX: ClassVar[str] = "eval"

    run: str = Field("", description="a finished run to evaluate; empty: the backbone as it comes, without a head")
    dataset: str = Field("", description="empty: the run's own data and split, or demo without a run")
    image_size: int = Field(0, ge=0, le=2048, description="px; 0: the backbone's own")
    batch_size: int = Field(64, ge=1, le=65536, description="images at a time")
    scores: Literal["embedding+local", "embedding", "local"] = Field(
        "embedding+local", description="what answers: embedding+local (fused by what val teaches), embedding, local"
    )
    local_features: str = Field("sift", description="sift, aliked, disk, xfeat, or several joined by +")
    shortlist: int = Field(
        10, ge=1, le=100_000, description="gallery images matched for each query, by embedding and by votes each"
    )
    mask: Literal["auto", "none", "u2netp"] = Field(
        "auto", description="u2netp: keypoints off the animal are dropped; none; auto: as val speaks for"
    )
    views: Literal["one", "flip", "crops", "auto"] = Field(
        "one", description="an embedding is the mean over: one (the photograph), flip, crops; auto: as val speaks for"
    )
    query_unit: Literal["image", "encounter"] = Field(
        "image", description="image, or encounter: all photographs of an encounter are one query"
    )
    fusion: Literal["auto", "logistic", "mean", "wildfusion"] = Field(
        "auto", description="how scores become one: auto, logistic, mean, wildfusion"
    )
    rerank: Literal["never", "auto"] = Field(
        "never", description="shared neighbours as one more score: never; auto: where it lowers the loss on val"
    )
    same_photo: Literal["report", "leave_out"] = Field(
        "report", description="queries whose own photograph, or a crop of it, is in the gallery: report, leave_out"
    )
    clusters: Literal["auto", "average", "complete", "components", "hdbscan"] = Field(
        "auto",
        description="test photographs by animal: average, complete, components, hdbscan; auto: for AnimalCLEF 2026",
    )
    clusters_by: Literal["ami", "pair_precision"] = Field(
        "ami", description="what says on val where clusters end: ami, pair_precision"
    )

    @property
    def features(self) -> list[str]:
        """Names of the local features that are used; none where the embedding answers alone."""
        return [] if self.scores == "embedding" else self.local_features.split("+")

    @field_validator("local_features")
    @classmethod
    def _known_features(cls, value: str) -> str:
        names = [name.strip().lower() for name in value.split("+")]
        wrong = [name for name in names if name not in LOCAL_FEATURES]
        if wrong or len(set(names)) < len(names):
            raise ValueError(f"expected one or several of {', '.join(LOCAL_FEATURES)}, joined by +, none twice")
        return "+".join(names)

    @model_validator(mode="after")
    def _photographs_are_compared(self):
        if self.rerank == "auto" and not self.features:
            raise ValueError(
                "rerank: shared neighbours are one more score beside local ones, and scores 'embedding' fuses none; "
                "expected scores embedding+local, or rerank never"
            )
        if self.same_photo == "leave_out" and not self.features:
            raise ValueError(
                "same_photo: one photograph on both sides is found by local features, which scores 'embedding' does "
                "not use; expected scores embedding+local or local, or same_photo report"
            )
        return self


def kind_of(params: Mapping[str, Any]) -> type[TrainParams] | type[EvaluateParams]:
    """Of a run, by its parameters as params.json has them: an evaluation says which run it evaluates, or that none."""
    return EvaluateParams if "run" in params else TrainParams


class IdentifyParams(NotebookParams):
    """Parameters of identify.ipynb, and of `reid identify`."""

    run: str = Field("", description="a finished run that answers; empty: that of the gallery, or drawn animals")
    photos: str = Field("", description="a folder, a file or a table; empty: the run's test photographs, as if new")
    gallery: str = Field("", description="a gallery to search; empty: all named photographs of the run")
    folders: Literal["none", "encounter"] = Field(
        "none", description="what subfolders mean: none, encounter (photographs of one are one sighting)"
    )
    columns: str = Field("", description="of a table, ours:theirs separated by spaces, e.g. path:file date:day")
    dataset: str = Field("", description="which of the data sets of the gallery, where there are several")
    enrolled: Literal["all", "gallery"] = Field(
        "all", description="all: every named photograph of the run is searched; gallery: those its own test searched"
    )
    answers: str = Field("", description="name of the folder of the answers; empty: made from run and photos")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="auto, cpu, cuda, mps")


class ReviewParams(NotebookParams):
    """Parameters of review.ipynb, and of `reid review`."""

    run: str = Field("", description="a finished, evaluated run whose pairs are reviewed; empty: drawn animals")
    name: str = Field("", description="name of the review; empty: that of the run")
    who: str = Field("", description="your name, which stands with each decision; empty: your login")
    decisions: str = Field(
        "", description="another review, or a csv file, whose table of decisions is shared; empty: a table of its own"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="auto, cpu, cuda, mps")
