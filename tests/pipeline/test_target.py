"""What is searched: a run, a gallery, or drawn animals; and what is asked."""

import pytest
from gallery_cases import make_gallery

from reid_lib.core.errors import CatalogueError, GalleryError, ParameterError, RunError
from reid_lib.params.fields import IdentifyParams
from reid_lib.pipeline.target import find_asked, open_target


@pytest.fixture(autouse=True)
def places(evaluated, cache, monkeypatch, tmp_path):
    monkeypatch.setenv("REID_RUNS", str(evaluated[0].run.folder.parent))
    monkeypatch.setenv("REID_GALLERIES", str(tmp_path / "galleries"))
    monkeypatch.setenv("REID_CACHE", str(cache))
    return evaluated[0]


def test_without_photographs_the_test_is_asked_and_not_searched(places):
    params = IdentifyParams(run=places.run.name)
    target = open_target(params)
    asked = find_asked(params, target).catalogue.rows
    assert set(asked["role"]) == {"test"} and not set(asked["image_id"]) & set(target.enrolled.rows["image_id"])
    assert len(asked) + len(target.enrolled) == len(places.catalogue)
    assert f"{target.animals} animals, {len(target.enrolled)} images, 20" in target.words


def test_which_of_several_data_sets_has_to_be_said(places, tmp_path, monkeypatch):
    photos = {"run": places.run.name, "photos": str(places.catalogue.root / "images")}
    with monkeypatch.context() as patch:
        patch.setattr("reid_lib.pipeline.target.enroll_run", lambda *_, **__: pytest.fail("nothing is embedded yet"))
        for wrong, told in (({}, "several data sets"), ({"dataset": "lynx"}, "did you mean 'lynxes'")):
            with pytest.raises(CatalogueError, match=told):
                open_target(IdentifyParams(**photos, **wrong))
    target = open_target(IdentifyParams(**photos, dataset="lynxes"))
    with pytest.raises(CatalogueError, match=r"several data sets \(lynxes, salamanders, turtles\).*by dataset"):
        find_asked(IdentifyParams(**photos), target)
    with pytest.raises(CatalogueError, match=r"no data set 'lynx'; did you mean 'lynxes'"):
        find_asked(IdentifyParams(**photos, dataset="lynx"), target)
    found = find_asked(IdentifyParams(**photos, dataset="lynxes"), target).catalogue.rows
    assert set(found["dataset"]) == {"lynxes"} and len(found)


def test_a_table_may_name_the_data_set_of_each_photograph(places):
    params = IdentifyParams(run=places.run.name, photos=str(places.catalogue.root / "metadata.csv"))
    found = find_asked(params, open_target(params)).catalogue.rows
    assert set(found["dataset"]) == {"lynxes", "salamanders", "turtles"}


@pytest.mark.parametrize(
    "given, error, words",
    [
        ({"photos": "x"}, ParameterError, "which run answers"),
        ({"run": "nobody"}, RunError, "there is no run 'nobody'"),
        ({"gallery": "nobody"}, GalleryError, "there is no gallery 'nobody'"),
    ],
)
def test_what_is_not_there_is_told(given, error, words):
    with pytest.raises(error, match=words):
        open_target(IdentifyParams(**given))


def test_a_gallery_of_other_weights_is_refused_with_the_cure(places, tmp_path):
    make_gallery(tmp_path)
    with pytest.raises(GalleryError, match="other weights.*gallery export"):
        open_target(IdentifyParams(run=places.run.name, gallery="lynxes"))
