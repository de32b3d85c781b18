"""What the background gives away: photographs of one sighting on both sides of a split."""

import numpy as np
import pandas as pd
import pytest

from reid_lib.core.errors import SplitError
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.match.cosine import Cosine
from reid_lib.openset.leak import measure_top1_by_split
from reid_lib.params.fields import EvaluateParams

PARAMS = EvaluateParams(val_split=0.3, test_split=0.3, unknown_split=0.1)


def stored(of_background: float) -> list[EmbeddingSet]:
    """Twelve animals, four encounters of three photographs each; features of the animal, and of the encounter."""
    rng, rows, features = np.random.default_rng(0), [], []
    for animal in range(12):
        own = rng.normal(size=32)
        for encounter in range(4):
            place = rng.normal(size=32)
            for k in range(3):
                name = f"{animal}-{encounter}-{k}"
                rows.append({"image_id": name, "path": name, "identity": str(animal), "dataset": "d",
                             "individual": f"d/{animal}", "encounter": f"{animal}-{encounter}", "role": "gallery",
                             "known": True})  # fmt: skip
                features.append(0.3 * own + of_background * place + 0.3 * rng.normal(size=32))
    rows, features = pd.DataFrame(rows), np.array(features, dtype=np.float32)
    half = len(rows) // 2
    return [
        EmbeddingSet(features[part], rows.iloc[part].reset_index(drop=True))
        for part in (slice(half), slice(half, None))
    ]


def test_a_random_split_looks_better_when_features_see_the_background():
    table = measure_top1_by_split(stored(2.0), PARAMS, Cosine).set_index("split")["value"]
    assert table["random"] > table["encounter"] + 0.3


def test_without_encounters_it_is_refused_with_the_cure():
    parts = [EmbeddingSet(part.features, part.rows.drop(columns="encounter")) for part in stored(0.0)]
    with pytest.raises(SplitError, match="encounters are unknown"):
        measure_top1_by_split(parts, PARAMS, Cosine)
