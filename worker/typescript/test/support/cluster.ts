// A broker and its provers as real processes, on wildcard ports, ended by their ids.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { build } from "./places.js";

/** Waits until it is true: no fixed sleeps in tests, only this. */
export async function poll(what: string, seconds: number, is: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await sleep(20);
  }
}

/** Collects what nobody holds any more. */
export function garbage(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), "provost-ts-"));
  url = "";
  broker: ChildProcess | undefined;
  readonly provers = new Map<string, ChildProcess>();

  constructor(private brokerOptions: string[] = ["--insecure", "--queue", "echo", "--queue", "idle", "--queue", "member"]) {}

  /** Options of the broker in the place of those of the constructor. */
  set options(options: string[]) {
    this.brokerOptions = options;
  }

  private start(program: string, args: string[], log: string): ChildProcess {
    const out = openSync(join(this.folder, log), "a");
    const env = { ...process.env };
    for (const key of Object.keys(env)) if (key.startsWith("PROVOST_")) delete env[key];
    return spawn(join(build, program), args, { stdio: ["ignore", out, out], env });
  }

  /** Starts the broker; started again it takes the same port and state. */
  async startBroker(...more: string[]): Promise<void> {
    const port = join(this.folder, "port");
    const bind = this.url || "tcp://127.0.0.1:*";
    rmSync(port, { force: true });
    const args = [...this.brokerOptions, "--bind", bind, "--state", join(this.folder, "state"), "--port-file", port, ...more];
    this.broker = this.start("broker/provost-broker", args, "broker.log");
    await poll(`the broker's port: ${this.log("broker")}`, 20, () => existsSync(port) && readFileSync(port, "utf8").includes("\n"));
    this.url = readFileSync(port, "utf8").split("\n")[0]!;
  }

  startProver(name: string, ...more: string[]): void {
    const args = ["run", "--broker", this.url, "--name", name, "--state", join(this.folder, `spool-${name}`), ...more];
    this.provers.set(name, this.start("prover/provost-prover", args, `prover-${name}.log`));
  }

  async kill(process: ChildProcess | undefined, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const gone = new Promise((resolve) => process.once("exit", resolve));
    process.kill(signal);
    await gone;
  }

  log(name: string): string {
    const path = join(this.folder, `${name}.log`);
    return existsSync(path) ? readFileSync(path, "utf8").slice(-2000) : "";
  }

  /** `provost ...`, which has to succeed. */
  command(...args: string[]): string {
    return execFileSync(join(build, "worker/cli/provost"), args, { encoding: "utf8", env: { ...process.env, PROVOST_BROKER: this.url, PROVOST_INSECURE: "1" } });
  }

  /** Makes a key pair, NAME and NAME.pub in the cluster's folder; returns the public key. */
  makeKey(name: string): string {
    const file = join(this.folder, name);
    execFileSync(join(build, "worker/cli/provost"), ["key", "gen", file], { stdio: "ignore" });
    return execFileSync(join(build, "worker/cli/provost"), ["key", "show", file], { encoding: "utf8" }).trim();
  }

  /** The file of authorised keys: name, public key, role. */
  authorize(keys: [string, string, string][]): string {
    const file = join(this.folder, "keys.yaml");
    writeFileSync(file, `keys:\n${keys.map(([name, key, role]) => `  - name: ${name}\n    key: "${key}"\n    roles: [${role}]\n`).join("")}`);
    return file;
  }

  async end(): Promise<void> {
    for (const prover of this.provers.values()) await this.kill(prover);
    await this.kill(this.broker);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
