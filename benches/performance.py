#!/usr/bin/env python3
"""Measures how fast the harness and its emulator are, and makes the tables of docs/performance.md.

    python3 benches/performance.py [generator accuracy emulator cost] [--write]

Each part is measured in one run on one machine, with nothing else on it. --write puts the tables
into docs/performance.md, between the comments that name them; otherwise they are printed only.

Beside the programs of this repository it needs wrk (Debian `wrk`) and three Python environments,
which it makes in --environments the first time:

    c52       snowflake-connector-python 5.2.0
    c48       snowflake-connector-python 4.8.1
    fakesnow  fakesnow[server] 0.12.1 with snowflake-connector-python 4.8.1
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CANNED = ROOT / "benches" / "canned"
ENVIRONMENTS = {
    "c52": ["snowflake-connector-python==5.2.0"],
    "c48": ["snowflake-connector-python==4.8.1"],
    "fakesnow": ["fakesnow[server]==0.12.1", "snowflake-connector-python==4.8.1"],
}

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("parts", nargs="*", help="generator, accuracy, emulator, cost; all of them without")
arguments.add_argument("--write", action="store_true")
arguments.add_argument("--seconds", type=int, default=10, help="of each measurement [default: 10]")
arguments.add_argument("--environments", default="/tmp/venv-", help="beginning of their folders' names")
arguments.add_argument("--built", type=pathlib.Path, nargs=2, metavar=("LOAD", "SNOWGAUGE"),
                       help="the benchmark and the program, instead of building them")
arguments.add_argument("--rows", type=int, nargs="*", default=[10**4, 10**5, 10**6, 10**7])
given = arguments.parse_args()
PARTS = ["generator", "accuracy", "emulator", "cost"]


def told(text):
    print(text, file=sys.stderr, flush=True)


def build():
    """Paths of the benchmark and of `snowgauge`, as released."""
    command = ["cargo", "build", "--release", "--bin", "snowgauge", "--bench", "load",
               "--message-format=json-render-diagnostics"]
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    made = {}
    for line in map(json.loads, lines):
        if line.get("executable"):
            made[line["target"]["name"]] = line["executable"]
    return made["load"], made["snowgauge"]


def python(name):
    folder = pathlib.Path(given.environments + name)
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "-q", *ENVIRONMENTS[name]], check=True)
    return str(folder / "bin/python")


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


@contextlib.contextmanager
def server(command, port, **options):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    try:
        for _ in range(600):
            with socket.socket() as it:
                if it.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} has ended")
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def canned():
    port = free_port()
    with server([LOAD, "canned", "--port", str(port)], port):
        yield port


@contextlib.contextmanager
def emulator(orders):
    port = free_port()
    with server([SNOWGAUGE, "emulator", "--port", str(port)], port) as process:
        built = load("build", port, count=orders)
        told(f"{orders} orders: {built}")
        yield port, process


def load(mode, port, **options):
    """One mode of the benchmark, and what it told."""
    command = [LOAD, mode, "--address", f"127.0.0.1:{port}"]
    for name, value in options.items():
        name = "--" + name.replace("_", "-")
        if value is True:
            command.append(name)
        elif isinstance(value, (list, tuple)):
            command += [name, *map(str, value)]
        else:
            command += [name, str(value)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    read = json.loads(done.stdout)
    told(f"{' '.join(map(str, command[1:]))}: {json.dumps(read)}")
    return read


def connector(name, port, *options, seconds=None):
    command = [python(name), str(CANNED / "connector.py"), str(port), "--seconds", str(seconds or given.seconds),
               *map(str, options)]
    read = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    told(f"{' '.join(command[2:])}: {json.dumps(read)}")
    return read


def wrk(port, threads):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["wrk", f"-t{threads}", "-c16", f"-d{given.seconds}s", "--latency", "-s", str(CANNED / "lookup.lua"),
               f"http://127.0.0.1:{port}"]
    text = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told(text)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    requests = int(re.search(r"(\d+) requests in", text)[1])
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), "cpu_us": used * 1e6 / requests}


def memory_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def number(value):
    return "-" if value is None else f"{value:,.0f}"


def ms(us):
    return "-" if us is None else f"{us / 1000:.2f}"


def generator():
    with canned() as port:
        best = max((wrk(port, threads) for threads in (1, 2)), key=lambda it: it["rate"])
        found = load("highest", port, seconds=given.seconds)
        closed, opened = found["closed"], found["open"]
        if opened is None:
            raise SystemExit(f"no rate was sound: something else is running? {closed}")
        fastest = connector("c52", port)
        older = connector("c48", port)
        each52 = connector("c52", port, "--each")
        each48 = connector("c48", port, "--each")
        rows = [("wrk 4.1, not decoding", best),
                ("**snowgauge, open loop, sound**", opened),
                ("snowgauge, closed loop", closed),
                ("connector 5.2", fastest),
                ("connector 4.8", older),
                ("connector 5.2, a connection for each query", each52),
                ("connector 4.8, a connection for each query", each48)]
        shown = table(
            ["client, 16 connections", "lookups/s", "of wrk", "CPU µs each"],
            [[name, number(it["rate"]), f"{it['rate'] / best['rate']:.3f}", number(it["cpu_us"])] for name, it in rows])
        told(shown)
        half = opened["rate"] / 2
        bare = load("bare", port, seconds=5)
        held = load("hold", port, seconds=given.seconds, rate=round(half))
        own = held["server"]
        rows = [["the server's own time", f"{own['p50_us']:.0f}", f"{own['p99_us']:.0f}"],
                ["one bare socket, one lookup after the other", bare["from_sent"]["p50_us"], bare["from_sent"]["p99_us"]],
                ["the harness, from sent", held["from_sent"]["p50_us"], held["from_sent"]["p99_us"]],
                ["the harness, from due", held["from_due"]["p50_us"], held["from_due"]["p99_us"]],
                ["**what the harness adds** (from due, less a bare socket)",
                 held["from_due"]["p50_us"] - bare["from_sent"]["p50_us"],
                 held["from_due"]["p99_us"] - bare["from_sent"]["p99_us"]]]
        added = table([f"at {number(held['rate'])}/s, half of the highest rate", "p50 µs", "p99 µs"], rows)
        added += f"\n\nCPU at that rate: {held['cpu_us']:.0f} µs for each statement, user and system."
        return {"generator": shown, "added": added}


def accuracy():
    with canned() as port:
        many = load("hold", port, rate=200, seconds=20, sessions=300, freeze=5000)
        few = load("hold", port, rate=200, seconds=20, sessions=16, freeze=5000)

        def row(name, it):
            off = [it["from_due"][q] / 1000 / truth - 1 for q, truth in (("p99_us", 800), ("p999_us", 980))]
            verdict = it["unsound"][0] if it["unsound"] else "sound"
            return [name, f"{it['from_due']['p99_us'] / 1000:.0f} ({off[0]:+.1%})",
                    f"{it['from_due']['p999_us'] / 1000:.0f} ({off[1]:+.1%})", f"{it['rate']:.1f}", verdict]

        return {"accuracy": table(
            ["", "p99 ms", "p99.9 ms", "rate/s", "verdict"],
            [["by construction", "800", "980", "200.0", ""], row("300 sessions", many), row("16 sessions", few)])}


def fakesnow_rows(port, orders):
    made = f"""
        CREATE TABLE ORDER_LOOKUP AS
        SELECT N::INT AS ORDER_ID, (1 + MOD(N * 7919, {orders // 50}))::INT AS CUSTOMER_ID,
          'Customer ' || N::VARCHAR AS CUSTOMER_NAME,
          DATEADD(second, -30 * ({orders} - N), '2026-07-01 00:00:00'::TIMESTAMP_NTZ) AS ORDER_DATE,
          'Completed' AS ORDER_STATUS, ((MOD(N * 7919, 249989) + 500) / 100)::NUMBER(12, 2) AS TOTAL_AMOUNT,
          (MOD(N, 4) * 5)::INT AS DISCOUNT_PERCENT,
          ((MOD(N * 7919, 249989) + 500) / 100)::NUMBER(12, 2) AS FINAL_REVENUE, (1 + MOD(N, 5))::INT AS ITEM_COUNT
        FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) AS N FROM TABLE(GENERATOR(ROWCOUNT => {orders})))
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write("CREATE DATABASE IF NOT EXISTS SNOWGAUGE; CREATE SCHEMA IF NOT EXISTS SNOWGAUGE.PUBLIC;"
                   f"USE SCHEMA SNOWGAUGE.PUBLIC; {made}")
        file.flush()
        subprocess.run([python("c48"), CANNED / "connector.py", str(port), "--prepare", file.name], check=True)


def emulator_part():
    orders = 100_000
    rows = []
    port = free_port()
    python("fakesnow")
    with server([given.environments + "fakesnow/bin/fakesnow", "-s", "-p", str(port)], port, stderr=subprocess.DEVNULL):
        fakesnow_rows(port, orders)
        for threads in (1, 16):
            it = connector("c48", port, "--threads", threads, "--orders", 1, orders)
            rows.append([f"fakesnow 0.12.1, connector 4.8, {threads}", it])
    of_fakesnow = rows[-1][1]["rate"]
    with emulator(orders) as (port, _):
        for threads in (1, 16):
            it = connector("c48", port, "--threads", threads, "--orders", 1, orders, "--warehouse", "BENCH_IW")
            rows.append([f"emulator, connector 4.8, {threads}", it])
        for sessions in (1, 16):
            it = load("hold", port, sessions=sessions, seconds=given.seconds, closed=True, orders=[1, orders],
                      warehouse="BENCH_IW")
            rows.append([f"emulator, snowgauge, {sessions}", it])
    shown = table(["100,000 orders; server, client, connections", "lookups/s", "of fakesnow at 16", "p50 ms", "p99 ms"],
                  [[name, number(it["rate"]), f"{it['rate'] / of_fakesnow:.1f}", ms(it["from_sent"]["p50_us"]),
                    ms(it["from_sent"]["p99_us"])] for name, it in rows])
    with emulator(1_000_000) as (port, process):
        memory = []

        def look():
            for _ in range(4):
                memory.append(memory_mb(process))
                time.sleep(10)

        # So that what is measured is not the first use of everything.
        load("hold", port, sessions=16, seconds=2, closed=True, orders=[1, 1_000_000], warehouse="BENCH_IW")
        looking = threading.Thread(target=look)
        looking.start()
        it = load("hold", port, sessions=150, seconds=30, warm_up=1, closed=True, orders=[1, 1_000_000],
                  warehouse="BENCH_IW")
        looking.join()
    many = table(["150 clients, 1,000,000 orders, 30 s", ""],
                 [["lookups/s, all rows right", f"{number(it['rate'])} ({it['ok']} of {it['due']})"],
                  ["p50, p95, p99 ms", ", ".join(ms(it["from_sent"][q]) for q in ("p50_us", "p95_us", "p99_us"))],
                  ["emulator's memory MB, every 10 s", ", ".join(f"{it:.0f}" for it in memory)]])
    return {"fakesnow": shown, "many": many}


def cost():
    rows = []
    for orders in given.rows:
        with emulator(orders) as (port, process):
            for sessions in ((1, 10, 100, 1000) if orders == 10**6 else (16,)):
                it = load("hold", port, sessions=sessions, seconds=min(given.seconds, 5), warm_up=1, closed=True,
                          orders=[1, orders], warehouse="BENCH_IW")
                rows.append([number(orders), sessions, number(it["rate"]), ms(it["from_sent"]["p50_us"]),
                             ms(it["from_sent"]["p99_us"]), number(memory_mb(process))])
    return {"cost": table(["orders", "sessions", "lookups/s", "p50 ms", "p99 ms", "emulator's memory MB"], rows)}


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1]
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 2**20
    day = time.strftime("%-d %b %Y")
    return f"{day}; {os.cpu_count()} cores ({cpu}), {memory:.0f} GB, Linux {platform.release().split('-')[0]}, loopback."


def write(tables):
    page = ROOT / "docs" / "performance.md"
    text = page.read_text()
    for name, shown in tables.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.S)
        assert marked.search(text), f"docs/performance.md has no place for `{name}`"
        text = marked.sub(lambda it, shown=shown: it[1] + shown + it[2], text)
    page.write_text(text)


LOAD, SNOWGAUGE = given.built or build()
tables = {"machine": machine()}
for part in given.parts or PARTS:
    measured = {"generator": generator, "accuracy": accuracy, "emulator": emulator_part, "cost": cost}[part]()
    for shown in measured.values():
        print(shown + "\n", flush=True)
    tables |= measured
if given.write:
    write(tables)
