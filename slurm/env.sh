# Everything that belongs to your site, and nothing else does. Sourced by the job scripts on the compute node, with
# $root, the project's folder; source it yourself before sbatch for the settings of sbatch below.
# shellcheck shell=bash

# The environment of `make setup`. In its stead, a plain conda site:
#
#   source "$HOME/miniforge3/etc/profile.d/conda.sh"
#   conda activate reid-lab                       # made by: conda env create -f environment.yml
#
# or the modules of the UiS lab (Gorina; A100 nodes):
#
#   module load Python/3.11.5-GCCcore-13.2.0
#   export SBATCH_PARTITION=gpuA100 SBATCH_ACCOUNT=...
#   source "$root/.venv/bin/activate"
#
if [[ -f "${root:-.}/.venv/bin/activate" ]]; then
    # shellcheck source=/dev/null
    source "${root:-.}/.venv/bin/activate"
fi

# Where photographs, runs and what can be made again lie: on a disk that all nodes see.
# export REID_DATA=...  REID_RUNS=...  REID_GALLERIES=...  REID_CACHE=...

# Compute nodes without a network: fetch first with slurm/download.sh, then let nothing wait for the hub.
# export HF_HUB_OFFLINE=1

# sbatch reads these where it is typed.
# export SBATCH_PARTITION=...  SBATCH_ACCOUNT=...
