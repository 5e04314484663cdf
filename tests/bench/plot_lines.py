"""Lines in panels, as SVG, without a library: plot_lines.svg(title, panels).

A panel is {"title", "x", "y", "lines": {name: [(x, y), ...]}, "log": axes that are logarithmic, of "xy", "marks": [x, ...]}.
"""
import math
from html import escape

WIDTH, HEIGHT, GAP, LEFT, TOP = 430, 220, 34, 62, 40
COLORS = ("#1f6fb2", "#c8501e", "#2b8a3e", "#7b4ab5", "#8a6d00")


def _text(x, y, text, size=11, anchor="start", color="#444"):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'


def _number(v):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(v) >= size:
            return f"{v / size:g}{unit}"
    return f"{v:g}"


def _ticks(low, high, log):
    if log:
        return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    step = 10 ** math.floor(math.log10(max(high - low, 1e-9)))
    step = next(s for s in (step / 5, step / 2, step, step * 2) if (high - low) / s <= 6)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


class _Axis:
    def __init__(self, values, log, start, length):
        values = [v for v in values if v > 0] if log else values
        self.low, self.high, self.log = (min(values) if log else 0), max(values), log
        if self.high <= self.low:
            self.high = self.low + 1
        if log:
            self.low, self.high = (10.0 ** f(math.log10(v)) for f, v in ((math.floor, self.low), (math.ceil, self.high)))
        self.start, self.length = start, length

    def at(self, v):
        if self.log:
            share = (math.log10(max(v, self.low)) - math.log10(self.low)) / max(math.log10(self.high / self.low), 1e-9)
        else:
            share = (v - self.low) / (self.high - self.low)
        return self.start + share * self.length

    def ticks(self):
        return [t for t in _ticks(self.low, self.high, self.log) if self.low <= t <= self.high * 1.0001]


def _panel(p, x0, y0):
    points = [point for line in p["lines"].values() for point in line]
    log = p.get("log", "")
    x = _Axis([a for a, _ in points], "x" in log, x0 + LEFT, WIDTH - LEFT - 12)
    y = _Axis([b for _, b in points] + ([] if "y" in log else [1.12 * max(b for _, b in points)]), "y" in log, y0 + HEIGHT - 34, -(HEIGHT - 34 - 30))
    out = [_text(x0 + LEFT, y0 + 14, p["title"], 12, color="#111")]
    for t in y.ticks():
        out.append(f'<line x1="{x.start}" x2="{x.start + x.length}" y1="{y.at(t):.1f}" y2="{y.at(t):.1f}" stroke="#e4e4e4"/>')
        out.append(_text(x.start - 6, y.at(t) + 4, _number(t), anchor="end"))
    for t in x.ticks():
        out.append(_text(x.at(t), y.start + 14, _number(t), anchor="middle"))
    for m in p.get("marks", ()):
        out.append(f'<line x1="{x.at(m):.1f}" x2="{x.at(m):.1f}" y1="{y.start}" y2="{y.start + y.length}" stroke="#bbb" stroke-dasharray="2 3"/>')
    out.append(_text(x.start + x.length, y.start + 28, p["x"], anchor="end"))
    out.append(_text(x0 + 4, y0 + 14, p["y"]))
    label_x, label_y = x.start + 6, y0 + 30
    for i, (name, line) in enumerate(p["lines"].items()):
        color = COLORS[i % len(COLORS)]
        path = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.6"/>')
        if len(line) < 20:
            out += [f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="2.6" fill="{color}"/>' for a, b in line]
        if label_x + 5.6 * len(name) > x.start + x.length:
            label_x, label_y = x.start + 6, label_y + 12
        out.append(_text(label_x, label_y, name, 10, color=color))
        label_x += 5.6 * len(name) + 14
    return out


def svg(title, panels, columns=2):
    rows = math.ceil(len(panels) / columns)
    width, height = columns * WIDTH + 16, TOP + rows * (HEIGHT + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
           'font-family="system-ui, sans-serif">', f'<rect width="{width}" height="{height}" fill="#fff"/>',
           _text(16, 24, title, 14, color="#111")]
    for i, p in enumerate(panels):
        out += _panel(p, 8 + (i % columns) * WIDTH, TOP + (i // columns) * (HEIGHT + GAP))
    return "\n".join(out + ["</svg>", ""])
