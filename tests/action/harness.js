"use strict";
// A job of GitHub's runner around the action's own files: a folder with a copy of action/, the runner's folders and files, and its
// environment.

const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const { once } = require("node:events");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const zlib = require("node:zlib");

const SOURCE = path.join(__dirname, "..", "..", "action");
const { assetName } = require(path.join(SOURCE, "binary.js"));
const { version } = require(path.join(SOURCE, "checksums.json"));

const WINDOWS = process.platform === "win32";
/** The name of the release's file for this system. */
const ASSET = assetName(process.platform, process.arch);
/** A program that is small enough to be downloaded often. Its exit status is SUM, which no failure of the action itself has. */
const PROGRAM = WINDOWS
  ? fs.readFileSync(path.join(process.env.SystemRoot, "System32", "where.exe"))
  : Buffer.from('#!/bin/sh\necho "ran $*"\nexit 7\n');
/** The downloaded file: the compressed program. */
const DOWNLOAD = `${ASSET}.br`;
const COMPRESSED = zlib.brotliCompressSync(PROGRAM);
const RAN = WINDOWS ? { status: 1, stdout: /^/ } : { status: 7, stdout: /^ran action main$/m };

const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

class Job {
  constructor(test) {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), "ecr-auth-action-"));
    test.after(() => fs.rmSync(this.root, { recursive: true, force: true }));
    fs.cpSync(SOURCE, this.path("action"), { recursive: true });
    for (const folder of ["tools", "temp", "work"]) fs.mkdirSync(this.path(folder));
    this.checksums({ [ASSET]: sha256(PROGRAM), [DOWNLOAD]: sha256(COMPRESSED) });
    this.env = {
      PATH: process.env.PATH,
      SystemRoot: process.env.SystemRoot,
      RUNNER_TOOL_CACHE: this.path("tools"),
      RUNNER_TEMP: this.path("temp"),
      GITHUB_STATE: this.path("state"),
    };
  }

  path(...parts) {
    return path.join(this.root, ...parts);
  }

  /** The path of the cached binary. */
  cached(folder = "tools") {
    return this.path(folder, "ecr-auth", version, process.arch, WINDOWS ? "ecr-auth.exe" : "ecr-auth");
  }

  /** Writes action/checksums.json. */
  checksums(entries) {
    fs.writeFileSync(this.path("action", "checksums.json"), JSON.stringify({ version, sha256: entries }));
  }

  /** Sets an input like the runner: in capitals, with hyphens. */
  input(name, value) {
    this.env[`INPUT_${name.toUpperCase()}`] = value;
    return this;
  }

  /** Uses node itself as the binary. For its argument `action` it runs this script, action.js in the working directory. */
  script(source) {
    fs.writeFileSync(this.path("work", "action.js"), source);
    return this.input("binary-path", process.execPath);
  }

  /** Returns the main step's state for the post step, parsed like the runner. */
  state() {
    if (!fs.existsSync(this.env.GITHUB_STATE)) return {};
    const lines = fs.readFileSync(this.env.GITHUB_STATE, "utf8").matchAll(/^(\w+)=(.*)\n/gm);
    return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, value]));
  }

  /** Starts `main` or `post`. Its output is collected in `stdout` and `stderr` of the returned object. */
  start(step) {
    const state = Object.fromEntries(Object.entries(this.state()).map(([name, value]) => [`STATE_${name}`, value]));
    const env = { ...this.env, ...(step === "post" ? state : {}) };
    const args = ["--require", path.join(__dirname, "no-pause.js"), this.path("action", `${step}.js`)];
    const child = spawn(process.execPath, args, { cwd: this.path("work"), env, stdio: ["ignore", "pipe", "pipe"] });
    const result = { child, stdout: "", stderr: "" };
    child.stdout.on("data", (text) => (result.stdout += text));
    child.stderr.on("data", (text) => (result.stderr += text));
    return result;
  }

  /** Runs `main` or `post` and waits for its end. */
  async run(step) {
    const result = this.start(step);
    [result.status] = await once(result.child, "close");
    return result;
  }
}

/** Returns the annotations in a log, parsed like the runner. */
function annotations(log) {
  const decode = (text) => text.replace(/%3A/g, ":").replace(/%2C/g, ",").replace(/%0A/g, "\n").replace(/%0D/g, "\r").replace(/%25/g, "%");
  return Array.from(log.matchAll(/^::(error|warning) title=([^:]*)::(.*)$/gm), ([, level, title, text]) => ({
    level,
    title: decode(title),
    text: decode(text),
  }));
}

module.exports = { ASSET, COMPRESSED, DOWNLOAD, Job, PROGRAM, RAN, WINDOWS, annotations, sha256, version };
