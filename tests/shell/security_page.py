"""Each promise of docs/security.md names tests that there are: what is in backquotes in the last column.

security_page.py PAGE BUILD TESTS...: BUILD is the build directory, TESTS are the suites' directories."""

import json
import re
import subprocess
import sys

page, meson, build = sys.argv[1:4]

listed = json.loads(subprocess.check_output([meson, 'introspect', '--tests', build]))
names = {test['name'] for test in listed}
# The same script in several shells is one test: NAME-SHELL.
names |= {re.sub('-(dash|bash|python3)$', '', name) for name in names}

missing, count = [], 0
for line in open(page, encoding='utf-8'):
    cells = [cell.strip() for cell in line.strip().strip('|').split(' | ')]
    if not line.startswith('| ') or len(cells) != 3 or cells[2] in ('test', '---'):
        continue
    for name in re.findall('`([^`]*)`', cells[2]):
        count += 1
        fuzzers = {'fuzz-' + name, 'replay-' + name}
        if name not in names and not fuzzers & names:
            missing.append('%s: no test %s' % (cells[0], name))

print('\n'.join(missing) or 'security.md names %d tests' % count)
sys.exit(bool(missing) or count < 30)
