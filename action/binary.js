"use strict";
// Finds the ecr-auth binary: the input `binary-path`, else the runner's tool cache, else the release. A binary from the cache or the
// release, and the downloaded compressed file, must have the SHA-256 in checksums.json beside this file. So a commit-pinned `uses:` pins
// the binary too. Other jobs can write to the tool cache, so nothing in it is run: each use of the action runs its own copy.

// Loading node:crypto takes long, and loading TLS far longer. Functions that need them, or node:zlib, load them on demand.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { Failure, annotate, input } = require("./runner");

// The release workflow writes it before it sets the tag: the version, and a SHA-256 in hexadecimal for each of its files.
const { version, sha256 } = require("./checksums.json");

/** The limit in bytes of an unpacked binary. Every release is smaller. */
const LARGEST = 64 * 1024 * 1024;

// The keys are node's names of systems (`process.platform`, `process.arch`).
const TARGETS = {
  "linux x64": "x86_64-unknown-linux-musl",
  "linux arm64": "aarch64-unknown-linux-musl",
  "darwin x64": "x86_64-apple-darwin",
  "darwin arm64": "aarch64-apple-darwin",
  "win32 x64": "x86_64-pc-windows-gnu",
  "win32 arm64": "aarch64-pc-windows-msvc",
};

/** Returns the name of the release's file for a system. */
function assetName(platform, arch) {
  const system = `${platform} ${arch}`;
  if (!Object.hasOwn(TARGETS, system)) {
    const hint = "build it from source and set the input binary-path";
    throw new Failure("cannot get ecr-auth", `there is no release for ${platform} on ${arch}`, hint);
  }
  return `ecr-auth-${TARGETS[system]}${platform === "win32" ? ".exe" : ""}`;
}

/** Returns the SHA-256 that a file of the release must have. A missing one is an error. */
function checksum(asset) {
  if (Object.hasOwn(sha256, asset)) return sha256[asset];
  const released = Object.keys(sha256).length > 0;
  const cause = released ? `action/checksums.json has no entry for ${asset}` : "this commit of the action belongs to no release";
  throw new Failure("cannot verify ecr-auth", cause, "use a released version of the action, or set the input binary-path");
}

const digest = (bytes) => require("node:crypto").createHash("sha256").update(bytes).digest("hex");

const NAME = process.platform === "win32" ? "ecr-auth.exe" : "ecr-auth";
/** The beginning of the name of a copy's folder. The rest is random. */
const PREFIX = "ecr-auth-binary-";

/** Returns the path of the cached binary, or undefined without a tool cache. */
function place() {
  const root = process.env.RUNNER_TOOL_CACHE;
  return root && path.join(root, "ecr-auth", version, process.arch, NAME);
}

/** Returns the cached binary, if there is one. Warns if it is not the release's. */
function kept(expected) {
  const file = place();
  if (!file) return undefined;
  let bytes;
  try {
    bytes = fs.readFileSync(file);
  } catch {
    return undefined;
  }
  if (digest(bytes) === expected) return bytes;
  annotate("warning", "ecr-auth", new Failure(`${file} is not used`, "its SHA-256 is not the release's", "find out who changed it"));
  return undefined;
}

/** Caches the binary for later jobs, as a whole or not at all. Ignores a tool cache that cannot be written. */
function keep(bytes) {
  const file = place();
  if (!file) return;
  const temporary = `${file}.${require("node:crypto").randomUUID()}`;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(temporary, bytes, { flag: "wx", mode: 0o755 });
    // Sets the mode whatever the umask is.
    fs.chmodSync(temporary, 0o755);
    fs.renameSync(temporary, file);
  } catch {
    if (fs.existsSync(temporary)) fs.rmSync(temporary);
  }
}

/** Writes the binary to a new folder that no other user can write to. Fails if the written file is not the release's. */
function copy(bytes, expected) {
  let file;
  try {
    const folder = fs.mkdtempSync(path.join(process.env.RUNNER_TEMP || os.tmpdir(), PREFIX));
    file = path.join(folder, NAME);
    fs.writeFileSync(file, bytes, { flag: "wx" });
    fs.chmodSync(file, 0o755);
  } catch (error) {
    throw new Failure("cannot save ecr-auth", error.code, "make RUNNER_TEMP a folder that the job may write to");
  }
  if (digest(fs.readFileSync(file)) === expected) return file;
  throw new Failure("cannot verify ecr-auth", `${file} has changed since it was written`, "find out who writes to the folders of this job");
}

/** Removes the copy that a step ran. Does nothing if the path is not such a copy. */
function discard(file) {
  const folder = path.dirname(file);
  if (path.basename(folder).startsWith(PREFIX)) fs.rmSync(folder, { recursive: true, force: true });
}

/** Returns the URL of a file of this version's release. */
function releaseUrl(asset) {
  const repository = process.env.GITHUB_ACTION_REPOSITORY;
  const own = repository && `${process.env.GITHUB_SERVER_URL ?? "https://github.com"}/${repository}/releases/download`;
  const base = input("download-base-url") || own;
  if (base) return `${base.replace(/\/+$/, "")}/v${version}/${asset}`;
  const hint = "set the input download-base-url or binary-path";
  throw new Failure("cannot get ecr-auth", "an action used by a local path has no releases of its own", hint);
}

/** Returns the bytes if they have the expected SHA-256 of this file of the release. Fails otherwise. */
function verified(bytes, asset, expected) {
  if (digest(bytes) === expected) return bytes;
  const cause = `the SHA-256 of the downloaded ${asset} is not the one in action/checksums.json`;
  throw new Failure("cannot verify ecr-auth", cause, "do not use this file: the download server or the way to it has changed it");
}

/** Downloads the release's binary. The compressed file is only unpacked after its SHA-256 was checked. */
async function fetched(asset, expected) {
  const compressed = `${asset}.br`;
  const pinned = checksum(compressed);
  const bytes = verified(await require("./download").download(releaseUrl(compressed)), compressed, pinned);
  return verified(unpacked(bytes, compressed), asset, expected);
}

function unpacked(bytes, compressed) {
  try {
    return require("node:zlib").brotliDecompressSync(bytes, { maxOutputLength: LARGEST });
  } catch (error) {
    throw new Failure(`cannot unpack ${compressed}`, error.code, "use another release of the action, or set the input binary-path");
  }
}

/** Returns the path of a verified binary: a copy for this use of the action, or the caller's own binary. */
async function find() {
  const given = input("binary-path");
  if (given) return path.resolve(given);
  const asset = assetName(process.platform, process.arch);
  const expected = checksum(asset);
  const found = kept(expected);
  if (found) return copy(found, expected);
  const bytes = await fetched(asset, expected);
  keep(bytes);
  return copy(bytes, expected);
}

/** Returns the binary that the main step ran. If the job changed it, returns another verified one, so that the post step always runs. */
async function findAgain(file) {
  if (input("binary-path")) return file;
  const expected = checksum(assetName(process.platform, process.arch));
  if (fs.existsSync(file) && digest(fs.readFileSync(file)) === expected) return file;
  annotate("warning", "ecr-auth", new Failure(`${file} is not used`, "the job has changed it", "find out which step did; the runner may be compromised"));
  return find();
}

module.exports = { assetName, discard, find, findAgain };
