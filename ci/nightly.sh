#!/usr/bin/env bash
# One night: every suite with its loads, what that came to into the history, and the gate's verdict.
#
#   SNOWGAUGE_CONNECTION   a connection of `connections.toml`, or `environment` for one that SNOWFLAKE_*
#                          variables describe. Without it the night is on the emulator, where loads take
#                          what a capacity model says: a simulation, and every report says so
#   SNOWGAUGE_HISTORY      where nights are kept [.snowgauge/history.db]
#   SNOWGAUGE_TAGS         which suites [`not costly` on an account, all of them on the emulator]
#   SNOWGAUGE_MAX_CREDITS  what the run may cost, and again what the gate measures again [5]
#   and those of common.sh
#
# Status: that of the worst step. 0 all passed, 1 some failed or were worse, 2 could not run, 3 unsure or
# invalid.
source "$(dirname "$0")/common.sh"

find_snowgauge
history=${SNOWGAUGE_HISTORY:-.snowgauge/history.db}
connection=${SNOWGAUGE_CONNECTION:-}
credits=${SNOWGAUGE_MAX_CREDITS:-5}
case $connection in
'') target=(--target emulator --capacity seed --scale "${SNOWGAUGE_SCALE:-20000}") ;;
environment) target=(--target live --max-credits "$credits") ;;
*) target=(--connection "$connection" --max-credits "$credits") ;;
esac
tags=${SNOWGAUGE_TAGS:-${connection:+not costly}}

run_step night snowgauge run "${target[@]}" ${tags:+--tag "$tags"}

# It adds the night to the history, killed or not, and measures again what looks worse.
mkdir -p "$(dirname "$history")"
rm -rf "${out:?}/gate"
step gate snowgauge gate "$out"/night/runs/*/ --history "$history" "${target[@]}" \
    --runs "$out/gate/runs" --markdown "$out/gate/summary.md" --junit "$out/gate/junit.xml"
tell gate
finish
