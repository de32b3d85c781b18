"""A run's network as a folder for others: a timm model, an ONNX file and a card, checked on photographs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reid_lib.core.errors import CatalogueError, ModelError, ReidError
from reid_lib.core.folders import check_replaceable, write_folder
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.core.names import (
    EMBEDDINGS,
    GALLERY,
    IMAGES_CSV,
    INDIVIDUAL,
    PATH,
    ROLE,
    UNUSED,
    VAL,
)
from reid_lib.core.paths import locate
from reid_lib.data.catalogue import Catalogue, read_catalogue
from reid_lib.data.licences import describe_licence
from reid_lib.data.photo import open_upright
from reid_lib.data.pixels import list_boxes, load_pixels
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.embed.views import ONE
from reid_lib.match.cosine import Cosine
from reid_lib.openset.answers import Answers
from reid_lib.openset.predictions import score_individuals
from reid_lib.openset.summary import judged_role
from reid_lib.openset.threshold import Threshold, fit_threshold
from reid_lib.pages.model_card import Agreement, CardFacts, agreement_in_words, render_card
from reid_lib.pipeline.frozen import describe_start
from reid_lib.runs.folder import RunFolder, load_run

if TYPE_CHECKING:
    from reid_lib.nets.network import ReidModel

CARD, ONNX = "README.md", "model.onnx"
FILES = (CARD, ONNX, "config.json", "model.safetensors", "head.safetensors")
CHECKED = 12  # photographs
LEAST = 0.9999  # cosine of two embeddings that count as the same
BUILT_IN = "demo:small"


@dataclass(frozen=True)
class Shared:
    """What `share_model` made: the folder, the measured agreement, and sentences for a person."""

    folder: Path
    agreement: Agreement
    told: list[str]


def share_model(
    run: str, folder: Path | str, *, onnx: bool | None = None, force: bool = False, licence: str = ""
) -> Shared:
    """Export the network of a finished run: config.json, model.safetensors, README.md, and model.onnx.

    The folder is there whole or not at all: what is written is read again, as others will, and has to give the
    embeddings of the run's network (cosine of at least 0.9999) on photographs of the run, or on built-in ones where
    those are not here.

    Args:
        run: name of a finished run; of an evaluation that took over another run's network, that network is exported,
            with the results of the evaluation.
        folder: where to.
        onnx: write model.onnx; None: where its packages are installed.
        force: replace an export that is there.
        licence: of the model, for the card, such as "cc-by-4.0".

    Raises:
        RunError: no such run, or it is not finished.
        ReidError: something is in the way at `folder`.
        ModelError: an exported form does not give the run's embeddings, or cannot be made; nothing is left.
    """
    folder = Path(folder).expanduser().absolute()
    check_replaceable(folder, own=FILES, force=force)  # before anything is computed
    source = load_run(run)
    from reid_lib.nets.model_files import load_model
    from reid_lib.nets.onnx_form import EXTRA, find_lacking_packages, write_onnx
    from reid_lib.nets.timm_form import Embedder, convert_to_timm

    model = load_model(_owner_of_weights(source).folder)
    form, told = convert_to_timm(model), [describe_export(source, model.config["backbone"])]
    if onnx is None and (lacking := find_lacking_packages()):
        told.append(f"no {ONNX} was written, for want of {' and '.join(lacking)}: {EXTRA}")
        onnx = False
    with write_folder(folder, own=FILES, force=force) as new:
        form.save(new)
        if onnx is not False:
            write_onnx(Embedder(form.network, form.head).eval(), new / ONNX, image_size=model.config["image_size"])
        agreement = measure_agreement(model, new, source)
        facts = _collect_facts(source, model, form.head is not None, agreement, licence)
        (new / CARD).write_text(render_card(facts), encoding="utf-8")
    return Shared(folder, agreement, [*told, _tell(agreement)])


def describe_export(run: RunFolder, backbone: str) -> str:
    """What is exported of a run, one sentence; `backbone` is that of its network."""
    params = run.params
    if not params.get("run"):
        how = "trained by" if "loss" in params else "taken as it came, without a head or training, by"
        return f"the network {backbone}, {how} run {run.name!r}"
    return (
        f"run {run.name!r} only evaluates: exported is the network of run {params['run']!r} ({backbone}), "
        f"with the results of {run.name!r}"
    )


def measure_agreement(model: "ReidModel", folder: Path, run: RunFolder) -> Agreement:
    """Compare an exported folder with the network it is of.

    Raises:
        ModelError: a form does not give the network's embeddings.
    """
    import torch

    from reid_lib.nets.onnx_form import run_onnx
    from reid_lib.nets.timm_form import load_timm

    rows, root, where = _photographs(run)
    how = {name: model.config[name] for name in ("image_size", "interpolation")}
    pixels = load_pixels(Catalogue(rows, root, "checked"), progress=False, **how)
    loaded = load_timm(folder)
    with torch.inference_mode():
        images = model.normalise(torch.from_numpy(np.array(pixels)))
        own = model(images).numpy()
        cosines = {"timm": _lowest(own, loaded(images).numpy())}
        prepared = loaded(_prepared_by_timm(loaded, rows, root)).numpy()
    if (folder / ONNX).exists():
        cosines["onnx"] = _lowest(own, run_onnx(folder / ONNX, images.contiguous().numpy()))
    for form, cosine in cosines.items():
        if not cosine >= LEAST:
            cure = f"pass --no-onnx to leave {ONNX} out" if form == "onnx" else "share the run folder itself instead"
            raise ModelError(
                f"the {form} form does not give the embeddings of the network: the lowest cosine on {len(rows)} "
                f"{where} is {cosine:.6f}, expected at least {LEAST}. Nothing was written; {cure}"
            )
    return Agreement(len(rows), where, prepared=_lowest(own, prepared), **cosines)


def _tell(agreement: Agreement) -> str:
    told = [f"timm {agreement_in_words(agreement.timm)}"]
    told += [f"ONNX {agreement_in_words(agreement.onnx)}"] if agreement.onnx is not None else []
    told.append(f"files prepared by timm {agreement_in_words(agreement.prepared)}")
    return f"lowest cosine with the run's network on {agreement.n} {agreement.photographs}: {', '.join(told)}"


def _lowest(own: np.ndarray, other: np.ndarray) -> float:
    """Lowest cosine of two sets of embeddings of length 1, row by row; NaN where one is not finite."""
    return float((own.astype(np.float64) * other).sum(axis=1).min())


def _photographs(run: RunFolder) -> tuple[pd.DataFrame, Path, str]:
    """A few photographs: rows, their root, and in words which; the run's own, where they are still there."""
    rows, root = run.read_csv(IMAGES_CSV), Path(run.described().get("root", ""))
    rows = rows[rows[ROLE] != UNUSED].reset_index(drop=True)
    chosen = _spread(rows)
    try:
        for file, box in _files(chosen, root):
            open_upright(file, bbox=box, target_px=8)
        return chosen, root, "photographs of the run"
    except CatalogueError:
        LOGGER.warning("the run's photographs are not here any more: the export is checked on built-in ones")
    catalogue = read_catalogue(BUILT_IN, progress=False)
    return _spread(catalogue.rows), catalogue.root, "built-in drawings"


def _spread(rows: pd.DataFrame) -> pd.DataFrame:
    """`CHECKED` rows at most, spread evenly."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(CHECKED, len(rows))).astype(int))
    return rows.iloc[places].reset_index(drop=True)


def _files(rows: pd.DataFrame, root: Path) -> list[tuple[Path, str | None]]:
    return [(locate(root, path), box) for path, box in zip(rows[PATH], list_boxes(rows), strict=True)]


def _prepared_by_timm(embedder, rows: pd.DataFrame, root: Path):
    """Photographs prepared from their files as recipients do: (n, 3, s, s)."""
    import torch
    from timm.data import create_transform, resolve_model_data_config

    prepare = create_transform(**resolve_model_data_config(embedder.network), is_training=False)
    return torch.stack([prepare(open_upright(file, bbox=box)) for file, box in _files(rows, root)])


def _owner_of_weights(run: RunFolder) -> RunFolder:
    """The run whose folder holds the network: an evaluation may have taken over another's."""
    return load_run(run.params["run"]) if run.params.get("run") else run


def _collect_facts(
    run: RunFolder, model: "ReidModel", head_beside: bool, agreement: Agreement, licence: str
) -> CardFacts:
    metrics, params = run.metrics(), run.params
    role = judged_role(metrics)
    fused = metrics.get("score") == "fused"
    overall = metrics["alone"]["embedding"][role] if fused else metrics[role]["overall"]
    remarks = [describe_start(metrics)]
    if fused:
        remarks.append(f"Run {run.name!r} answers by several scores; what stands here is of the embedding alone.")
    if (views := metrics.get("views", {}).get("used", ONE)) != ONE:
        remarks.append(
            f"In run {run.name!r} an embedding is the normalised mean over several views of a photograph ({views}); "
            "the results and the threshold hold for such embeddings, not for those of the photograph alone."
        )
    owner, exported = _owner_of_weights(run), describe_export(run, model.config["backbone"])
    training = owner.params if "loss" in owner.params else {}
    return CardFacts(
        run=run.name,
        what=f"{exported[0].upper()}{exported[1:]}.",
        training=training,
        trained_on=_count_gallery(owner),
        model=model.config,
        head_beside=head_beside,
        params=params,
        described=run.described(),
        metrics=metrics,
        overall=overall,
        remarks=[remark for remark in remarks if remark],
        threshold=_threshold_of_cosines(run, metrics),
        enrolled=f"{metrics['gallery_images'][role]} photographs" if "gallery_images" in metrics else "its gallery",
        agreement=agreement,
        licence=licence,
        backbone_licence=_backbone_licence(model.config),
        data_licence=_data_licence(training.get("dataset", params["dataset"])),
    )


def _count_gallery(run: RunFolder) -> str:
    """The photographs that a run was trained on, and that its queries are compared with."""
    rows = run.read_csv(IMAGES_CSV)
    gallery = rows[rows[ROLE] == GALLERY]
    return f"{counted(len(gallery), 'photograph')} of {counted(gallery[INDIVIDUAL].nunique(), 'individual')}"


def _threshold_of_cosines(run: RunFolder, metrics: Mapping) -> Threshold:
    """That of the run where it answers single photographs by cosines; else fitted on the stored embeddings of val."""
    if metrics.get("score", "embedding") == "embedding" and metrics.get("query_unit", "image") == "image":
        return Threshold.from_dict(metrics["threshold"])
    rows = run.read_csv(IMAGES_CSV)
    stored = {role: EmbeddingSet.load(run.path(f"{EMBEDDINGS}/{role}.npz"), rows) for role in (GALLERY, VAL)}
    val = Answers.of(score_individuals(Cosine(stored[VAL], stored[GALLERY])))
    return fit_threshold(val, min_individuals=run.params["threshold_individuals"])


def _backbone_licence(config: dict) -> str:
    """What timm or the hub says of the backbone's weights."""
    import timm

    if config["weights"].startswith("random"):
        return "none: its weights started at random"
    architecture = config["architecture"]
    known = architecture["pretrained_cfg"] or {}
    if not known and (found := timm.get_pretrained_cfg(architecture["name"], allow_unregistered=True)):
        known = found.to_dict()
    licence = known.get("license") or "not stated by timm or the hub"
    return f"{licence}; weights: {config['weights']}"


def _data_licence(dataset: str) -> str:
    try:
        return describe_licence(dataset)
    except ReidError:
        return "not known here"
