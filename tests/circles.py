"""No circles: of two source files at most one makes use of the other, over others too.

Usage: circles.py NM LIBRARY...  Reads which object file has a symbol, and which others name it.

What does not count is the name of a directory's table (NAME_dir) and of the table of kinds: a place says by it
which directory it is in, and every row leads back there.
"""
import collections
import subprocess
import sys

SANITIZERS = "__asan", "__odr_asan", "__tsan", "__ubsan", "__sanitizer"


def read_symbols(nm, libraries):
    """{symbol: the file that defines it}, {file: symbols that it names and does not define}"""
    defined, named = {}, collections.defaultdict(set)
    told = subprocess.run([nm, "-A", *libraries], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in told.splitlines():
        where, _, rest = line.rpartition(":")
        if len(rest.split()) < 2:
            continue
        *_, sort, symbol = rest.split()
        if sort == "U":
            named[where].add(symbol)
        elif sort.isupper() and not symbol.startswith(SANITIZERS):
            defined[symbol] = where
    return defined, named


def short(where):
    return where.rsplit(":", 1)[-1].rsplit("/", 1)[-1].removesuffix(".c.o")


def uses_of(defined, named):
    """{file: {another that it makes use of: by which symbols}}"""
    uses = collections.defaultdict(lambda: collections.defaultdict(set))
    for where, symbols in named.items():
        for symbol in symbols:
            if symbol in defined and not symbol.endswith("_dir") and symbol != "kinds":
                uses[where][defined[symbol]].add(symbol)
    return uses


def without_ends(files, uses):
    """What is left of the files when those that make use of none of the rest are taken away: circles, and their users."""
    left = set(files)
    while True:
        ends = {where for where in left if not left.intersection(uses[where])}
        if not ends:
            return left
        left -= ends


def main():
    defined, named = read_symbols(sys.argv[1], sys.argv[2:])
    files = set(defined.values()) | set(named)
    uses = uses_of(defined, named)
    if sum(map(len, uses.values())) < len(files):
        sys.exit(f"{len(files)} files make use of so few others that something has not been read")
    users = collections.defaultdict(dict)
    for where, others in uses.items():
        for other in others:
            users[other][where] = True
    # The users of a circle that are in none go too, seen from the other end.
    left = without_ends(without_ends(files, uses), users)
    for where in sorted(left):
        for other in sorted(left.intersection(uses[where])):
            print(short(where), "->", short(other) + ":", *sorted(uses[where][other]))
    if left:
        sys.exit("these files make use of each other: what they share belongs into a file below them")
    print(len(files), "files, no circle")


main()
