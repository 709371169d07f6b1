"""A terminal of a size of its own, emulated by tmux: keys go in, what is on the screen comes out."""
import os
import shutil
import subprocess
import sys
import time

BOUND = 30  # seconds after which what has not come does not come; nothing takes as long


def need_tmux():
    if not shutil.which("tmux"):
        print("skipped: needs tmux")
        sys.exit(77)


class Terminal:
    """Runs a command; when it has ended, "ended=" and its status are on the screen."""

    def __init__(self, columns, lines, command, **environment):
        self.socket = os.path.join(os.environ["T"], f"tmux-{columns}x{lines}-{time.monotonic_ns()}")
        settings = {"LC_ALL": "C.UTF-8", "PS1": "$ ", **environment}
        words = ["env", "-u", "NO_COLOR", *(f"{name}={value}" for name, value in settings.items()),
                 "sh", "-c", '"$@"; echo "ended=$?"; exec sleep 1000', "sh", *command]
        # Not in the tree, which must not be kept busy.
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", "/", *words)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-u", "-f", "/dev/null", "-S", self.socket, *words], cwd="/", check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout.decode(errors="replace")

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def lines(self):
        return [line.rstrip() for line in self.screen().rstrip("\n").split("\n")]

    def value(self, name):
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def until(self, true_of, what):
        """Waits until true_of(the screen); fails with the screen as it is."""
        end = time.monotonic() + BOUND
        while True:
            screen = self.screen()
            if true_of(screen):
                return screen
            if time.monotonic() > end:
                sys.exit(f"FAILED: there is no {what} on the screen:\n{screen}")
            time.sleep(0.02)

    def until_has(self, *texts):
        return self.until(lambda screen: all(text in screen for text in texts), " and ".join(texts))

    def until_lacks(self, text):
        return self.until(lambda screen: text not in screen, f"end of {text}")

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], cwd="/", check=False, stderr=subprocess.DEVNULL)
