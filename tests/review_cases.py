"""A finished run that can be reviewed, made in a second; and the truth of its photographs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import catalogue, embeddings, make_run
from PIL import Image

from reid_lib.core.names import EMBEDDINGS, IMAGE_ID, INDIVIDUAL, MODEL_JSON, MODEL_WEIGHTS, ROLE, ROLES
from reid_lib.embed.embedding_set import EmbeddingSet
from reid_lib.pipeline.review import open_review
from reid_lib.review.decisions import DIFFERENT, SAME

HOSTILE = "<img src=x onerror=window.hacked=1>"


def reviewable_rows(**given) -> pd.DataFrame:
    """Photographs of a run; the file of one has a name that is hostile HTML, as has an animal."""
    rows = catalogue(**{"n_known": 6, "n_unknown": 6, "images": 2, "datasets": ("a",)} | given)
    odd = rows[INDIVIDUAL] == rows[INDIVIDUAL].iloc[0]
    rows.loc[odd, "identity"], rows.loc[odd, INDIVIDUAL] = HOSTILE, f"a/{HOSTILE}"
    rows["path"] = [path.replace(".png", f" {HOSTILE}.png") for path in rows["path"]]
    rows["date"] = [f"2024-05-{1 + k % 28:02d} 10:00:00" for k in range(len(rows))]
    return rows


def write_patterns(rows: pd.DataFrame, root: Path, side: int = 240) -> Path:
    """One picture per image: the pattern of its individual, shifted and made darker or brighter each time."""
    root.mkdir(parents=True, exist_ok=True)
    for k, (path, individual) in enumerate(zip(rows["path"], rows[INDIVIDUAL], strict=True)):
        own, light = (np.random.default_rng(seed) for seed in (sum(map(ord, individual)), k))
        coarse = own.integers(0, 255, (side // 12, side // 9), dtype=np.uint8)[..., None] * own.uniform(0.4, 0.9, 3)
        coarse = coarse.astype(np.uint8)
        left, top = light.integers(0, 20, 2).tolist()
        large = Image.fromarray(coarse).resize((side * 4 // 3 + 20, side + 20), Image.Resampling.BICUBIC)
        pixels = np.asarray(large.crop((left, top, left + side * 4 // 3, top + side)), dtype=np.float32)
        Image.fromarray((pixels * light.uniform(0.6, 1)).astype(np.uint8)).save(root / path)
    return root


def make_reviewable(root: Path, rows: pd.DataFrame, *, name: str = "made", skill: float = 0.9) -> Path:
    """Write the run, its photographs and its embeddings below `root` (runs in REID_RUNS); returns its folder."""
    photos = write_patterns(rows, root / "photos")
    folder = make_run(name, rows, skill=skill, photos=photos)
    everything = EmbeddingSet(embeddings(rows, skill=skill, seed=1), rows)
    (folder / EMBEDDINGS).mkdir()
    for role in ROLES:
        everything.where(rows[ROLE] == role).save(folder / EMBEDDINGS / f"{role}.npz")
    (folder / MODEL_WEIGHTS).write_bytes(b"no network: nothing here is embedded again")
    (folder / MODEL_JSON).write_text("{}")
    told = json.loads((folder / "params.json").read_text())
    (folder / "params.json").write_text(json.dumps(told | {"split_policy": "encounter"}))
    return folder


def make_review(root: Path, rows: pd.DataFrame) -> Path:
    """The run, and a review of it without decisions, for tests to copy; returns `root`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        patch.setenv("REID_CACHE", str(root / "cache"))
        make_reviewable(root, rows)
        open_review("made")
    return root


def copy_review(made: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what `make_review` made, for one test, which finds it; returns `root`."""
    shutil.copytree(made, root, dirs_exist_ok=True)
    monkeypatch.setenv("REID_RUNS", str(root / "runs"))
    monkeypatch.setenv("REID_CACHE", str(root / "cache"))
    return root


def truth_of(rows: pd.DataFrame, pair: tuple[str, str]) -> str:
    """What a person who knows would say."""
    who = rows.set_index(IMAGE_ID)[INDIVIDUAL]
    return SAME if who[pair[0]] == who[pair[1]] else DIFFERENT
