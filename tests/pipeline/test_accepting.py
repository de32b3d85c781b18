"""Accepted answers go into a gallery: one new name for each group, nothing twice, undone as one change."""

import shutil

import pandas as pd
import pytest
from gallery_cases import make_gallery
from local_cases import pattern
from PIL import Image

from reid_lib.core import files, frames
from reid_lib.core.errors import CatalogueError, GalleryError, ReidError
from reid_lib.data.catalogue import read_catalogue
from reid_lib.gallery import changes
from reid_lib.gallery.store import open_gallery
from reid_lib.params.fields import IdentifyParams
from reid_lib.pipeline import galleries
from reid_lib.pipeline.accepting import accept_answers
from reid_lib.pipeline.identification import identify


@pytest.fixture
def answered(evaluated, monkeypatch, tmp_path, cache):
    """A gallery, and answers to four new photographs, of which two show one new animal by their label."""
    monkeypatch.setenv("REID_RUNS", str(evaluated[0].run.folder.parent))
    monkeypatch.setenv("REID_GALLERIES", str(tmp_path / "galleries"))
    monkeypatch.setenv("REID_CACHE", str(cache))
    shutil.rmtree(evaluated[0].run.folder.parent / "answers", ignore_errors=True)
    folder = tmp_path / "neue Fotos"
    folder.mkdir()
    for k in range(4):
        Image.fromarray(pattern(k + 20)).save(folder / f"Bild {k}.png")
    (folder / "leer.png").touch()
    gallery = galleries.export_run(evaluated[0].run.name, "animals")
    found = identify(IdentifyParams(gallery="animals", photos=str(folder), dataset="lynxes"))
    table = found.answers.copy()
    told = {"decision": ["L001", "new_individual", "new_individual", "new_individual", None]}
    told["new_animal"] = [None, "new-aa", "new-aa", "new-bb", None]
    return gallery, found.folder / "answers.csv", table.assign(**told)


def accept(answers, table: pd.DataFrame, words: list[str | None], **given):
    frames.write_csv(answers, table.assign(accepted=words))
    return accept_answers(answers, "animals", **given)


def names(gallery) -> dict[str, int]:
    rows = gallery.rows()[1]
    return rows.loc[rows["path"].str.startswith("Bild"), "identity"].value_counts().to_dict()


def test_each_word_does_what_it_says_and_the_catalogue_has_it(answered, tmp_path):
    gallery, answers, table = answered
    before = gallery.version()
    found = accept(answers, table, ["yes", "Yes ", "ja", "Fritz", None], catalogue=tmp_path / "corrected.csv")
    assert found.added == 4 and names(gallery) == {"L001": 1, "new-0001": 2, "Fritz": 1}
    corrected = read_catalogue("csv", str(tmp_path / "corrected.csv"))
    assert len(corrected) == before.images + 4
    assert (corrected.rows["identity"] == "new-0001").sum() == 2
    changes.undo(gallery)
    assert names(gallery) == {} and gallery.version().images == before.images


def test_accepted_twice_nothing_is_there_twice(answered):
    gallery, answers, table = answered
    first = accept(answers, table, ["yes", "yes", "no", "", None])
    assert names(gallery) == {"L001": 1, "new-0001": 1}
    again = accept(answers, table, ["yes", "yes", "no", "", None], catalogue=answers.parent / "again.csv")
    assert again.added == 0 and len(again.there) == 2 and again.version == first.version
    accept(answers, table, ["", "", "yes", "new", None])  # the rest of the group, later; and another group
    assert names(gallery) == {"L001": 1, "new-0001": 2, "new-0002": 1}


def test_a_group_goes_to_the_animal_it_became_and_a_new_name_is_never_one_that_was(answered):
    gallery, answers, table = answered
    accept(answers, table, ["", "yes", "", "", None])
    changes.rename_animal(gallery, "new-0001", "Clara")
    accept(answers, table, ["", "", "yes", "yes", None])
    assert names(gallery) == {"Clara": 2, "new-0002": 1}


def test_the_name_of_an_animal_is_its_name_whatever_else_the_word_means(answered):
    gallery, answers, table = answered
    changes.rename_animal(gallery, "L002", "1")
    accept(answers, table, ["1", "no", "1", "", None])
    assert names(gallery) == {"1": 2}


def test_an_animal_of_another_data_set_is_accepted_with_it(answered):
    gallery, answers, table = answered
    rows = gallery.rows()[1]
    other = rows.loc[rows["dataset"] != "lynxes", ["dataset", "identity"]].iloc[0]
    accept(answers, table, ["lynxes/L001", f"{other['dataset']}/{other['identity']}", "", "", None])
    rows = gallery.rows()[1]
    added = rows[rows["path"].str.startswith("Bild")]
    assert added["individual"].tolist() == ["lynxes/L001", f"{other['dataset']}/{other['identity']}"]


def test_what_a_table_told_of_a_photograph_is_kept(answered, tmp_path):
    gallery, *_ = answered
    table = 'path,bbox,orientation,species\nBild 0.png,"2,3,40,50",left,Lynx lynx\nBild 1.png,,,\n'
    (tmp_path / "neue Fotos" / "table.csv").write_text(table)
    asked = IdentifyParams(gallery="animals", photos=str(tmp_path / "neue Fotos" / "table.csv"), dataset="lynxes")
    found = identify(asked)
    accept(found.folder / "answers.csv", found.answers, ["Fritz", "Fritz"])
    rows = gallery.rows()[1].set_index("identity").loc["Fritz"]
    assert rows[["bbox", "orientation", "species"]].to_numpy().tolist() == [
        ["2,3,40,50", "left", "Lynx lynx"],
        [None, None, None],
    ]
    (tmp_path / "neue Fotos" / "table.csv").write_text(table.replace("left", "right"))
    again = identify(asked)  # of what is told otherwise, the answers may be others
    assert again.folder != found.folder and again.answers["orientation"].tolist()[0] == "right"
    assert again.answers["already_enrolled"].str.startswith("the same file as").all()


def test_a_rejected_file_is_not_accepted_whatever_stands_beside_it(answered):
    gallery, answers, table = answered
    with pytest.raises(CatalogueError, match="nothing is accepted"):
        accept(answers, table, ["", None, "no", "-", "yes"])


def test_what_is_in_the_way_is_told_and_changes_nothing(answered, tmp_path):
    gallery, answers, table = answered
    before = gallery.version()
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(GalleryError, match="is there already"):
        accept(answers, table, ["yes", "", "", "", None], catalogue=tmp_path / "there.csv")
    (tmp_path / "neue Fotos" / "Bild 0.png").rename(tmp_path / "elsewhere.png")
    with pytest.raises(GalleryError, match=r"not in .*Bild 0.png.*put back"):
        accept(answers, table, ["yes", "", "", "", None])
    frames.write_csv(tmp_path / "other.csv", table.drop(columns="decision"))
    with pytest.raises(CatalogueError, match="no column 'decision'"):
        accept_answers(tmp_path / "other.csv", "animals")
    shutil.copy(answers, tmp_path / "moved.csv")
    with pytest.raises(CatalogueError, match="leave answers.csv in the folder"):
        accept_answers(tmp_path / "moved.csv", "animals")
    with pytest.raises(GalleryError, match="there is no gallery"):
        accept_answers(answers, "nobody")
    assert gallery.version() == before and (tmp_path / "there.csv").read_text() == "mine"


def test_a_spreadsheet_that_saves_it_otherwise_is_read(answered):
    gallery, answers, table = answered
    text = table.assign(accepted=["yes", "", "", "", ""]).to_csv(index=False, sep=";")
    answers.write_bytes(text.encode("utf-8-sig"))
    assert accept_answers(answers, "animals").added == 1 and names(gallery) == {"L001": 1}
    assert files.read_json(answers.parent / "asked.json")["root"].endswith("neue Fotos")


def test_another_gallery_has_its_own_network(answered, tmp_path):
    make_gallery(tmp_path, name="others", features=())
    _, answers, table = answered
    frames.write_csv(answers, table.assign(accepted=["yes", "", "", "", None]))
    before = open_gallery("others").version()
    with pytest.raises(ReidError, match="model"):  # which cannot be opened here: nothing was added before that
        accept_answers(answers, "others")
    assert open_gallery("others").version() == before
