# Functions of the job scripts; sourced by them, not run by itself.
# shellcheck shell=bash

: "${root:?is set by the job script}"

# run_notebook RUN PAPERMILL_ARGUMENT...
#
# Executes train.ipynb into the folder of the run, and returns papermill's exit code. A warning signal (USR1, from
# --signal) or TERM is passed on to the kernel, since papermill passes none: training ends after the step at hand with a
# checkpoint, and the job is put back into the queue, where it continues. A job that was cancelled is not.
run_notebook() {
    local run="$1" folder code=0
    shift
    folder="$(python -m reid_lib folder "$run")"
    mkdir -p "$folder"
    local log="$folder/slurm-${SLURM_JOB_ID:-0}.log"
    echo "run $run, job ${SLURM_JOB_ID:-none} on $(hostname): $log"
    exec >>"$log" 2>&1
    echo "== job ${SLURM_JOB_ID:-none}, $(date '+%F %T') on $(hostname), restart ${SLURM_RESTART_COUNT:-0}"

    asked_to_stop=""
    trap 'stop_run "$run" "$papermill"' USR1 TERM
    papermill --log-output --no-progress-bar "$root/notebooks/train.ipynb" "$folder/train.ipynb" \
        --cwd "$root/notebooks" "$@" &
    papermill=$!
    # wait ends early, with more than 128, when a signal comes in
    while kill -0 "$papermill" 2>/dev/null; do
        wait "$papermill" && code=0 || code=$?
    done
    trap - USR1 TERM

    if [[ "$code" -eq 0 ]]; then
        python -m reid_lib report "$run" || true
    elif [[ -n "$asked_to_stop" ]] && ! is_cancelled; then
        echo "== stopped: back into the queue, it continues there"
        scontrol requeue "$(job_name)"
    fi
    return "$code"
}

# Asks training to stop; where nothing is being trained yet there is nothing to save, and papermill is ended.
stop_run() {
    asked_to_stop=yes
    echo "== asked to stop, $(date '+%F %T')"
    python -m reid_lib stop "$1" || kill -TERM "$2" 2>/dev/null || true
}

# What scontrol calls this job.
job_name() {
    if [[ -n "${SLURM_ARRAY_JOB_ID:-}" ]]; then
        echo "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
    else
        echo "$SLURM_JOB_ID"
    fi
}

is_cancelled() {
    scontrol show job --oneliner "$(job_name)" | grep -q 'JobState=CANCELLED'
}
