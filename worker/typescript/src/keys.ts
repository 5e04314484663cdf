/** CURVE keys, from files of czmq's zcert format or as strings. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { BadKeyFileError, UsageError } from "./errors.js";
import type { Keys } from "./io/dealer.js";
import { READ_NOW } from "./regular.js";
import { isKey, publicOf } from "./z85.js";

/** A key pair of one's own, each key as 40 characters of Z85. */
export interface KeyPair {
  publicKey: string;
  secretKey: string;
}

const FILE_MAX = 16 * 1024;

function readKeyFile(path: string, secret: boolean): string {
  let file: number;
  try {
    file = openSync(path, READ_NOW);
  } catch (e) {
    throw new BadKeyFileError("bad-key-file", `${path}: ${(e as NodeJS.ErrnoException).code ?? e}: the key file cannot be read`, { cause: e });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > FILE_MAX) throw new BadKeyFileError("bad-key-file", `${path}: no usable key in it`);
    if (secret && (stat.mode & 0o077) !== 0 && process.platform !== "win32") {
      throw new BadKeyFileError("bad-key-file", `${path}: others can read this secret key, so it is not used (chmod 600)`);
    }
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** The value of `name = "value"` on a line of its own. */
function keyOf(text: string, name: string, path: string): string {
  const found = new RegExp(`^[ \\t]*${name}[ \\t]*=[ \\t]*(["'])(.*?)\\1`, "m").exec(text)?.[2];
  if (found === undefined || !isKey(found)) throw new BadKeyFileError("bad-key-file", `${path}: no usable key in it`);
  return found;
}

/** A string that is a key, and not the name of a file that is there. */
function isKeyItself(text: string): boolean {
  return isKey(text) && !existsSync(text);
}

function ownPair(key: string | KeyPair): KeyPair {
  if (typeof key === "object") {
    if (!isKey(key.publicKey) || !isKey(key.secretKey)) throw new UsageError("usage", "key: each of the pair is 40 characters of Z85");
    return key;
  }
  if (isKeyItself(key)) return { publicKey: publicOf(key), secretKey: key };
  const path = existsSync(`${key}_secret`) ? `${key}_secret` : key; // czmq writes a pair into two files
  const text = readKeyFile(path, true);
  return { publicKey: keyOf(text, "public-key", path), secretKey: keyOf(text, "secret-key", path) };
}

function serverKey(item: string): string {
  return isKeyItself(item) ? item : keyOf(readKeyFile(item, false), "public-key", item);
}

/**
 * The keys of each endpoint: one for all, or one for each.
 * @throws BadKeyFileError, UsageError
 */
export function keysOf(key: string | KeyPair, serverKeys: string[], endpoints: number): Keys[] {
  if (serverKeys.length !== 1 && serverKeys.length !== endpoints) {
    throw new UsageError("usage", `serverKey: ${serverKeys.length} keys for ${endpoints} urls; give one for all or one for each`);
  }
  const own = ownPair(key);
  return serverKeys.map((item) => ({ ...own, serverKey: serverKey(item) }));
}
