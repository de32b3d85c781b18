#!/usr/bin/env bash
# A planned sweep as a job array, here six variants, three at a time:
#
#   python -m reid_lib sweep plan --vary margin=0.3,0.5,0.7 --vary lr=1e-4,3e-4
#   sbatch --array=0-5%3 slurm/sweep.sh              # a plan of another name: slurm/sweep.sh --name NAME
#
# (`python -m reid_lib sweep submit` does both.) Submitted again, only what is not finished runs.
#
#SBATCH --job-name=reid-sweep
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
#SBATCH --output=slurm-%A_%a.out
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

if [[ -z "${SLURM_ARRAY_TASK_ID:-}" ]]; then
    echo "error: slurm/sweep.sh is one task of an array: sbatch --array=0-5%3 slurm/sweep.sh" >&2
    exit 2
fi
run="$(python -m reid_lib sweep variant "$SLURM_ARRAY_TASK_ID" "$@")"
lines="$(python -m reid_lib sweep variant --arguments "$SLURM_ARRAY_TASK_ID" "$@")"
mapfile -t arguments <<<"$lines"
if [[ "$(python -m reid_lib state "$run")" == finished ]]; then
    echo "run $run is finished already"
    exit 0
fi
run_notebook "$run" "${arguments[@]}"
