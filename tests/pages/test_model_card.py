"""The card of a shared model: what is written there is shown as it is, and is true."""

import yaml

from reid_lib.openset.threshold import Threshold
from reid_lib.pages import model_card
from reid_lib.pages.model_card import Agreement, CardFacts, agreement_in_words, escape, render_card

ENTRY = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 30}
COUNTS = {"": {f"n_{k}_{w}": 30 for k in ("known", "unknown", "unlabelled") for w in ("individuals", "queries")}}
PART = {"overall": {"geometric_mean": ENTRY, "top1": ENTRY}, "datasets": {"x": {}}, "counts": COUNTS}


def facts(**changed):
    threshold = Threshold(
        values={"a|b": 0.123456, "none": None, "all": float("-inf")},
        overall=0.1,
        source={"a|b": "own", "none": "none"},
        reasons={"none": "val has no unknown individuals: nothing is refused"},
        at_edge={},
        n_known_individuals={},
        n_unknown_individuals={},
        curve=None,
    )
    given = {
        "run": "my-run",
        "what": "The network x, trained by run 'my-run'.",
        "training": {"dataset": "folder", "loss": "arcface", "num_epochs": 3, "lr": 0.001, "seed": 4, "n": 0},
        "trained_on": "90 photographs of 20 individuals",
        "model": {
            "backbone": "x",
            "embedding_dim": 8,
            "feature_dim": 16,
            "image_size": 32,
            "interpolation": "bicubic",
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
        },
        "head_beside": False,
        "params": {"dataset": "folder", "val_split": 0.2, "split_seed": 0},
        "described": {"environment": {"packages": {"torch": "2.6.0"}, "git_commit": "0123456789abcdef"}},
        "metrics": {"test": PART, "val": PART, "test_fingerprint": "t", "split_policy": "encounter"},
        "overall": PART["overall"],
        "remarks": [],
        "threshold": threshold,
        "enrolled": "90 photographs",
        "agreement": Agreement(12, "photographs of the run", timm=0.99999999, prepared=0.9987654321),
        "licence": "",
        "backbone_licence": "apache-2.0",
        "data_licence": "not stated",
    }
    return CardFacts(**given | changed)


def front_matter(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_it_tells_data_protocol_metrics_threshold_and_licences():
    card = render_card(facts())
    for told in (
        "- trained on: folder: 90 photographs of 20 individuals",
        "- training: arcface, 3 epochs, learning rate 0.001",
        "- split: by encounter",
        "| top-1: nearest individual is right | 0.500 (0.250 to 0.750) |",
        r"| a\|b | 0.1235 | own |",
        "| none | none: nothing is refused |",
        "timm, from this folder: 0.999999",
        "own transform: 0.998765",
        "- of the backbone (x): apache-2.0",
        "torch 2.6.0, commit 0123456789ab",
        "folded into timm's classifier",
    ):
        assert told in card, told
    assert "onnx" not in card.lower()


def test_the_front_matter_is_yaml_that_hubs_read():
    assert front_matter(render_card(facts()))["license"] == "other"
    assert front_matter(render_card(facts(licence="cc-by-4.0")))["license"] == "cc-by-4.0"
    odd = front_matter(render_card(facts(licence="ask me: 'maybe' | no")))
    assert (odd["license"], odd["license_name"]) == ("other", "ask me: 'maybe' | no")


def test_the_code_of_a_head_that_lies_beside_stands_there_only_then():
    assert "head.safetensors" in render_card(facts(head_beside=True))
    assert "head.safetensors" not in render_card(facts())


def test_names_become_neither_markup_nor_rows():
    assert escape("a\n| <img> [x](y) `z`") == r"a \| \<img\> \[x\](y) \`z\`"


def test_an_agreement_is_never_rounded_up():
    assert agreement_in_words(0.99989999) == "0.999899"
    assert agreement_in_words(1.0000001) == "1.000000"


def test_a_network_that_nobody_trained_says_so():
    assert "trained on: nothing" in render_card(facts(training={}))


def test_of_a_competition_the_card_is_about_val():
    unlabelled = COUNTS[""] | {"n_known_queries": 0, "n_unknown_queries": 0}
    test = PART | {"counts": {"": unlabelled}}
    metrics = {"test": test, "val": PART, "test_fingerprint": "t", "split_policy": "official"}
    card = render_card(facts(metrics=metrics))
    assert "| metric | on val (the test has no labels) |" in card
    assert model_card.POLICIES["official"] in card
