# What the job scripts share; sourced by them with $root, the project's folder, not run by itself.
# shellcheck shell=bash

root="$(cd "${root:?is set by the job script}" && pwd)"
come_back=""
trap 'come_back=yes' USR1 # the warning may come before training has begun
# shellcheck source=slurm/env.sh
source "$root/slurm/env.sh"

# run_notebook RUN PAPERMILL_ARGUMENT...
#
# Executes train.ipynb into the folder of the run, and returns papermill's exit code. Signals are passed on to papermill,
# whose engine passes them on to the kernel: training ends after the step at hand, with a checkpoint.
#   USR1  (from --signal, ahead of the time limit; ahead of a preemption where the site has set
#         SlurmctldParameters=preempt_send_user_signal) the job puts itself back into the queue, and continues there.
#   TERM  scancel, or a preemption. Which of them a job cannot see (both read COMPLETING), and a cancelled job that came
#         back would be worse than useless; a preempted one is put back by Slurm itself (PreemptMode=REQUEUE), and
#         continues from the last whole epoch.
run_notebook() {
    local run="$1" folder code=0
    shift
    folder="$(python -m reid_lib folder "$run")"
    mkdir -p "$folder"
    local log="$folder/slurm-${SLURM_JOB_ID:-0}.log"
    echo "run $run, job ${SLURM_JOB_ID:-none} on $(hostname): $log"
    exec >>"$log" 2>&1
    echo "== job ${SLURM_JOB_ID:-none}, $(date '+%F %T') on $(hostname), restart ${SLURM_RESTART_COUNT:-0}"

    if [[ -n "$come_back" ]]; then
        echo "== warned before it began: back into the queue"
        scontrol requeue "$(job_name)"
        return 0
    fi
    local papermill=""
    trap 'come_back=yes; pass_on USR1 "${papermill:-${!:-}}"' USR1
    trap 'pass_on TERM "${papermill:-${!:-}}"' TERM
    papermill --log-output --no-progress-bar "$root/notebooks/train.ipynb" "$folder/train.ipynb" \
        --cwd "$root/notebooks" "$@" &
    papermill=$!
    # A signal ends wait early, with more than 128: papermill may be running on, or have ended meanwhile.
    while true; do
        wait "$papermill" && code=0 || code=$?
        if ! kill -0 "$papermill" 2>/dev/null; then
            wait "$papermill" && code=0 || code=$?
            break
        fi
    done
    trap - USR1 TERM

    if [[ "$code" -ne 0 && -n "$come_back" ]]; then
        echo "== stopped: back into the queue, it continues there"
        scontrol requeue "$(job_name)"
    elif [[ "$code" -eq 0 ]]; then
        python -m reid_lib show "$run" || true # the result, the folder, and what to open next
    fi
    return "$code"
}

# pass_on SIGNAL PROCESS
pass_on() {
    echo "== asked to stop, $(date '+%F %T')"
    kill -"$1" "$2" || true
}

# What scontrol calls this job.
job_name() {
    if [[ -n "${SLURM_ARRAY_JOB_ID:-}" ]]; then
        echo "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
    else
        echo "$SLURM_JOB_ID"
    fi
}
