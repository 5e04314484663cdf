# Tests of broker. Sources lie in tests/<kind>/; the label is the kind.
