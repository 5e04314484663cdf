// Where things lie: the repository is named by PROVOST_ROOT, because the package is built outside of it.
import { join } from "node:path";

const root = process.env["PROVOST_ROOT"];
if (!root) throw new Error("PROVOST_ROOT is not set: run the tests by worker/typescript/test_typescript.sh");

export const repository = root;
export const vectors = join(root, "tests", "vectors");
export const data = join(root, "tests", "data");
/** The folder with the built programs. */
export const build = process.env["PROVOST_BUILD"] ?? join(root, "build", "dev");
