/** Z85, the text form of CURVE keys, and the public key that belongs to a secret one. */
import { createPrivateKey, createPublicKey } from "node:crypto";

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
/** What stands before the 32 bytes of an X25519 key in PKCS 8. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");

/** True for 40 characters of Z85. */
export function isKey(text: unknown): boolean {
  return typeof text === "string" && text.length === 40 && [...text].every((c) => DIGITS.includes(c));
}

function decoded(text: string): Buffer {
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let i = 0; i < text.length; i += 5) {
    let value = 0;
    for (const c of text.slice(i, i + 5)) value = value * 85 + DIGITS.indexOf(c);
    bytes.writeUInt32BE(value % 2 ** 32, (i / 5) * 4);
  }
  return bytes;
}

function encoded(bytes: Buffer): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4) {
    const value = bytes.readUInt32BE(i);
    for (let power = 85 ** 4; power >= 1; power /= 85) text += DIGITS[Math.floor(value / power) % 85];
  }
  return text;
}

/** The public key of a secret key; both as 40 characters of Z85. */
export function publicOf(secret: string): string {
  const pair = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, decoded(secret)]), format: "der", type: "pkcs8" });
  return encoded(createPublicKey(pair).export({ format: "der", type: "spki" }).subarray(-32));
}
