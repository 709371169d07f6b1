"""Completion in zsh, by its completion system in a terminal of its own (zsh/zpty)."""
import os
import shutil
import subprocess
import sys

T, HERE = os.environ["T"], os.environ["HERE"]
COMPLETION = os.path.join(HERE, "../../tools/completion")

# A shell in a terminal that zsh makes; each line that is typed is completed, and printed between two marks.
SCRIPT = r"""
zmodload zsh/zpty || exit 77
zpty shell zsh -f -i
read-until() {
    while zpty -r shell line; do
        [[ $line == *"$1"* ]] && return
    done
    print -u 2 "no $1"; exit 1
}
zpty -w shell "PS1= RPS1= ; fpath=($1 \$fpath); autoload -Uz compinit; compinit -D -u"
zpty -w shell 'bindkey "^I" complete-word; bindkey "^X" print-it; zle -N print-it'
zpty -w shell 'print-it() { print -r -- "<<<$BUFFER>>>"; BUFFER=""; zle reset-prompt }'
shift
while (( $# )); do
    zpty -w shell "cd ${(q)2} && print -r -- read\"\"y"
    read-until ready
    zpty -w -n shell "$1"$'\t\x18'
    read-until '>>>'
    print -r -- ${line}
    shift 2
done
zpty -d shell
"""


def main():
    if not shutil.which("zsh"):
        print("skipped: there is no zsh")
        sys.exit(77)
    os.mkdir(f"{T}/pointed")
    # A comma is put behind a whole option, and goes when something else is typed.
    cases = (
        ("ipcfs --chec", "/mnt", "ipcfs --check "),
        ("ipcfs -o no_p", "/mnt", "ipcfs -o no_passthrough,"),
        ("ipcfs -o ro,orph", "/mnt", "ipcfs -o ro,orphan_age="),
        (f"ipcfs {T}/poi", "/mnt", f"ipcfs {T}/pointed/"),
        ("mkdir mq/jobs,ma", "/mnt", "mkdir mq/jobs,maxmsg="),
        ("mkdir mq/jobs,maxmsg=5,", "/mnt", "mkdir mq/jobs,maxmsg=5,msgsize="),
        ("mkdir mq/0x4d2,", "/mnt", "mkdir mq/0x4d2,qbytes="),
        ("mkdir jobs,ms", "/mnt/mq", "mkdir jobs,msgsize="),
        (f"mkdir {T}/poi", "/mnt", f"mkdir {T}/pointed/"),
    )
    arguments = [word for line, directory, _ in cases for word in (line, directory)]
    result = subprocess.run(["zsh", "-f", "-c", SCRIPT, "zsh", COMPLETION, *arguments], capture_output=True, text=True,
                            check=False, env=os.environ | {"HOME": T, "TERM": "dumb"})
    if result.returncode == 77:
        print("skipped: zsh has no module zsh/zpty")
        sys.exit(77)
    got = [part.split(">>>")[0] for part in result.stdout.split("<<<")[1:]]
    wanted = [case[2] for case in cases]
    if got != wanted:
        sys.exit(f"FAILED: expected {wanted}, got {got}, {result.stderr}")


main()
