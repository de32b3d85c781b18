"""`reid download`: data sets and weights are fetched ahead, for machines without a network."""

import os
import subprocess
import sys
import time

from reid_lib.core.errors import CatalogueError, ModelError, ReidError
from reid_lib.core.logs import LOGGER
from reid_lib.data.audit import describe_problems
from reid_lib.data.catalogue import audit, read_catalogue
from reid_lib.data.download import ATTEMPTS, PAUSE_S, fetch_dataset
from reid_lib.params.fields import EvaluateParams, TrainParams

BUILD = """
import sys
from reid_lib.nets.network import build_model
print(build_model(sys.argv[1], pretrained=sys.argv[2] == "True").config["weights_sha256"])
"""
OFFLINE = "HF_HUB_OFFLINE"


def fetch(params: TrainParams | EvaluateParams) -> None:
    """Fetch data set and backbone of a run, and check both as the run will.

    Args:
        params: of the training or the evaluation that is to run without a network.

    Raises:
        ReidError: something cannot be had, or arrived damaged; what did arrive stays for the next call.
    """
    fetch_dataset(params.dataset, params.data_root)
    how = {"columns": params.columns, "encounter": params.encounter, "split_seed": params.split_seed}
    catalogue = read_catalogue(params.dataset, params.data_root, **how)
    problems = audit(catalogue, thorough=True)
    if len(problems):
        raise CatalogueError(
            describe_problems(problems, where=f"what arrived of {params.dataset!r} in {catalogue.root}")
        )
    print(f"data: {len(catalogue)} images in {catalogue.root}, every one of them decoded")
    fetch_backbone(params.backbone, pretrained=params.pretrained)
    print(f"jobs without a network: export {OFFLINE}=1 in slurm/env.sh, then submit with the same arguments")


def fetch_backbone(backbone: str, *, pretrained: bool) -> None:
    """Bring a backbone's weights into the hub's cache, then build it from there with the hub out of reach.

    Args:
        backbone: name of a timm model.
        pretrained: False: without trained weights, so only the building is tried.

    Raises:
        ModelError: there is no such backbone, or its weights cannot be had.
        ReidError: what arrived cannot be built without a network.
    """
    from reid_lib.nets.network import build_model

    for attempt in range(1, ATTEMPTS + 1):
        try:
            model = build_model(backbone, pretrained=pretrained)
            break
        except ModelError as error:
            if "cannot be had" not in str(error) or attempt == ATTEMPTS or os.environ.get(OFFLINE):
                raise
            LOGGER.warning(f"{backbone} broke off; going on ({attempt + 1} of {ATTEMPTS})")
            time.sleep(PAUSE_S * attempt)
    command = [sys.executable, "-c", BUILD, backbone, str(pretrained)]
    done = subprocess.run(command, env=os.environ | {OFFLINE: "1"}, capture_output=True, text=True)
    if done.returncode or done.stdout.strip().splitlines()[-1] != model.config["weights_sha256"]:
        raise ReidError(f"{backbone} arrived, but cannot be built without a network: {done.stderr.strip()[-500:]}")
    print(f"backbone: {backbone} from {model.config['weights']}, sha256 {model.config['weights_sha256'][:12]}…")
