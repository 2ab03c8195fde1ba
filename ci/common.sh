# shellcheck shell=bash
# What the scripts of a build share. They source it; it goes to the repository's root. Bash 4.4 or newer.
#
#   SNOWGAUGE      the program [the one in PATH; otherwise built from this repository]
#   SNOWGAUGE_OUT  where reports are put, a folder for each step [target/ci]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${SNOWGAUGE_OUT:-target/ci}
worst=0
marks=()

snowgauge() {
    "$program" "$@"
}

# Sets `program`. A program that is named and not there is an error: another one may be of another
# version.
find_snowgauge() {
    if [ -n "${SNOWGAUGE:-}" ]; then
        program=$(command -v "$SNOWGAUGE") || stop "SNOWGAUGE=$SNOWGAUGE is no program"
    elif ! program=$(command -v snowgauge); then
        [ -f Cargo.toml ] || stop "no snowgauge in PATH, and nothing to build it from"
        cargo build --locked --quiet --package snowgauge
        program=${CARGO_TARGET_DIR:-target}/debug/snowgauge
    fi
    snowgauge --version
}

stop() {
    echo "error: $1" >&2
    exit 2
}

# step NAME COMMAND...
#
# Runs one step, whatever became of those before it, and keeps the worst status in `worst`. Its
# output is also in NAME/log.
step() {
    local name=$1 status=0
    shift
    mkdir -p "$out/$name"
    heading "$name"
    hush
    # `tee -i`: what a run says while it cleans up after Ctrl-C is wanted, too.
    "$@" 2>&1 | tee -i "$out/$name/log" || status=${PIPESTATUS[0]}
    unhush
    echo "$name: status $status"
    keep "$status"
}

# run_step NAME COMMAND...
#
# A step that runs cases: `COMMAND... --runs FOLDER`. Afterwards its reports are in NAME, and told to
# the build server in the way that it reads.
run_step() {
    local name=$1
    shift
    rm -rf "${out:?}/$name"
    step "$name" "$@" --runs "$out/$name/runs"
    publish "$name"
    [ "$worst" -ne 130 ] || finish
}

# Reports of a step from its journal, which is there even if the run was killed. None, if the run did
# not begin: then the status tells.
publish() {
    local folder=$out/$1
    compgen -G "$folder/runs/*/journal.jsonl" >/dev/null || return 0
    snowgauge report --runs "$folder/runs" --junit "$folder/junit.xml" --json "$folder/report.json" \
        --html "$folder/report.html" --markdown "$folder/summary.md" \
        --annotations "$folder/annotations" >/dev/null || true
    tell "$1"
}

# tell NAME: what a step wrote in summary.md and annotations, to GitHub; the latter at the end.
tell() {
    local folder=$out/$1
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$folder/summary.md" ]; then
        printf '# %s\n\n' "$1" >>"$GITHUB_STEP_SUMMARY"
        cat "$folder/summary.md" >>"$GITHUB_STEP_SUMMARY"
    fi
    [ ! -f "$folder/annotations" ] || marks+=("$folder/annotations")
}

# Ends the script with the worst status. The order is that of `snowgauge run`: a failure is a verdict
# on the product and outranks what could not run; both outrank what could not be decided.
finish() {
    # GitHub keeps ten of a level: a case that failed in several steps, on one line, takes up one.
    if on_github && [ "${#marks[@]}" -gt 0 ]; then
        awk -F '::' '!seen[$2]++' "${marks[@]}"
    fi
    echo "reports: $out"
    exit "$worst"
}

keep() {
    if [ "$(rank "$1")" -gt "$(rank "$worst")" ]; then
        worst=$1
    fi
}

rank() {
    case $1 in
    0) echo 0 ;;
    3) echo 1 ;;
    1) echo 3 ;;
    130) echo 4 ;;
    # 2, and whatever else a program that was killed ends with.
    *) echo 2 ;;
    esac
}

on_github() {
    [ "${GITHUB_ACTIONS:-}" = true ]
}

heading() {
    if on_github; then echo "::group::$1"; else printf '\n== %s\n' "$1"; fi
}

# Answers of a server are in the output; on GitHub a line of them must not be taken for a command.
hush() {
    if on_github; then
        hushed=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
        echo "::stop-commands::$hushed"
    fi
}

unhush() {
    if on_github; then
        printf '\n::%s::\n::endgroup::\n' "$hushed"
    fi
}
