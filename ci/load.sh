#!/usr/bin/env bash
# load.sh PARTITIONS LOAD [ARGUMENT...]: a load from several processes of this machine, joined afterwards:
# what ci/kubernetes/load.sh does on several nodes. LOAD is one load of a suite, such as
# `suites/latency/lookups.yaml::C-02` (docs/scale-out.md); ARGUMENTs go to `snowgauge load`.
source "$(dirname "$0")/common.sh"
partitions=${1:?how many partitions?}
load=${2:?which load?}
shift 2
seed=$RANDOM

find_snowgauge
folder=$out/load
rm -rf "${out:?}/load"
mkdir -p "$folder"
start_at=$(date -u -d "+${SNOWGAUGE_START_IN_S:-60} seconds" +%Y-%m-%dT%H:%M:%SZ)
echo "$partitions partitions start at $start_at"
for index in $(seq "$partitions"); do
    snowgauge load "$load" "$@" --partition "$index/$partitions" --start-at "$start_at" \
        --seed "$seed" --runs "$folder/runs" >"$folder/$index.log" 2>&1 &
done
# Budgets are held against the joined load, which tells what is missing.
wait

step load-merged snowgauge report --merge "$folder/runs"/*/ --junit "$folder/junit.xml" \
    --html "$folder/report.html" --markdown "$folder/summary.md" --annotations "$folder/annotations"
tell load
finish
