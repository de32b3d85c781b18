"""New photographs, from the question to the answers: those of evaluate.ipynb, exactly; broken files stop nothing."""

import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from browser import browser_path, playwright
from PIL import Image

from reid_lib.core import files, frames
from reid_lib.core.errors import RunDiffersError, RunError
from reid_lib.core.names import PREDICTED, PREDICTIONS_CSV, ROLE, TEST
from reid_lib.params.fields import IdentifyParams
from reid_lib.pipeline import identification
from reid_lib.pipeline.identification import identify


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("REID_CACHE", str(tmp_path / "cache"))


def use(evaluated, monkeypatch):
    run = evaluated[0].run
    monkeypatch.setenv("REID_RUNS", str(run.folder.parent))
    shutil.rmtree(run.folder.parent / "answers", ignore_errors=True)
    return run


@pytest.mark.parametrize("kind", ["evaluated", "fused", "by_encounter"])
def test_of_the_same_gallery_the_answers_are_those_of_evaluate_to_the_last_bit(request, kind, monkeypatch, empty_cache):
    """Photographs of held-out encounters, known and unknown animals, in an empty cache: everything is computed anew."""
    run = use(request.getfixturevalue(kind), monkeypatch)
    answers = identify(IdentifyParams(run=run.name, enrolled="gallery")).answers.set_index("image_id")
    rows = frames.read_csv(run.path(PREDICTIONS_CSV))
    stored = rows[rows[ROLE] == TEST].set_index("image_id")
    if kind == "by_encounter":  # one row there for each encounter: that of its first photograph
        assert len(answers) > len(stored)
    answers = answers.loc[stored.index]
    assert answers["decision"].tolist() == stored[PREDICTED].tolist()
    assert (answers["score"] == stored["score"]).all()
    for rank in range(1, 6):
        for column in (f"identity_{rank}", f"image_{rank}"):
            assert answers[column].fillna("").tolist() == stored[column].fillna("").tolist(), column
    if kind != "evaluated":
        assert (answers["probability_1"] == stored["score"]).all()


@pytest.fixture
def photos(fused, tmp_path):
    """A folder as people have it, of animals of the data set "salamanders"."""
    rows = fused[0].catalogue.rows
    some = rows[rows["dataset"] == "salamanders"].head(3)
    folder = tmp_path / "neue Fotos äöü"
    (folder / "Straße 1" / "tief").mkdir(parents=True)
    files = [fused[0].catalogue.root / path for path in some["path"]]
    shutil.copy(files[0], folder / "Straße 1" / "Bär 1.JPG")
    Image.open(files[1]).resize((140, 140)).save(folder / "Straße 1" / "tief" / "scaled.png")
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "another <b>.png")
    (folder / "cut off.jpg").write_bytes(files[2].read_bytes()[:700])
    whole = bytearray((folder / "another <b>.png").read_bytes())
    whole[2000:2100] = bytes(100)  # its end is there, its pixels are not
    (folder / "damaged inside.png").write_bytes(whole)
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("hello")
    return folder, some


def test_broken_files_stop_nothing_and_what_is_enrolled_is_said(fused, photos, monkeypatch, cache):
    monkeypatch.setenv("REID_CACHE", str(cache))
    run, (folder, some) = use(fused, monkeypatch), photos
    shutil.copy(folder / "another <b>.png", folder / "twin.png")
    Image.open(folder / "another <b>.png").save(folder / "saved again.jpg", quality=95)
    given = {"run": run.name, "photos": str(folder), "folders": "encounter", "dataset": "salamanders"}
    found = identify(IdentifyParams(**given))
    answers = frames.read_csv(found.folder / "answers.csv").set_index("path")
    assert sorted(answers.index) == sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    )
    bad = {"cut off.jpg", "damaged inside.png", "empty.jpg", "notes.txt"}
    assert set(answers.index[answers["problem"].notna()]) == bad and answers["decision"].isna().sum() == 4
    same, scaled = answers.loc["Straße 1/Bär 1.JPG"], answers.loc["Straße 1/tief/scaled.png"]
    assert same["already_enrolled"] == f"the same file as {some['image_id'].iloc[0]} of {some['identity'].iloc[0]}"
    assert scaled["already_enrolled"].startswith(f"nearly the same picture as {some['image_id'].iloc[1]} of")
    assert same["encounter"] == "Straße 1" and pd.isna(answers.loc["another <b>.png", "encounter"])
    assert same["image_1"] == some["image_id"].iloc[0] and same["date_1"] == some["date"].iloc[0]
    assert answers["probability"].dropna().between(0, 1).all()
    used = answers[answers["decision"].notna()]
    assert set(used["gallery_images"]) == {len(fused[0].catalogue)} and set(used["gallery"]) == {f"run {run.name}"}
    twice = answers["asked_twice"].dropna().to_dict()
    assert twice["twin.png"] == "the same file as another <b>.png" and set(twice) == {"twin.png", "saved again.jpg"}
    assert twice["saved again.jpg"] == "nearly the same picture as another <b>.png"
    assert "1 photograph is the same file as another new one." in found.summary
    assert "9 photographs: " in found.summary and "4 could not be used" in found.summary
    assert (
        "1 photograph was enrolled already" in found.summary and "1 photograph shows nearly the same" in found.summary
    )
    assert "images of data set salamanders" in found.summary
    assert "Not usable: empty.jpg: empty file" in found.summary
    page = found.page.read_text(encoding="utf-8")
    assert page.count("empty.jpg") == 1 and page.count("Asked twice: ") == 2


def test_asked_again_the_answers_stay_with_what_a_person_wrote_into_them(fused, photos, monkeypatch, cache):
    monkeypatch.setenv("REID_CACHE", str(cache))
    run, (folder, _) = use(fused, monkeypatch), photos
    given = {"run": run.name, "photos": str(folder), "dataset": "salamanders"}
    first = identify(IdentifyParams(**given))
    frames.write_csv(first.folder / "answers.csv", first.answers.assign(accepted="yes"))
    again = identify(IdentifyParams(**given))
    assert again.folder == first.folder and set(again.answers["accepted"]) == {"yes"} and again.summary == first.summary
    for name in ("summary.txt", "answers.html"):
        content = (first.folder / name).read_bytes()
        (first.folder / name).write_bytes(content[:-9] + bytes([content[-9] ^ 4]) + content[-8:])
        with pytest.raises(RunError, match=f"{name} is not as it was written.*delete asked.json there"):
            identify(IdentifyParams(**given))
        (first.folder / name).write_bytes(content)
    os.remove(folder / "notes.txt")
    other = identify(IdentifyParams(**given))
    assert other.folder != first.folder and len(other.answers) == len(first.answers) - 1
    with pytest.raises(RunDiffersError, match="are there already"):
        identify(IdentifyParams(**given, answers=first.folder.name))


def test_answers_of_which_nobody_knows_to_what_are_neither_shown_nor_written_over(tmp_path):
    """asked.json says to which photographs: damaged, it used to stand for any others; lost, a person's words went."""
    asked = identification._asked_there
    assert asked(tmp_path) is None
    files.write_checked_json(tmp_path / "asked.json", {"format": 1, "key": {"target": "run r"}})
    assert asked(tmp_path) == {"target": "run r"}
    content = (tmp_path / "asked.json").read_bytes()
    for damaged in (b"", content[:30], content.replace(b"run r", b"run s")):
        (tmp_path / "asked.json").write_bytes(damaged)
        assert asked(tmp_path) == {}  # equal to no question
    (tmp_path / "asked.json").unlink()
    table = pd.DataFrame({"image_id": ["a"], "accepted": [None]}, dtype=object)
    frames.write_csv(tmp_path / "answers.csv", table)
    assert asked(tmp_path) is None  # of a killed process
    frames.write_csv(tmp_path / "answers.csv", table.assign(accepted="Anna"))
    assert asked(tmp_path) == {}


@pytest.mark.parametrize("lost", ["answers.csv", "summary.txt", "answers.html"])
def test_answers_that_are_damaged_are_told_with_what_to_do(tmp_path, lost):
    columns = [*(name for name in identification.SHOWN if name != "asked_twice"), "accepted"]  # as before they had it
    frames.write_csv(tmp_path / "answers.csv", pd.DataFrame([["a"] * len(columns)], columns=columns))
    for name in ("summary.txt", "answers.html"):
        (tmp_path / name).write_text("1 photograph\n")
    assert identification.load_answers(tmp_path).summary == "1 photograph"
    table = identification.load_answers(tmp_path).table()
    assert "asked twice" not in table and "enrolled already" in table and table.index.name == "photograph"
    (tmp_path / lost).unlink()
    with pytest.raises(RunError, match="are damaged.*delete asked.json there, and the photographs are answered again"):
        identification.load_answers(tmp_path)


def test_a_folder_without_one_usable_photograph_says_why(fused, monkeypatch, cache, tmp_path):
    monkeypatch.setenv("REID_CACHE", str(cache))
    run = use(fused, monkeypatch)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "empty.jpg").touch()
    found = identify(IdentifyParams(run=run.name, photos=str(tmp_path / "bad"), dataset="turtles"))
    assert found.answers["problem"].tolist() == ["empty file (0 bytes)"] and "1 could not be used" in found.summary


@pytest.mark.slow
def test_the_page_opens_in_a_browser_and_asks_nobody(fused, photos, monkeypatch, cache):
    monkeypatch.setenv("REID_CACHE", str(cache))
    run, (folder, _) = use(fused, monkeypatch), photos
    found = identify(IdentifyParams(run=run.name, photos=str(folder), dataset="salamanders"))
    asked = []
    with playwright()() as browsers:
        browser = browsers.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        errors = []
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(found.page.as_uri())
        assert page.locator("section.photograph").count() == 3
        widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        assert len(widths) >= 3 and min(widths) > 0
        assert page.locator("svg line").count() > 10 and page.get_by_text("another <b>.png").count() >= 1
        assert page.get_by_text("empty file (0 bytes)").count() >= 1
        browser.close()
    assert not errors and all(re.match("file:|data:", url) for url in asked)
