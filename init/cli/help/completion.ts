// `fdinit completion bash|zsh|fish`: a script for the shell, made of the table of subcommands.

import { nearestWord } from "../../policy/wording/nearest.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EXIT_USAGE } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { type Outcome, print } from "../output/print.ts";
import { embeddedNames } from "../policy-source/embedded.ts";
import { COMMANDS, OPTIONS, type OptionEntry, SHELLS, type SubcommandEntry } from "./command-table.ts";

export function completion(kernel: Kernel, { operands: [shell] }: SubcommandLine): Outcome {
  switch (shell) {
    case "bash":
      return print(kernel, bash());
    case "zsh":
      return print(kernel, zsh());
    case "fish":
      return print(kernel, fish());
  }
  const near = shell === undefined ? undefined : nearestWord(shell, SHELLS);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return {
    code: EXIT_USAGE,
    complaint: `completion needs the name of a shell: ${SHELLS.join(", ")}${meant}`,
  };
}

/** The words that an operand of a subcommand may be, beside files. */
function operandWords({ name }: SubcommandEntry): readonly string[] {
  switch (name) {
    case "completion":
      return SHELLS;
    case "policies":
    case "check":
      return embeddedNames();
    case "help":
      return COMMANDS.map((command) => command.name);
    default:
      return [];
  }
}

/** The subcommands whose operands are a program and its arguments. */
const RUNS_PROGRAM: readonly string[] = ["plan", "run"];
const TAKES_FILES = ["check", "convert"];
/** Their operands are services of the running fdinit, which is asked for them. */
const TAKES_SERVICES = ["start", "stop", "restart", "reload", "signal"];
const SERVICE_NAMES = `fdinit status --json 2>/dev/null | sed -n 's/^      "name": "\\(.*\\)",$/\\1/p'`;

function valueWords({ name, choices }: OptionEntry): readonly string[] {
  return choices ?? (name === "--policy" ? embeddedNames() : []);
}

function namesOf(options: readonly OptionEntry[]): string[] {
  return options.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]));
}

function bash(): string {
  const withValue = new Map(
    [...OPTIONS, ...COMMANDS.flatMap(({ options }) => options)].map((option) => [option.name, option]),
  );
  const values = [...withValue.values()].filter(({ value }) => value !== undefined);
  const valueCase = values.map((option) => {
    const files = option.name === "--policy" ? " -f" : "";
    return `    ${option.name}) COMPREPLY=($(compgen${files} -W "${valueWords(option).join(" ")}" -- "$current")); return;;`;
  });
  const commandCase = COMMANDS.map((command) => {
    const words = [...namesOf(command.options), ...operandWords(command)].join(" ");
    const files = TAKES_FILES.includes(command.name) ? " -f" : "";
    const program = RUNS_PROGRAM.includes(command.name) ? " -c -f" : "";
    const services = TAKES_SERVICES.includes(command.name) ? " $(_fdinit_services)" : "";
    return `    ${command.name}) COMPREPLY=($(compgen${files}${program} -W "${words}${services}" -- "$current"));;`;
  });
  return `# bash completion of fdinit: eval "$(fdinit completion bash)"
_fdinit_services() { ${SERVICE_NAMES}; }
_fdinit() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="" word
  if [ "$current" = "=" ]; then current=""; elif [ "$before" = "=" ]; then before="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  case "$before" in
${valueCase.join("\n")}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${COMMANDS.map(({ name }) => name).join("|")}) command="$word"; break;; esac
  done
  case "$command" in
${commandCase.join("\n")}
    *) COMPREPLY=($(compgen -c -W "${[...namesOf(OPTIONS), ...COMMANDS.map(({ name }) => name)].join(" ")}" -- "$current"));;
  esac
}
complete -o filenames -F _fdinit fdinit
`;
}

function zsh(): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replace(/([:[\]])/g, "\\$1");
  const spec = (option: OptionEntry) => {
    const words = valueWords(option);
    const action = option.name === "--policy" ? "_fdinit_policy" : `(${words.join(" ")})`;
    const value =
      option.value === undefined
        ? ""
        : `:${option.value.replaceAll("|", " or ")}:${words.length > 0 ? action : " "}`;
    const equals = option.value === undefined ? "" : "=";
    return `'${option.name}${equals}[${quote(option.words)}]${value}'`;
  };
  const cases = COMMANDS.map((command) => {
    const words = operandWords(command).join(" ");
    const operand = TAKES_FILES.includes(command.name)
      ? "'*:file:_files'"
      : RUNS_PROGRAM.includes(command.name)
        ? "'*::command:_normal'"
        : TAKES_SERVICES.includes(command.name)
          ? "'*:service:($(_fdinit_services))'"
          : words === ""
            ? ""
            : `'*:word:(${words})'`;
    return `    ${command.name}) _arguments ${command.options.map(spec).join(" ")} ${operand};;`;
  });
  return `#compdef fdinit
# zsh completion of fdinit: fdinit completion zsh > "\${fpath[1]}/_fdinit"
_fdinit_policy() {
  _alternative "policies:embedded policy:(${embeddedNames().join(" ")})" "files:file:_files"
}
_fdinit_services() { ${SERVICE_NAMES} }
_fdinit() {
  local -a subcommands=(${COMMANDS.map(({ name, title }) => `'${name}:${quote(title)}'`).join(" ")})
  local context state line
  typeset -A opt_args
  _arguments -C ${OPTIONS.map(spec).join(" ")} '1: :->first' '*:: :->rest'
  case "$state" in
    first) _describe -t subcommands 'subcommand' subcommands; _command_names -e;;
    rest) case "$words[1]" in
${cases.join("\n")}
    *) _normal;;
    esac;;
  esac
}
if [ "$funcstack[1]" = "_fdinit" ]; then _fdinit "$@"; else compdef _fdinit fdinit; fi
`;
}

function fish(): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lineOf = (option: OptionEntry, condition: string) => {
    const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
    const words = valueWords(option).join(" ");
    const value =
      option.value === undefined
        ? ""
        : option.name === "--policy"
          ? ` -rF -a ${quote(words)}`
          : ` -x -a ${quote(words)}`;
    return `complete -c fdinit -n ${quote(condition)} -l ${option.name.slice(2)}${short}${value} -d ${quote(option.words)}`;
  };
  const names = COMMANDS.map(({ name }) => name).join(" ");
  const none = `not __fish_seen_subcommand_from ${names}`;
  return [
    "# fish completion of fdinit: fdinit completion fish | source",
    ...COMMANDS.map(
      ({ name, title }) => `complete -c fdinit -n ${quote(none)} -a ${name} -d ${quote(title)}`,
    ),
    ...OPTIONS.map((option) => lineOf(option, none)),
    ...COMMANDS.flatMap((command) => {
      const seen = `__fish_seen_subcommand_from ${command.name}`;
      const services = TAKES_SERVICES.includes(command.name) ? [`(${SERVICE_NAMES})`] : [];
      const words = [...operandWords(command), ...services];
      const files = [...TAKES_FILES, ...RUNS_PROGRAM].includes(command.name) ? "" : " -f";
      return [
        `complete -c fdinit -n ${quote(seen)}${files}${words.length === 0 ? "" : ` -a ${quote(words.join(" "))}`}`,
        ...command.options.map((option) => lineOf(option, seen)),
      ];
    }),
    "",
  ].join("\n");
}
