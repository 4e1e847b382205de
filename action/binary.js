"use strict";
// Finds the ecr-auth binary: the input `binary-path`, else the runner's tool cache, else the release. What comes from the latter two
// has the SHA-256 that stands in checksums.json beside this file, so that a commit-pinned `uses:` pins the binary too.

// Node takes long to load node:crypto, and far longer to load TLS: both are loaded by who needs them.
const fs = require("node:fs");
const path = require("node:path");
const { Failure, annotate, input } = require("./runner");

// Written by the release workflow before the tag is set: the version, and a SHA-256 in hexadecimal for each of its files.
const { version, sha256 } = require("./checksums.json");

const PLATFORMS = { linux: "unknown-linux-musl", darwin: "apple-darwin", win32: "pc-windows-msvc" };
const ARCHITECTURES = { x64: "x86_64", arm64: "aarch64" };

/** The release's file for a system, as node names systems (`process.platform`, `process.arch`). */
function assetName(platform, arch) {
  if (!Object.hasOwn(PLATFORMS, platform) || !Object.hasOwn(ARCHITECTURES, arch)) {
    const hint = "build it from source and set the input binary-path";
    throw new Failure("cannot get ecr-auth", `there is no release for ${platform} on ${arch}`, hint);
  }
  return `ecr-auth-${ARCHITECTURES[arch]}-${PLATFORMS[platform]}${platform === "win32" ? ".exe" : ""}`;
}

/** The SHA-256 that a file of the release must have; there is no way around a missing one. */
function checksum(asset) {
  if (Object.hasOwn(sha256, asset)) return sha256[asset];
  const released = Object.keys(sha256).length > 0;
  const cause = released ? `action/checksums.json has no entry for ${asset}` : "this commit of the action belongs to no release";
  throw new Failure("cannot verify ecr-auth", cause, "use a released version of the action, or set the input binary-path");
}

const digest = (bytes) => require("node:crypto").createHash("sha256").update(bytes).digest("hex");

/** Where the binary may lie, best first: the tool cache may be read-only, the job's own folder never is. */
function places() {
  const roots = [process.env.RUNNER_TOOL_CACHE, process.env.RUNNER_TEMP].filter(Boolean);
  const name = process.platform === "win32" ? "ecr-auth.exe" : "ecr-auth";
  return roots.map((root) => path.join(root, "ecr-auth", version, process.arch, name));
}

/** Whether an executable file is here and is the release's; one that differs is told of. */
function usable(file, expected) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    if (digest(fs.readFileSync(file)) === expected) return true;
  } catch {
    return false;
  }
  annotate("warning", "ecr-auth", new Failure(`${file} is not used`, "its SHA-256 is not the release's", "find out who changed it"));
  return false;
}

/** Puts the binary in its place, whole or not at all. */
function replace(file, bytes) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${require("node:crypto").randomUUID()}`;
  try {
    fs.writeFileSync(temporary, bytes, { flag: "wx", mode: 0o755 });
    // In spite of the umask.
    fs.chmodSync(temporary, 0o755);
    fs.renameSync(temporary, file);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/** Saves the binary in the first place that takes it. */
function save(bytes, expected) {
  let cause = "neither RUNNER_TOOL_CACHE nor RUNNER_TEMP is set";
  for (const file of places()) {
    try {
      replace(file, bytes);
      return file;
    } catch (error) {
      // Windows replaces no program that runs: another job has put it there meanwhile.
      if (usable(file, expected)) return file;
      cause = error.code;
    }
  }
  throw new Failure("cannot save ecr-auth", cause, "make RUNNER_TOOL_CACHE or RUNNER_TEMP a folder that the job may write to");
}

/** The address of a file of this version's release. */
function releaseUrl(asset) {
  const repository = process.env.GITHUB_ACTION_REPOSITORY;
  const own = repository && `${process.env.GITHUB_SERVER_URL ?? "https://github.com"}/${repository}/releases/download`;
  const base = input("download-base-url") || own;
  if (base) return `${base.replace(/\/+$/, "")}/v${version}/${asset}`;
  const hint = "set the input download-base-url or binary-path";
  throw new Failure("cannot get ecr-auth", "an action used by a local path has no releases of its own", hint);
}

/** The path of a verified binary. */
async function find() {
  const given = input("binary-path");
  if (given) return path.resolve(given);
  const asset = assetName(process.platform, process.arch);
  const expected = checksum(asset);
  const cached = places().find((file) => usable(file, expected));
  if (cached) return cached;
  const bytes = await require("./download").download(releaseUrl(asset));
  if (digest(bytes) === expected) return save(bytes, expected);
  const cause = `the SHA-256 of the downloaded ${asset} is not the one in action/checksums.json`;
  throw new Failure("cannot verify ecr-auth", cause, "do not use this file: the download server or the way to it has changed it");
}

/** Looks once more at a binary that the main step found; the caller's own is the caller's. */
function verify(file) {
  if (input("binary-path")) return;
  if (digest(fs.readFileSync(file)) === checksum(assetName(process.platform, process.arch))) return;
  throw new Failure("nothing was cleaned up", `the job has changed ${file}`, "find out which step did; the runner may be compromised");
}

module.exports = { assetName, find, verify };
