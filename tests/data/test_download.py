"""Fetched ahead: resumed where it broke off, checked when it is there, and then the run needs no network."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hub import serve
from PIL import Image

from reid_lib.cli import fetch
from reid_lib.core.errors import CatalogueError
from reid_lib.core.paths import project_root
from reid_lib.data import download

NAME = "lab/tiny"


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    monkeypatch.setattr(fetch, "PAUSE_S", 0.0)


@pytest.fixture
def hub(tmp_path):
    with serve(tmp_path / "hub") as server:
        (tmp_path / "hub").mkdir(exist_ok=True)
        yield server


def blob(hub, name="data.bin", n=3_000_000) -> bytes:
    data = np.random.default_rng(0).integers(0, 256, n, dtype=np.uint8).tobytes()
    (hub.folder / name).write_bytes(data)
    return data


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, tmp_path, capsys):
    data, hub.break_at = blob(hub), 2_000_000
    target = download.fetch_file(f"{hub.url}/data.bin", tmp_path / "data.bin")
    assert target.read_bytes() == data and "note: data.bin broke off" in capsys.readouterr().out
    assert [begin for _, _, begin in hub.asked] == [0, 2_000_000]
    assert not list(tmp_path.glob("*" + download.PART))


def test_the_next_call_goes_on_with_what_an_earlier_one_left(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    data, hub.break_at = blob(hub), 1_000_000
    with pytest.raises(CatalogueError, match="goes on there"):
        download.fetch_file(f"{hub.url}/data.bin", tmp_path / "data.bin")
    assert download.fetch_file(f"{hub.url}/data.bin", tmp_path / "data.bin").read_bytes() == data
    assert [begin for _, _, begin in hub.asked] == [0, 1_000_000]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["data.bin"]


def test_a_server_without_ranges_sends_it_again(hub, tmp_path):
    data, hub.no_ranges = blob(hub), True
    (tmp_path / f"data.bin{download.PART}").write_bytes(b"something else")
    assert download.fetch_file(f"{hub.url}/data.bin", tmp_path / "data.bin").read_bytes() == data


def test_what_is_there_is_not_fetched_again(hub, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"here")
    download.fetch_file(f"{hub.url}/data.bin", tmp_path / "data.bin")
    assert hub.asked == []


def test_what_cannot_be_had_says_so_and_keeps_what_arrived(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    blob(hub)
    hub.break_at = 1_500_000
    with pytest.raises(CatalogueError, match="1500000 bytes arrived and stay.*goes on there"):
        download.fetch_file(f"{hub.url}/data.bin", tmp_path / "data.bin")
    assert not (tmp_path / "data.bin").exists()
    with pytest.raises(CatalogueError, match="404"):
        download.fetch_file(f"{hub.url}/nothing.bin", tmp_path / "nothing.bin")
    assert [path for _, path, _ in hub.asked].count("/nothing.bin") == 1  # asking again would not help


@pytest.fixture
def nyala(hub, monkeypatch):
    """An archive laid out as that of NyalaData, and the class told where it is."""
    from wildlife_datasets.datasets import NyalaData

    rng, source = np.random.default_rng(0), hub.folder.parent / "source"
    for animal in range(4):
        folder = source / "wildlife_reidentification-main/Nyala_Data_Zero/train" / str(animal)
        folder.mkdir(parents=True)
        for k in range(4):
            image = Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
            image.save(folder / f"{10 * animal + k}_leftphoto.jpg")
    (source / NyalaData.rmtree).mkdir(parents=True)
    with zipfile.ZipFile(hub.folder / "main.zip", "w") as archive:
        for path in sorted(source.rglob("*")):
            archive.write(path, path.relative_to(source))
    monkeypatch.setattr(NyalaData, "url", f"{hub.url}/main.zip")
    monkeypatch.setattr(fetch, "fetch_backbone", lambda *_, **__: None)  # takes a process of its own
    return "wildlife:NyalaData"


def fetched(dataset, root, **more):
    from reid_lib.params.fields import TrainParams

    fetch.fetch(TrainParams(dataset=dataset, data_root=str(root), pretrained=False, backbone="resnet10t", **more))


def test_a_data_set_of_wildlife_datasets_breaks_off_goes_on_and_is_checked(hub, nyala, tmp_path, capsys):
    hub.break_at = 5000
    fetched(nyala, tmp_path / "nyala")
    assert "16 images" in capsys.readouterr().out and hub.break_at is None
    hub.asked.clear()
    fetched(nyala, tmp_path / "nyala")
    assert hub.asked == [] and "is there already" in capsys.readouterr().out


def test_a_damaged_archive_is_taken_away_and_fetched_anew(hub, nyala, tmp_path):
    root = tmp_path / "nyala"
    root.mkdir()
    (root / "main.zip").write_bytes(b"an error page of a proxy")
    with pytest.raises(CatalogueError, match="cannot be unpacked.*fetch again"):
        fetched(nyala, root)
    fetched(nyala, root)


def evil_tar(path: Path, *names: str) -> None:
    """An archive that would write outside of the folder it is unpacked in."""
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))


@pytest.mark.parametrize("name", ["../x", "a/../../x"])
def test_a_tar_archive_of_a_data_set_writes_nothing_outside_of_its_folder(hub, nyala, tmp_path, monkeypatch, name):
    """Unpacked by wildlife-datasets itself, which names no filter: on Python 3.11 to 3.13 it would write `name`."""
    from wildlife_datasets.datasets import NyalaData

    evil_tar(hub.folder / "main.tar.gz", "inside", name)
    monkeypatch.setattr(NyalaData, "url", f"{hub.url}/main.tar.gz")
    monkeypatch.setattr(NyalaData, "archive", "main.tar.gz")
    with pytest.raises(CatalogueError, match="not unpacked to its end.*outside.*Look where it comes from"):
        fetched(nyala, tmp_path / "deep" / "nyala")
    assert not list(tmp_path.rglob("x"))


def test_a_zip_archive_with_a_name_that_leads_out_is_refused_by_name(hub, nyala, tmp_path):
    with zipfile.ZipFile(hub.folder / "main.zip", "a") as archive:
        archive.writestr("../x.jpg", b"evil")
    with pytest.raises(CatalogueError, match=r"main\.zip holds '\.\./x\.jpg', which would lie outside"):
        fetched(nyala, tmp_path / "nyala")
    assert not (tmp_path / "x.jpg").exists() and not list((tmp_path / "nyala").rglob("*.jpg"))


def test_a_damaged_photograph_is_named(hub, nyala, tmp_path):
    fetched(nyala, tmp_path / "nyala")
    broken = sorted((tmp_path / "nyala").rglob("*.jpg"))[5]
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(CatalogueError, match=broken.name):
        fetched(nyala, tmp_path / "nyala")


@pytest.mark.parametrize("dataset", ["folder", "csv", "camtrap-dp", "coco", "megadetector", "demo:small"])
def test_photographs_of_the_users_own_and_the_demo_are_not_fetched(tmp_path, dataset):
    download.fetch_dataset(dataset, str(tmp_path / "mine"))
    assert not list(tmp_path.iterdir())


def test_an_unknown_data_set_is_refused_and_the_nearest_named(tmp_path):
    with pytest.raises(CatalogueError, match="unknown dataset 'animalclef205'.*did you mean 'animalclef2025'"):
        download.fetch_dataset("animalclef205", str(tmp_path / "clef"))


def test_without_a_place_to_put_it_nothing_is_fetched(monkeypatch):
    monkeypatch.delenv("REID_DATA", raising=False)
    with pytest.raises(CatalogueError, match="where to"):
        download.fetch_dataset("animalclef2025", "")


@pytest.fixture
def kaggle(tmp_path, monkeypatch):
    """A stand-in for Kaggle's command line, which needs an account: writes down what it was asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "kaggle"
    script.write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/asked"\n[ -f "$(dirname "$0")/give.zip" ] || exit 1\n'
                      'cp "$(dirname "$0")/give.zip" "$6/$(basename "$4").zip"\n')  # fmt: skip
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_a_relative_folder_that_lies_in_the_project_is_not_fetched_anew_elsewhere(tmp_path, monkeypatch, capsys):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    (project / "photos").mkdir(parents=True)
    (project / "photos" / "one.jpg").write_bytes(b"x")
    elsewhere.mkdir()
    monkeypatch.setattr("reid_lib.core.paths.project_root", lambda: project)
    monkeypatch.chdir(elsewhere)
    download.fetch_dataset("wildlife:NyalaData", "photos")
    assert f"{project / 'photos'} is there already" in capsys.readouterr().out
    assert not list(elsewhere.iterdir())


def test_kaggle_is_asked_for_a_competition_by_its_name(kaggle, tmp_path):
    with zipfile.ZipFile(kaggle / "give.zip", "w") as archive:
        archive.writestr("metadata.csv", "image_id,path,identity\n")
    download.fetch_dataset("animalclef2025", str(tmp_path / "clef"))
    assert (kaggle / "asked").read_text().startswith("competitions download -c animal-clef-2025 -p")
    assert (tmp_path / "clef" / "metadata.csv").exists() and not list((tmp_path / "clef").glob("*.zip"))


def test_kaggle_without_an_account_says_what_to_do(kaggle, tmp_path):
    with pytest.raises(CatalogueError, match="exit code 1.*token into ~/.kaggle.*competitions/animal-clef-2025"):
        download.fetch_dataset("animalclef2025", str(tmp_path / "clef"))


RUN = """
import json, sys
from reid_lib import pipeline
from reid_lib.params.fields import TrainParams
params = TrainParams.checked(json.loads(sys.argv[1]))
catalogue = pipeline.read(params)
pipeline.train(pipeline.start(params, catalogue, pipeline.split(catalogue, params)))
"""


@pytest.mark.slow
@pytest.mark.long
def test_the_script_fetches_a_backbone_that_breaks_off_and_the_run_then_needs_no_network(hub, tmp_path):
    shutil.rmtree(hub.folder)
    hub.add(NAME, "test_vit", input_size=[3, 160, 160], mean=[0.5] * 3, std=[0.5] * 3, interpolation="bicubic")
    hub.break_at = 500_000
    env = os.environ | {
        "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_TELEMETRY": "1",
        "REID_RUNS": str(tmp_path / "runs"), "REID_CACHE": str(tmp_path / "cache"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    arguments = ["-p", "backbone", f"hf-hub:{NAME}", "-p", "dataset", "demo:small", "-p", "num_epochs", "1"]
    script = [str(project_root() / "slurm" / "download.sh"), *arguments]
    done = subprocess.run(script, env=env | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every one of them decoded" in done.stdout and f"backbone: hf-hub:{NAME}" in done.stdout
    assert hub.break_at is None, "nothing was cut off"
    asked = len(hub.asked)
    params = {"backbone": f"hf-hub:{NAME}", "dataset": "demo:small", "num_epochs": 1, "image_size": 160}
    offline = env | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", RUN, json.dumps(params)], env=offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "epoch 1" in done.stdout and len(hub.asked) == asked
