"""Otava and MongoDB's signal-processing-algorithms on the series of `benches/gate.rs`.

    cargo bench --no-default-features -p snowgauge --bench gate -- --csv /tmp/series.csv
    python3 -m venv /tmp/otava && /tmp/otava/bin/pip install apache-otava==0.8.0
    python3 -m venv /tmp/mongo && /tmp/mongo/bin/pip install signal-processing-algorithms==2.1.6
    /tmp/otava/bin/python benches/gate_peers.py otava /tmp/series.csv
    /tmp/mongo/bin/python benches/gate_peers.py mongo /tmp/series.csv

Both are asked every night about the nights so far. A night is red when a change point to the worse
is told that no earlier night told: two nights to either side are the same one. Without a change the
first 40 series of a kind are a suite, from the 20th night on. A step is found when a change point to
the worse is told that is at most five nights before it. Of the first 40 series, since it takes them
some time.
"""

import csv
import sys
from statistics import mean

SUITE = 40
FIRST = 20
STEP_AT = 90


def otava(values):
    from otava.analysis import compute_change_points

    found, _ = compute_change_points(values, window_len=50, max_pvalue=0.001)
    return sorted(it.index for it in found)


def mongo(values):
    from signal_processing_algorithms.energy_statistics.energy_statistics import e_divisive

    return sorted(int(it) for it in e_divisive(values, pvalue=0.01, permutations=100))


def worse(values, points):
    """Those after which the mean is higher."""
    ends = [0, *points, len(values)]
    sides = zip(ends, ends[1:], ends[2:])
    return [at for begin, at, end in sides if mean(values[at:end]) > mean(values[begin:at])]


def main():
    name, file = sys.argv[1:3]
    detect = {"otava": otava, "mongo": mongo}[name]
    series = {}
    with open(file, newline="") as rows:
        for kind, change, number, *values in csv.reader(rows):
            if int(number) < SUITE:
                series.setdefault((kind, change), []).append([float(it) for it in values])
    print(f"| {name} | red in 20, 40 series | red in 20, one series | +10 % within 2, 7, 30 nights |")
    print("|---|---|---|---|")
    for kind in dict.fromkeys(kind for kind, _ in series):
        red = [set() for _ in range(SUITE)]
        for number, values in enumerate(series[kind, "none"]):
            told = []
            for night in range(FIRST, len(values)):
                so_far = values[: night + 1]
                points = worse(so_far, detect(so_far))
                if any(all(abs(it - other) > 2 for other in told) for it in points):
                    red[number].add(night)
                told += points
        nights = len(series[kind, "none"][0]) - FIRST
        suite = 20 * len(set().union(*red)) / nights
        single = 20 * sum(len(it) for it in red) / nights / SUITE

        found = []
        for values in series[kind, "+10 %"]:
            at = None
            for night in [*range(STEP_AT, STEP_AT + 7), len(values) - 1]:
                so_far = values[: night + 1]
                if any(it >= STEP_AT - 5 for it in worse(so_far, detect(so_far))):
                    at = night - STEP_AT
                    break
            found.append(at)
        shares = [
            round(100 * sum(it is not None and it < within for it in found) / len(found))
            for within in (2, 7, 30)
        ]
        print(f"| {kind} | {suite:.1f} | {single:.2f} | {', '.join(map(str, shares))} |", flush=True)


main()
