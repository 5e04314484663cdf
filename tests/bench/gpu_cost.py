#!/usr/bin/env python3
"""gpu_cost.py RATES.jsonl --price "CARD=DOLLARS" ... - dollars per 1,000 proofs, as a table.

RATES.jsonl: rows of card, circuit, wall_ms, proofs_per_s and state ("measured" or "predicted"), as tests/bench/gpu_rates.jsonl; or the
results.jsonl of tests/gpu/run.sh, whose whole proofs are measured ones (of several counts of slots the best). A price is that of one card
with its host, in dollars an hour; a card whose name contains CARD has it. One without a price is an error: a price is never guessed."""
import argparse
import json
import re
import sys

COLUMNS = ("card", "dollars an hour", "circuit", "one proof, ms", "proofs/s", "proofs a dollar", "dollars per 1,000 proofs", "state")


def rows_of(path):
    """Rates as they stand, or the whole proofs of a run."""
    card, best = "?", {}
    for line in open(path):
        row = json.loads(line)
        card = row.get("card", card).split(",")[0].strip()
        if "state" in row and "circuit" in row:
            yield row
        found = re.match(r"(?:prove|slots)_(\w+)-(\d+)$", row.get("step", ""))
        if row.get("bench") == "resident" and found:
            circuit = "%s, 2^%s" % found.groups()
            best.setdefault(circuit, []).append(row)
    for circuit, runs in best.items():
        yield {"card": card, "circuit": circuit, "wall_ms": min(r["wall_ms"] for r in runs), "proofs_per_s": max(r["proofs_per_s"] for r in runs),
               "state": "measured"}


def price_of(card, prices):
    fits = [dollars for name, dollars in prices.items() if name in card]
    if len(fits) != 1:
        sys.exit('gpu_cost.py: %s for "%s": give --price "%s=DOLLARS"' % ("no price" if not fits else "several prices", card, card))
    return fits[0]


def priced(text):
    name, _, dollars = text.rpartition("=")
    if not name or not float(dollars) > 0:
        raise argparse.ArgumentTypeError('"%s" is not CARD=DOLLARS' % text)
    return name, float(dollars)


def table(rows, prices):
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|" + " --- |" * len(COLUMNS)
    for r in rows:
        if r["state"] not in ("measured", "predicted") or not r["proofs_per_s"] > 0:
            sys.exit("gpu_cost.py: neither measured nor predicted, or no rate: %s" % r)
        dollars = price_of(r["card"], prices)
        cells = (r["card"], "%.2f" % dollars, r["circuit"], "%.3g" % r["wall_ms"], "%.*f" % (0 if r["proofs_per_s"] >= 10 else 2, r["proofs_per_s"]),
                 "%d" % (3600 * r["proofs_per_s"] / dollars), "%.2g" % (1000 * dollars / 3600 / r["proofs_per_s"]), r["state"])
        yield "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rates")
    parser.add_argument("--price", action="append", type=priced, required=True)
    given = parser.parse_args()
    print("\n".join(table(rows_of(given.rates), dict(given.price))))
