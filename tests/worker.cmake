# Tests of worker. Sources lie in tests/<kind>/; the label is the kind.
