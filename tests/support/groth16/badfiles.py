"""Derives 102 zkey and wtns files from one good pair: 8 odd but valid, 74 wrong in structure, 20 wrong in value.

cases(data) yields (name, what ours must do, zkey path or bytes, wtns path or bytes). Must is
  accept  a proof, verified;
  reject  an error before any work: the file's structure shows it;
  detect  an error, never a proof: only points, values or the finished proof show it.
"""
import struct
from pathlib import Path

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
G1, G2, COEF = 64, 128, 44
# Offsets inside section 2.
N8Q, PRIME_Q, N8R, PRIME_R, VARS, PUBLICS, DOMAIN = 0, 4, 36, 40, 72, 76, 80
ALPHA1, BETA1, BETA2, GAMMA2, DELTA1, DELTA2, HEADER_END = 84, 148, 212, 340, 468, 532, 660


def u32(b, at=0):
    return struct.unpack_from("<I", b, at)[0]


def le(n, size=32):
    return n.to_bytes(size, "little")


def put(b, at, new):
    return b[:at] + new + b[at + len(new):]


def add(b, at, n):
    """The 32-byte integer at `at` plus n."""
    return put(b, at, le(int.from_bytes(b[at:at + 32], "little") + n))


def flip(b, at, bit=0):
    return put(b, at, bytes([b[at] ^ (1 << bit)]))


class File:
    """A container taken apart: magic, version, [(id, payload)]."""

    def __init__(self, raw):
        self.magic, self.version, count = raw[:4], u32(raw, 4), u32(raw, 8)
        self.sections, at = [], 12
        for _ in range(count):
            size = struct.unpack_from("<Q", raw, at + 4)[0]
            self.sections.append((u32(raw, at), raw[at + 12:at + 12 + size]))
            at += 12 + size

    def get(self, ident):
        return dict(self.sections)[ident]

    def having(self, **changes):
        """A copy's bytes with s5=..., magic=..., version=..., count=..., drop=id, order=..., extra=[...]."""
        sections = [(i, changes.get("s%d" % i, p)) for i, p in self.sections if i != changes.get("drop")]
        sections = changes.get("order", lambda s: s)(sections) + changes.get("extra", [])
        head = changes.get("magic", self.magic)
        head += struct.pack("<II", changes.get("version", self.version), changes.get("count", len(sections)))
        lengths = changes.get("lengths", {})
        return head + b"".join(struct.pack("<IQ", i, lengths.get(i, len(p))) + p for i, p in sections)


def used_point(z, w, ident, size, first_signal):
    """Offset of a point of a section that the witness really multiplies: neither infinity nor scalar 0."""
    points, values = z.get(ident), w.get(2)
    for i in range(len(points) // size - 1, -1, -1):
        if any(points[i * size:(i + 1) * size]) and any(values[(first_signal + i) * 32:(first_signal + i + 1) * 32]):
            return i * size
    raise ValueError("no point of section %d is used" % ident)




def coef_used(z, w):
    """Offset of a coefficient of A, not of a public row, whose signal is not 0."""
    coefs, values = z.get(4), w.get(2)
    for at in range(4, len(coefs), COEF):
        signal = u32(coefs, at + 8)
        if u32(coefs, at) == 0 and signal and any(values[signal * 32:signal * 32 + 32]):
            return at
    raise ValueError("no coefficient is used")


def zkey_cases(z, raw, w, others):
    h, coefs = z.get(2), z.get(4)
    nvars, npublic, domain = u32(h, VARS), u32(h, PUBLICS), u32(h, DOMAIN)
    header = lambda at, new: z.having(s2=put(h, at, new))
    number = lambda at, n: header(at, struct.pack("<I", n))
    coef = lambda at, new: z.having(s4=put(coefs, at, new))
    middle = 4 + (len(coefs) - 4) // COEF // 2 * COEF
    accept, reject, detect = "accept", "reject", "detect"

    yield "z-missing", reject, Path("no-such-file.zkey")
    yield "z-directory", reject, Path(".")
    yield "z-empty", reject, b""
    yield "z-11-bytes", reject, raw[:11]
    yield "z-magic", reject, z.having(magic=b"zkex")
    yield "z-version-2", reject, z.having(version=2)
    yield "z-version-99", reject, z.having(version=99)
    yield "z-no-sections", reject, z.having(count=0)
    yield "z-many-sections", reject, z.having(count=2**32 - 1)
    yield "z-cut-in-header", reject, raw[:100]
    yield "z-cut-half", reject, raw[:len(raw) // 2]
    yield "z-cut-1", reject, raw[:-1]
    yield "z-seclen-huge", reject, z.having(lengths={4: 2**64 - 1})
    yield "z-seclen-wrap", reject, z.having(lengths={4: 2**64 - 8})
    yield "z-trailing", accept, raw + bytes(1000)
    yield "z-reordered", accept, z.having(order=lambda s: s[::-1])
    yield "z-extra-section", accept, z.having(extra=[(99, b"unknown")])
    yield "z-no-mpc", accept, z.having(drop=10)
    for i in (1, 2, 4, 5, 6, 7, 8, 9):
        yield "z-no-section-%d" % i, reject, z.having(drop=i)
    yield "z-dup-section-5", reject, z.having(extra=[(5, z.get(5))])
    yield "z-protocol-0", reject, z.having(s1=le(0, 4))
    yield "z-protocol-77", reject, z.having(s1=le(77, 4))
    yield "z-plonk", reject, others / "plonk.zkey"
    yield "z-fflonk", reject, others / "fflonk.zkey"
    yield "z-prime-q", reject, z.having(s2=add(h, PRIME_Q, 2))
    yield "z-prime-r", reject, z.having(s2=add(h, PRIME_R, 2))
    yield "z-n8q-0", reject, number(N8Q, 0)
    yield "z-n8q-huge", reject, number(N8Q, 2**32 - 1)
    yield "z-nvars-plus1", reject, number(VARS, nvars + 1)
    yield "z-nvars-huge", reject, number(VARS, 2**32 - 1)
    yield "z-npublic-plus1", reject, number(PUBLICS, npublic + 1)
    yield "z-npublic-eq-nvars", reject, number(PUBLICS, nvars)
    yield "z-npublic-huge", reject, number(PUBLICS, 2**32 - 1)
    yield "z-domain-0", reject, number(DOMAIN, 0)
    yield "z-domain-odd", reject, number(DOMAIN, domain - 1)
    yield "z-domain-half", reject, number(DOMAIN, domain // 2)
    yield "z-domain-double", reject, number(DOMAIN, domain * 2)
    yield "z-domain-2^29", reject, number(DOMAIN, 2**29)
    yield "z-header-short", reject, z.having(s2=h[:DELTA2])
    yield "z-ncoefs-more", reject, coef(0, struct.pack("<I", u32(coefs) + 1))
    yield "z-ncoefs-less", reject, coef(0, struct.pack("<I", u32(coefs) - 1))
    yield "z-ncoefs-0", reject, coef(0, le(0, 4))
    yield "z-coefs-ragged", reject, z.having(s4=coefs[:-7])
    yield "z-coef-matrix-2", reject, coef(middle, le(2, 4))
    yield "z-coef-row", reject, coef(middle + 4, le(domain, 4))
    yield "z-coef-row-huge", reject, coef(middle + 4, le(2**32 - 1, 4))
    yield "z-coef-signal", reject, coef(middle + 8, le(nvars, 4))
    yield "z-coef-signal-huge", reject, coef(middle + 8, le(2**32 - 1, 4))
    yield "z-coef-noncanonical", detect, z.having(s4=add(coefs, middle + 12, R))
    yield "z-coef-flip", detect, z.having(s4=flip(coefs, coef_used(z, w) + 12))
    for i, size, first in ((5, G1, 0), (6, G1, 0), (7, G2, 0), (8, G1, npublic + 1)):
        yield "z-flip-section-%d" % i, detect, z.having(**{"s%d" % i: flip(z.get(i), used_point(z, w, i, size, first))})
        yield "z-short-section-%d" % i, reject, z.having(**{"s%d" % i: z.get(i)[:-size]})
    yield "z-flip-section-9", detect, z.having(s9=flip(z.get(9), 0))
    yield "z-short-section-9", reject, z.having(s9=z.get(9)[:-G1])
    yield "z-flip-alpha1", detect, z.having(s2=flip(h, ALPHA1))
    yield "z-flip-delta2", detect, z.having(s2=flip(h, DELTA2))
    at = used_point(z, w, 5, G1, 0)
    yield "z-x-not-reduced", detect, z.having(s5=add(z.get(5), at, Q))
    yield "z-x-all-ones", detect, z.having(s5=put(z.get(5), at, b"\xff" * G1))
    yield "z-a-infinity", detect, z.having(s5=bytes(len(z.get(5))))
    yield "z-delta-infinity", detect, z.having(s2=put(put(h, DELTA1, bytes(G1)), DELTA2, bytes(G2)))


def wtns_cases(w, raw, z, others, other_circuit):
    h, values = w.get(1), w.get(2)
    count, npublic = u32(h, 36), u32(z.get(2), PUBLICS)
    number = lambda at, n: w.having(s1=put(h, at, struct.pack("<I", n)))
    last, state = len(values) - 32, 1
    accept, reject, detect = "accept", "reject", "detect"

    noise = [1]
    for _ in range(count - 1):
        state = (state * 6364136223846793005 + 1442695040888963407) % R
        noise.append(state)
    yield "w-missing", reject, Path("no-such-file.wtns")
    yield "w-empty", reject, b""
    yield "w-magic", reject, w.having(magic=b"wtnx")
    yield "w-version-3", reject, w.having(version=3)
    yield "w-version-1", accept, w.having(version=1)
    yield "w-cut-half", reject, raw[:len(raw) // 2]
    yield "w-cut-1", reject, raw[:-1]
    yield "w-trailing", accept, raw + bytes(1000)
    yield "w-reordered", accept, w.having(order=lambda s: s[::-1])
    yield "w-no-section-1", reject, w.having(drop=1)
    yield "w-no-section-2", reject, w.having(drop=2)
    yield "w-short-values", reject, w.having(s2=values[:-32])
    yield "w-long-values", reject, w.having(s2=values + bytes(32))
    yield "w-count-plus1", reject, number(36, count + 1)
    yield "w-count-huge", reject, number(36, 2**32 - 1)
    yield "w-prime", reject, w.having(s1=add(h, 4, 2))
    yield "w-n8-64", reject, number(0, 64)
    yield "w-n8-0", reject, number(0, 0)
    yield "w-other-circuit", reject, other_circuit
    yield "w-random", detect, w.having(s2=b"".join(le(n) for n in noise))
    yield "w-one-is-two", detect, w.having(s2=put(values, 0, le(2)))
    yield "w-flip-private", detect, w.having(s2=flip(values, last))
    yield "w-flip-public", detect, w.having(s2=flip(values, 32))
    yield "w-noncanonical-private", detect, w.having(s2=add(values, (npublic + 1) * 32, R))
    yield "w-noncanonical-public", detect, w.having(s2=add(values, 32, R))
    yield "w-all-ff", detect, w.having(s2=put(values, last, b"\xff" * 32))


def cases(pair, others, other_circuit):
    """pair and other_circuit: folders with circuit.zkey and witness.wtns; others: keys that are not ours."""
    zpath, wpath = pair / "circuit.zkey", pair / "witness.wtns"
    zraw, wraw = zpath.read_bytes(), wpath.read_bytes()
    z, w = File(zraw), File(wraw)
    yield "good", "accept", zpath, wpath
    for name, must, zkey in zkey_cases(z, zraw, w, others):
        yield name, must, zkey, wpath
    yield "z-is-wtns", "reject", wpath, zpath
    yield "z-bls12381", "reject", others / "bls12381.zkey", others / "bls12381.wtns"
    for name, must, wtns in wtns_cases(w, wraw, z, others, other_circuit / "witness.wtns"):
        yield name, must, zpath, wtns
