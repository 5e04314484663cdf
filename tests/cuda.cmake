# Tests of cuda. Sources lie in tests/<kind>/; the label is the kind.
