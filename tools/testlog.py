"""testlog.py - counts the results in Meson's testlog.json, for tools/check.

usage: testlog.py BUILD TESTLOG COUNTS NOTES

Prints the logs of failed tests.  "PASSED FAILED SKIPPED" goes to the file COUNTS, and a line for each
failed and each skipped test, with the reason, to the file NOTES.
"""

import json
import re
import sys

PASSED = ("OK", "EXPECTEDFAIL")

# How cmocka, a compiler's sanitizer, the shell suite, Python and the tests without a mount begin to
# say what is wrong.
TELLING = re.compile(r"\[  ERROR   \]|\berror:|ERROR:|FAILED:|Error\b.*:|not so: ")


def output(test):
    return "\n".join(part for part in (test.get("stdout"), test.get("stderr")) if part)


def reason(test, result):
    """The line that says why: the test's own, or the last it wrote."""
    lines = [line.strip() for line in output(test).splitlines() if line.strip()]
    if result == "SKIP":
        lines = [line for line in lines if line.lower().startswith("skip")] or lines
    else:
        lines = [line for line in lines if TELLING.search(line)][:1] or lines
    return lines[-1] if lines else "no output, " + result


def main():
    sys.stdout.reconfigure(errors="backslashreplace")
    build, log, counts, notes = sys.argv[1:]
    passed = failed = skipped = 0
    with open(log, encoding="utf-8", errors="replace") as tests, \
            open(notes, "w", encoding="utf-8") as out:
        for test in map(json.loads, tests):
            result, name = test["result"], test["name"]
            if result in PASSED:
                passed += 1
            elif result == "SKIP":
                skipped += 1
                print(f"SKIPPED  {build} {name}: {reason(test, result)}", file=out)
            else:
                failed += 1
                print(f"FAILED   {build} {name}: {result}, {reason(test, result)}", file=out)
                print(f"\n==== {build} {name}: {result}\n{output(test)}")
    with open(counts, "w", encoding="utf-8") as out:
        print(passed, failed, skipped, file=out)


if __name__ == "__main__":
    main()
