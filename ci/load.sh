#!/usr/bin/env bash
# load.sh PARTITIONS [SUITE] [ARGUMENT...]: a load from several processes of this machine, joined
# afterwards: what ci/kubernetes/load.sh does on several nodes. ARGUMENTs go to `snowgauge load`.
source "$(dirname "$0")/common.sh"
partitions=${1:?how many partitions?}
suite=${2:-suites/latency}
shift $(($# < 2 ? $# : 2))

find_snowgauge
folder=$out/load
rm -rf "${out:?}/load"
mkdir -p "$folder"
start_at=$(date -u -d "+${SNOWGAUGE_START_IN_S:-60} seconds" +%Y-%m-%dT%H:%M:%SZ)
echo "$partitions partitions start at $start_at"
for index in $(seq "$partitions"); do
    snowgauge load "$suite" "$@" --partition "$index/$partitions" --start-at "$start_at" \
        --runs "$folder/runs" >"$folder/$index.log" 2>&1 &
done
# A budget is held against the joined load, so that a share that lost its own says nothing yet.
wait

step load-merged snowgauge report --merge "$folder/runs"/*/ --junit "$folder/junit.xml" \
    --html "$folder/report.html" --markdown "$folder/summary.md" --annotations "$folder/annotations"
tell load
finish
