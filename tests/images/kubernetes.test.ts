// The examples of images/kubernetes/: the Deployment with its ConfigMap and init container as Podman plays it, read-only, without root and
// without capabilities; and what the examples say of one another.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { FDINIT, IS_QUICKJS, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { bareRoot, Podman, whyNoPodman } from "../harness/podman.ts";
import { until } from "../harness/processes.ts";

leaveNothingBehind();

const EXAMPLES = join(ROOT, "images/kubernetes");
const CONTAINER = "app-pod-0-app";

/** The YAML documents of an example. */
const documents = (name: string): Record<string, unknown>[] =>
  parseAllDocuments(readFileSync(join(EXAMPLES, name), "utf8")).map((each) => each.toJS());

const reason = IS_QUICKJS
  ? (missing("podman", "runc", "busybox", "unshare", "root") ?? whyNoPodman())
  : "it is about the static executable, and takes a minute of Podman's: bun run test:programs";

function put(file: string): void {
  copyFileSync(FDINIT, file);
  chmodSync(file, 0o755);
}

describeUnless(reason, "as Podman plays it,", () => {
  let engine: Podman;

  beforeAll(async () => {
    engine = await Podman.apart();
    put(join(engine.helpers, "catatonit"));
    const copier = bareRoot(temporaryDirectory());
    symlinkSync("busybox", join(copier, "bin", "cp"));
    put(join(copier, "fdinit"));
    expect(engine.import("localhost/fdinit-copy:1", copier, "ENV PATH=/bin")).toMatchObject({ code: 0 });
    const app = bareRoot(temporaryDirectory());
    symlinkSync("busybox", join(app, "bin", "httpd"));
    mkdirSync(join(app, "www"));
    writeFileSync(join(app, "www", "index.html"), "served\n");
    for (const path of ["www", "www/index.html"]) chmodSync(join(app, path), 0o755);
    expect(engine.import("localhost/app:1", app, "ENV PATH=/bin")).toMatchObject({ code: 0 });
  }, 120_000);

  afterAll(() => {
    expect(engine.stop()).toEqual([]);
  }, 120_000);

  test("the Deployment serves as a user without rights, is healthy, and ends inside its budget after the delay", async () => {
    const folder = temporaryDirectory();
    const file = join(folder, "deployment.yaml");
    const parts = [...documents("base/policy.yaml"), ...documents("base/deployment.yaml")];
    const deployment = parts[1] as unknown as { metadata: Metadata; spec: { template: Template } };
    const { metadata, spec } = deployment;
    // Podman 4.3 removes an init container that has ended, and sometimes takes it for a running one and fails.
    for (const each of [metadata, spec.template.metadata])
      each.annotations = { "io.podman.annotations.init.container.type": "always" };
    // Without a network Podman knows no ports, and it has no probes where there is no systemd.
    for (const container of spec.template.spec.containers)
      for (const key of ["ports", "startupProbe", "livenessProbe", "readinessProbe"]) delete container[key];
    writeFileSync(file, parts.map((each) => JSON.stringify(each)).join("\n---\n"));
    const { code, stderr } = engine.podman("kube", "play", "--network=none", file);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const within = (...words: string[]) => engine.podman("exec", CONTAINER, ...words);
    await until("it is healthy", () => within("/fdinit/fdinit", "health", "--quiet").code === 0);
    expect(within("busybox", "wget", "-qO-", "http://127.0.0.1:8080/").stdout).toBe("served\n");

    const status = within("busybox", "cat", "/proc/1/status").stdout;
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe("65532");
    expect(/^CapBnd:\s+(\w+)/m.exec(status)?.[1]).toBe("0000000000000000");
    expect(/^NoNewPrivs:\s+(\d)/m.exec(status)?.[1]).toBe("1");
    expect(within("busybox", "touch", "/new").code).not.toBe(0);
    expect(within("busybox", "cat", "/proc/1/cmdline").stdout).toBe("/fdinit/fdinit\0");

    const before = performance.now();
    expect(engine.podman("stop", "--time=30", CONTAINER)).toMatchObject({ code: 0 });
    const tookMs = performance.now() - before;
    expect(tookMs).toBeGreaterThan(2_900);
    expect(tookMs).toBeLessThan(15_000);
    expect(engine.podman("kube", "down", file)).toMatchObject({ code: 0 });
  }, 120_000);
});

test.each(["base/policy.yaml", "overlay/policy.yaml"])("the policy in %s is accepted", (name) => {
  const [map] = documents(name) as [{ data: { "policy.yaml": string } }];
  const file = join(temporaryDirectory(), "policy.yaml");
  writeFileSync(file, map.data["policy.yaml"]);
  const { exitCode, stderr } = Bun.spawnSync([FDINIT, "check", "--strict", file]);
  expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
});

test("the Pod's grace period is longer than the policy's budget, and a volume stands behind every mount", () => {
  for (const name of ["base/deployment.yaml", "image-volume.yaml", "sidecar.yaml"]) {
    for (const { spec } of documents(name) as unknown as { spec: Pod & { template?: { spec: Pod } } }[]) {
      const pod = spec.template?.spec ?? spec;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(25);
      const volumes = pod.volumes.map((volume) => volume.name);
      for (const { volumeMounts = [] } of [...pod.containers, ...(pod.initContainers ?? [])])
        for (const mount of volumeMounts) expect(volumes).toContain(mount.name);
    }
  }
});

interface Metadata {
  annotations?: Record<string, string>;
}

interface Template {
  readonly metadata: Metadata;
  readonly spec: Pod;
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly volumes: readonly { name: string }[];
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

interface Container {
  [key: string]: unknown;
  readonly volumeMounts?: readonly { name: string }[];
}
