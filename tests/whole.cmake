# Tests of whole. Sources lie in tests/<kind>/; the label is the kind.
