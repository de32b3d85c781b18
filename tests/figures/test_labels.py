"""Figures of several runs: what is drawn, read back from the artists; hand-made tables whose answer is plain."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

from reid_lib.figures import labels

matplotlib.use("Agg")

LONG = "dataset-demo-small_num_epochs-1_loss-triplet_margin-0.3_seed-"


@pytest.fixture(autouse=True)
def no_figure_is_left():
    plt.close("all")
    yield
    plt.close("all")


# -- names


def test_long_names_lose_their_middle_and_stay_different():
    names = [f"{LONG}{i}" for i in range(12)] + ["short"]
    short = labels.shortened(names)
    assert short["short"] == "short"
    assert len(set(short.values())) == len(names)
    assert all(len(name) <= 30 and "…" in name for name in short.values() if name != "short")
    middle = labels.shortened([f"{'a' * 60}{i}{'b' * 60}" for i in range(3)])
    assert len(set(middle.values())) == 3  # what tells them apart stands in the middle


matplotlib.use("Agg")

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def test_every_headline_metric_is_written_out():
    from reid_lib.openset.measures import METRICS

    assert set(METRICS) <= set(labels.METRIC_LABELS)
