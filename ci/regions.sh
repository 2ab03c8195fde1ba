#!/usr/bin/env bash
# regions.sh [MATRIX]: chosen suites on every connection of a matrix, and one table of what works where.
#
# MATRIX is `ci/regions.yaml` if it is not given. Each of its connections needs its own credentials:
# `connections.toml`, or SNOWFLAKE_CONNECTIONS_<NAME>_* variables. Others as in common.sh.
#
# Status: 0 all passed, 1 some failed, 2 could not run, 3 unsure or invalid.
matrix=$(realpath "${1:-$(dirname "$0")/regions.yaml}")
source "$(dirname "$0")/common.sh"

find_snowgauge
rm -rf "${out:?}/regions"
step regions snowgauge regions "$matrix" --runs "$out/regions/runs" \
    --markdown "$out/regions/summary.md" --junit "$out/regions/junit.xml" \
    --html "$out/regions/report.html"
tell regions
finish
