"use strict";
// action.yml, and the examples that use it.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const ROOT = path.join(__dirname, "..", "..");
const EXAMPLES = path.join(ROOT, ".github", "workflows", "examples");
const read = (...parts) => fs.readFileSync(path.join(ROOT, ...parts), "utf8").replace(/\r\n/g, "\n");
const definition = read("action.yml");

/** What action.yml says of each input: the lines below its name. */
function inputs() {
  const block = /^inputs:\n([^]*?)^outputs:/m.exec(definition)[1];
  return new Map(Array.from(block.matchAll(/^ {2}([a-z-]+):\n((?: {4}.*\n)+)/gm), ([, name, text]) => [name, text]));
}

/** The inputs that a workflow gives this action. */
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
  // A file's name, and two switches.
  assert.deepEqual(odd, ["web-identity-token-file", "output-password", "mask-password"]);
});

test("an input that is deprecated has no default that would hide whether it was given", () => {
  for (const [name, text] of inputs()) {
    if (text.includes("deprecationMessage")) assert.match(text, /^ {4}default: ""$/m, name);
  }
});

// The runner itself shows one warning, "Input '…' has been deprecated with message: …": the binary says nothing more.
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
