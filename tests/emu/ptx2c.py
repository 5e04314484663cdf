#!/usr/bin/env python3
"""ptx2c.py FILE.ptx FILE.cpp - translate nvcc's PTX to C++ that runs on cuda_emu.

The point is to execute what nvcc really emitted, inline asm carry chains
included, without a GPU. Integer subset only; an instruction it does not know
stops the translation, so nothing is skipped in silence."""
import re
import sys


class Unsupported(Exception):
    pass


def strip_comments(s):
    return re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", "", m.group()), re.sub(r"//[^\n]*", "", s), flags=re.S)


def statements(text):
    """yield (kind, text, line); kind is 'open', 'close', 'label' or 'stmt'"""
    buf, line, start = "", 1, 1
    depth = 0  # parentheses and vector braces
    for ch in text:
        if ch == "\n":
            line += 1
        if not buf.strip():
            start = line
        if ch == "{" and (not buf.strip() or re.match(r"\s*(\.visible|\.weak|\.extern)?\s*\.(entry|func)\b", buf)):
            yield "open", buf.strip(), start
            buf = ""
        elif ch == "}" and not buf.strip() and not depth:
            yield "close", "", line
            buf = ""
        elif ch == ";":
            yield "stmt", " ".join(buf.split()), start
            buf = ""
        elif ch == ":" and re.fullmatch(r"\s*[\w$]+", buf):
            yield "label", buf.strip(), start
            buf = ""
        else:
            depth += (ch == "{") - (ch == "}")
            if ch == "\n" and re.match(r"\s*\.(version|target|address_size|loc|file|pragma\s)[^\n;]*$", buf):
                buf = ""
            else:
                buf += ch


SIZES = {"8": 1, "16": 2, "32": 4, "64": 8}
SREG = {"%tid": "threadIdx", "%ntid": "blockDim", "%ctaid": "blockIdx", "%nctaid": "gridDim"}
CMP = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">", "hs": ">="}


def cid(name):
    return "v_" + name.lstrip("%").replace("$", "_S_").replace(".", "_")


def bits(t):
    return 1 if t == "pred" else int(t[1:])


def ctype(t):
    return "bool" if t == "pred" else ("int%d_t" if t[0] == "s" else "uint%d_t") % bits(t)


class Module:
    def __init__(self):
        self.shared = {}  # symbol -> (index, size expression)
        self.globals = {}
        self.out = []
        self.entries = []
        self.arities = {}

    def add_shared(self, name, size):
        if name not in self.shared:
            self.shared[name] = (len(self.shared) + 1, size)


class Func:
    def __init__(self, mod):
        self.m = mod
        self.lines = []
        self.regs = {}
        self.uses_shared = False

    # ---- operands ----
    def val(self, op, t):
        op = op.strip()
        neg = False
        if op.startswith("!"):
            neg, op = True, op[1:]
        if re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|\d+)U?", op):
            x = int(op.rstrip("U"), 0)
            if t == "pred":
                e = "1" if x else "0"
            else:
                e = "%dull" % (x & ((1 << 64) - 1))
        elif op.startswith("%") and op.rsplit(".", 1)[0] in SREG:
            base, ax = op.rsplit(".", 1)
            e = "%s.%s" % (SREG[base], ax)
        elif op == "%laneid":
            e = "emu::cur->lane"
        elif op in self.m.shared:
            e = "(%dull << 20)" % self.m.shared[op][0]
            self.uses_shared = True
        elif op in self.m.globals:
            e = "(uint64_t)%s" % self.m.globals[op]
        elif op in self.locals or op in self.params:
            e = "(uint64_t)%s" % cid(op)
        elif re.fullmatch(r"%?[A-Za-z_$][\w$]*", op) and op in self.regs:
            e = cid(op)
        else:
            raise Unsupported("operand " + op)
        e = "(%s)(%s)" % (ctype(t), e)
        return "(!%s)" % e if neg else e

    def reg(self, op):
        op = op.strip()
        if op == "_":
            return "emu_sink"
        if op not in self.regs:
            raise Unsupported("register " + op)
        return cid(op)

    def addr(self, op):
        m = re.fullmatch(r"\[\s*([%\w$]+)\s*(?:\+\s*(-?\w+))?\s*\]", op.strip())
        if not m:
            raise Unsupported("address " + op)
        return m.group(1), int(m.group(2), 0) if m.group(2) else 0

    def mem(self, space, op, size, ln):
        """a C pointer expression of type unsigned char *"""
        base, off = self.addr(op)
        if space == "param":
            if base in self.regs: # a parameter array indexed at run time: the address was moved into a register
                return "((const unsigned char *)(uint64_t)%s + %d)" % (cid(base), off)
            return "(%s + %d)" % (cid(base), off)
        if space == "shared":
            self.uses_shared = True
            a = "(%dull << 20)" % self.m.shared[base][0] if base in self.m.shared else cid(base)
            return "SH((uint32_t)(%s + %d), %d, %d)" % (a, off, size, ln)
        if base in self.m.globals:
            a = "(uint64_t)%s" % self.m.globals[base]
        elif base in self.locals:
            a = "(uint64_t)%s" % cid(base)
        else:
            a = self.val(base, "u64")
        return "GM(%s + (int64_t)%d, %d, %d)" % (a, off, size, ln)

    def split(self, s):
        out, depth, cur = [], 0, ""
        for ch in s:
            depth += (ch in "{[(") - (ch in "}])")
            if ch == "," and not depth:
                out.append(cur.strip())
                cur = ""
            else:
                cur += ch
        if cur.strip():
            out.append(cur.strip())
        return out

    def vec(self, op):
        op = op.strip()
        return self.split(op[1:-1]) if op.startswith("{") else [op]

    # ---- one instruction ----
    def instr(self, s, ln):
        pred = ""
        m = re.match(r"@(!?)(%?[\w$]+)\s+(.*)", s)
        if m:
            pred, s = "if (%s%s) " % (m.group(1), self.reg(m.group(2))), m.group(3)
        if s.startswith("call"):
            self.emit(pred + self.call(s))
            return
        op, _, rest = s.partition(" ")
        a = self.split(rest)
        code = self.one(op.split("."), a, ln)
        self.emit(pred + ("{ %s }" % code if pred or ";" in code[:-1] else code))

    def call(self, s):
        m = re.match(r"call(?:\.uni)?\s*(?:\(([^)]*)\)\s*,)?\s*([\w$]+)\s*(?:,\s*\(([^)]*)\))?$", s)
        if not m:
            raise Unsupported(s)
        args = self.split(m.group(1) or "") + self.split(m.group(3) or "")
        return "%s(%s);" % (cid(m.group(2)), ", ".join(cid(x) for x in args))

    def one(self, o, a, ln):
        op, mods, t = o[0], o[1:], o[-1]
        v, r = self.val, self.reg
        if op == "mov":
            if len(self.vec(a[0])) > 1:
                d = self.vec(a[0])
                w = bits(t) // len(d)
                return "{ uint64_t t_ = %s; %s }" % (v(a[1], "u64"), " ".join("%s = (uint%d_t)(t_ >> %d);" % (r(x), w, w * i) for i, x in enumerate(d)))
            if a[1].startswith("{"):
                src = self.vec(a[1])
                w = bits(t) // len(src)
                return "%s = %s;" % (r(a[0]), " | ".join("(uint64_t)%s << %d" % (v(x, "u%d" % w), w * i) for i, x in enumerate(src)))
            return "%s = %s;" % (r(a[0]), v(a[1], t))
        if op == "cvta":
            if "shared" in mods and "to" not in mods:
                self.uses_shared = True
                return "%s = (uint64_t)SH((uint32_t)%s, 0, %d);" % (r(a[0]), v(a[1], "u64"), ln)
            if "shared" in mods:
                raise Unsupported("cvta.to.shared")
            return "%s = %s;" % (r(a[0]), v(a[1], t))
        if op == "cp" and mods[0] == "async":
            if mods[1:] == ["cg", "shared", "global"] and a[2] == "16":
                return "emu::copy16_async(%s, %s);" % (self.mem("shared", a[0], 16, ln), self.mem("global", a[1], 16, ln))
            if mods[1:] == ["commit_group"]:
                return "emu::copy_close();"
            if mods[1:] == ["wait_group"]:
                return "emu::copy_wait(%d);" % int(a[0])
            raise Unsupported("cp.async")
        if op in ("ld", "ldu", "st"):
            space = next((x for x in mods if x in ("param", "global", "shared", "local", "const")), "generic")
            n = next((int(x[1]) for x in mods if x in ("v2", "v4")), 1)
            size = bits(t) // 8
            regs = self.vec(a[0] if op != "st" else a[1])
            p = self.mem(space, a[1] if op != "st" else a[0], size * n, ln)
            ct = ctype(t)
            vol = "volatile " if "volatile" in mods or "relaxed" in mods else ""
            if op == "st":
                w = " ".join("p_[%d] = %s;" % (i, v(x, t)) for i, x in enumerate(regs))
            else:
                w = " ".join("%s = p_[%d];" % (r(x), i) for i, x in enumerate(regs))
            if space == "param":
                return "{ %s *p_ = (%s *)%s; %s }" % (ct, ct, p, w)
            return "{ %s%s *p_ = (%s%s *)%s; %s }" % (vol, ct, vol, ct, p, w)
        if op in ("add", "addc", "sub", "subc"):
            u = "u%d" % bits(t)
            wide = "uint64_t" if bits(t) == 32 else "unsigned __int128"
            cin = " %s cc_" % ("+" if op[0] == "a" else "-") if op in ("addc", "subc") else ""
            if bits(t) == 16:
                return "%s = %s %s %s;" % (r(a[0]), v(a[1], u), "+" if op[0] == "a" else "-", v(a[2], u))
            out = " cc_ = (t_ >> %d) & 1;" % bits(t) if "cc" in mods else ""
            return "{ %s t_ = (%s)%s %s %s%s; %s = (%s)t_;%s }" % (
                wide, wide, v(a[1], u), "+" if op[0] == "a" else "-", v(a[2], u), cin, r(a[0]), ctype(u), out)
        if op in ("mul", "mad", "madc"):
            n, u = bits(t), "u%d" % bits(t)
            wide = ("int64_t" if t[0] == "s" else "uint64_t") if n <= 32 else ("__int128" if t[0] == "s" else "unsigned __int128")
            prod = "((%s)%s * (%s)%s)" % (wide, v(a[1], t), wide, v(a[2], t))
            if "wide" in mods:
                add = " + %s" % v(a[3], t[0] + str(2 * n)) if op == "mad" else ""
                return "%s = (uint%d_t)(%s%s);" % (r(a[0]), 2 * n, prod, add)
            part = "(%s)(%s >> %d)" % (ctype(u), prod, n) if "hi" in mods else "(%s)%s" % (ctype(u), prod)
            if op == "mul":
                return "%s = %s;" % (r(a[0]), part)
            uw = "uint64_t" if n <= 32 else "unsigned __int128"
            out = " cc_ = (t_ >> %d) & 1;" % n if "cc" in mods else ""
            return "{ %s t_ = (%s)%s + %s%s; %s = (%s)t_;%s }" % (
                uw, uw, part, v(a[3], u), " + cc_" if op == "madc" else "", r(a[0]), ctype(u), out)
        if op == "setp":
            cmp_ = mods[0]
            if cmp_ not in CMP or t[0] == "f":
                raise Unsupported("setp")
            e = "(%s %s %s)" % (v(a[1], t), CMP[cmp_], v(a[2], t))
            if mods[1] in ("and", "or", "xor"):
                c = {"and": "&", "or": "|", "xor": "^"}[mods[1]]
                e = "(%s %s %s)" % (e, c, v(a[3], "pred"))
            if "|" in a[0]:
                raise Unsupported("setp p|q")
            return "%s = %s;" % (r(a[0]), e)
        if op == "selp":
            return "%s = %s ? %s : %s;" % (r(a[0]), v(a[3], "pred"), v(a[1], t), v(a[2], t))
        if op in ("and", "or", "xor"):
            return "%s = %s %s %s;" % (r(a[0]), v(a[1], t), {"and": "&", "or": "|", "xor": "^"}[op], v(a[2], t))
        if op == "not":
            return "%s = %s%s;" % (r(a[0]), "!" if t == "pred" else "~", v(a[1], t))
        if op == "neg":
            return "%s = 0 - %s;" % (r(a[0]), v(a[1], "u%d" % bits(t)))
        if op == "shl":
            return "{ uint32_t n_ = %s; %s = n_ < %d ? %s << n_ : 0; }" % (v(a[2], "u32"), r(a[0]), bits(t), v(a[1], "u%d" % bits(t)))
        if op == "shr":
            n = bits(t)
            return "{ uint32_t n_ = %s; if (n_ >= %d) n_ = %d; %s = (uint%d_t)(%s >> (n_ / 2) >> (n_ - n_ / 2)); }" % (
                v(a[2], "u32"), n, n, r(a[0]), n, v(a[1], t if t[0] == "s" else "u%d" % n))
        if op == "shf":
            cl = "n_ & 31" if "wrap" in mods else "n_ > 32 ? 32 : n_"
            w = "((uint64_t)%s << 32 | %s)" % (v(a[2], "u32"), v(a[1], "u32"))
            sh = "(uint32_t)((%s << n_) >> 32)" if mods[0] == "l" else "(uint32_t)(%s >> n_)"
            return "{ uint32_t n_ = %s; n_ = %s; %s = %s; }" % (v(a[3], "u32"), cl, r(a[0]), sh % w)
        if op == "prmt" and len(mods) == 1:
            return "%s = emu_prmt(%s, %s, %s);" % (r(a[0]), v(a[1], "u32"), v(a[2], "u32"), v(a[3], "u32"))
        if op == "lop3":
            return "%s = emu_lop3(%s, %s, %s, %s);" % (r(a[0]), v(a[1], "u32"), v(a[2], "u32"), v(a[3], "u32"), v(a[4], "u32"))
        if op == "bfe":
            return "%s = (uint%d_t)emu_bfe_%s(%s, %s, %s);" % (r(a[0]), bits(t), t, v(a[1], t), v(a[2], "u32"), v(a[3], "u32"))
        if op == "bfi":
            return "%s = emu_bfi_%s(%s, %s, %s, %s);" % (r(a[0]), t, v(a[1], t), v(a[2], t), v(a[3], "u32"), v(a[4], "u32"))
        if op == "popc":
            return "%s = __builtin_popcountll(%s);" % (r(a[0]), v(a[1], t))
        if op == "clz":
            return "%s = %s;" % (r(a[0]), ("__clz(%s)" if bits(t) == 32 else "__clzll(%s)") % v(a[1], t))
        if op == "bfind" and bits(t) == 32 and t[0] == "u":
            pos = "31 - __builtin_clz(x_)" if "shiftamt" not in mods else "__builtin_clz(x_)"
            return "{ uint32_t x_ = %s; %s = x_ ? %s : 0xffffffffu; }" % (v(a[1], t), r(a[0]), pos)
        if op == "brev" and bits(t) == 32:
            return "%s = __brev(%s);" % (r(a[0]), v(a[1], t))
        if op in ("min", "max"):
            x, y = v(a[1], t), v(a[2], t)
            return "%s = %s %s %s ? %s : %s;" % (r(a[0]), x, "<" if op == "min" else ">", y, x, y)
        if op in ("div", "rem"):
            return "{ if (!%s) emu::trap(\"division by zero\", FILE_, %d); %s = %s %s %s; }" % (
                v(a[2], t), ln, r(a[0]), v(a[1], t), "/" if op == "div" else "%", v(a[2], t))
        if op == "cvt":
            if mods[0] == "sat" or t[0] == "f" or mods[-2][0] == "f":
                raise Unsupported("cvt")
            return "%s = (%s)%s;" % (r(a[0]), ctype(mods[-2]), v(a[1], t))
        if op == "bra":
            return "goto L_%s;" % a[0].replace("$", "_")
        if op in ("ret", "exit"):
            return "return;"
        if op in ("bar", "barrier"):
            if "warp" in mods:
                return "emu::warp(emu::SYNCWARP, %s, 0, 0, 32, FILE_, %d);" % (v(a[0], "u32"), ln)
            if "red" in mods:
                k = {"popc": "BAR_COUNT", "and": "BAR_AND", "or": "BAR_OR"}[mods[mods.index("red") + 1]]
                return "%s = emu::barrier(emu::%s, %s, FILE_, %d);" % (r(a[0]), k, v(a[-1], "pred"), ln)
            if "sync" not in mods or a[0] != "0" or len(a) > 1:
                raise Unsupported("named barrier")
            return "emu::barrier(emu::BAR, 0, FILE_, %d);" % ln
        if op in ("membar", "fence"):
            return "emu::fence();"
        if op == "nanosleep":
            return "emu::relax();"
        if op == "trap":
            return "emu::trap(\"trap\", FILE_, %d);" % ln
        if op == "shfl":
            d, _, p = a[0].partition("|")
            w = "bool in_; unsigned j_ = emu_lane(%d, %s, %s, in_);" % (["up", "down", "bfly", "idx"].index(mods[1]), v(a[2], "u32"), v(a[3], "u32"))
            return "%s %s = (uint32_t)emu::warp(emu::SHFL_IDX, %s, %s, j_, 32, FILE_, %d); %s" % (
                w, r(d), v(a[4], "u32"), v(a[1], "u32"), ln, "%s = in_;" % r(p) if p else "")
        if op == "vote":
            e = "(uint32_t)emu::warp(emu::BALLOT, %s, %s, 0, 32, FILE_, %d)" % (v(a[2], "u32"), v(a[1], "pred"), ln)
            k = mods[1]
            return "%s = %s;" % (r(a[0]), e if k == "ballot" else e + " != 0" if k == "any" else e + " == " + v(a[2], "u32"))
        if op == "match" and mods[0] == "any":
            return "%s = (uint32_t)emu::warp(emu::MATCH, %s, %s, 0, 32, FILE_, %d);" % (r(a[0]), v(a[2], "u32"), v(a[1], t), ln)
        if op == "redux" and t == "u32" or op == "redux" and mods[1] in ("and", "or", "xor"):
            return "%s = (uint32_t)emu::warp(emu::RED_%s, %s, %s, 0, 32, FILE_, %d);" % (r(a[0]), mods[1].upper(), v(a[2], "u32"), v(a[1], "u32"), ln)
        if op in ("atom", "red"):
            space = "shared" if "shared" in mods else "global"
            k = next(x for x in mods if x in ("add", "exch", "cas", "min", "max", "and", "or", "xor"))
            if op == "red":
                a = ["_"] + a
            p = self.mem(space, a[1], bits(t) // 8, ln)
            ct = ctype(t if k in ("min", "max") else "u%d" % bits(t))
            fn = {"add": "Add", "exch": "Exch", "cas": "CAS", "min": "Min", "max": "Max", "and": "And", "or": "Or", "xor": "Xor"}[k]
            args = ", ".join(v(x, t if k in ("min", "max") else "u%d" % bits(t)) for x in a[2:])
            f = "emu::cur->fenced |= %d; " % any(x in ("acquire", "release", "acq_rel") for x in mods)
            return "{ %s%s = (uint%d_t)atomic%s((%s *)%s, %s); }" % (f, r(a[0]), bits(t), fn, ct, p, args)
        raise Unsupported(".".join(o))

    def emit(self, s):
        self.lines.append("    " + s)

    def decl(self, s):
        """.reg and friends inside a body; True when s was one"""
        m = re.match(r"\.reg\s+\.(\w+)\s+(.*)", s)
        if m:
            for d in self.split(m.group(2)):
                n = re.fullmatch(r"([%\w$]+)<(\d+)>", d)
                names = [n.group(1) + str(i) for i in range(int(n.group(2)))] if n else [d]
                names = [x for x in names if x in self.used]
                self.regs.update((x, m.group(1)) for x in names)
                t = ctype(m.group(1)) if m.group(1)[0] in "busp" else None
                if names and not t:
                    raise Unsupported(".reg ." + m.group(1))
                for i in range(0, len(names), 12):
                    self.emit("%s %s;" % (t, ", ".join(cid(x) for x in names[i:i + 12])))
            return True
        m = re.match(r"\.(shared|local|param)\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+([%\w$]+)(?:\[(\d+)\])?$", s)
        if m:
            size = bits(m.group(3)) // 8 * int(m.group(5) or 1)
            if m.group(1) == "shared":
                self.m.add_shared(m.group(4), size)
            else:
                self.emit("alignas(16) unsigned char %s[%d];" % (cid(m.group(4)), size))
                self.locals.add(m.group(4))
            return True
        return s.startswith(".") and re.match(r"\.(loc|pragma|maxn|branchtargets)", s)


def param_list(text):
    """[(name, size, align)] of a .param list"""
    out = []
    for p in text.split(","):
        m = re.match(r"\s*\.param\s+(?:\.align\s+(\d+)\s+)?\.(\w+)(?:\s+\.ptr[\w. ]*?)?\s+([\w$]+)(?:\[(\d+)\])?\s*$", p)
        if not m:
            raise Unsupported("param " + p)
        es = bits(m.group(2)) // 8
        out.append((m.group(3), es * int(m.group(4) or 1), int(m.group(1) or es)))
    return out


def translate(path):
    text = strip_comments(open(path).read())
    m = Module()
    stream = list(statements(text))
    # shared symbols first: bodies refer to module-level ones
    for kind, s, _ in stream:
        g = re.match(r"(?:\.extern |\.visible |\.weak )?\.shared (?:\.align \d+ )?\.(\w+) ([\w$]+)(\[(\d*)\])?$", s) if kind == "stmt" else None
        if g:
            n = 0 if g.group(3) == "[]" else bits(g.group(1)) // 8 * int(g.group(4) or 1)
            m.add_shared(g.group(2), n or None)
    i = 0
    while i < len(stream):
        kind, s, ln = stream[i]
        i += 1
        if kind == "stmt":
            g = re.match(r"(?:\.visible |\.extern |\.weak )?\.(global|const) (?:\.align (\d+) )?\.(\w+) ([\w$]+)(?:\[(\d+)\])?(?: = (.*))?$", s)
            if g:
                init = g.group(6) or "{}"
                m.globals[g.group(4)] = cid(g.group(4))
                m.out.append("alignas(16) static %s %s[%s] = %s;" % (ctype(g.group(3)), cid(g.group(4)), g.group(5) or 1, init if init[0] == "{" else "{%s}" % init))
            elif not s or ".shared" in s or s.startswith((".func", ".extern .func", ".visible .func")):
                pass
            else:
                raise Unsupported("module line %d: %s" % (ln, s))
            continue
        assert kind == "open", (kind, s, ln)
        head = re.match(r"(?:\.visible |\.weak )?\.(entry|func)\s*(?:\(([^)]*)\)\s*)?([\w$]+)\s*(?:\(([^)]*)\))?", " ".join(s.split()))
        entry, name = head.group(1) == "entry", head.group(3)
        ret = param_list(head.group(2)) if head.group(2) else []
        par = param_list(head.group(4)) if head.group(4) and head.group(4).strip() else []
        depth, j = 1, i
        while depth:
            depth += (stream[j][0] == "open") - (stream[j][0] == "close")
            j += 1
        body = stream[i:j - 1]
        i = j
        f = Func(m)
        f.locals = set()
        f.params = set(n for n, _, _ in par)
        f.used = set(re.findall(r"%?[A-Za-z_$][\w$]*", " ".join(x[1] for x in body if x[0] == "stmt" and not x[1].startswith(".reg"))))
        if entry:
            off = 0
            for n, size, al in par:
                off = (off + al - 1) // al * al
                f.emit("const unsigned char *%s = params_ + %d; (void)%s;" % (cid(n), off, cid(n)))
                off += size
        f.emit("uint32_t cc_ = 0; (void)cc_;")
        targets = set(re.findall(r"\bbra(?:\.uni)? ([\w$]+)", " ; ".join(x[1] for x in body)))
        for k, st, l in body:
            try:
                if k == "open":
                    f.emit("{")
                elif k == "close":
                    f.emit("}")
                elif k == "label":
                    if st in targets:
                        f.emit("L_%s:;" % st.replace("$", "_"))
                elif st and not f.decl(st):
                    f.instr(st, l)
            except Unsupported as e:
                sys.exit("%s:%d: ptx2c does not know: %s   (%s)" % (path, l, e, st))
        sig = "const unsigned char *params_" if entry else ", ".join(["unsigned char *" + cid(n) for n, _, _ in ret + par])
        m.arities[name] = sig
        if entry:
            m.entries.append(name)
        sh = ["    char *sb_[NSHARED] = {}; (void)sb_;"] if f.uses_shared else []
        m.out.append("static void %s(%s)\n{\n%s\n}" % (cid(name), sig, "\n".join(sh + f.lines)))
    n = len(m.shared)
    print(PRELUDE % {
        "file": path.rsplit("/", 1)[-1],  # no folder: the same text in every checkout, for compiler caches
        "n": n or 1,
        "sizes": ", ".join("0" if sz is None else str(sz) for _, sz in m.shared.values()) or "0",
        "names": ", ".join('"%s"' % x for x in m.shared) or '""'})
    for nme, sig in m.arities.items():
        print("static void %s(%s);" % (cid(nme), sig))
    print("\n".join(m.out))
    for e in m.entries:
        print('static const emu::PtxEntry entry_%s("%s", %s);' % (cid(e), e, cid(e)))


PRELUDE = r"""/* translated by ptx2c.py */
#include "cuda_emu.h"
static const char FILE_[] = "%(file)s";
static uint64_t emu_sink;
enum { NSHARED = %(n)d };
static const uint32_t sh_size[NSHARED] = { %(sizes)s }; /* 0: the dynamic array */
static const char *const sh_name[NSHARED] = { %(names)s };
static char sh_tag[NSHARED];
/* a shared address is (symbol << 20) + offset, so running off an array cannot land in another */
static inline unsigned char *emu_sh(char **sb, uint32_t a, uint32_t n, int line)
{
    uint32_t i = (a >> 20) - 1, off = a & 0xfffff;
    if (i >= NSHARED || (sh_size[i] && off + n > sh_size[i])) emu::trap("shared memory access out of bounds", FILE_, line);
    if (n && off %% n) emu::trap("misaligned shared memory access", FILE_, line);
    if (!sb[i]) sb[i] = (char *)(sh_size[i] ? emu::shared(&sh_tag[i], sh_size[i], sh_name[i]) : emu::dyn_shared());
    return (unsigned char *)sb[i] + off;
}
static inline unsigned char *emu_gm(uint64_t a, uint32_t n, int line)
{
    if (a & (n - 1)) emu::trap("misaligned access", FILE_, line);
    return (unsigned char *)a;
}
#define SH(a, n, line) emu_sh(sb_, a, n, line)
#define GM(a, n, line) emu_gm(a, n, line)
static inline unsigned emu_lane(int mode, unsigned b, unsigned c, bool &in)
{
    unsigned lane = emu::cur->lane, seg = c >> 8 & 31, cl = c & 31, max = (lane & seg) | (cl & ~seg), min = lane & seg;
    int j;
    b &= 31;
    switch (mode) {
    case 0: j = (int)lane - (int)b; in = j >= (int)max; break;
    case 1: j = lane + b; in = j <= (int)max; break;
    case 2: j = lane ^ b; in = j <= (int)max; break;
    default: j = min | (b & ~seg); in = j <= (int)max; break;
    }
    return in ? (unsigned)j : lane;
}
static inline uint32_t emu_prmt(uint32_t a, uint32_t b, uint32_t s)
{
    uint64_t w = (uint64_t)b << 32 | a;
    uint32_t r = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t k = s >> (4 * i) & 15, x = w >> (8 * (k & 7)) & 255;
        r |= (k & 8 ? (x & 128 ? 255u : 0u) : x) << (8 * i);
    }
    return r;
}
static inline uint32_t emu_lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t t)
{
    uint32_t r = 0;
    for (int i = 0; i < 8; i++)
        if (t >> i & 1) r |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    return r;
}
static inline uint64_t emu_bfe_u64(uint64_t a, uint32_t p, uint32_t n) { p &= 255, n &= 255; return p >= 64 || !n ? 0 : n >= 64 ? a >> p : a >> p & ((1ull << n) - 1); }
static inline uint32_t emu_bfe_u32(uint32_t a, uint32_t p, uint32_t n) { return (uint32_t)emu_bfe_u64(a, p, n); }
static inline uint32_t emu_bfi_b32(uint32_t a, uint32_t b, uint32_t p, uint32_t n)
{
    p &= 255, n &= 255;
    uint64_t m = p >= 32 ? 0 : (n >= 32 ? 0xffffffffull : (1ull << n) - 1) << p;
    return (uint32_t)((b & ~m) | (((uint64_t)a << (p & 31)) & m));
}
static inline uint64_t emu_bfi_b64(uint64_t a, uint64_t b, uint32_t p, uint32_t n)
{
    p &= 255, n &= 255;
    uint64_t m = p >= 64 ? 0 : (n >= 64 ? ~0ull : (1ull << n) - 1) << p;
    return (b & ~m) | ((a << (p & 63)) & m);
}
"""

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: ptx2c.py FILE.ptx FILE.cpp")
    with open(sys.argv[2], "w") as out:
        sys.stdout = out
        translate(sys.argv[1])
