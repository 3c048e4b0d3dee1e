// Which init fdinit was started in the place of: the base name of argv[0]. On the way of every start.

export type Original = "tini" | "dumb-init" | "catatonit";

/** The other init that argv[0] names, by the names that engines give it too; undefined: fdinit itself. */
export function originalOf(argv0: string): Original | undefined {
  switch (argv0.slice(argv0.lastIndexOf("/") + 1)) {
    case "tini":
    case "docker-init":
      return "tini";
    case "dumb-init":
      return "dumb-init";
    case "catatonit":
    case "podman-init":
      return "catatonit";
    default:
      return undefined;
  }
}
