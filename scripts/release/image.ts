// An image of the file /fdinit for two architectures, as one tar: an image layout of the Open Container Initiative (image-spec 1.0),
// and beside it manifest.json, which `docker load` of older engines reads instead.

import { readFileSync } from "node:fs";
import { type Entry, gzip, tar } from "./archives.ts";
import { ARCHITECTURES, DESCRIPTION, LICENCE, type Product, VERSION } from "./product.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

const TAG = `fdinit:${VERSION}`;

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** `products`: static executables, one an architecture. `commit`: the source's, where it is known. */
export function image(products: readonly Product[], epoch: number, commit?: string): Buffer {
  const blobs = new Map<string, Entry>();
  const add = (bytes: Buffer): Blob => {
    const digest = sha256(bytes);
    blobs.set(digest, { path: blobPath(digest), bytes });
    return { digest: `sha256:${digest}`, size: bytes.length };
  };
  const created = new Date(epoch * 1000).toISOString().replace(".000", "");
  const annotations: Record<string, string> = {
    "org.opencontainers.image.title": "fdinit",
    "org.opencontainers.image.description": DESCRIPTION,
    "org.opencontainers.image.version": VERSION,
    "org.opencontainers.image.licenses": LICENCE,
    "org.opencontainers.image.created": created,
    ...(commit === undefined ? {} : { "org.opencontainers.image.revision": commit }),
  };
  const made = products.map((product) => {
    const architecture = ARCHITECTURES[product.target.machine].debian;
    const files = tar([{ path: "fdinit", bytes: readFileSync(product.file), mode: 0o755 }], epoch);
    const layer = add(gzip(files));
    const config = add(
      json({
        created,
        architecture,
        os: "linux",
        config: { Entrypoint: ["/fdinit"], Cmd: ["version"], WorkingDir: "/", Labels: annotations },
        rootfs: { type: "layers", diff_ids: [`sha256:${sha256(files)}`] },
        history: [{ created, created_by: "COPY fdinit /fdinit" }],
      }),
    );
    const manifest = add(
      json({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: { mediaType: CONFIG, ...config },
        layers: [{ mediaType: LAYER, ...layer }],
        annotations,
      }),
    );
    return { architecture, layer, config, manifest };
  });
  const index = add(
    json({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: made.map(({ architecture, manifest }) => ({
        mediaType: MANIFEST,
        ...manifest,
        platform: { architecture, os: "linux" },
      })),
      annotations,
    }),
  );
  const names = {
    "org.opencontainers.image.ref.name": TAG,
    "io.containerd.image.name": `docker.io/library/${TAG}`,
  };
  const layout = {
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [{ mediaType: INDEX, ...index, annotations: names }],
  };
  // Older engines know no index: each architecture has a tag of its own, and the first has the plain one besides.
  const forDocker = made.map(({ architecture, config, layer }, place) => ({
    Config: blobPath(config.digest),
    RepoTags: [...(place === 0 ? [TAG, "fdinit:latest"] : []), `${TAG}-${architecture}`],
    Layers: [blobPath(layer.digest)],
  }));
  const entries: Entry[] = [
    { path: "oci-layout", bytes: json({ imageLayoutVersion: "1.0.0" }) },
    { path: "index.json", bytes: json(layout) },
    { path: "manifest.json", bytes: json(forDocker) },
    ...[...blobs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry),
  ];
  return tar(entries, epoch);
}

function blobPath(digest: string): string {
  return `blobs/sha256/${digest.replace("sha256:", "")}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
