"""Point lookups with snowflake-connector-python, for `benches/performance.py`.

Executed with the Python of an environment that has one of its versions. Prints one line of JSON.
Threads as many as connections, closed loop; with --each a connection for every query, as the demo's
own load test does it. Rows are fetched and their first cell is checked.
"""

import argparse
import json
import random
import resource
import threading
import time

import snowflake.connector
from snowflake.connector import errors

arguments = argparse.ArgumentParser()
arguments.add_argument("port", type=int)
arguments.add_argument("--threads", type=int, default=16)
arguments.add_argument("--seconds", type=float, default=10)
arguments.add_argument("--warm-up", type=float, default=2)
arguments.add_argument("--orders", type=int, nargs=2, default=[4711, 4711])
arguments.add_argument("--warehouse")
arguments.add_argument("--each", action="store_true")
arguments.add_argument("--prepare", help="statements of a file, instead of lookups")
given = arguments.parse_args()


def connect():
    names = dict(database="SNOWGAUGE", schema="PUBLIC")
    if given.warehouse:
        names["warehouse"] = given.warehouse
    return snowflake.connector.connect(
        user="bench", password="any", account="local", host="127.0.0.1", port=given.port,
        protocol="http", session_parameters={"USE_CACHED_RESULT": False}, **names,
    )


def lookup(connection, order):
    cursor = connection.cursor()
    cursor.execute(f"SELECT * FROM ORDER_LOOKUP WHERE ORDER_ID = {order}")
    rows = cursor.fetchall()
    cursor.close()
    return len(rows) == 1 and rows[0][0] == order


def client(number, began, latencies, failures):
    draw = random.Random(number)
    connection = None if given.each else connect()
    starts, ends = began + given.warm_up, began + given.warm_up + given.seconds
    while (sent := time.monotonic()) < ends:
        order = draw.randint(*given.orders)
        try:
            if given.each:
                connection = connect()
            is_right = lookup(connection, order)
            took = time.monotonic() - sent
            if given.each:
                connection.close()
        except errors.Error as error:
            is_right, took = False, 0
            failures.append(str(error)[:200])
        if not is_right:
            failures.append("wrong rows")
        elif sent >= starts:
            latencies.append(took)
    if connection and not given.each:
        connection.close()


if given.prepare:
    connection = connect()
    for statement in open(given.prepare).read().split(";"):
        if statement.strip():
            connection.cursor().execute(statement)
    raise SystemExit

latencies, failures = [], []
began = time.monotonic()
work = [
    threading.Thread(target=client, args=(number, began, latencies, failures))
    for number in range(given.threads)
]
for thread in work:
    thread.start()
time.sleep(given.warm_up)
before = resource.getrusage(resource.RUSAGE_SELF)
time.sleep(given.seconds)
after = resource.getrusage(resource.RUSAGE_SELF)
for thread in work:
    thread.join()
latencies.sort()
used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def quantile(part):
    return round(1e6 * latencies[min(len(latencies) - 1, int(part * len(latencies)))]) if latencies else None


print(json.dumps({
    "version": snowflake.connector.__version__,
    "rate": len(latencies) / given.seconds,
    "cpu_us": used * 1e6 / max(1, len(latencies)),
    "failures": len(failures),
    "failure": failures[0] if failures else None,
    "from_sent": {name: quantile(part) for name, part in
                  [("p50_us", 0.5), ("p95_us", 0.95), ("p99_us", 0.99), ("max_us", 1)]},
}))
