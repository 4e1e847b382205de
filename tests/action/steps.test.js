"use strict";
// The communication between the runner, the two steps and the binary.

const assert = require("node:assert/strict");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");
const { escapeMessage, escapeProperty, inert } = require("../../action/runner.js");
const { Job, PROGRAM, WINDOWS, annotations } = require("./harness.js");

test("passes arguments, streams, environment and exit status", async (t) => {
  const job = new Job(t).script("console.log(process.argv.slice(2).join()); console.error(process.env.INPUT_REGISTRIES); process.exit(42)");
  job.input("registries", "111122223333/eu-west-1");
  const { status, stdout, stderr } = await job.run("main");
  assert.deepEqual({ status, stdout, stderr }, { status: 42, stdout: "main\n", stderr: "111122223333/eu-west-1\n" });
});

test("the post step gets the path alone, even where the main step failed", async (t) => {
  const job = new Job(t).script("console.log(process.argv[2]); process.exit(process.argv[2] === 'main' ? 1 : 0)");
  assert.equal((await job.run("main")).status, 1);
  assert.deepEqual(job.state(), { binary: process.execPath });
  const { status, stdout, stderr } = await job.run("post");
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "post\n", stderr: "" });
});

test("the post step never fails the job", async (t) => {
  const job = new Job(t).script("process.exit(1)");
  await job.run("main");
  const { status, stdout } = await job.run("post");
  assert.equal(status, 0);
  assert.deepEqual(annotations(stdout), [
    { level: "warning", title: "ecr-auth", text: "the clean-up failed: exit status 1\nhint: see the log of this step" },
  ]);
});

test("without a binary the post step says nothing", async (t) => {
  const { status, stdout, stderr } = await new Job(t).run("post");
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
});

test("where the job has changed the binary, the post step cleans up with another one", async (t) => {
  const job = new Job(t);
  fs.mkdirSync(path.dirname(job.cached()), { recursive: true });
  fs.writeFileSync(job.cached(), PROGRAM, { mode: 0o755 });
  await job.run("main");
  const { binary } = job.state();
  fs.writeFileSync(binary, "#!/bin/sh\necho evil\n");
  const { status, stdout } = await job.run("post");
  assert.equal(status, 0);
  assert.doesNotMatch(stdout, /^evil/m);
  if (!WINDOWS) assert.match(stdout, /^ran action post$/m);
  assert.match(annotations(stdout)[0].text, /is not used: the job has changed it/);
  assert.deepEqual(fs.readdirSync(job.path("temp")), []);
});

// Windows has no signals to pass on.
if (!WINDOWS) {
  test("passes signals on", async (t) => {
    const job = new Job(t).script("process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('ready')");
    const { child } = job.start("main");
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "close"), [9, null]);
  });

  test("counts an end by a signal as a shell does", async (t) => {
    const job = new Job(t).script("process.kill(process.pid, 'SIGKILL')");
    assert.equal((await job.run("main")).status, 137);
  });
}

test("annotations hold any text", () => {
  assert.equal(escapeMessage("100%\r\n::error::x"), "100%25%0D%0A::error::x");
  assert.equal(escapeProperty("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
});

test("no CI reads a command in a message", () => {
  for (const [text, shown] of [
    ["x ##[stop-commands]y", "x # #[stop-commands]y"],
    ["###[x]", "# # #[x]"],
    ["##vso[task.x]", "# #vso[task.x]"],
    ["#\u0007#[x]", "# #[x]"],
    ["#\u200b#[x]", "#\\u{200b}#[x]"],
    ["#\ufe0f#[x]", "#\\u{fe0f}#[x]"],
    ["\u00a0::error::x", "\u00a0: :error::x"],
    ["a\r\n::error::x\u2028y", "a  ::error::x y"],
    ["arn:aws:iam::1:role/x", "arn:aws:iam::1:role/x"],
  ]) {
    assert.equal(inert(text), shown);
  }
});

test("what an input brings into an annotation is inert", async (t) => {
  const job = new Job(t).input("download-base-url", "http://[##[stop-commands]x\u200b\u202e ##vso[task.prependpath]y");
  const { status, stdout } = await job.run("main");
  assert.equal(status, 1);
  assert.match(stdout, /^::error .*stop-commands/);
  assert.doesNotMatch(stdout, /##|[\u200b\u202e]/);
});
