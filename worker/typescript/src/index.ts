/**
 * Asking a Provost broker for proofs.
 *
 * @packageDocumentation
 */
export { connect, Client, type Connection, type ProveOptions } from "./client.js";
export { Task, type FollowOptions } from "./task.js";
export { Result, type Groth16Proof } from "./result.js";
export type { InputJson, Signal } from "./input_json.js";
export type { ConnectOptions, Progress, SubmitOptions, TimeoutOption, Witness } from "./options.js";
export type { KeyPair } from "./keys.js";
export type { ListOptions, PurgeOptions, TaskInfo } from "./operator.js";
export type { Row, TaskState, Whole } from "./wire/lists.js";
export * from "./provost_error.js";
export * from "./error_list.js";
export { VERSION } from "./version.js";
