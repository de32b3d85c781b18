"""Figures of several runs: what is drawn, read back from the artists; hand-made tables whose answer is plain."""

from pathlib import Path

import pytest

from reid_lib.figures import labels
from reid_lib.openset.measures import METRICS

LONG = "dataset-demo-small_num_epochs-1_loss-triplet_margin-0.3_seed-"


# -- names


def test_long_names_lose_their_middle_and_stay_different():
    names = [f"{LONG}{i}" for i in range(12)] + ["short"]
    short = labels.shorten_names(names)
    assert short["short"] == "short"
    assert len(set(short.values())) == len(names)
    assert all(len(name) <= 30 and "…" in name for name in short.values() if name != "short")
    middle = labels.shorten_names([f"{'a' * 60}{i}{'b' * 60}" for i in range(3)])
    assert len(set(middle.values())) == 3  # what tells them apart stands in the middle


pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_every_metric_has_words_of_its_own_and_few_of_them_fit_a_column():
    label_of, word_of = ({m: f(m) for m in METRICS} for f in (labels.metric_label, labels.metric_word))
    for words in (label_of, word_of):
        assert all(words.values()) and len(set(words.values())) == len(METRICS)
    assert all(len(word_of[m]) <= min(20, len(label_of[m])) for m in METRICS)


@pytest.mark.parametrize(
    ("metric", "label", "word"),
    [
        ("top1", "top-1: nearest individual is right", "top-1"),
        ("val_top1", "top-1: nearest individual is right, on val", "top-1 on val"),
        ("val_something_else", "something else, on val", "something else on val"),
    ],
)
def test_a_metric_on_val_says_so(metric, label, word):
    assert labels.metric_label(metric) == label and labels.metric_word(metric) == word


def test_a_lower_value_is_better_on_val_as_on_test():
    found = {m for m in METRICS if labels.lower_is_better(m)}
    assert found == {"fpr_at_95_tpr"} == {m for m in METRICS if labels.lower_is_better(f"val_{m}")}
    assert not labels.lower_is_better("no_metric")


def test_a_history_speaks_of_metrics_as_the_tables_do():
    for column in ("val_top1", "val_auroc", "val_baks_baus_area"):
        assert labels.history_column(column).word == labels.metric_word(column)
        assert labels.SCORES[column][0] == labels.metric_word(column.removeprefix("val_"))
    assert labels.history_column("gpu_share") == ("gpu share", "gpu share", "")


def test_words_of_metrics_stand_where_the_metrics_are_defined_and_nowhere_else():
    package = Path(__file__).parents[2] / "reid_lib"
    words = [metric.label for metric in METRICS.values()] + ["FPR at", "top-5"]
    said = {file.name for file in package.rglob("*.py") for word in words if f'"{word}' in file.read_text()}
    assert said == {"measures.py"}


def test_names_keep_the_end_in_which_they_differ():
    assert labels.shorten("short", 22) == "short" and labels.shorten("two\nlines", 22) == "two lines"
    assert labels.shorten("abcdefghij 123456789", 10) == "abcde…6789" and len(labels.shorten("x" * 99, 22)) == 22


def test_a_label_is_broken_between_its_parts_and_no_value_is_cut():
    label = "loss triplet, margin 0.2, lr 3e-4, embedding size 256"
    assert labels.wrap_names([label], 30) == {label: "loss triplet, margin 0.2,\nlr 3e-4, embedding size 256"}
    assert labels.wrap_names([label], 99) == {label: label}
    assert labels.wrap_names(["short, one"], 30) == {"short, one": "short, one"}
    runs = [f"{LONG}{i}" for i in range(12)]  # names have no parts: they lose their middle, and stay different
    assert labels.wrap_names(runs) == labels.shorten_names(runs)
    alike = [f"evaluation of {'a' * 60}{i}{'b' * 60}, seed 1" for i in range(3)]
    assert len(set(labels.wrap_names(alike).values())) == 3
