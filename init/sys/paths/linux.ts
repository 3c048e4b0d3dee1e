// The calls about paths of a real run. Files that few starts need are loaded at their first use.

import type { PathCalls } from "./kernel.ts";
import { canExecute, openFile, pathMode, readPath, readSource } from "./paths.ts";

const fileWriting = () => require("./write-file.ts") as typeof import("./write-file.ts");
const folders = () => require("./folders.ts") as typeof import("./folders.ts");

export const pathCalls: PathCalls = {
  openFile,
  readFile: readPath,
  readSource,
  writeFile: (path, text) => fileWriting().writeFile(path, text),
  listFolder: (path) => folders().listFolder(path),
  makeFolder: (path, mode) => folders().makeFolder(path, mode),
  removeFolder: (path) => folders().removeFolder(path),
  pathMode,
  canExecute,
};
