// What deploy/kubernetes uses of kustomize, and nothing more: resources, images, configMapGenerator, strategic merge patches. A key
// that is not known here is an error, so that nothing is looked at that a cluster would see differently.
import fs from "node:fs";
import path from "node:path";
import { parseAllDocuments } from "yaml";

const KNOWN = ["apiVersion", "kind", "resources", "images", "configMapGenerator", "patches"];

export function documents(file) {
    return parseAllDocuments(fs.readFileSync(file, "utf8"), { merge: true }).map((d) => {
        if (d.errors.length) throw new Error(`${file}: ${d.errors[0].message}`);
        return d.toJS();
    });
}

// Lists of objects with a name are merged by it; null takes a member away.
export function merged(into, patch) {
    if (Array.isArray(into) && Array.isArray(patch) && patch.every((p) => p && typeof p === "object" && "name" in p)) {
        const out = into.map((item) => ({ ...item }));
        for (const item of patch) {
            const at = out.findIndex((o) => o.name === item.name);
            if (at < 0) out.push(item);
            else out[at] = merged(out[at], item);
        }
        return out;
    }
    if (!into || !patch || typeof into !== "object" || typeof patch !== "object" || Array.isArray(patch)) return patch;
    const out = { ...into };
    for (const [key, value] of Object.entries(patch)) {
        if (value === null) delete out[key];
        else out[key] = merged(out[key], value);
    }
    return out;
}

function renamed(object, images) {
    const text = JSON.stringify(object, (key, value) => {
        if (key !== "image" || typeof value !== "string") return value;
        const found = images.find((i) => value.split(":")[0] === i.name);
        return found ? `${found.newName}:${found.newTag}` : value;
    });
    return JSON.parse(text);
}

function patched(objects, file) {
    for (const patch of documents(file)) {
        const at = objects.findIndex((o) => o.kind === patch.kind && o.metadata.name === patch.metadata.name);
        if (at < 0) throw new Error(`${file}: no ${patch.kind} ${patch.metadata.name} to patch`);
        objects[at] = merged(objects[at], patch);
    }
}

function configMaps(folder, made = []) {
    return made.map(({ name, files }) => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name },
        data: Object.fromEntries(files.map((f) => [path.basename(f), fs.readFileSync(path.join(folder, f), "utf8")])),
    }));
}

/** The objects that `kubectl apply -k folder` would make. */
export function rendered(folder) {
    const [k] = documents(path.join(folder, "kustomization.yaml"));
    const odd = Object.keys(k).filter((key) => !KNOWN.includes(key));
    if (odd.length) throw new Error(`${folder}: kustomization.yaml has ${odd}`);
    const objects = (k.resources ?? []).flatMap((r) => {
        const at = path.join(folder, r);
        return fs.statSync(at).isDirectory() ? rendered(at) : documents(at);
    });
    objects.push(...configMaps(folder, k.configMapGenerator));
    for (const p of k.patches ?? []) patched(objects, path.join(folder, p.path));
    return renamed(objects, k.images ?? []);
}
