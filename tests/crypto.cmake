# Tests of crypto. Sources lie in tests/<kind>/; the label is the kind.
