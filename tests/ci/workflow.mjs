// A workflow of GitHub as far as the test-connections action is concerned: the
// files are judged by GitHub's own language service, expressions evaluated by its
// own evaluator, and the steps run as the runner runs them.
//
//   node - REQUEST < workflow.mjs
//
// where REQUEST is JSON: the directory of the `repository`, and either the path of
// a `workflow` in it with its `secrets` and `vars`, or an `env` and the `withs` of
// the steps that run the action, one after the other. `path` and `home` are the
// runner's, `checkout` has the files that actions/checkout brings, and `id_token` is
// what a job gets that may ask for one. What is in `judge` is not run. Prints what
// happened as JSON.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Evaluator, Lexer, Parser, data } from "@actions/expressions";
import { TextDocument } from "vscode-languageserver-textdocument";
import YAML from "yaml";

// The language service is made for a bundler, and says of its JSON files not that
// they are JSON.
const hook = `export async function resolve(name, context, next) {
  const found = await next(name, context);
  return name.endsWith(".json") ? { ...found, importAttributes: { type: "json" } } : found;
}`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { validate } = await import("@actions/languageservice");

const request = JSON.parse(process.argv[2]);
const PLACE = ".github/actions/test-connections";
const actionText = readFileSync(join(request.repository, PLACE, "action.yml"), "utf8");
const action = YAML.parse(actionText);
const isOurs = (uses) => (uses ?? "").split("@")[0].endsWith(PLACE);
// What the language service would fetch: those inputs that we use.
const others = {
  "actions/checkout": { inputs: { "persist-credentials": {} } },
  "actions/upload-artifact": { inputs: { name: {}, path: { required: true } } },
};

async function complaints(path, text) {
  const document = TextDocument.create(pathToFileURL(join("/", path)).href, "yaml", 1, text);
  const fetchActionMetadata = async ({ owner, name, path: within }) =>
    isOurs(within) ? action : others[`${owner}/${name}`];
  const found = await validate(document, { actionsMetadataProvider: { fetchActionMetadata } });
  return found.map(({ message, range }) => `${path}:${range.start.line + 1}: ${message}`);
}

function toData(value) {
  if (value !== null && typeof value === "object") {
    return new data.Dictionary(...Object.entries(value).map(([key, inner]) => ({ key, value: toData(inner) })));
  }
  return new data.StringData(String(value ?? ""));
}

// `cancelled` and the like, of a job that nobody cancelled.
function functionsOf(job) {
  const answers = {
    always: () => true,
    cancelled: () => false,
    failure: () => job.failed,
    success: () => !job.failed,
  };
  return Object.entries(answers).map(([name, answer]) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(answer()),
  }));
}

function evaluated(expression, contexts, functions = []) {
  const { tokens } = new Lexer(expression).lex();
  const parsed = new Parser(tokens, Object.keys(contexts), functions).parse();
  const byName = new Map(functions.map((known) => [known.name, known]));
  return new Evaluator(parsed, toData(contexts), byName).evaluate();
}

// A text with its expressions replaced. What they give is not looked at again.
function filled(text, contexts) {
  return String(text ?? "").replace(/\$\{\{(.*?)\}\}/gs, (_, inner) => evaluated(inner, contexts).coerceString());
}

const filledAll = (texts, contexts) =>
  Object.fromEntries(Object.entries(texts ?? {}).map(([name, text]) => [name, filled(text, contexts)]));

// GITHUB_OUTPUT as the runner reads it.
function outputsOf(path) {
  const outputs = {};
  const lines = readFileSync(path, "utf8").split("\n");
  while (lines.length > 0) {
    const line = lines.shift();
    const [, name, operator, rest] = /^([^=<]+)(=|<<)(.*)$/s.exec(line) ?? [];
    if (operator === "=") outputs[name] = rest;
    else if (operator === "<<") {
      const end = lines.indexOf(rest);
      outputs[name] = lines.splice(0, end).join("\n");
      lines.shift();
    } else if (line !== "") throw new Error(`GITHUB_OUTPUT: Invalid format '${line}'`);
  }
  return outputs;
}

// What the runner knows, where it is not told to stop.
const COMMANDS =
  "add-mask add-matcher add-path debug echo endgroup error group notice remove-matcher save-state set-env " +
  "set-output stop-commands warning";

// The commands in a log that the runner obeys: ::name …:: after nothing but spaces,
// and of old ##[name …] anywhere.
function commandsOf(log) {
  const known = new Set(COMMANDS.split(" "));
  const read = (text, start, end) => {
    if (start < 0 || end < start) return undefined;
    const name = text.slice(start, end).split(" ")[0].toLowerCase();
    return known.has(name) ? name : undefined;
  };
  const commands = [];
  let stop = null;
  for (const line of log.split(/\r?\n/)) {
    const text = line.trimStart();
    const end = text.indexOf("::", 2);
    let name = read(text, text.startsWith("::") ? 2 : -1, end);
    let message = text.slice(end + 2);
    if (name === undefined) {
      const [start, close] = [line.indexOf("##["), line.indexOf("]", line.indexOf("##["))];
      name = read(line, start < 0 ? -1 : start + 3, close);
      message = line.slice(close + 1);
    }
    if (name === undefined) continue;
    if (name === stop) {
      known.delete(stop);
      stop = null;
    } else if (stop === null && name === "stop-commands") {
      stop = message.toLowerCase();
      known.add(stop);
    } else if (stop === null) commands.push({ name, message });
  }
  return commands;
}

const temporary = mkdtempSync(join(request.home, "runner-"));
const workspace = join(temporary, "workspace");
const runnerTemp = join(temporary, "temp");
mkdirSync(workspace);
mkdirSync(runnerTemp);
const summary = join(temporary, "summary");
let ran = 0;

// One step with a script, as a process.
function runStep(step, contexts, environment) {
  // Another, and none, are run with other options.
  if (step.shell !== "bash") throw new Error(`shell: ${step.shell}`);
  ran += 1;
  const script = join(temporary, `${ran}.sh`);
  const output = join(temporary, `${ran}.output`);
  writeFileSync(script, filled(step.run, contexts));
  writeFileSync(output, "");
  const env = {
    PATH: request.path,
    HOME: request.home,
    LANG: "C.UTF-8",
    CI: "true",
    GITHUB_ACTIONS: "true",
    GITHUB_ACTION_PATH: join(request.repository, PLACE),
    GITHUB_OUTPUT: output,
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: runnerTemp,
    ...environment,
    ...filledAll(step.env, contexts),
  };
  // Both streams are one log, in the order in which they come.
  const words = ["--noprofile", "--norc", "-e", "-o", "pipefail", script];
  const log = join(temporary, `${ran}.log`);
  const { status } = spawnSync("bash", ["-c", 'exec bash "$@" >"$LOG" 2>&1', "-", ...words], {
    cwd: workspace,
    env: { ...env, LOG: log },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return { exit_code: status, log: readFileSync(log, "utf8"), outputs: outputsOf(output) };
}

function runAction(handed, environment) {
  const unknown = Object.keys(handed).filter((name) => !(name in action.inputs));
  if (unknown.length > 0) throw new Error(`no such input: ${unknown}`);
  const inputs = {};
  for (const [name, { default: usual }] of Object.entries(action.inputs)) inputs[name] = handed[name] ?? usual ?? "";
  const contexts = { inputs, steps: {} };
  let log = "";
  let exitCode = 0;
  for (const step of action.runs.steps) {
    if (exitCode !== 0) break;
    const done = runStep(step, contexts, environment);
    log += done.log;
    exitCode = done.exit_code;
    if (step.id !== undefined) contexts.steps[step.id] = { outputs: done.outputs };
  }
  const values = Object.entries(action.outputs).map(([name, { value }]) => [name, filled(value, contexts)]);
  return { exit_code: exitCode, log, commands: commandsOf(log), outputs: Object.fromEntries(values) };
}

// Where a job asks for a token that says what it is.
function idToken(workflow, description) {
  if ((description.permissions ?? workflow.permissions ?? {})["id-token"] !== "write") return {};
  const { url, token } = request.id_token ?? {};
  return { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token };
}

// The jobs of a workflow: the steps that are ours or a script, and of the others what
// they get.
function runWorkflow(workflow) {
  const runner = { temp: runnerTemp };
  const contexts = { secrets: request.secrets ?? {}, vars: request.vars ?? {}, steps: {}, runner };
  return Object.values(workflow.jobs).flatMap((description) => {
    const job = { failed: false };
    const given = idToken(workflow, description);
    return description.steps.map((step) => {
      const condition = String(step.if ?? "success()").replace(/^\s*\$\{\{|\}\}\s*$/g, "");
      if (evaluated(condition, contexts, functionsOf(job)).coerceString() !== "true") return { skipped: true };
      const handed = filledAll(step.with, contexts);
      if ((step.uses ?? "").startsWith("actions/checkout@")) {
        for (const [path, text] of Object.entries(request.checkout ?? {})) writeFileSync(join(workspace, path), text);
      }
      if (step.run === undefined && !isOurs(step.uses)) return { uses: step.uses, with: handed };
      const environment = { ...given, ...filledAll({ ...workflow.env, ...description.env, ...step.env }, contexts) };
      const done =
        step.run === undefined ? runAction(handed, environment) : runStep(step, contexts, environment);
      job.failed ||= done.exit_code !== 0;
      if (step.id !== undefined) contexts.steps[step.id] = { outputs: done.outputs };
      return { uses: step.uses, with: handed, ...done };
    });
  });
}

const told = { workspace, complaints: await complaints(`${PLACE}/action.yml`, actionText) };
for (const path of request.judge ?? []) {
  told.complaints.push(...(await complaints(path, readFileSync(join(request.repository, path), "utf8"))));
}
if (request.workflow !== undefined) {
  const text = readFileSync(join(request.repository, request.workflow), "utf8");
  told.complaints.push(...(await complaints(request.workflow, text)));
  told.steps = runWorkflow(YAML.parse(text));
} else {
  told.steps = request.withs.map((handed) => runAction(handed, request.env ?? {}));
}
told.summary = existsSync(summary) ? readFileSync(summary, "utf8") : "";
console.log(JSON.stringify(told));
