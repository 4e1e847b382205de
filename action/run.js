"use strict";
// Runs the binary as one of the action's steps.

const { spawn } = require("node:child_process");
const os = require("node:os");
const { Failure } = require("./runner");

// What the runner sends when a job is cancelled.
const SIGNALS = ["SIGINT", "SIGTERM"];

/** Runs `ecr-auth action STEP` on this process's own standard streams, passes signals on, and returns its exit status. */
function run(binary, step) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, ["action", step], { stdio: "inherit" });
    // On Windows the child gets the console's Ctrl-C itself, and a signal would end it in mid-work.
    const pass = (signal) => process.platform !== "win32" && child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, pass);
    const settle = (end, value) => {
      for (const signal of SIGNALS) process.off(signal, pass);
      end(value);
    };
    child.once("error", (error) =>
      settle(reject, new Failure(`cannot run ${binary}`, error.code, "is it a binary for this system, and executable?")),
    );
    // As a shell counts it where a signal ended the process.
    child.once("exit", (code, signal) => settle(resolve, code ?? 128 + os.constants.signals[signal]));
  });
}

module.exports = { run };
