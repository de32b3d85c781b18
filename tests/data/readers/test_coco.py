"""Boxes in JSON files, as COCO and MegaDetector write them."""

import json

import pytest
from readers_cases import save

from reid_lib.core.errors import CatalogueError
from reid_lib.core.names import BBOX, DATE, IDENTITY, IMAGE_ID, PATH, SPECIES
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.readers.coco import read_coco, read_megadetector

pytestmark = pytest.mark.usefixtures("clean_dirs")

IMAGES = [
    {"id": 1, "file_name": "a/1.jpg", "width": 24, "height": 16, "date_captured": "2024-05-01 10:00:00"},
    {"id": 2, "file_name": "b/2.jpg", "width": 24, "height": 16, "date_captured": "2024-05-02 10:00:00"},
    {"id": 3, "file_name": "b/3.jpg", "width": 24, "height": 16},
]
BOXES = [
    {"id": 1, "image_id": 1, "category_id": 7, "bbox": [2, 3, 10, 8], "segmentation": [[0, 0, 1, 1]], "iscrowd": 0},
    {"id": 2, "image_id": 1, "category_id": 8, "bbox": [12, 3, 10, 8], "segmentation": []},
    {"id": 3, "image_id": 2, "category_id": 8, "bbox": [1, 1, 20, 12]},
]
CATEGORIES = [{"id": 7, "name": "lynx"}, {"id": 8, "name": "hare"}]


def write(root, content, name="boxes.json"):
    for image in IMAGES:
        save(root / image["file_name"])
    (root / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(root)


def coco(**annotated):
    boxes = [box | {key: values[i] for key, values in annotated.items()} for i, box in enumerate(BOXES)]
    return {"images": IMAGES, "annotations": boxes, "categories": CATEGORIES}


@pytest.mark.parametrize("key", ["individual_id", "name", "identity"])
def test_coco_with_names_in_its_annotations(tmp_path, key):
    rows = read_catalogue("coco", write(tmp_path, coco(**{key: ["Anna", "Bob", "Bob"]}))).rows
    assert rows[IMAGE_ID].tolist() == ["a/1.jpg", "a/1.jpg#2", "b/2.jpg", "b/3.jpg"]
    assert rows[IDENTITY].fillna("").tolist() == ["Anna", "Bob", "Bob", ""]
    assert rows[BBOX].fillna("").tolist() == ["2,3,10,8", "12,3,10,8", "1,1,20,12", ""], "in pixels, as they stand"
    assert rows[SPECIES].fillna("").tolist() == ["lynx", "hare", "hare", ""]
    assert rows[DATE].tolist()[0] == "2024-05-01 10:00:00"


def test_lists_of_one_name_count_as_that_name(tmp_path):
    rows = read_catalogue("coco", write(tmp_path, coco(individual_ids=[["Anna"], ["Bob"], []]))).rows
    assert rows[IDENTITY].fillna("").tolist() == ["Anna", "Bob", "", ""]


def test_coco_whose_categories_are_the_animals(tmp_path):
    catalogue = read_catalogue("coco", write(tmp_path, coco()), columns="identity:category")
    assert catalogue.rows[IDENTITY].fillna("").tolist() == ["lynx", "hare", "hare", ""]
    assert SPECIES not in catalogue.rows


def test_coco_without_names_takes_the_folders_and_says_so(tmp_path):
    catalogue = read_catalogue("coco", write(tmp_path, coco() | {"annotations": BOXES[1:]}))
    assert catalogue.rows[IDENTITY].tolist() == ["a", "b", "b"] and "first folder" in " ".join(catalogue.notes)
    flat = [image | {"file_name": f"{image['id']}.jpg"} for image in IMAGES]
    write(tmp_path, coco() | {"images": flat})
    with pytest.raises(
        CatalogueError, match="does not tell who is who, nor do folders.*-p columns 'identity:category'"
    ):
        read_coco(tmp_path)


def detections(*found, category="1"):
    return [{"category": category, "conf": conf, "bbox": list(box)} for conf, box in found]


UNSURE = detections((0.19, (0, 0, 0.5, 0.5))) + detections((0.9, (0, 0, 1, 1)), category="2")
MEGADETECTOR = {
    "images": [
        {"file": "a/1.jpg", "detections": detections((0.3, (0, 0, 0.5, 0.5)), (0.9, (0.25, 0.5, 0.5, 0.25)))},
        {"file": "b\\2.jpg", "detections": UNSURE},
        {"file": "b/3.jpg", "failure": "image access error", "detections": None},
    ],
    "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
    "info": {"format_version": "1.3"},
}


def test_megadetector_gives_the_surest_box_of_an_animal(tmp_path):
    catalogue = read_catalogue("megadetector", write(tmp_path, MEGADETECTOR))
    rows = catalogue.rows.set_index(PATH)
    assert rows[IDENTITY].to_dict() == {"a/1.jpg": "a", "b/2.jpg": "b", "b/3.jpg": "b"}
    assert rows[BBOX].fillna("").to_dict() == {"a/1.jpg": "6,8,12,4", "b/2.jpg": "", "b/3.jpg": ""}
    notes = " ".join(catalogue.notes)
    assert "boxes of 1 of 3 photographs: animals detected with at least 0.2" in notes
    assert "1 photograph shows several animals" in notes and "2 photographs without a detected animal" in notes


def test_megadetector_with_its_own_threshold_and_whole_paths(tmp_path):
    images = [image | {"file": f"{tmp_path}/{image['file']}"} for image in MEGADETECTOR["images"][::2]]
    own = {"detector_metadata": {"typical_detection_threshold": 0.95}}
    write(tmp_path, MEGADETECTOR | {"images": images, "info": own}, "md.json")
    table = read_megadetector(tmp_path / "md.json")
    assert table.frame[BBOX].isna().all() and any("at least 0.95" in note for note in table.notes)


def test_the_pattern_of_encounters_works_with_boxes(tmp_path):
    rows = read_catalogue("megadetector", write(tmp_path, MEGADETECTOR), encounter="{identity}/{encounter}.jpg").rows
    assert rows["encounter"].tolist() == ["a 1", "b 2", "b 3"]


def one_detection(detection):
    return MEGADETECTOR | {"images": [{"file": "a/1.jpg", "detections": [detection]}]}


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (read_coco, MEGADETECTOR, "is no COCO file: pass dataset megadetector"),
        (read_megadetector, coco(), "is no output of MegaDetector: pass dataset coco"),
        (read_coco, "{", "is no JSON"),
        (read_coco, "[" * 10_000, "is no JSON"),
        (read_coco, [], "lists no images"),
        (read_megadetector, MEGADETECTOR | {"images": [1]}, "no whole output of MegaDetector"),
        (read_megadetector, MEGADETECTOR | {"images": [{"detections": []}]}, "no whole output of MegaDetector.*file"),
        (read_megadetector, one_detection({"category": "1", "conf": 0.9}), "no whole output of MegaDetector.*bbox"),
        (read_megadetector, one_detection({"category": "1", "conf": "high", "bbox": []}), "no whole output.*high"),
        (read_coco, {"images": []}, "lists no images"),
        (read_coco, {"images": [{"id": 1}], "annotations": [{"image_id": 2}]}, "is no whole COCO file"),
        (
            read_megadetector,
            MEGADETECTOR | {"images": [{"file": "z.jpg", "detections": []}]},
            "put the file into the folder",
        ),
    ],
)
def test_what_is_no_such_file_is_told_with_the_cure(tmp_path, reader, content, message):
    write(tmp_path, content)
    with pytest.raises(CatalogueError, match=message):
        reader(tmp_path)


def test_of_several_files_none_is_guessed(tmp_path):
    write(tmp_path, coco())
    write(tmp_path, MEGADETECTOR, "md.json")
    with pytest.raises(CatalogueError, match="expected one JSON file in .*found boxes.json, md.json"):
        read_coco(tmp_path)
