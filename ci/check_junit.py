"""Reads JUnit reports with junitparser and checks that each case says what dashboards need."""

import sys

from junitparser import JUnitXml, Properties

NEEDED = {"target", "release", "outcome", "evidence"}



def check(path):
    """How many cases there are, and what is wrong with them."""
    seen = set()
    problems = []
    for suite in JUnitXml.fromfile(path):
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
    if not seen:
        problems.append("no test cases")
    return len(seen), problems


is_red = False
for path in sys.argv[1:]:
    count, problems = check(path)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{path}: {count} cases read by junitparser, {len(problems)} problems")
    is_red |= bool(problems)
sys.exit(1 if is_red else 0)
