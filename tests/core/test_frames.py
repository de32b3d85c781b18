"""Files written whole or not at all, and what survives them."""

import numpy as np
import pandas as pd

from reid_lib.core import frames
from reid_lib.core.names import NEW_INDIVIDUAL


def test_numbers_and_names_survive_a_csv(tmp_path):
    frame = pd.DataFrame(
        {
            "image_id": ["007", "NA", "x,y", "ü\n"],
            "identity": ["01", None, "None", NEW_INDIVIDUAL],
            "decision": ["01", "02", None, "03"],
            "known": pd.array([True, None, False, True], dtype="boolean"),
            "score": [0.1 + 0.2, np.nan, 1 / 3, np.float32(0.1)],
        }
    )
    frames.write_csv(tmp_path / "x.csv", frame)
    back = frames.read_csv(tmp_path / "x.csv")
    assert back["image_id"].tolist() == frame["image_id"].tolist()
    assert back["decision"].tolist()[:2] == ["01", "02"] and pd.isna(back["decision"][2])
    assert [None if pd.isna(name) else name for name in back["identity"]] == ["01", None, "None", NEW_INDIVIDUAL]
    assert back["known"].tolist() == frame["known"].tolist()
    np.testing.assert_array_equal(back["score"], frame["score"])
