"use strict";
// The action's post step: `ecr-auth action post` undoes the main step. It never fails the job. If the main step found no binary, there is
// nothing to undo.

const { discard, findAgain } = require("./binary");
const { run } = require("./run");
const { Failure, annotate } = require("./runner");

async function post() {
  const found = process.env.STATE_binary;
  if (!found) return;
  const binary = await findAgain(found);
  try {
    const status = await run(binary, "post");
    if (status !== 0) throw new Failure("the clean-up failed", `exit status ${status}`, "see the log of this step");
  } finally {
    for (const file of new Set([found, binary])) discard(file);
  }
}

post().catch((error) => annotate("warning", "ecr-auth", error));
