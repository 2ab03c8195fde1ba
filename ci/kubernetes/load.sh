#!/usr/bin/env bash
# load.sh NODES LOAD: runs a load from NODES pods, waits, and joins what they measured.
#
# LOAD is one load of a suite, such as `suites/latency/lookups.yaml::C-02` (docs/scale-out.md). Needs
# kubectl, a cluster with NODES nodes, and in its namespace what load.yaml names: a claim `snowgauge-runs`
# that many nodes can write to, the secret `snowflake`, and the image of ci/Containerfile.
#
# Status: 0 the joined load passed; otherwise it did not, or did not get so far.
set -euo pipefail
cd "$(dirname "$0")"
nodes=${1:?how many nodes?}
load=${2:?which load?}

# Time to schedule pods, pull the image and make the data set. A pod that is later than this refuses
# to start, rather than be late.
wait_s=${SNOWGAUGE_START_IN_S:-300}
start_at=$(date -u -d "+$wait_s seconds" +%Y-%m-%dT%H:%M:%SZ)

kubectl delete job snowgauge-load snowgauge-merge --ignore-not-found
kubectl create configmap snowgauge-load --dry-run=client -o yaml \
    --from-literal=load="$load" --from-literal=seed="$RANDOM" \
    --from-literal=nodes="$nodes" --from-literal=start-at="$start_at" |
    kubectl apply -f -
kubectl patch --local -f load.yaml --type merge -o yaml \
    -p "{\"spec\":{\"completions\":$nodes,\"parallelism\":$nodes}}" |
    kubectl create -f -
echo "$nodes pods start at $start_at"

# A job that failed never becomes complete: whichever comes first.
ended() {
    local failed complete
    while :; do
        complete=$(kubectl get job "$1" -o jsonpath='{.status.conditions[?(@.type=="Complete")].status}')
        failed=$(kubectl get job "$1" -o jsonpath='{.status.conditions[?(@.type=="Failed")].status}')
        [ "$complete" != True ] || return 0
        [ "$failed" != True ] || return 1
        sleep 5
    done
}

# Budgets are held against the joined load, which tells what is missing.
ended snowgauge-load || echo "some pods did not end well; what they left is joined all the same"
kubectl create -f merge.yaml
status=0
ended snowgauge-merge || status=1
kubectl logs job/snowgauge-merge
exit "$status"
