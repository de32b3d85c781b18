#!/usr/bin/env bash
# Where compute nodes have no network: fetches data set and backbone of a run beforehand, on a node that has one, with
# the arguments of the job. Checks what arrived; called again, it goes on where it broke off.
#
#   slurm/download.sh -p dataset wildlife:NyalaData -p data_root data/nyala -p backbone hf-hub:BVRA/MegaDescriptor-T-224
#   slurm/download.sh -f variants/nyala.yaml
#
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=slurm/env.sh
source "$root/slurm/env.sh"
unset HF_HUB_OFFLINE # which env.sh sets for the jobs
python -m reid_lib download "$@"
