"""Reads the HdrHistogram logs of a run with Python's hdrh and Java's HistogramLogProcessor.

Both have to agree with each other and with the run's JSON report, for each tag and for the mix as a
whole, which has none. All keep three significant digits, so that a thousandth is no difference.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

JAR = "/usr/share/java/hdrhistogram.jar"
QUANTILES = {"p50_us": 50, "p95_us": 95, "p99_us": 99, "max_us": 100}
HOUR_US = 3_600_000_000


def by_python(log):
    """Histograms by tag; `None` is that of lines without one."""
    reader = HistogramLogReader(str(log), HdrHistogram(1, HOUR_US, 3))
    sums = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        sums.setdefault(interval.get_tag(), HdrHistogram(1, HOUR_US, 3)).add(interval)
    return sums


def by_java(log, tag):
    """Values in ascending order, with how many there are up to each."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        command = ["java", "-cp", JAR, "org.HdrHistogram.HistogramLogProcessor", "-csv"]
        command += ["-i", str(log), "-o", str(out), "-outputValueUnitRatio", "1"]
        command += ["-tag", tag] if tag else []
        done = subprocess.run(command, capture_output=True, text=True)
        table = out.with_suffix(".hgrm")
        # It ends with 0 whatever it throws.
        if done.returncode or done.stderr or not table.exists():
            raise ValueError(f"HistogramLogProcessor: {done.stderr.strip() or 'no output'}")
        rows = [it for it in csv.reader(table.read_text().splitlines()) if not it[0].startswith("#")]
    return [(float(value), int(count)) for value, _, count, *_ in rows[1:]]


def are_equal(one, other):
    return abs(one - other) <= max(1.0, 0.001 * max(one, other))


def at_rank(histogram, rank):
    """The value of a rank. Percentiles would be rounded to ranks, by each reader in its own way."""
    seen = 0
    for it in histogram.get_recorded_iterator():
        seen += it.count_added_in_this_iter_step
        if seen >= rank:
            return histogram.get_highest_equivalent_value(it.value_iterated_to)
    return 0


def compare(log, tag, python, figures):
    """How many values were compared, and what is wrong with them."""
    quantiles = by_java(log, tag)
    count = quantiles[-1][1]
    problems = []
    if not count == python.get_total_count() == figures["ok"]:
        found = f"Java {count}, Python {python.get_total_count()}, the report {figures['ok']}"
        problems.append(f"values: {found}")
    for java, rank in quantiles:
        value = at_rank(python, rank)
        if not are_equal(java, value):
            problems.append(f"value {rank} of {count}: Java {java:.0f}, Python {value}")
    for name, percentile in QUANTILES.items():
        value = at_rank(python, -(-percentile * count // 100))
        if not are_equal(value, figures[name]):
            problems.append(f"{name}: Python {value}, the report {figures[name]}")
    return len(quantiles) + len(QUANTILES), problems


def check(run):
    report = json.loads((run / "report.json").read_text())
    latencies = {}
    for case in report["cases"]:
        for it in (case.get("load") or {}).get("latencies", []):
            latencies.setdefault(it["role"], {})[it["query"]] = it
    logs = sorted(run.glob("hdr/*.hlog"))
    problems = [] if logs else ["there is no log"]
    compared = 0
    for log in logs:
        # `latency.production.C-01.interactive.hlog`; the run has one load.
        figures = latencies.pop(log.name.split(".")[-2], {})
        sums = by_python(log)
        if set(sums) != {tag for tag, it in figures.items() if it["ok"]}:
            problems.append(f"{log.name}: has {list(sums)}, the report {list(figures)}")
            continue
        for tag, python in sums.items():
            count, wrong = compare(log, tag, python, figures[tag])
            compared += count
            problems += [f"{log.name}: {tag or 'the mix'}: {it}" for it in wrong]
    problems += [f"no log of {role}" for role in latencies]
    return len(logs), compared, problems


is_red = False
for path in sys.argv[1:]:
    logs, compared, problems = check(pathlib.Path(path))
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{path}: {logs} logs read by hdrh and Java, {compared} values, {len(problems)} problems")
    is_red |= bool(problems)
sys.exit(1 if is_red or not sys.argv[1:] else 0)
