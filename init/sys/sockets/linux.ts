// The calls about sockets of a real run, loaded at their first use: few starts open one.

import type { SocketCalls } from "./kernel.ts";

const connecting = () => require("./connecting.ts") as typeof import("./connecting.ts");
const making = () => require("./making.ts") as typeof import("./making.ts");
const messages = () => require("./messages.ts") as typeof import("./messages.ts");
const controlling = () => require("./control-sockets.ts") as typeof import("./control-sockets.ts");
const atPaths = () => require("./path-sockets.ts") as typeof import("./path-sockets.ts");

export const socketCalls: SocketCalls = {
  makeSocketPair: (type) => making().makeSocketPair(type),
  makeSocket: (domain, type) => making().makeSocket(domain, type),
  setSocketOption: (fd, level, option, value) => making().setSocketOption(fd, level, option, value),
  bind: (fd, address) => making().bind(fd, address),
  bindPath: (fd, path, wanted) => atPaths().bindPath(fd, path, wanted),
  listen: (fd, backlog) => making().listen(fd, backlog),
  bindAnywhere: (fd) => making().bindAnywhere(fd),
  connect: (fd, address) => connecting().connect(fd, address),
  connectPath: (fd, path) => atPaths().connectPath(fd, path),
  connectResult: (fd) => connecting().connectResult(fd),
  sendNow: (fd, bytes) => messages().sendNow(fd, bytes),
  receiveNow: (fd, length) => messages().receiveNow(fd, length),
  accept: (fd) => controlling().accept(fd),
  peerCredentials: (fd) => controlling().peerCredentials(fd),
  connectUnix: (path) => controlling().connectUnix(path),
};
