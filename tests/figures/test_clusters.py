"""The figure of clusters, read back from the artists."""

import numpy as np
import pandas as pd
import pytest
from drawn import texts

from reid_lib.discover.measures import measure_clusters
from reid_lib.figures.clusters import DRAWN, clusters_panels

pytestmark = pytest.mark.usefixtures("no_figure_is_left")


def measured(*names, labels=True):
    rng = np.random.default_rng(0)
    rows = [
        pd.DataFrame({"dataset": n, "identity": rng.integers(0, 9, 40).astype(str), "cluster": rng.integers(0, 12, 40)})
        for n in names
    ]
    rows = pd.concat(rows) if labels else pd.concat(rows).assign(identity=None)
    return measure_clusters(rows, repetitions=50)


def test_points_are_measures_with_their_intervals_and_bars_are_numbers():
    found = measured("lynx", "_newt $x$")
    left, right = clusters_panels(found).axes
    for container, of in zip(left.containers, found["datasets"].values(), strict=True):
        assert container.lines[0].get_xdata() == pytest.approx([of[m]["value"] for m in DRAWN])
        segments = [s[:, 0] for s in container.lines[2][0].get_segments()]
        assert segments[0] == pytest.approx([of["ari"]["low"], of["ari"]["high"]])
    widths = [[bar.get_width() for bar in bars] for bars in right.containers]
    counts = found["counts"].values()
    keys = ("n_clusters", "n_clusters_of_one", "n_individuals", "n_individuals_seen_once")
    assert widths == [[of[key] for of in counts] for key in keys]
    assert any(f"{of['n_clusters']} ({of['n_clusters_of_one']})" in text for text in texts(right) for of in counts)


def test_without_labels_that_is_said():
    figure = clusters_panels(measured("lynx", labels=False))
    assert all(any("no label of test" in text for text in texts(ax)) for ax in figure.axes)
