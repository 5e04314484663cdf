#!/usr/bin/env python3
"""plot_prove.py LINES.jsonl TITLE OUT.svg CIRCUIT...: wall time of whole proofs by size of the circuit, both axes logarithmic, one line a program.

Reads bench_prove.sh's lines of the circuits named, one a size. Nothing but python's own library.
"""
import json
import math
import sys

NAMES = [("snarkjs", "snarkjs", "#8c8c8c"), ("rapidsnark-portable", "rapidsnark, portable", "#e0a458"),
         ("rapidsnark", "rapidsnark, assembly", "#c4572f"), ("rapidsnark-49", "rapidsnark PR 49", "#8a2d6b"),
         ("provost-portable", "provost, portable", "#9ac1e0"),
         ("provost-adx", "provost, mulx/adx", "#4a86c5"), ("provost-ifma", "provost, IFMA", "#173f73")]
LEFT, TOP, WIDTH, HEIGHT, LEGEND = 64, 34, 520, 380, 170


def points(lines, circuits):
    found = {}
    for o in map(json.loads, lines):
        if o.get("bench") == "prove" and o["circuit"] in circuits:
            found.setdefault(o["program"], {})[int(math.log2(o["domain"]))] = o["wall_ms"]
    return found


def decades(low, high):
    return range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)


def duration(ms):
    return "%g s" % (ms / 1000) if ms >= 1000 else "%g ms" % ms


def draw(found, title):
    sizes = sorted({n for line in found.values() for n in line})
    values = [v for line in found.values() for v in line.values()]
    span = decades(min(values), max(values))

    def x(n):
        return LEFT + WIDTH * (n - sizes[0]) / max(1, sizes[-1] - sizes[0])

    def y(ms):
        return TOP + HEIGHT * (span[-1] - math.log10(ms)) / (span[-1] - span[0])

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">'
           % (LEFT + WIDTH + LEGEND, TOP + HEIGHT + 46), '<rect width="100%" height="100%" fill="white"/>',
           '<text x="%d" y="20" font-size="14">Whole proof, one process, 2 cores: %s</text>' % (LEFT, title)]
    for d in span:
        out.append('<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>' % (LEFT, y(10 ** d), LEFT + WIDTH, y(10 ** d)))
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 6, y(10 ** d) + 4, duration(10 ** d)))
    for n in sizes:
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#eee"/>' % (x(n), TOP, x(n), TOP + HEIGHT))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">2<tspan dy="-5" font-size="9">%d</tspan></text>'
                   % (x(n), TOP + HEIGHT + 18, n))
    out.append('<text x="%d" y="%d" text-anchor="middle">rows of the domain</text>' % (LEFT + WIDTH // 2, TOP + HEIGHT + 38))
    for row, (program, label, colour) in enumerate([n for n in NAMES if n[0] in found]):
        line = sorted(found[program].items())
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>'
                   % (colour, " ".join("%.1f,%.1f" % (x(n), y(v)) for n, v in line)))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s</title></circle>' % (x(n), y(v), colour, duration(v))
                for n, v in line]
        at = TOP + 14 + 20 * row
        out.append('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2"/>'
                   % (LEFT + WIDTH + 12, at - 4, LEFT + WIDTH + 32, at - 4, colour))
        out.append('<text x="%d" y="%d">%s</text>' % (LEFT + WIDTH + 38, at, label))
    return "\n".join(out + ["</svg>", ""])


def main():
    with open(sys.argv[1]) as lines:
        found = points(lines, sys.argv[4:])
    if not found:
        sys.exit("no line about these circuits")
    with open(sys.argv[3], "w") as out:
        out.write(draw(found, sys.argv[2]))


if __name__ == "__main__":
    main()
