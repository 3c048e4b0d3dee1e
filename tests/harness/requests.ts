// Requests to a server that may be killed meanwhile: what became of each.

import { createConnection } from "node:net";

export type Outcome = "answered" | "cut" | "refused";

/** Sends `text` and waits for the first bytes of an answer; `cut` when the connection ends before. */
export function request(port: number, text: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write(text));
    socket.on("data", () => {
      resolve("answered");
      socket.destroy();
    });
    socket.on("close", () => resolve("cut"));
    socket.on("error", ({ code }: NodeJS.ErrnoException) =>
      resolve(code === "ECONNREFUSED" ? "refused" : "cut"),
    );
  });
}

/** One after another; `meanwhile` is called before each with its number. */
export async function requests(
  count: number,
  port: number,
  text: string,
  meanwhile: (number: number) => void,
): Promise<Record<Outcome, number>> {
  const outcomes = { answered: 0, cut: 0, refused: 0 };
  for (let number = 0; number < count; number++) {
    meanwhile(number);
    outcomes[await request(port, text)]++;
  }
  return outcomes;
}

/** A port that nobody listens on now. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
