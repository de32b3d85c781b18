"""Small runs of noise, whole and broken off, and the damage that their files may take: for tests and benchmarks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reid_lib.core.errors import TrainingInterrupted
from reid_lib.params.fields import TrainParams
from reid_lib.pipeline.whole_run import run_all
from reid_lib.train import loop

SMALL = {
    "backbone": "test_resnet",
    "pretrained": False,
    "image_size": 32,
    "embedding_dim": 16,
    "batch_size": 16,
    "num_epochs": 2,
}


def write_noise(root: Path) -> None:
    """Eight animals of noise, six photographs each, in the folder `photos`."""
    rng = np.random.default_rng(0)
    for k in range(48):
        path = root / "photos" / f"a{k // 6}" / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)


def make_runs(root: Path, **given) -> Path:
    """Two equal runs, `whole` and `mine`, and `broken`, the same, stopped after its first epoch, in the folder `runs`;
    of the photographs in `photos`, unless other parameters are given. Returns `root`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REID_RUNS", str(root / "runs"))
        patch.setenv("REID_CACHE", str(root / "cache"))
        for name in ("whole", "mine"):
            run_all(parameters(root, name, **given))

        def stop_there(training):
            if training.progress.epoch == 1:
                raise TrainingInterrupted("stopped")

        patch.setattr(loop._Training, "stop_if_asked", stop_there)
        with pytest.raises(TrainingInterrupted):
            run_all(parameters(root, "broken", **given))
    return root


def parameters(made: Path, name: str, **given) -> TrainParams:
    where = {"dataset": "folder", "data_root": str(made / "photos"), "run_name": name}
    return TrainParams.checked(SMALL | where | given)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garble(path: Path) -> None:
    path.write_bytes(b"\x00\xff no such thing" * 40)


def flip(path: Path) -> None:
    flip_bit(path, path.stat().st_size * 2 // 3, 2)


def flip_bit(path: Path, place: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def flip_at_random(seed: int) -> Callable[[Path], None]:
    """One bit somewhere, which the seed decides."""

    def flip_somewhere(path: Path) -> None:
        rng = np.random.default_rng([seed, path.stat().st_size])
        flip_bit(path, int(rng.integers(path.stat().st_size)), int(rng.integers(8)))

    return flip_somewhere


def delete(path: Path) -> None:
    path.unlink()


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
