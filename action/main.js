"use strict";
// The action's main step: finds and verifies the binary, then runs `ecr-auth action main`, which does everything else.

const { find } = require("./binary");
const { run } = require("./run");
const { annotate, saveState } = require("./runner");

async function main() {
  const binary = await find();
  saveState("binary", binary);
  process.exitCode = await run(binary, "main");
}

main().catch((error) => {
  annotate("error", "ecr-auth", error);
  process.exitCode = 1;
});
