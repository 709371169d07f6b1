"""screen_svg - what tmux captures of a terminal (capture-pane -e -p), as an SVG.

usage: screen_svg.py COLUMNS LINES <CAPTURE >SVG

Knows the attributes that ipctop uses: bold, underlined, reversed and the terminal's eight colours.
"""
import re
import sys
import unicodedata
from xml.sax.saxutils import escape

WIDTH, HEIGHT, SIZE, BORDER = 7.8, 16, 13, 8
PAPER, INK = "#ffffff", "#202020"
COLOURS = ["#202020", "#c00020", "#00701a", "#806000", "#0040b0", "#a000a0", "#006a78", "#606060"]


class Look:
    """The attributes that hold from here on, in the next line too."""

    def __init__(self):
        self.bold = self.underlined = self.reverse = False
        self.colour = None

    def change(self, code):
        if code == 0:
            self.__init__()
        elif code == 1:
            self.bold = True
        elif code == 4:
            self.underlined = True
        elif code == 7:
            self.reverse = True
        elif 30 <= code <= 37:
            self.colour = COLOURS[code - 30]
        elif code == 39:
            self.colour = None


def pieces(line, look):
    """The texts between attributes, which are changed in @look."""
    for piece in re.split(r"(\x1b\[[0-9;]*m|\x1b[()].|[\x0e\x0f])", line):
        found = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
        if found:
            for number in found[1].split(";"):
                look.change(int(number or 0))
        elif piece and piece[0] not in "\x1b\x0e\x0f":
            yield piece


def columns_of(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def drawn(line, row, look):
    at = 0
    for text in pieces(line, look):
        width = columns_of(text)
        x, y = BORDER + at * WIDTH, BORDER + row * HEIGHT
        at += width
        ink, paper = (PAPER, look.colour or INK) if look.reverse else (look.colour or INK, None)
        if paper:
            yield f'<rect x="{x:.1f}" y="{y}" width="{width * WIDTH:.1f}" height="{HEIGHT}" fill="{paper}"/>'
        if not text.strip() and not look.underlined:
            continue
        more = ' font-weight="bold"' * look.bold + ' text-decoration="underline"' * look.underlined
        yield (f'<text x="{x:.1f}" y="{y + SIZE - 1}" textLength="{width * WIDTH:.1f}" fill="{ink}"{more}>'
               f'{escape(text)}</text>')


def main():
    columns, lines = int(sys.argv[1]), int(sys.argv[2])
    width, height = columns * WIDTH + 2 * BORDER, lines * HEIGHT + 2 * BORDER
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" xml:space="preserve" '
          f'font-family="monospace" font-size="{SIZE}">')
    print(f'<rect width="100%" height="100%" rx="6" fill="{PAPER}" stroke="#888888"/>')
    text = sys.stdin.buffer.read().decode(errors="replace").split("\n")
    look = Look()
    for row, line in enumerate(text[:lines]):
        for element in drawn(line, row, look):
            print(element)
    print("</svg>")


main()
