"""Reads a JUnit report with junitparser and checks that each case says what dashboards need."""

import sys

from junitparser import JUnitXml, Properties

NEEDED = {"target", "release", "outcome", "evidence"}

path = sys.argv[1]
report = JUnitXml.fromfile(path)
seen = set()
problems = []
for suite in report:
    for case in suite:
        name = f"{case.classname}::{case.name}"
        if (case.classname, case.name) in seen:
            problems.append(f"{name}: not unique")
        seen.add((case.classname, case.name))
        for attribute in ("file", "line", "time"):
            if case._elem.get(attribute) is None:
                problems.append(f"{name}: no {attribute}")
        properties = case.child(Properties)
        names = {it.name for it in properties} if properties is not None else set()
        if missing := NEEDED - names:
            problems.append(f"{name}: no properties {sorted(missing)}")
for problem in problems:
    print(problem, file=sys.stderr)
if not seen:
    sys.exit(f"{path}: no test cases")
print(f"{path}: {len(seen)} cases read by junitparser, {len(problems)} problems")
sys.exit(1 if problems else 0)
