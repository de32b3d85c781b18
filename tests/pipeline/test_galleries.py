"""Galleries made of runs: they answer as the run does, and grow by photographs that are embedded once."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from reid_lib.core import frames
from reid_lib.core.errors import CatalogueError, GalleryError
from reid_lib.data.catalogue import Catalogue, read_catalogue
from reid_lib.gallery import changes
from reid_lib.gallery.store import open_gallery
from reid_lib.nets.network import ReidModel
from reid_lib.params.fields import IdentifyParams
from reid_lib.pipeline import galleries
from reid_lib.pipeline.identification import identify


@pytest.fixture
def run(fused, monkeypatch, tmp_path, cache):
    monkeypatch.setenv("REID_RUNS", str(fused[0].run.folder.parent))
    monkeypatch.setenv("REID_GALLERIES", str(tmp_path / "galleries"))
    monkeypatch.setenv("REID_CACHE", str(cache))
    shutil.rmtree(fused[0].run.folder.parent / "answers", ignore_errors=True)
    return fused[0].run.name


def noise(folder, n: int, *, seed: int = 0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for k in range(n):
        Image.fromarray(rng.integers(0, 255, (90, 90, 3), dtype=np.uint8)).save(folder / f"Bild {k}.png")
    return folder


def test_a_gallery_answers_as_the_run_it_was_made_of(run, tmp_path, fused):
    gallery = galleries.export_run(run, "animals")
    assert gallery.version().images == len(fused[0].catalogue) and gallery.recipe().shift
    photos = str(noise(tmp_path / "new", 3))
    given = {"photos": photos, "dataset": "turtles"}
    of_run = identify(IdentifyParams(run=run, **given))
    assert galleries.find_run("animals") == run
    shutil.move(fused[0].run.folder.parent, moved := tmp_path / "away")  # the gallery needs no run any more
    try:
        of_gallery = identify(IdentifyParams(gallery="animals", **given))
        with pytest.raises(GalleryError, match="results it does not keep, and that run cannot be opened: there is no"):
            galleries.find_run("animals")
    finally:
        shutil.rmtree(fused[0].run.folder.parent)
        shutil.move(moved, fused[0].run.folder.parent)
    same = [name for name in of_run.answers if not name.startswith("gallery")]
    assert of_run.answers[same].equals(of_gallery.answers[same])
    assert "gallery animals" in of_gallery.summary and "images of data set turtles" in of_gallery.summary
    with pytest.raises(GalleryError, match="there is a gallery 'animals' already"):
        galleries.export_run(run, "animals")


def test_a_run_that_was_trained_anew_is_not_taken_for_that_of_a_gallery(monkeypatch):
    recipe = SimpleNamespace(run="mine", weights_sha256="of then")
    monkeypatch.setattr(galleries, "open_gallery", lambda name: SimpleNamespace(recipe=lambda: recipe))
    monkeypatch.setattr(galleries.FinishedRun, "load", lambda name: SimpleNamespace(weights_sha256="of now"))
    with pytest.raises(GalleryError, match="'mine'.*the run of that name has other weights by now"):
        galleries.find_run("animals")


def test_what_is_added_is_embedded_alone_and_found_from_then_on(run, tmp_path, monkeypatch):
    gallery = galleries.export_run(run, "animals")
    folder, embedded = noise(tmp_path / "Neue Katze", 3), []
    forward = ReidModel.embed_features

    def counted(self, features):
        embedded.append(len(features))
        return forward(self, features)

    monkeypatch.setattr(ReidModel, "embed_features", counted)
    found = galleries.add_folder(gallery, str(folder), identity="Mia", dataset="lynxes")
    assert (found.added, found.there) == (3, []) and sum(embedded) <= 16  # one batch
    answers = identify(IdentifyParams(gallery="animals", photos=str(folder), dataset="lynxes")).answers
    assert (answers["identity_1"] == "Mia").all() and answers["already_enrolled"].str.startswith("the same file").all()
    again = galleries.add_folder(gallery, str(folder), identity="Mia", dataset="lynxes")
    assert again.added == 0 and len(again.there) == 3 and again.version.number == found.version.number
    assert again.there[0].endswith("(Mia)")
    other = galleries.add_folder(gallery, str(folder), identity="Mia", dataset="turtles")
    assert other.added == 0 and all(words.endswith("(Mia), under data set lynxes") for words in other.there)
    assert "added Mia (3)" in [version.what for version in gallery.log()]
    changes.undo(gallery)
    assert "Mia" not in set(gallery.rows()[1]["identity"])


def test_folders_name_the_animals_and_what_has_no_name_is_refused(run, tmp_path):
    gallery = galleries.export_run(run, "animals")
    noise(tmp_path / "new" / "Änne", 2, seed=1), noise(tmp_path / "new" / "Bär" / "tief", 1, seed=2)
    shutil.copy(tmp_path / "new" / "Bär" / "tief" / "Bild 0.png", tmp_path / "new" / "Änne" / "copy.png")
    found = galleries.add_folder(gallery, str(tmp_path / "new"), dataset="lynxes")
    assert found.added == 3 and found.there == ["Änne/copy.png: Bär/tief/Bild 0.png (Bär)"]
    counts = gallery.rows()[1]["identity"].value_counts()
    assert (counts["Änne"], counts["Bär"]) == (2, 1)
    with pytest.raises(GalleryError, match=r"no named animal.*--identity NAME"):
        galleries.add_folder(gallery, str(noise(tmp_path / "flat", 1, seed=3)), dataset="lynxes")
    with pytest.raises(GalleryError, match="say which one"):
        galleries.add_folder(gallery, str(tmp_path / "flat"), identity="x")
    with pytest.raises(GalleryError, match="not lynx"):
        galleries.add_folder(gallery, str(tmp_path / "flat"), identity="x", dataset="lynx")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "empty.jpg").touch()
    with pytest.raises(CatalogueError, match="empty.jpg: empty file"):
        galleries.add_folder(gallery, str(tmp_path / "none"), identity="x", dataset="lynxes")


def test_the_catalogue_of_a_gallery_is_read_as_a_table(run, tmp_path, fused):
    gallery = galleries.export_run(run, "animals")
    changes.rename_animal(gallery, "L001", "Lotte")
    galleries.write_catalogue(gallery, tmp_path / "catalogue.csv")
    read = read_catalogue("csv", str(tmp_path / "catalogue.csv"))
    assert isinstance(read, Catalogue) and len(read) == len(fused[0].catalogue)
    own = fused[0].catalogue.rows.set_index("image_id")
    rows = read.rows.set_index("image_id").loc[own.index]
    assert (rows["identity"] == own["identity"].replace("L001", "Lotte")).all()
    assert (rows["encounter"] == own["encounter"]).all() and (rows["dataset"] == own["dataset"]).all()
    assert len(frames.read_csv(tmp_path / "catalogue.csv")) == len(open_gallery("animals").rows()[1])
