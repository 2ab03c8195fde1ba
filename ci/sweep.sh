#!/usr/bin/env bash
# Drops what the runs of this job left on an account, if they were killed: an interactive warehouse
# goes on costing. The next run would do it too, but only when it has expired.
#
# Reads SNOWGAUGE_CONNECTION as nightly.sh does, and the runs' ids from their folders.
source "$(dirname "$0")/common.sh"

find_snowgauge
connection=${SNOWGAUGE_CONNECTION:?names no connection}
arguments=()
[ "$connection" = environment ] || arguments=(--connection "$connection")
for run in "$out"/*/runs/SG*/; do
    [ -d "$run" ] || continue
    step sweep snowgauge sweep "${arguments[@]}" --run "$(basename "$run")"
done
finish
