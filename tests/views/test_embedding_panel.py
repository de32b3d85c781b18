"""One run's scatter plot without a browser: what colours and sizes of its points say."""

import pandas as pd
import pytest

from reid_lib.core.names import IMAGE_ID, ROLE
from reid_lib.figures import style
from reid_lib.views import embedding_panel
from reid_lib.views.embeddings import COLOUR_BY


@pytest.mark.parametrize("label", list(COLOUR_BY))
def test_every_point_has_a_colour(picker, label):
    frame = picker.comparison.run("plain").projection.reset_index(drop=True)
    values, colours = embedding_panel.colouring(frame, COLOUR_BY[label])
    assert len(values) == len(frame) and not values.isna().any()
    if colours:
        assert set(values.astype(str)) == set(colours)


def test_right_and_wrong_are_coloured_as_they_were_answered(picker):
    frame = picker.comparison.run("triplet").projection
    values, _ = embedding_panel.colouring(frame, "outcome")
    predictions = picker.comparison.run("triplet").predictions
    of_queries = values.set_axis(frame[IMAGE_ID]).loc[predictions.index].astype(str)
    right = (predictions["predicted"] == predictions["identity"]) | (
        ~predictions["known"].astype(bool) & (predictions["predicted"] == "new_individual")
    )
    assert ((of_queries == "right") == right).all() and 0 < right.sum() < len(right)
    assert set(values[(frame[ROLE] == "gallery").to_numpy()].astype(str)) == {"gallery"}


def test_many_data_sets_share_the_last_colour():
    frame = pd.DataFrame({"dataset": [f"d{k:02d}" for k in range(30)], "role": "test"})
    values, colours = embedding_panel.colouring(frame, "dataset")
    assert len(colours) == len(style.CYCLE) and (values == embedding_panel.OTHER).sum() == 30 - len(colours) + 1
