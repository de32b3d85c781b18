"""What a training leaves to its photographs: the size that the network sees, and how many passes it makes."""

import numpy as np

from reid_lib.core.errors import RunError
from reid_lib.core.kernel import quick_imports
from reid_lib.core.logs import LOGGER
from reid_lib.core.messages import counted
from reid_lib.data.catalogue import Catalogue
from reid_lib.data.quality import measure_sides
from reid_lib.params.fields import LEAST_PX, TrainParams
from reid_lib.runs.folder import RunFolder, folder_of
from reid_lib.runs.naming import name_of

LARGE_PX = 256  # at least this where the photographs have it: fine stripes are lost below (docs/log.md)
STEP_PX = 32  # networks halve a picture five times
# Small pictures show less to learn: few passes at the small side and below, many at the large one and above.
SMALL_PX, FEW, MANY = 160, 7, 16
MOST_SHOWN = 50_000  # photographs, over all passes; thousands of them teach as much in fewer passes
LOOKED_AT = 500  # photographs, evenly spread


def settle_training(params: TrainParams, catalogue: Catalogue, n_images: int, fingerprint: str) -> TrainParams:
    """The parameters with a number where one was left to the photographs. A run that is continued keeps its own.

    Args:
        params: as typed.
        catalogue: of all photographs.
        n_images: that are trained on.
        fingerprint: of the catalogue, as the run is to know it.

    Raises:
        ModelError: the backbone, whose own size counts, cannot be had.
    """
    left = params.left
    if not left:
        return params
    begun = _of_run_there(params, fingerprint)
    if all(name in begun for name in left):
        return params.model_copy(update={name: begun[name] for name in left})
    side = measure_side(catalogue)
    px = params.image_size or _image_size_for(params.backbone, side)
    epochs = params.num_epochs or choose_num_epochs(px, min(n_images, params.n or n_images))
    told = {"image_size": f"image_size {px} px", "num_epochs": f"num_epochs {epochs}"}
    photographs = counted(n_images, "training photograph")
    LOGGER.info(f"{' and '.join(told[name] for name in left)}: chosen for {photographs} of about {side:.0f} px")
    return params.model_copy(update={"image_size": px, "num_epochs": epochs})


def settle_image_size(params: TrainParams, catalogue: Catalogue) -> int:
    """The size in px that a training with these parameters would show its network.

    Raises:
        ModelError: as `settle_training`.
    """
    return params.image_size or _image_size_for(params.backbone, measure_side(catalogue))


def measure_side(catalogue: Catalogue) -> float:
    """Side in px of the square that has the area of a typical photograph, or of its bbox: the median."""
    rows = catalogue.rows.iloc[:: max(1, len(catalogue.rows) // LOOKED_AT)]
    sides = np.sqrt(measure_sides(rows, catalogue.states).prod(axis=1))
    return float(np.nanmedian(sides)) if np.isfinite(sides).any() else float(LARGE_PX)


def choose_image_size(side: float, native_px: int, fixed_size: bool) -> int:
    """The size that the network sees, in px.

    Args:
        side: of the photographs, see `measure_side`.
        native_px: the size that the backbone's weights were trained at.
        fixed_size: it takes no other as well as that.

    Returns:
        The larger of 256 and the backbone's own, but no more than the photographs have: a multiple of 32.

    Example:
        >>> choose_image_size(350.0, 224, fixed_size=False), choose_image_size(160.0, 224, fixed_size=False)
        (256, 160)
    """
    if fixed_size:
        return native_px
    own = int(side // STEP_PX * STEP_PX)
    return max(min(own, max(LARGE_PX, native_px)), LEAST_PX)


def choose_num_epochs(image_size: int, n_images: int) -> int:
    """Passes over the training images.

    Args:
        image_size: px; 7 passes at 160 px and below, 16 at 256 px and above, between them by the area.
        n_images: that are trained on; of more than some thousand fewer passes, but never below 7.

    Example:
        >>> choose_num_epochs(160, 300), choose_num_epochs(256, 800), choose_num_epochs(256, 20_000)
        (7, 16, 7)
    """
    detail = (image_size**2 - SMALL_PX**2) / (LARGE_PX**2 - SMALL_PX**2)
    by_size = FEW + (MANY - FEW) * min(max(detail, 0.0), 1.0)
    return max(FEW, round(min(by_size, MOST_SHOWN / max(n_images, 1))))


def _image_size_for(backbone: str, side: float) -> int:
    with quick_imports():
        from reid_lib.nets.backbones import find_architecture
    found = find_architecture(backbone)
    return choose_image_size(side, found.native_px, found.fixed_size)


def _of_run_there(params: TrainParams, fingerprint: str) -> dict[str, int]:
    """The parameters of the run of this name, where it was begun with these photographs."""
    try:
        described = RunFolder(folder_of(name_of(params))).described()
    except RunError:  # there is none, or opening it says what is the matter with it
        return {}
    return described["params"] if described.get("catalogue_fingerprint") == fingerprint else {}
