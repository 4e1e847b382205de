"use strict";
// Tests of action.yml, and of the examples that use it.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const ROOT = path.join(__dirname, "..", "..");
const EXAMPLES = path.join(ROOT, ".github", "workflows", "examples");
const read = (...parts) => fs.readFileSync(path.join(ROOT, ...parts), "utf8").replace(/\r\n/g, "\n");
const definition = read("action.yml");

/** The lines of each input in action.yml. */
function inputs() {
  const block = /^inputs:\n([^]*?)^outputs:/m.exec(definition)[1];
  return new Map(Array.from(block.matchAll(/^ {2}([a-z-]+):\n((?: {4}.*\n)+)/gm), ([, name, text]) => [name, text]));
}

/** Returns the inputs that a workflow passes to this action. */
function given(workflow) {
  const steps = workflow.matchAll(/^( *)- uses: org\/ecr-auth@.*\n(?:\1 {2}id: .*\n)?\1 {2}with:\n((?:\1 {4}.*\n)+)/gm);
  return Array.from(steps, ([, indent, block]) => Array.from(block.matchAll(new RegExp(`^${indent} {4}([a-z-]+):`, "gm")), ([, name]) => name)).flat();
}

test("main and post are there", () => {
  for (const [, file] of definition.matchAll(/^ {2}(?:main|post): (.*)$/gm)) assert.ok(fs.existsSync(path.join(ROOT, file)), file);
});

test("no input takes a secret", () => {
  const names = [...inputs().keys()];
  assert.ok(names.length > 25, names.join());
  const odd = names.filter((name) => /password|secret|token|access-key/.test(name));
  // The name of a file, and two switches.
  assert.deepEqual(odd, ["web-identity-token-file", "output-password", "mask-password"]);
});

test("an input that is deprecated has no default that would hide whether it was given", () => {
  for (const [name, text] of inputs()) {
    if (text.includes("deprecationMessage")) assert.match(text, /^ {4}default: ""$/m, name);
  }
});

// The runner itself shows one warning, "Input '…' has been deprecated with message: …", so the binary shows none.
test("an input that is deprecated names what takes its place", () => {
  const current = [...inputs()].filter(([, text]) => !text.includes("deprecationMessage")).map(([name]) => name);
  const messages = [...inputs()].flatMap(([name, text]) => Array.from(text.matchAll(/^ {4}deprecationMessage: (.*)$/gm), ([, message]) => [name, message]));
  assert.ok(messages.length >= 10, messages.join());
  for (const [name, message] of messages) {
    assert.ok(/\b(HTTPS|NO)_PROXY\b/.test(message) || current.some((it) => message.includes(it)), `${name}: ${message}`);
  }
});

test("the examples use inputs that exist and are not deprecated", () => {
  for (const file of fs.readdirSync(EXAMPLES)) {
    const names = given(read(".github", "workflows", "examples", file));
    assert.ok(names.includes("registries"), file);
    for (const name of names) assert.match(inputs().get(name) ?? "", /^(?![^]*deprecationMessage)[^]*description:/, `${file}: ${name}`);
  }
});

/** The inputs of the actions in docs/migration, from their action.yml or source (docs/comparison.md names the versions). */
const OLD = {
  "amazon-ecr-login": ["http-proxy", "mask-password", "registries", "registry-type", "skip-logout"],
  "configure-aws-credentials": [
    "action-timeout-s", "allowed-account-ids", "audience", "aws-access-key-id", "aws-profile", "aws-region", "aws-secret-access-key", "aws-session-token",
    "custom-tags", "disable-retry", "force-skip-oidc", "http-proxy", "inline-session-policy", "managed-session-policies", "mask-aws-account-id", "no-proxy",
    "output-credentials", "output-env-credentials", "overwrite-aws-profile", "retry-max-attempts", "role-chaining", "role-duration-seconds",
    "role-external-id", "role-session-name", "role-skip-session-tagging", "role-to-assume", "special-characters-workaround", "sts-endpoint",
    "transitive-tag-keys", "translate-env-variables", "unset-current-credentials", "use-existing-credentials", "web-identity-token-file",
  ],
  "docker-login-action": ["ecr", "logout", "password", "registry", "registry-auth", "scope", "username"],
};

/** Returns the rows of a migration page's table of inputs: the old name and its description. Rows of variables are left out. */
function replaced(page) {
  const table = /^## Inputs\n[^]*?\n\|---\|---\|\n((?:\|.*\n)+)/m.exec(page)[1];
  const rows = Array.from(table.matchAll(/^\| (.*?) \| (.*) \|$/gm), ([, old, here]) => [old, here]);
  return rows.filter(([old]) => !/\((a )?variables?[,)]/.test(old)).map(([old, here]) => [old.replaceAll("`", ""), here]);
}

test("the migration pages name every input of the old action, and what takes its place is there", () => {
  for (const [name, wanted] of Object.entries(OLD)) {
    const rows = replaced(read("docs", "migration", `${name}.md`));
    assert.deepEqual(rows.map(([old]) => old).sort(), wanted, name);
    for (const [old, here] of rows) {
      const [still] = /`[a-z-]+`(?= still works)/.exec(here) ?? [];
      assert.equal(still !== undefined, (inputs().get(old) ?? "").includes("deprecationMessage") && !/is read/.test(here), `${name}: ${old}`);
      if (still) assert.equal(still, `\`${old}\``, `${name}: ${old}`);
      const [first] = /^`[a-z-]+`/.exec(here) ?? [];
      if (first) assert.match(inputs().get(first.replaceAll("`", "")) ?? "", /description:/, `${name}: ${old}: ${first}`);
      else assert.match(here, /^(nothing: |`[a-z-]+: [a-z]+`|`AWS_|`HTTPS_PROXY|`NO_PROXY|GitHub's own )/, `${name}: ${old}`);
    }
  }
});

test("the workflows of the README and of the migration pages use inputs that exist and are not deprecated", () => {
  for (const page of ["README.md", ...Object.keys(OLD).map((name) => path.join("docs", "migration", `${name}.md`))]) {
    const names = given(read(page));
    assert.ok(names.includes("registries"), page);
    for (const name of names) assert.match(inputs().get(name) ?? "", /^(?![^]*deprecationMessage)[^]*description:/, `${page}: ${name}`);
  }
});
