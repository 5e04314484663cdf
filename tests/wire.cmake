# Tests of wire. Sources lie in tests/<kind>/; the label is the kind.
