"use strict";
// The action's post step: `ecr-auth action post` takes back what the main step did. It never fails the job, and where the main
// step found no binary there is nothing to take back.

const { verify } = require("./binary");
const { run } = require("./run");
const { Failure, annotate } = require("./runner");

async function post() {
  const binary = process.env.STATE_binary;
  if (!binary) return;
  // The job has had the file in its hands since.
  verify(binary);
  const status = await run(binary, "post");
  if (status !== 0) throw new Failure("the clean-up failed", `exit status ${status}`, "see the log of this step");
}

post().catch((error) => annotate("warning", "ecr-auth", error));
