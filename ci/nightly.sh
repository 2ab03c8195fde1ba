#!/usr/bin/env bash
# One night: every suite with its loads, what that came to into the history, and the gate's verdict.
#
#   SNOWGAUGE_CONNECTION   a connection of `connections.toml`, or `environment` for one that SNOWFLAKE_*
#                          variables describe. Without it the night is on the emulator, where loads take
#                          what a capacity model says: a simulation, and every report says so
#   SNOWGAUGE_HISTORY      where nights are kept [.snowgauge/history.db]
#   SNOWGAUGE_TAGS         which suites [`not costly` on an account, all of them on the emulator]
#   SNOWGAUGE_MAX_CREDITS  what the run may cost [5]
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
'') arguments=(--target emulator --capacity seed --scale "${SNOWGAUGE_SCALE:-20000}") ;;
environment) arguments=(--target live --max-credits "$credits") ;;
*) arguments=(--connection "$connection" --max-credits "$credits") ;;
esac
tags=${SNOWGAUGE_TAGS:-${connection:+not costly}}
[ -z "$tags" ] || arguments+=(--tag "$tags")

run_step night snowgauge run "${arguments[@]}"

# From its folder rather than by `run --history`: a night that was killed belongs to the history, too.
mkdir -p "$(dirname "$history")"
step import snowgauge history import --history "$history" --runs "$out/night/runs"
step gate snowgauge gate --history "$history" --markdown "$out/gate/summary.md" \
    --junit "$out/gate/junit.xml"
tell gate
finish
