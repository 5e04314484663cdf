/** Regular files, and no others: a pipe that nobody writes to would hold whoever opens it for ever. */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

/** For open: it does not wait for the other end of a pipe. */
export const READ_NOW = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A regular file that is open, and its size. Rejects with a sentence that names it. */
export async function openRegular(path: string): Promise<{ file: FileHandle; bytes: number }> {
  const file = await open(path, READ_NOW).catch((e: NodeJS.ErrnoException) => {
    throw new Error(`${path}: ${e.code ?? e.message}: the file cannot be read`, { cause: e });
  });
  const stat = await file.stat();
  if (stat.isFile()) return { file, bytes: stat.size };
  await file.close();
  throw new Error(`${path}: not a regular file`);
}
