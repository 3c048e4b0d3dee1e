// The seam's last part: texts and their bytes, and the engine's name. May be imported by whatever holds data only.

export { bytesOf, ENGINE, textOf } from "./bun/text.ts";
