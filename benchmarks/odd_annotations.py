"""Odd annotations beside photographs (COCO, MegaDetector, Camtrap DP), and odd words for the data set itself."""

import json
from pathlib import Path
from typing import Any

from odd_cases import NAMES, SIZE, Case, Read, anything, herd, picture, read, refused, same, told, well

MEDIA_HEAD = "mediaID,deploymentID,timestamp,filePath,fileMediatype\n"
OBSERVED_HEAD = "observationID,deploymentID,mediaID,observationType,individualID,bboxX,bboxY,bboxWidth,bboxHeight\n"
MEDIA = [f"m{k},d,2024-05-{1 + k % 4:02}T10:00:00Z,{name},image/png" for k, name in enumerate(NAMES)]
SEEN = [f"o{k},d,m{k},animal,{name[0]},0,0,1,1" for k, name in enumerate(NAMES)]


def cases() -> list[Case]:
    return [*_coco(), *_megadetector(), *_camtrap(), *_data_sets()]


def _beside(content: Any, dataset: str):
    """A case's `run`: the plain herd beside a JSON file."""

    def run(folder: Path) -> Read:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        (herd(folder) / "boxes.json").write_bytes(text.encode() if isinstance(text, str) else text)
        return read(folder, dataset)

    return run


def _whole_coco(**changes) -> dict[str, Any]:
    images = [{"id": k, "file_name": name} for k, name in enumerate(NAMES)]
    box = [0, 0, *SIZE]
    found = [{"id": k, "image_id": k, "bbox": box, "individual_id": name[0]} for k, name in enumerate(NAMES)]
    return {"images": images, "annotations": found, "categories": []} | changes


def _coco() -> list[Case]:
    whole = _whole_coco()
    changed = {
        "as it should be": (whole, same),
        "without boxes": (_whole_coco(annotations=[a | {"bbox": []} for a in whole["annotations"]]), same),
        "without names": (_whole_coco(annotations=[{"image_id": k, "id": k} for k in range(len(NAMES))]), same),
        "without annotations": (_whole_coco(annotations=[]), anything),
        "no key annotations": ({"images": whole["images"]}, refused("no COCO file")),
        "no images": (_whole_coco(images=[]), refused("lists no images")),
        "an annotation of no image": (_whole_coco(annotations=[{"image_id": 99, "id": 0}]), refused("no whole COCO")),
        "annotations that are no list": (_whole_coco(annotations={"a": 1}), refused("no whole COCO")),
        "annotations of numbers": (_whole_coco(annotations=[1, 2]), refused("no whole COCO")),
        "an image of text": (_whole_coco(images=["a/0.png"]), refused("")),
        "a box of three": (
            _whole_coco(annotations=[a | {"bbox": [1, 2, 3]} for a in whole["annotations"]]),
            refused("bbox"),
        ),
        "boxes as corners": (
            _whole_coco(annotations=[a | {"bbox": [20, 10, 44, 38]} for a in whole["annotations"]]),
            told("corners"),
        ),
        "a box of null": (_whole_coco(annotations=[a | {"bbox": None} for a in whole["annotations"]]), same),
        "names that are lists": (
            _whole_coco(annotations=[a | {"individual_id": [a["individual_id"]]} for a in whole["annotations"]]),
            same,
        ),
        "a list": ([1, 2], refused("lists no images")),
        "no JSON": ("{", refused("no JSON")),
        "JSON with a mark of UTF-8": ("\ufeff" + json.dumps(whole), same),
        "binary": (b"\xff\xfe\x00", refused("")),
        "10,000 brackets": ("[" * 10_000, refused("")),
        "NaN": (json.dumps(whole).replace(str(SIZE[0]), "NaN"), same),  # a box that is not whole is none
        "MegaDetector's": ({"images": [], "detection_categories": {}}, refused("lists no images")),
        "absolute names of another machine": (
            _whole_coco(images=[i | {"file_name": "/data/" + i["file_name"]} for i in whole["images"]]),
            refused("missing file"),
        ),
    }
    return [Case("COCO", name, _beside(content, "coco"), expect) for name, (content, expect) in changed.items()]


def _whole_detections(**changes) -> dict[str, Any]:
    found = [{"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1]}]
    images = [{"file": name, "detections": found} for name in NAMES]
    return {"images": images, "detection_categories": {"1": "animal", "2": "person"}} | changes


def _megadetector() -> list[Case]:
    def detected(**detection):
        one = {"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1]} | detection
        return _whole_detections(images=[{"file": name, "detections": [one]} for name in NAMES])

    changed = {
        "as it should be": (_whole_detections(), same),
        "nothing detected": (
            _whole_detections(images=[{"file": name, "detections": []} for name in NAMES]),
            told("taken whole"),
        ),
        "detections that failed": (
            _whole_detections(images=[{"file": name, "detections": None, "failure": "x"} for name in NAMES]),
            told("taken whole"),
        ),
        "people alone": (detected(category="2"), told("taken whole")),
        "hardly sure": (detected(conf=0.05), told("taken whole")),
        "sure as text": (detected(conf="0.9"), same),
        "sure as a word": (detected(conf="high"), refused("")),
        "a box of pixels": (detected(bbox=[0, 0, *SIZE]), same),
        "a box of three": (detected(bbox=[0, 0, 1]), refused("bbox")),
        "no box": (
            {
                "images": [{"file": n, "detections": [{"category": "1", "conf": 0.9}]} for n in NAMES],
                "detection_categories": {"1": "animal"},
            },
            refused(""),
        ),
        "names of Windows": (
            _whole_detections(images=[{"file": n.replace("/", "\\"), "detections": []} for n in NAMES]),
            told("taken whole"),
        ),
        "other names": (
            _whole_detections(images=[{"file": "x/" + n, "detections": []} for n in NAMES]),
            refused("stands in"),
        ),
        "no names": (_whole_detections(images=[{"detections": []}]), refused("")),
        "images of numbers": (_whole_detections(images=[1, 2]), refused("")),
        "no categories": (_whole_detections(detection_categories={}), anything),
        "COCO's": (_whole_coco(), refused("coco")),
    }
    return [
        Case("MegaDetector", name, _beside(content, "megadetector"), expect)
        for name, (content, expect) in changed.items()
    ]


def _package(media=MEDIA, observed=SEEN, resources=None, *, head: str = MEDIA_HEAD):
    """A case's `run`: the plain herd as a Camtrap DP package of these rows.

    Args:
        media, observed: lines of media.csv and observations.csv, without their heads.
        resources: as datapackage.json lists them; None: as it should.
        head: of media.csv.
    """

    def run(folder: Path) -> Read:
        herd(folder)
        (folder / "media.csv").write_text(head + "\n".join(media))
        (folder / "observations.csv").write_text(OBSERVED_HEAD + "\n".join(observed))
        listed = [{"name": n, "path": f"{n}.csv"} for n in ("media", "observations")]
        content = {"resources": listed if resources is None else resources}
        (folder / "datapackage.json").write_text(json.dumps(content))
        return read(folder, "camtrap-dp")

    return run


def _camtrap() -> list[Case]:
    changed = {
        "as it should be": (_package(), same),
        "no observations": (_package(observed=[]), refused("")),
        "no media": (_package(media=[]), refused("")),
        "observations of nobody": (
            _package(observed=[row.replace("animal", "blank") for row in SEEN]),
            refused("no observation"),
        ),
        "no names of animals": (
            _package(observed=[row.replace(f",{n[0]},", ",,") for row, n in zip(SEEN, NAMES, strict=True)]),
            refused("nothing to learn"),
        ),
        "media at addresses": (_package([row.replace(",a/", ",https://x.org/") for row in MEDIA]), told("passed over")),
        "videos": (_package([row.replace("image/png", "video/mp4") for row in MEDIA]), refused("none of 32 media")),
        "times that cannot be read": (
            _package([row.replace("2024-05", "noon") for row in MEDIA]),
            told("dates cannot be read"),
        ),
        "a column less": (_package(head=MEDIA_HEAD.replace("filePath", "file")), refused("no column filePath")),
        "no resources": (_package(resources=[]), refused("")),
        "a resource without a name": (_package(resources=[{"path": "media.csv"}]), refused("no data package")),
        "resources that are text": (_package(resources="media"), refused("no data package")),
        "a resource at an address": (
            _package(resources=[{"name": "media", "path": "https://x.org/m.csv"}]),
            refused("unpack or fetch"),
        ),
        "a resource that leads out": (
            _package(resources=[{"name": n, "path": f"../../{n}.csv"} for n in ("media", "observations")]),
            refused("not there"),
        ),
        "a box of one share": (
            _package(observed=[row.replace("0,0,1,1", "0,0,0.01,0.01") for row in SEEN]),
            refused("at least 4 px"),
        ),
        "no package": (lambda folder: read(herd(folder), "camtrap-dp"), refused("no datapackage.json")),
    }
    return [Case("Camtrap DP", name, run, expect) for name, (run, expect) in changed.items()]


def _data_sets() -> list[Case]:
    def plain(dataset, root=None, **options):
        return lambda folder: read(herd(folder), dataset, root, **options)

    found = {
        "no such data set": (plain("foldr"), refused("did you mean 'folder'")),
        "capitals": (plain("Folder"), refused("did you mean 'folder'")),
        "no data set": (plain(""), refused("unknown dataset")),
        "a number": (plain("1"), refused("unknown dataset")),
        "no class of wildlife-datasets": (plain("wildlife:Nyala"), refused("no class")),
        "wildlife: alone": (plain("wildlife:"), refused("no class")),
        "a class of another layout": (plain("wildlife:NyalaData"), refused("")),
        "a table asked for, none there": (plain("csv"), refused("no table in")),
        "a competition that is not there": (plain("animalclef2025"), refused("kaggle.com")),
        "a NUL byte in data_root": (plain("folder", "a\0b"), refused("NUL byte")),
        "a data_root of 10,000 letters": (plain("folder", "x" * 10_000), refused("cannot be looked for")),
        "a data_root of blanks": (plain("folder", "   "), refused("does not exist")),
        "an address for data_root": (plain("folder", "https://example.org/photos"), refused("does not exist")),
        "a device for data_root": (plain("folder", "/dev/null"), refused("neither a folder nor a file")),
        "~nobody": (plain("folder", "~nobody/photos"), refused("")),
        "columns for a folder": (plain("folder", columns="path:x"), refused("columns are for tables")),
        "an encounter for a table": (plain("csv", encounter="{encounter}"), refused("pattern of paths")),
        "a data_root for the demo": (plain("demo:small"), refused("draws its own animals")),
        "the demo": (lambda folder: read(folder, "demo:small", ""), well()),
        "a split_seed below 0": (lambda folder: read(folder, "demo:small", "", split_seed=-1), refused("0 or more")),
        "a photograph for a table": (lambda folder: read(herd(folder), "csv", folder / "a/0.png"), refused("")),
        "several tables": (_several, refused("several tables")),
    }
    return [Case("data sets", name, run, expect) for name, (run, expect) in found.items()]


def _several(folder: Path) -> Read:
    for name in ("one.csv", "two.csv"):
        (folder / name).write_text("path,identity\n")
    picture(0).save(folder / "x.png")
    return read(folder)
