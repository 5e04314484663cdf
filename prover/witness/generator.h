/** What computes a circuit's witnesses: an executable, as circom's C++ output makes it, or circom's WebAssembly.
 *
 *      NAME/circuit.zkey
 *      NAME/witness            executable: witness input.json out.wtns     (circom's reads witness.dat beside it)
 *      NAME/circuit.wasm       run by Node.js; only where there is no NAME/witness
 */
#ifndef PV_GENERATOR_H
#define PV_GENERATOR_H

#include "program.h"

#include <limits.h>

enum generator_kind { GENERATOR_EXECUTABLE, GENERATOR_WASM };

struct generator {
    enum generator_kind kind;
    char path[PATH_MAX]; /* whole, links resolved */
};

/** The file that would compute witnesses for the key at key_path. False: there is none, or the key has no folder of its own
 *  (it is not called circuit.zkey). Nothing is checked. */
bool generator_beside(char path[PATH_MAX], const char *key_path);

/** Looks at the file: what it is by its first bytes, whether it can be run, and whether nobody but root and this process's user can
 *  write to it, to its data beside it, or to a folder above (program_trusted). PV_NOT_FOUND, PV_BAD_CONFIG, each with a sentence
 *  that names the file. */
pv_status generator_open(struct generator *g, const char *path, char why[PROGRAM_WHY_BYTES]);

#endif
