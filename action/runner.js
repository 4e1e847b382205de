"use strict";
// The interface of GitHub's runner to an action: inputs, state, annotations.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

const fs = require("node:fs");

/** An error for users in ecr-auth's format: what failed, why, and what to do about it. It must not contain a secret. */
class Failure extends Error {
  constructor(what, cause, hint) {
    super(`${what}: ${cause}`);
    this.hint = hint;
  }
}

/** Returns an input of action.yml without surrounding space, or "" if it isn't given. The runner keeps the hyphens of its name. */
const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();

/** Passes a value of one line to the post step. Debug logs print it, so it must not be a secret. */
function saveState(name, value) {
  // The runner would parse a second line as another name and value.
  if (/[\r\n]/.test(value)) throw new Failure(`cannot keep ${name} for the post step`, "it has a line end", "see the input binary-path");
  fs.appendFileSync(process.env.GITHUB_STATE, `${name}=${value}\n`);
}

/** Escapes the message of a workflow command: percent signs and line ends. */
const escapeMessage = (text) => text.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");

/** Escapes a property of a workflow command: percent signs, line ends, colons and commas. */
const escapeProperty = (text) => escapeMessage(text).replace(/:/g, "%3A").replace(/,/g, "%2C");

/**
 * Returns the text as one line in which no CI finds a command and nothing is invisible, like the binary's messages. The text may come from a
 * server or an input.
 */
const inert = (text) =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ")
    .replace(/[\p{C}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\u{e0000}-\u{e0fff}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`)
    .replace(/#(?=#)/g, "# ")
    .replace(/^(\s*):(?=:)/, "$1: ");

/** Writes an annotation of the run: `error` or `warning`. */
function annotate(level, title, error) {
  const message = inert(`${error.message}`);
  const text = error.hint ? `${message}\nhint: ${inert(error.hint)}` : message;
  console.log(`::${level} title=${escapeProperty(title)}::${escapeMessage(text)}`);
}

module.exports = { Failure, input, saveState, escapeMessage, escapeProperty, inert, annotate };
