# holders.dot is a graph that dot draws: two hundred pipes, names that need quoting.
# shellcheck disable=SC2034,SC2216

command -v dot >/dev/null || { echo "skipped: needs dot"; exit 77; }

# A hundred pipelines of three.
i=0
while [ $i -lt 100 ]; do
    sleep 1000 | sleep 1001 | sleep 1002 &
    i=$((i + 1))
done
until [ "$(grep -lx sleep /proc/[0-9]*/comm 2>/dev/null | wc -l)" = 300 ]; do :; done

# Names of processes and of objects.
mkdir 'shm/"quoted"' 'shm/back\slash' 'shm/new
line' "shm/$(printf 'latin-\344')" shm/grüße 'shm/<b>&lt;'
cp "$(command -v sleep)" "$T/"'a "b\n' && cp "$(command -v sleep)" "$T/$(printf 'x\377')"
for name in shm/*/data; do exec 5<>"$name"; "$T/"'a "b\n' 1003 & done
"$T/$(printf 'x\377')" 1004 &
exec 5>&-

cat holders.dot >"$T/dot"
dot -Tsvg "$T/dot" >"$T/svg" 2>"$T/said" || fail "dot: $(cat "$T/said")"
# No warnings: of bytes that are no UTF-8, say.
[ ! -s "$T/said" ] || fail "dot says: $(head -5 "$T/said")"
python3 - "$T/svg" "$T/dot" <<'P' || fail "the drawing"
import re, sys, xml.etree.ElementTree as tree
svg = tree.parse(sys.argv[1])
space = "{http://www.w3.org/2000/svg}"
titles = {}
boxes = {}
for group in svg.iter(space + "g"):
    title = group.findtext(space + "title")
    texts = [text.text for text in group.findall(space + "text")] + [
        text.text for inner in group.findall(space + "g") for text in inner.iter(space + "text")]
    titles.setdefault(group.get("class"), []).append(title)
    if group.get("class") == "node":
        ellipse = group.find(".//" + space + "ellipse")
        polygon = group.find(".//" + space + "polygon")
        where = (float(ellipse.get("cx")) if ellipse is not None else
                 min(float(point.split(",")[0]) for point in polygon.get("points").split()))
        boxes[title] = (where, "".join(filter(None, texts)))
names = [text for _, text in boxes.values()]
assert sum(name.startswith("pipes/anon/") for name in names) >= 200, names
for name in ['shm/"quoted"', "shm/back\\134slash", "shm/new\\012line", "shm/grüße", "shm/<b>&lt;",
             "shm/latin-\\344"]:
    assert name in names, (name, [n for n in names if n.startswith("shm/")])
assert any(name.endswith('a "b\\134n') or name.endswith('a "b\\n') for name in names), names
# From left to right: who writes, the pipe, who reads.
edges = [re.match(r"\t(\w+) -> (\w+) \[label=\"(\w+)\"\]", line) for line in open(sys.argv[2])]
edges = [edge.groups() for edge in edges if edge]
assert sum(label in ("read", "write") for _, _, label in edges) >= 400
for left, right, label in edges:
    if "sleep" in boxes[left][1] + boxes[right][1] and label in ("read", "write"):
        assert boxes[left][0] < boxes[right][0], (left, right, label)
P
grep -lE '^(sleep|a "b|x)' /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3 >"$T/pids"
while read -r pid; do kill "$pid"; done <"$T/pids"
