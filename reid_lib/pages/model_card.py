"""README.md of a model that is shared: what it is, how it was measured, at which threshold, under which licence."""

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from reid_lib.openset import summary
from reid_lib.openset.measures import METRICS
from reid_lib.openset.threshold import Threshold
from reid_lib.pages.html import template_environment

UNSTATED = "not stated: ask who shares this model"
SHOWN = ("geometric_mean", "baks", "baus", "top1", "top5", "mean_average_precision", "auroc", "fpr_at_95_tpr")
POLICIES = {
    "encounter": "by encounter: photographs of one sighting are never on both sides",
    "official": "the data set's own",
    "random": "photograph by photograph, so a background may give an animal away",
}


@dataclass(frozen=True)
class Agreement:
    """How near the exported forms come to the run's network: lowest cosines over photographs.

    Attributes:
        n: photographs.
        photographs: which, in words.
        timm: the folder as timm loads it.
        prepared: the same, photographs prepared by timm's transform from their files.
        onnx: model.onnx; None where there is none.
    """

    n: int
    photographs: str
    timm: float
    prepared: float
    onnx: float | None = None


@dataclass(frozen=True)
class CardFacts:
    """What a card tells.

    Attributes:
        run: whose results it tells.
        what: what was exported, one sentence.
        training: params.json of the run that trained the network; {} where nobody trained it.
        trained_on: of that run, how many images and individuals, in words.
        model: model.json of the network.
        head_beside: does the head stand in a file of its own?
        params, described: of the run; params.json.
        metrics: metrics.json of the run.
        overall: metric -> entry of the embedding alone, on the role that the run is judged on.
        remarks: sentences on the results.
        threshold: on cosines of the embedding, fitted on val.
        enrolled: images and individuals that queries are compared with, in words.
        agreement: measured at the export.
        licence: of the model as its maker states it; "" where not stated.
        backbone_licence, data_licence: one sentence each.
    """

    run: str
    what: str
    training: dict
    trained_on: str
    model: dict
    head_beside: bool
    params: dict
    described: dict
    metrics: dict
    overall: dict[str, dict]
    remarks: list[str]
    threshold: Threshold
    enrolled: str
    agreement: Agreement
    licence: str
    backbone_licence: str
    data_licence: str


def render_card(facts: CardFacts) -> str:
    """The text of README.md (Markdown, with the front matter that model hubs read)."""
    model, agreement = facts.model, facts.agreement
    shown = {name: agreement_in_words(getattr(agreement, name)) for name in ("timm", "onnx", "prepared")}
    template = template_environment(autoescape=False).get_template("model_card.md")  # Markdown: `escape` escapes
    return template.render(
        front=_front_matter(facts),
        title=f"{escape(facts.run)}: embeddings of individual animals",
        what=escape(facts.what),
        dim=model["embedding_dim"] or model["feature_dim"],
        has_head=bool(model["embedding_dim"]),
        head=facts.head_beside,
        onnx=agreement.onnx is not None,
        side=model["image_size"],
        interpolation=model["interpolation"],
        mean=[round(value, 4) for value in model["mean"]],
        std=[round(value, 4) for value in model["std"]],
        protocol=[(name, escape(value)) for name, value in _protocol(facts).items()],
        judged="test" if summary.judged_role(facts.metrics) == "test" else summary.ON_VAL,
        about_results=escape(summary.headline({**facts.metrics, **_judged(facts)})),
        metrics=[(METRICS[m].label, summary.describe_value(facts.overall[m])) for m in SHOWN if m in facts.overall],
        remarks=[escape(remark) for remark in facts.remarks],
        about_threshold=_about_threshold(facts),
        thresholds=_thresholds(facts.threshold),
        agreement={"n": agreement.n, "photographs": escape(agreement.photographs)} | shown,
        licence=escape(facts.licence or UNSTATED),
        backbone=escape(model["backbone"]),
        backbone_licence=escape(facts.backbone_licence),
        data_licence=escape(facts.data_licence),
        run=escape(facts.run),
        made=escape(_made(facts.described.get("environment", {}))),
    )


def escape(text: object) -> str:
    """Text that Markdown shows as it is, in one line: nothing in a name becomes a link, a table or HTML."""
    words = " ".join(str(text).split())
    return re.sub(r"([\\`*<>\[\]|~])", r"\\\1", words)


def agreement_in_words(cosine: float | None) -> str:
    """Six decimals, never rounded up to 1."""
    return "" if cosine is None else f"{math.floor(min(cosine, 1.0) * 1e6) / 1e6:.6f}"


def _front_matter(facts: CardFacts) -> str:
    licence = facts.licence if re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", facts.licence) else "other"
    entries: dict[str, Any] = {
        "library_name": "timm",
        "pipeline_tag": "image-feature-extraction",
        "tags": ["animal-re-identification", "timm", "open-set"],
        "license": licence,
    }
    if licence == "other":
        entries["license_name"] = facts.licence or "unstated"
    return f"---\n{yaml.safe_dump(entries, sort_keys=False, allow_unicode=True).strip()}\n---"


def _judged(facts: CardFacts) -> dict:
    """The part of metrics.json that a headline is made of, with the metrics of the embedding alone."""
    role = summary.judged_role(facts.metrics)
    return {role: facts.metrics[role] | {"overall": facts.overall}}


def _protocol(facts: CardFacts) -> dict[str, str]:
    params, metrics, training = facts.params, facts.metrics, facts.training
    told = {"trained on": "nothing: a backbone as it comes"}
    if training:
        some = f", of which {training['n']} at most" if training.get("n") else ""
        told = {"trained on": f"{training['dataset']}: {facts.trained_on}{some}"}
        told["training"] = f"{training['loss']}, {training['num_epochs']} epochs, learning rate {training['lr']:g}"
    told["measured on"] = f"{params['dataset']}, against {facts.enrolled}"
    policy = metrics.get("split_policy") or facts.described.get("split_policy", "")
    told["split"] = POLICIES.get(policy, policy or "not noted")
    shares = {name: params[name] for name in ("val_split", "test_split", "unknown_split") if name in params}
    told["shares"] = ", ".join(f"{name} {value:g}" for name, value in shares.items())
    seeds = {"split_seed": params.get("split_seed"), "seed": training.get("seed")}
    told["seeds"] = ", ".join(f"{name} {seed}" for name, seed in seeds.items() if seed is not None)
    told["one query is"] = f"an {metrics.get('query_unit', 'image')}"
    told["fingerprints"] = (
        f"catalogue {facts.described.get('catalogue_fingerprint', '?')}, test queries {metrics['test_fingerprint']}"
    )
    return told


def _about_threshold(facts: CardFacts) -> str:
    enrolled = facts.metrics.get("gallery_images", {}).get("val")
    among = f" of {enrolled} photographs" if enrolled else ""
    return (
        "A photograph is given the name of its most alike animal where that cosine reaches the threshold, else it is "
        f"of a new one. The threshold was fitted on validation queries against a gallery{among}, for the best "
        "geometric mean."
    )


def _thresholds(threshold: Threshold) -> list[tuple[str, str, str]]:
    rows = []
    for name, value in sorted(threshold.values.items()):
        told = "none: nothing is refused" if value is None else f"{value:.4f}"
        source = threshold.source.get(name, "")
        why = "; ".join(words for words in (threshold.reasons.get(name), threshold.at_edge.get(name)) if words)
        rows.append((escape(name), told, escape(f"{source}: {why}" if why else source)))
    return rows


def _made(environment: dict) -> str:
    versions = environment.get("packages", {})
    parts = [f"{name} {versions[name]}" for name in ("reid-lab", "torch", "timm") if versions.get(name)]
    commit = environment.get("git_commit")
    return ", ".join([*parts, *([f"commit {commit[:12]}"] if commit else [])]) or "versions not noted"
