#!/usr/bin/env bash
# One run as a Slurm job, with any arguments of papermill:
#
#   sbatch slurm/papermill.sh
#   sbatch slurm/papermill.sh -p lr 1e-4 -p backbone resnet50
#   sbatch slurm/papermill.sh -f variants/nyala.yaml
#
# Options of sbatch stand before the script and win over these lines (an A100 node). What belongs to your site stands in
# slurm/env.sh. The executed notebook and the log lie in the run's folder.
#
#SBATCH --job-name=reid
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=slurm-%j.out
set -euo pipefail
# Slurm runs a copy of this file, so its own place says nothing: the project is where sbatch was typed, or above it.
root="${REID_PROJECT:-${SLURM_SUBMIT_DIR:-$PWD}}"
[[ -f "$root/slurm/job.sh" ]] || root="$root/.."
if [[ ! -f "$root/slurm/job.sh" ]]; then
    echo "error: type sbatch in the project's folder, or export REID_PROJECT" >&2
    exit 2
fi
# shellcheck source=slurm/job.sh
source "$root/slurm/job.sh"

run="$(python -m reid_lib name --notebook "$root/notebooks/train.ipynb" "$@")"
run_notebook "$run" "$@"
