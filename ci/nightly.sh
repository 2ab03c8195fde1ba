#!/usr/bin/env bash
# One night: every suite, every load, both into the history, and the gate's verdict on it.
#
#   SNOWGAUGE_CONNECTION   a connection of `connections.toml`, or `environment` for one that SNOWFLAKE_*
#                          variables describe. Without it the night is on the emulator, and loads take
#                          what a capacity model says
#   SNOWGAUGE_HISTORY      where nights are kept [.snowgauge/history.sqlite]
#   SNOWGAUGE_TAGS         which suites [`not costly` on an account, all of them on the emulator]
#   SNOWGAUGE_LOADS        which loads [suites/latency]
#   SNOWGAUGE_MAX_CREDITS  for the suites, and again for the loads [2]
#   and those of common.sh
#
# Status: that of the worst step. 0 all passed, 1 some failed, 2 could not run, 3 unsure or invalid.
source "$(dirname "$0")/common.sh"

find_snowgauge
history=${SNOWGAUGE_HISTORY:-.snowgauge/history.sqlite}
connection=${SNOWGAUGE_CONNECTION:-}
tags=${SNOWGAUGE_TAGS:-}
target=() load=()
case $connection in
'')
    target=(--target emulator --scale "${SNOWGAUGE_SCALE:-20000}")
    # A simulation, and every report says so.
    load=(--capacity seed)
    ;;
environment) target=(--target live --max-credits "${SNOWGAUGE_MAX_CREDITS:-2}") ;;
*) target=(--connection "$connection" --max-credits "${SNOWGAUGE_MAX_CREDITS:-2}") ;;
esac
[ -z "$connection" ] || tags=${tags:-not costly}

run_step suites snowgauge run "${target[@]}" ${tags:+--tag "$tags"}
run_step loads snowgauge load "${SNOWGAUGE_LOADS:-suites/latency}" "${target[@]}" "${load[@]}"

mkdir -p "$(dirname "$history")"
step import snowgauge history import --history "$history" "$out/suites/runs" "$out/loads/runs"
step gate snowgauge gate --history "$history" --markdown "$out/gate/summary.md" \
    --junit "$out/gate/junit.xml"
tell gate
finish
