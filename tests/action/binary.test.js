"use strict";
// Which binary is used, and which is never used.

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");
const zlib = require("node:zlib");
const { assetName } = require("../../action/binary.js");
const { ASSET, COMPRESSED, DOWNLOAD, Job, PROGRAM, RAN, WINDOWS, annotations, sha256, version } = require("./harness.js");
const { plain } = require("./servers.js");

/** Starts a job, and a server that serves `files` by their paths and counts the requests. */
async function release(t, files = { [`/v${version}/${DOWNLOAD}`]: COMPRESSED }) {
  const job = new Job(t);
  const asked = [];
  const url = await plain(t, (request, response) => {
    asked.push(request.url);
    const file = files[request.url];
    response.writeHead(file ? 200 : 404).end(file);
  });
  job.input("download-base-url", url);
  return { job, asked };
}

function assertRan(result) {
  assert.equal(result.status, RAN.status, result.stdout + result.stderr);
  assert.match(result.stdout, RAN.stdout);
}

/** Checks that nothing was run, and that the only annotation is this error. */
function assertFailed(result, text) {
  assert.equal(result.status, 1);
  const [error, ...others] = annotations(result.stdout);
  assert.deepEqual(others, []);
  assert.equal(error.level, "error");
  assert.match(error.text, text);
  assert.match(error.text, /\nhint: ./);
  assert.doesNotMatch(result.stdout, /ran action/);
  assert.equal(result.stderr, "");
}

test("names the release's files as the release does", () => {
  const names = {
    "linux x64": "ecr-auth-x86_64-unknown-linux-musl",
    "linux arm64": "ecr-auth-aarch64-unknown-linux-musl",
    "darwin x64": "ecr-auth-x86_64-apple-darwin",
    "darwin arm64": "ecr-auth-aarch64-apple-darwin",
    "win32 x64": "ecr-auth-x86_64-pc-windows-gnu.exe",
    "win32 arm64": "ecr-auth-aarch64-pc-windows-msvc.exe",
  };
  for (const [system, name] of Object.entries(names)) assert.equal(assetName(...system.split(" ")), name);
  for (const system of [["freebsd", "x64"], ["linux", "ia32"], ["constructor", "x64"]]) {
    assert.throws(() => assetName(...system), /no release for/);
  }
});

test("the version is the crate's", () => {
  const manifest = fs.readFileSync(path.join(__dirname, "..", "..", "Cargo.toml"), "utf8");
  assert.equal(version, /^version = "(.*)"$/m.exec(manifest)[1]);
});

test("downloads the binary once and keeps it in the tool cache", async (t) => {
  const { job, asked } = await release(t);
  const mask = process.umask(0o077);
  t.after(() => process.umask(mask));
  assertRan(await job.run("main"));
  assertRan(await job.run("main"));
  assert.deepEqual(asked, [`/v${version}/${DOWNLOAD}`]);
  assert.deepEqual(fs.readFileSync(job.cached()), PROGRAM);
  assert.deepEqual(fs.readdirSync(path.dirname(job.cached())), [path.basename(job.cached())]);
  if (!WINDOWS) assert.equal(fs.statSync(job.cached()).mode & 0o777, 0o755);
});

test("replaces a binary in the tool cache that isn't the release's, and warns", async (t) => {
  const { job, asked } = await release(t);
  fs.mkdirSync(path.dirname(job.cached()), { recursive: true });
  fs.writeFileSync(job.cached(), "#!/bin/sh\necho evil\n", { mode: 0o755 });
  const result = await job.run("main");
  assertRan(result);
  assert.doesNotMatch(result.stdout, /^evil/m);
  const [warning] = annotations(result.stdout);
  assert.equal(warning.level, "warning");
  assert.match(warning.text, /is not used: its SHA-256 is not the release's/);
  assert.equal(asked.length, 1);
  assert.deepEqual(fs.readFileSync(job.cached()), PROGRAM);
});

test("a download that was tampered with is neither run nor kept", async (t) => {
  const other = zlib.brotliCompressSync(Buffer.concat([PROGRAM, Buffer.from("\n")]));
  const { job } = await release(t, { [`/v${version}/${DOWNLOAD}`]: other });
  assertFailed(await job.run("main"), new RegExp(`^cannot verify ecr-auth: the SHA-256 of the downloaded ${DOWNLOAD} is not the one in`));
  assert.deepEqual(fs.readdirSync(job.path("tools")), []);
  assert.deepEqual(job.state(), {});
});

test("a download that unpacks to anything but the release's binary is neither run nor kept", async (t) => {
  const other = zlib.brotliCompressSync(Buffer.concat([PROGRAM, Buffer.from("\n")]));
  const { job } = await release(t, { [`/v${version}/${DOWNLOAD}`]: other });
  job.checksums({ [ASSET]: sha256(PROGRAM), [DOWNLOAD]: sha256(other) });
  assertFailed(await job.run("main"), new RegExp(`^cannot verify ecr-auth: the SHA-256 of the downloaded ${ASSET} is not the one in`));
  assert.deepEqual(fs.readdirSync(job.path("tools")), []);
});

test("a download that can't be unpacked, or to more than any binary has, is an error", async (t) => {
  const bomb = zlib.brotliCompressSync(Buffer.alloc(64 * 1024 * 1024 + 1), { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } });
  for (const [bytes, why] of [[bomb, "ERR_BUFFER_TOO_LARGE"], [COMPRESSED.subarray(1), "ERR_"], [PROGRAM, "ERR_"]]) {
    const { job } = await release(t, { [`/v${version}/${DOWNLOAD}`]: bytes });
    job.checksums({ [ASSET]: sha256(PROGRAM), [DOWNLOAD]: sha256(bytes) });
    assertFailed(await job.run("main"), new RegExp(`^cannot unpack ${DOWNLOAD}: ${why}`));
    assert.deepEqual(fs.readdirSync(job.path("tools")), []);
  }
});

test("without a checksum nothing is downloaded", async (t) => {
  const { job, asked } = await release(t);
  for (const [have, lack] of [["ecr-auth-other", ASSET], [ASSET, DOWNLOAD], [DOWNLOAD, ASSET]]) {
    job.checksums({ [have]: sha256(PROGRAM) });
    assertFailed(await job.run("main"), new RegExp(`action/checksums\\.json has no entry for ${lack}$`, "m"));
  }
  job.checksums({});
  assertFailed(await job.run("main"), /this commit of the action belongs to no release/);
  assert.deepEqual(asked, []);
});

test("a tool cache that can't be written is done without", async (t) => {
  const { job } = await release(t);
  // A file at the folder's path stops root, too.
  fs.writeFileSync(job.path("tools", "ecr-auth"), "");
  assertRan(await job.run("main"));
  fs.rmSync(job.path("temp"), { recursive: true });
  fs.writeFileSync(job.path("temp"), "");
  assertFailed(await job.run("main"), /^cannot save ecr-auth: ENOTDIR/);
});

test("runs a copy in a folder of the job's own, and the post step removes it", async (t) => {
  const { job } = await release(t);
  const mask = process.umask(0o077);
  t.after(() => process.umask(mask));
  assertRan(await job.run("main"));
  const { binary } = job.state();
  assert.equal(path.dirname(path.dirname(binary)), job.path("temp"));
  assert.deepEqual(fs.readFileSync(binary), PROGRAM);
  if (!WINDOWS) {
    assert.equal(fs.statSync(path.dirname(binary)).mode & 0o777, 0o700);
    assert.equal(fs.statSync(binary).mode & 0o777, 0o755);
  }
  await job.run("post");
  assert.deepEqual(fs.readdirSync(job.path("temp")), []);
});

// Another job of the runner writes to the tool cache all the time. Nothing that it writes there is run.
if (!WINDOWS) {
  test("a binary that is swapped after it was read is not run", async (t) => {
    const { job } = await release(t);
    assertRan(await job.run("main"));
    const evil = "#!/bin/sh\necho evil\n";
    fs.writeFileSync(job.path("swap.js"), `
      const fs = require("node:fs");
      const read = fs.readFileSync;
      fs.readFileSync = (file, ...rest) => {
        const bytes = read(file, ...rest);
        if (file === ${JSON.stringify(job.cached())}) fs.writeFileSync(file, ${JSON.stringify(evil)});
        return bytes;
      };`);
    job.env.NODE_OPTIONS = `--require ${job.path("swap.js")}`;
    const result = await job.run("main");
    assertRan(result);
    assert.doesNotMatch(result.stdout, /^evil/m);
    assert.equal(fs.readFileSync(job.cached(), "utf8"), evil);
  });
}

test("leaves nothing half done where the binary's place is taken", async (t) => {
  const { job } = await release(t);
  fs.mkdirSync(path.join(job.cached(), "folder"), { recursive: true });
  assertRan(await job.run("main"));
  assert.deepEqual(fs.readdirSync(path.dirname(job.cached())), [path.basename(job.cached())]);
});

test("an action used by a local path wants to know where from", async (t) => {
  assertFailed(await new Job(t).run("main"), /^cannot get ecr-auth: an action used by a local path has no releases/);
});

test("a binary-path that isn't there is an error", async (t) => {
  const job = new Job(t).input("binary-path", "./nowhere");
  assertFailed(await job.run("main"), /^cannot run .*nowhere: ENOENT/);
});

test("a binary-path can't say more to the post step than its own", async (t) => {
  const job = new Job(t).input("binary-path", "./nowhere\nUNDO=x");
  assertFailed(await job.run("main"), /^cannot keep binary for the post step: it has a line end/);
  assert.deepEqual(job.state(), {});
});

test("what is there already is found without loading TLS", () => {
  const source = `require(${JSON.stringify(require.resolve("../../action/main.js"))}); console.log(process.moduleLoadList.join("\\n"))`;
  const env = { ...process.env, "INPUT_BINARY-PATH": "./nowhere", GITHUB_STATE: "" };
  const { stdout } = spawnSync(process.execPath, ["-e", source], { encoding: "utf8", env });
  assert.match(stdout, /^NativeModule path$/m);
  assert.doesNotMatch(stdout, /^NativeModule (https|tls)$/m);
});
