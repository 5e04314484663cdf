# Tests of prover. Sources lie in tests/<kind>/; the label is the kind.
