"use strict";
// What GitHub's runner gives an action and takes from it: inputs, state, annotations.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

const fs = require("node:fs");

/** An error for people, in the form of all of ecr-auth's: what failed, why, and what to do about it. No part of it holds a secret. */
class Failure extends Error {
  constructor(what, cause, hint) {
    super(`${what}: ${cause}`);
    this.hint = hint;
  }
}

/** An input of action.yml, without space around it; "" where it isn't given. The runner keeps the hyphens of its name. */
const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();

/** Hands a value of one line to the post step. Debug logs print it, so it is never a secret. */
function saveState(name, value) {
  // A second line would be read as another name with its value.
  if (/[\r\n]/.test(value)) throw new Failure(`cannot keep ${name} for the post step`, "it has a line end", "see the input binary-path");
  fs.appendFileSync(process.env.GITHUB_STATE, `${name}=${value}\n`);
}

/** The text of a workflow command's message: percent signs and line ends are escaped. */
const escapeMessage = (text) => text.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");

/** The text of a workflow command's property, where colons and commas have a meaning, too. */
const escapeProperty = (text) => escapeMessage(text).replace(/:/g, "%3A").replace(/,/g, "%2C");

/**
 * The text as one line of a message in which no CI reads a command, and nothing is unseen: as the binary's messages are. A server's words or
 * an input may stand in it.
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
