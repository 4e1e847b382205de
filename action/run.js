"use strict";
// Runs the binary as one of the action's steps.

const { spawn } = require("node:child_process");
const os = require("node:os");
const { Failure } = require("./runner");

// The signals that the runner sends when a job is cancelled.
const SIGNALS = ["SIGINT", "SIGTERM"];

/** Runs `ecr-auth action STEP` on this process's own standard streams, passes signals on, and returns its exit status. */
function run(binary, step) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, ["action", step], { stdio: "inherit" });
    // On Windows the child itself gets the console's Ctrl-C, and a signal would kill it at once.
    const pass = (signal) => process.platform !== "win32" && child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, pass);
    const settle = (end, value) => {
      for (const signal of SIGNALS) process.off(signal, pass);
      end(value);
    };
    child.once("error", (error) =>
      settle(reject, new Failure(`cannot run ${binary}`, error.code, "is it a binary for this system, and executable?")),
    );
    // A shell's exit status for a process that a signal ended.
    child.once("exit", (code, signal) => settle(resolve, code ?? 128 + os.constants.signals[signal]));
  });
}

module.exports = { run };
