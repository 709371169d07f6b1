"""kind_example.py DOCUMENT INCLUDE COMPILER... - the kind that docs/adding-a-kind.md shows compiles, as it stands there."""
import re
import subprocess
import sys

document, include, *compiler = sys.argv[1:]
with open(document, encoding="utf-8") as text:
    blocks = re.findall(r"^```c\n(.*?)^```$", text.read(), re.MULTILINE | re.DOTALL)
if len(blocks) != 1 or "const struct kind toys_kind" not in blocks[0]:
    sys.exit(f"FAILED: {len(blocks)} blocks of C, or no kind in them")
declared = "extern const struct kind toys_kind;\n"
subprocess.run([*compiler, "-std=gnu17", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-Wall", "-Wextra", "-Werror",
                "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-fsyntax-only", "-I", include, "-x", "c", "-"],
               input=blocks[0].replace('#include "kinds.h"\n', '#include "kinds.h"\n' + declared), text=True, check=True)
