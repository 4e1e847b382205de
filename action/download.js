"use strict";
// Downloads a file over HTTPS with modules that every node from 20 on has. `fetch` does not support proxies before node 24.

const http = require("node:http");
const https = require("node:https");
const timers = require("node:timers/promises");
const { Failure, input } = require("./runner");

const TRIES = 3;
const REDIRECTS = 5;
const LARGEST = 64 * 1024 * 1024;
// In milliseconds: the timeout of an idle connection, the timeout of the whole download, and the pause before the second try (twice that
// before the third).
const QUIET = 30_000;
const DEADLINE = 300_000;
const PAUSE = 1000;

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Returns a URL without its secret parts: user, password, and the query, which holds the signature for a release's storage. */
const shown = (url) => `${url.protocol}//${url.host}${url.pathname}`;

/** Parses a URL. Only HTTPS is allowed, or plain HTTP on the loopback addresses, but not after a redirect from HTTPS. */
function permitted(address, from) {
  if (!URL.canParse(address, from)) throw new Failure("cannot download ecr-auth", `${address} is not an address`, "see the input download-base-url");
  const url = new URL(address, from);
  const plain = url.protocol === "http:" && LOOPBACK.test(url.hostname) && from?.protocol !== "https:";
  const fail = (cause, hint) => {
    throw new Failure(`cannot download ${shown(url)}`, cause, hint);
  };
  if (url.protocol !== "https:" && !plain) fail(from ? `${shown(from)} redirects to it, off HTTPS` : "it is not HTTPS", "give an https:// address in download-base-url");
  if (url.username || url.password) fail("it holds a user name or password, which the log would show", "give an address without them in download-base-url");
  return url;
}

/** Returns the proxy for a URL, if any. HTTPS_PROXY is read like in curl. NO_PROXY lists hosts with their sub-domains, or `*` for all. */
function proxyFor(url, env = process.env) {
  const proxy = input("http-proxy") || env.https_proxy || env.HTTPS_PROXY;
  const direct = (input("no-proxy") || env.no_proxy || env.NO_PROXY || "").toLowerCase().split(/[\s,]+/).filter(Boolean);
  const named = (entry) => {
    const [, name, port] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry);
    return (name === url.hostname || url.hostname.endsWith(`.${name}`)) && (!port || port === (url.port || "443"));
  };
  if (!proxy || url.protocol !== "https:" || direct.some((entry) => entry === "*" || named(entry))) return undefined;
  const address = proxy.includes("://") ? proxy : `http://${proxy}`;
  // The proxy's URL may contain a password, so errors don't show it.
  if (!URL.canParse(address)) throw new Failure(`cannot download ${shown(url)}`, "the proxy is not an address", "see HTTPS_PROXY");
  return new URL(address);
}

/** Sends a request without a body. Resolves with the response and the socket of `event`. The signal aborts it. */
function exchange(url, options, event) {
  return new Promise((resolve, reject) => {
    const client = url.protocol === "https:" ? https : http;
    const request = client.request(url, { agent: false, timeout: QUIET, ...options });
    request.once("timeout", () => request.destroy(new Error(`nothing moved for ${QUIET / 1000} s`)));
    request.once("error", reject);
    request.once(event, (response, socket) => resolve({ response, socket }));
    request.end();
  });
}

/** Opens a connection through the proxy (RFC 9110, 9.3.6). */
async function tunnel(url, proxy, signal) {
  const path = `${url.hostname}:${url.port || 443}`;
  const headers = { host: path };
  if (proxy.username) {
    const user = [proxy.username, proxy.password].map(decodeURIComponent).join(":");
    headers["proxy-authorization"] = `Basic ${Buffer.from(user).toString("base64")}`;
  }
  const { response, socket } = await exchange(new URL(proxy.origin), { method: "CONNECT", path, headers, signal }, "connect");
  if (response.statusCode === 200) return socket;
  socket.destroy();
  throw new Error(`the proxy answers ${response.statusCode}`);
}

/** Returns the body of a response, following redirects. An ordinary Error means that another try may succeed; a Failure is final. */
async function get(url, signal, redirects = REDIRECTS) {
  const proxy = proxyFor(url);
  const socket = proxy && (await tunnel(url, proxy, signal));
  const { response } = await exchange(url, { headers: { "user-agent": "ecr-auth-action" }, signal, socket }, "response");
  const { statusCode: status, headers } = response;
  if ([301, 302, 303, 307, 308].includes(status) && headers.location && redirects > 0) {
    response.destroy();
    return get(permitted(headers.location, url), signal, redirects - 1);
  }
  if (status === 200) return body(response);
  response.destroy();
  if (status >= 500 || status === 429) throw new Error(`HTTP status ${status}`);
  throw new Failure(`cannot download ${shown(url)}`, `HTTP status ${status}`, "is this version released there? See the input download-base-url");
}

async function body(response) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST) throw new Failure("cannot download ecr-auth", `more than ${LARGEST} bytes came`, "see the input download-base-url");
  }
  return Buffer.concat(chunks);
}

/** Downloads the bytes at a URL. Retries failures of servers and connections, within the deadline. */
async function download(address) {
  const url = permitted(address);
  const signal = AbortSignal.timeout(DEADLINE);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await get(url, signal);
    } catch (error) {
      if (error instanceof Failure) throw error;
      const cause = signal.aborted ? `not done within ${DEADLINE / 1000} s` : error.code ?? error.message;
      const hint = "can this runner reach it? Behind a proxy set HTTPS_PROXY; a mirror goes into download-base-url, a copy into binary-path";
      if (attempt === TRIES || signal.aborted) throw new Failure(`cannot download ${shown(url)}`, cause, hint);
      await timers.setTimeout(PAUSE * attempt);
    }
  }
}

module.exports = { download, permitted, proxyFor };
