// A yaml-language-server over its standard streams, asked as an editor asks it: completion, hover, diagnostics.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Subprocess } from "bun";

const ROOT = join(import.meta.dir, "../..");

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
}

export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

export class LanguageServer {
  private readonly process: Subprocess<"pipe", "pipe", "inherit">;
  private readonly waiting = new Map<number, (result: unknown) => void>();
  private readonly diagnostics = new Map<string, (found: Diagnostic[]) => void>();
  private count = 0;

  constructor() {
    const server = join(ROOT, "node_modules/yaml-language-server/bin/yaml-language-server");
    this.process = Bun.spawn([process.execPath, server, "--stdio"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    void this.listen();
  }

  async start(): Promise<void> {
    await this.ask("initialize", {
      processId: process.pid,
      rootUri: null,
      capabilities: {
        textDocument: {
          completion: { completionItem: { documentationFormat: ["markdown"] } },
          hover: { contentFormat: ["markdown"] },
        },
      },
    });
    this.tell("initialized", {});
    this.tell("workspace/didChangeConfiguration", {
      settings: { yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false } } },
    });
  }

  /** The server's complaints about a text that opens with the line for editors. */
  async check(text: string): Promise<Diagnostic[]> {
    const uri = this.nextUri();
    const found = new Promise<Diagnostic[]>((resolve) => this.diagnostics.set(uri, resolve));
    this.open(uri, text);
    return found;
  }

  /** `|` in the text is where the cursor stands. */
  async complete(marked: string): Promise<string[]> {
    const result = (await this.at("textDocument/completion", marked)) as {
      items?: { label: string }[];
    } | null;
    return (result?.items ?? []).map(({ label }) => label);
  }

  async hover(marked: string): Promise<string> {
    const result = (await this.at("textDocument/hover", marked)) as { contents?: { value?: string } } | null;
    return result?.contents?.value ?? "";
  }

  stop(): void {
    this.process.kill("SIGKILL");
  }

  private async at(method: string, marked: string): Promise<unknown> {
    const uri = this.nextUri();
    const offset = marked.indexOf("|");
    const before = marked.slice(0, offset).split("\n");
    const found = new Promise<Diagnostic[]>((resolve) => this.diagnostics.set(uri, resolve));
    this.open(uri, marked.slice(0, offset) + marked.slice(offset + 1));
    await found;
    const position = { line: before.length, character: before.at(-1)?.length ?? 0 };
    return this.ask(method, { textDocument: { uri }, position });
  }

  private nextUri(): string {
    return pathToFileURL(join(ROOT, "policies", `test-${++this.count}.yaml`)).href;
  }

  private open(uri: string, text: string): void {
    const schema = pathToFileURL(join(ROOT, "schema/editor.schema.json")).href;
    const whole = `# yaml-language-server: $schema=${schema}\n${text}`;
    this.tell("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version: 1, text: whole } });
  }

  private ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.count;
    const answer = new Promise<unknown>((resolve) => this.waiting.set(id, resolve));
    this.send({ jsonrpc: "2.0", id, method, params });
    return answer;
  }

  private tell(method: string, params: unknown): void {
    this.send({ jsonrpc: "2.0", method, params });
  }

  private send(message: object): void {
    const text = JSON.stringify(message);
    this.process.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    this.process.stdin.flush();
  }

  private async listen(): Promise<void> {
    let waiting = Buffer.alloc(0);
    for await (const part of this.process.stdout) {
      waiting = Buffer.concat([waiting, part]);
      for (;;) {
        const head = waiting.indexOf("\r\n\r\n");
        const [, length] = /Content-Length: (\d+)/.exec(waiting.subarray(0, head).toString()) ?? [];
        if (head < 0 || length === undefined || waiting.length < head + 4 + Number(length)) break;
        this.take(JSON.parse(waiting.subarray(head + 4, head + 4 + Number(length)).toString()) as Message);
        waiting = waiting.subarray(head + 4 + Number(length));
      }
    }
  }

  private take({ id, method, params, result }: Message): void {
    if (method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics } = params as { uri: string; diagnostics: Diagnostic[] };
      this.diagnostics.get(uri)?.(diagnostics);
    } else if (method !== undefined && id !== undefined) {
      // The server asks for its configuration, or to register something.
      const answer =
        method === "workspace/configuration"
          ? [
              { validate: true, hover: true, completion: true, schemaStore: { enable: false } },
              {},
              {},
              {},
              {},
            ]
          : null;
      this.send({ jsonrpc: "2.0", id, result: answer });
    } else if (id !== undefined) this.waiting.get(id)?.(result);
  }
}
