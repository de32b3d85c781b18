"""A gallery on disk: made once, found by name, read whole."""

import shutil

import pytest
from damage_cases import delete, replace_by_folder
from flipped import flip_bits
from gallery_cases import make_gallery, photographs, same

from reid_lib.core import files
from reid_lib.core.errors import GalleryError
from reid_lib.gallery import changes
from reid_lib.gallery.recipe import Recipe
from reid_lib.gallery.store import create_gallery, list_galleries, open_gallery


@pytest.fixture(autouse=True)
def root(clean_dirs):
    return clean_dirs


def test_what_is_loaded_is_what_was_put_there(root):
    gallery = make_gallery(root)
    version, loaded = open_gallery("lynxes").load()
    assert same(loaded, photographs({"Anna": 3, "Berta": 2}))
    assert (version.number, version.images, version.animals, version.what) == (1, 5, 2, "made")
    assert [one.name for one in list_galleries()] == ["lynxes"]
    assert gallery.folder == root / "galleries" / "lynxes"
    assert (gallery.model_folder / "model.safetensors").read_bytes() == b"weights"


def test_the_variable_moves_all_galleries(root, monkeypatch):
    monkeypatch.setenv("REID_GALLERIES", str(root / "elsewhere"))
    assert list_galleries() == []
    assert make_gallery(root).folder.parent == root / "elsewhere"


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden", "x" * 121])
def test_a_name_that_could_lead_elsewhere_is_refused(name):
    with pytest.raises(GalleryError, match="expected letters, digits"):
        open_gallery(name)


def test_one_that_is_not_there_is_told_with_the_nearest_and_how_to_make_it(root):
    make_gallery(root)
    with pytest.raises(GalleryError, match=r"did you mean 'lynxes'.*gallery export RUN --gallery lynxs"):
        open_gallery("lynxs")


def test_a_second_one_of_the_same_name_is_refused_and_the_first_stays(root):
    gallery = make_gallery(root)
    with pytest.raises(GalleryError, match="there is a gallery 'lynxes' already"):
        make_gallery(root, {"Clara": 1})
    assert gallery.version().images == 5


def test_other_weights_are_refused_with_the_cure(root):
    gallery = make_gallery(root)
    gallery.check_embeddings(gallery.recipe().weights_sha256, "one", run="same")
    with pytest.raises(GalleryError, match=r"other weights.*gallery export other-run --gallery OTHER"):
        gallery.check_embeddings("0" * 64, "one", run="other-run")


def test_other_views_are_refused_with_the_cure_and_a_gallery_that_says_none_has_one(root):
    gallery = make_gallery(root)
    recipe = gallery.recipe()
    with pytest.raises(GalleryError, match=r"views 'one' of each.*'flip'.*gallery export other-run --gallery OTHER"):
        gallery.check_embeddings(recipe.weights_sha256, "flip", run="other-run")
    assert "views" not in recipe.to_dict() and "flanked" not in recipe.to_dict()
    several = recipe.model_copy(update={"views": "flip", "flanked": ["d"]})
    assert Recipe.from_dict(several.to_dict()) == several and Recipe.from_dict(recipe.to_dict()) == recipe


def test_weights_that_change_while_they_are_copied_make_no_gallery(root):
    gallery = make_gallery(root)
    with pytest.raises(GalleryError, match="changed while it was copied"):
        wrong = gallery.recipe().model_copy(update={"weights_sha256": "0"})
        create_gallery("second", wrong, gallery.model_folder, photographs({"Anna": 1}), what="made")
    assert [one.name for one in list_galleries()] == ["lynxes"]


@pytest.mark.parametrize("text", ["", "{}", '{"format": 99, "version": 1}'])
def test_a_damaged_or_newer_gallery_is_told(root, text):
    gallery = make_gallery(root)
    (gallery.folder / "gallery.json").write_text(text)
    with pytest.raises(GalleryError, match="cannot be read|is of format 99"):
        gallery.load()


@pytest.mark.parametrize("file", ["gallery.json", "recipe.json", "versions/000001.json"])
def test_no_flipped_bit_of_what_a_gallery_says_of_itself_passes(root, file):
    """A digit of the threshold, of a name or of the version that counts: another answer, and nobody would know."""
    gallery = make_gallery(root)
    changes.rename_animal(gallery, "Anna", "Clara")
    whole, noticed = (gallery.recipe(), gallery.log(), gallery.load()[1]), 0
    for place in flip_bits(gallery.folder / file, 60):
        try:
            found = gallery.recipe(), gallery.log(), gallery.load()[1]
        except GalleryError as error:
            noticed += "cannot be read" in str(error) or "is damaged" in str(error)
        else:
            assert found[:2] == whole[:2] and same(found[2], whole[2]), place
    assert noticed > 25


def test_a_gallery_of_a_version_before_without_checksums_is_read(root):
    gallery = make_gallery(root)
    for path in (gallery.folder / "gallery.json", gallery.folder / "recipe.json", *gallery.folder.glob("versions/*")):
        files.write_json(path, files.read_checked_json(path))
    assert gallery.version().number == 1 and gallery.recipe().run == "my-run" and len(gallery.load()[1]) == 5


def test_the_model_of_a_gallery_can_be_read_by_whoever_reads_the_gallery(root, monkeypatch):
    """A run of versions before has weights for its owner alone."""
    copied = shutil.copyfile

    def for_the_owner_alone(source, target):
        copied(source, target)
        target.chmod(0o600)

    monkeypatch.setattr(shutil, "copyfile", for_the_owner_alone)
    gallery = make_gallery(root)
    modes = {path.stat().st_mode for path in (*gallery.model_folder.iterdir(), gallery.folder / "gallery.json")}
    assert len(modes) == 1


@pytest.mark.parametrize("damage", [replace_by_folder, delete])
def test_a_version_or_an_array_that_is_gone_is_told_with_the_cure(root, damage):
    gallery = make_gallery(root)
    changes.rename_animal(gallery, "Anna", "Clara")
    (features,) = gallery.folder.glob("segments/*/features.npy")
    damage(features)
    with pytest.raises(GalleryError, match="features.npy .*copy"):
        gallery.load()
    damage(gallery.folder / "versions" / "000001.json")
    with pytest.raises(GalleryError, match="000001.json .*copy the gallery again"):
        changes.undo(gallery)
    damage(gallery.folder / "versions" / "000002.json")
    with pytest.raises(GalleryError, match="000002.json .*copy the gallery again"):
        gallery.version()
