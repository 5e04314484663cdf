/**
 * For the users' own CI: a client without a broker. Its proofs have `fake: true` in themselves, and no verifier accepts them.
 *
 * @packageDocumentation
 */
import { connect, type Client } from "./client.js";
import { FAKE_PROOF } from "./mock_bridge.js";

export { FAKE_PROOF };

/** True for a proof of the mock. */
export function isFake(proof: object): boolean {
  return typeof proof === "object" && proof !== null && (proof as { fake?: unknown }).fake === true;
}

/** A client that answers in a millisecond with proofs that are marked as fake. The same as `connect({ url: "mock:", allowMock: true })`. */
export function mockClient(): Promise<Client> {
  return connect({ url: "mock:", allowMock: true });
}
