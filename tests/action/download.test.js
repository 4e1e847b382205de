"use strict";
// Downloading the release: what is followed, what is retried, and what is refused.

const assert = require("node:assert/strict");
const test = require("node:test");
const { permitted, proxyFor } = require("../../action/download.js");
const { COMPRESSED, DOWNLOAD, Job, RAN, annotations, version } = require("./harness.js");
const { plain, proxy, secure } = require("./servers.js");

const give = (request, response) => response.end(COMPRESSED);

/** Checks that the step fails with one annotation that matches. */
async function fails(job, text) {
  const result = await job.run("main");
  assert.equal(result.status, 1, result.stdout + result.stderr);
  const [error, ...others] = annotations(result.stdout);
  assert.deepEqual(others, []);
  assert.match(error.text, text);
  return result;
}

async function runs(job) {
  const result = await job.run("main");
  assert.equal(result.status, RAN.status, result.stdout + result.stderr);
}

test("HTTPS, or HTTP on the loopback addresses, and nothing else", () => {
  const from = new URL("https://example.com/a");
  for (const address of ["https://example.com/x", "http://127.0.0.1:1/x", "http://127.8.9.1/x", "http://[::1]:1/x", "http://localhost/x"]) {
    assert.equal(permitted(address).href, address);
  }
  for (const address of ["http://example.com/", "http://127.0.0.1.example.com/", "http://localhost.example.com/", "ftp://127.0.0.1/", "file:///etc/passwd"]) {
    assert.throws(() => permitted(address), /it is not HTTPS/);
  }
  assert.throws(() => permitted("example.com/x"), /not an address/);
  assert.throws(() => permitted("http://127.0.0.1/x", from), /redirects to it, off HTTPS/);
  assert.equal(permitted("/b?c", from).href, "https://example.com/b?c");
  assert.throws(() => permitted("https://me:s3cret@example.com/"), /user name or password/);
});

test("errors show neither passwords nor the query of an address", () => {
  for (const address of ["https://me:s3cret@example.com/", "http://example.com/?signature=s3cret", "http://me:s3cret@example.com/"]) {
    assert.throws(() => permitted(address), (error) => !`${error.message}${error.hint}`.includes("s3cret"));
  }
});

test("the proxy is the input's or the environment's, except for NO_PROXY", (t) => {
  const url = new URL("https://releases.example.com/x");
  const host = (env, address = url) => proxyFor(address, env)?.host;
  assert.equal(host({}), undefined);
  assert.equal(host({ HTTPS_PROXY: "http://proxy:3128" }), "proxy:3128");
  assert.equal(host({ https_proxy: "proxy:3128", HTTPS_PROXY: "http://other" }), "proxy:3128");
  assert.equal(host({ HTTPS_PROXY: "http://proxy" }, new URL("http://127.0.0.1/")), undefined);
  for (const direct of ["*", "example.com", ".example.com", "*.example.com", "a, releases.example.com", "b releases.EXAMPLE.com:443"]) {
    assert.equal(host({ HTTPS_PROXY: "http://proxy", NO_PROXY: direct }), undefined, direct);
  }
  for (const direct of ["", ",", "ample.com", "example.org", "releases.example.com:8443", "x.releases.example.com"]) {
    assert.equal(host({ HTTPS_PROXY: "http://proxy", NO_PROXY: direct }), "proxy", direct);
  }
  for (const [name, value] of Object.entries({ "INPUT_HTTP-PROXY": "http://old:1", "INPUT_NO-PROXY": "example.org" })) {
    process.env[name] = value;
    t.after(() => delete process.env[name]);
  }
  assert.equal(host({ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "*" }), "old:1");
  process.env["INPUT_HTTP-PROXY"] = "http://me:s3cret@:x";
  assert.throws(() => proxyFor(url, {}), (error) => error.message.includes("not an address") && !error.message.includes("s3cret"));
});

test("follows redirects to HTTPS", async (t) => {
  const job = new Job(t);
  const store = await secure(t, job, give);
  const front = await plain(t, (request, response) => response.writeHead(302, { location: `${store}/file?signature=x` }).end());
  await runs(job.input("download-base-url", front));
});

test("never follows a redirect from HTTPS to HTTP", async (t) => {
  const job = new Job(t);
  let asked = 0;
  const store = await plain(t, (request, response) => (asked++, give(request, response)));
  const front = await secure(t, job, (request, response) => response.writeHead(302, { location: `${store}/file` }).end());
  await fails(job.input("download-base-url", front), /^cannot download http:.*: https:.* redirects to it, off HTTPS/);
  assert.equal(asked, 0);
});

test("leaves a circle of redirects", async (t) => {
  const url = await plain(t, (request, response) => response.writeHead(302, { location: request.url }).end());
  await fails(new Job(t).input("download-base-url", url), /: HTTP status 302\n/);
});

test("doesn't trust a certificate of nobody", async (t) => {
  const job = new Job(t);
  job.input("download-base-url", await secure(t, job, give));
  delete job.env.NODE_EXTRA_CA_CERTS;
  await fails(job, /: DEPTH_ZERO_SELF_SIGNED_CERT\n/);
});

test("tries again after a server error and a broken connection", async (t) => {
  const answers = [
    (response) => response.writeHead(503).end(),
    (response) => response.writeHead(200, { "content-length": COMPRESSED.length }).write(COMPRESSED.subarray(1), () => response.destroy()),
    (response) => response.end(COMPRESSED),
  ];
  const url = await plain(t, (request, response) => answers.shift()(response));
  await runs(new Job(t).input("download-base-url", url));
  assert.deepEqual(answers, []);
});

test("a body that stays truncated is an error", async (t) => {
  let asked = 0;
  const url = await plain(t, (request, response) => {
    asked += 1;
    response.writeHead(200, { "content-length": COMPRESSED.length }).write(COMPRESSED.subarray(1), () => response.destroy());
  });
  await fails(new Job(t).input("download-base-url", url), /^cannot download http:.*: ECONNRESET\n/);
  assert.equal(asked, 3);
});

test("stops at a body without an end", async (t) => {
  const chunk = Buffer.alloc(1024 * 1024);
  const url = await plain(t, (request, response) => {
    const more = () => !response.destroyed && response.write(chunk, more);
    more();
  });
  await fails(new Job(t).input("download-base-url", url), /^cannot download ecr-auth: more than 67108864 bytes came\n/);
});

test("a file that isn't there is asked for once", async (t) => {
  const asked = [];
  const url = await plain(t, (request, response) => {
    asked.push(request.url);
    response.writeHead(404).end();
  });
  await fails(new Job(t).input("download-base-url", `${url}/mirror/`), /: HTTP status 404\nhint: is this version released there/);
  assert.deepEqual(asked, [`/mirror/v${version}/${DOWNLOAD}`]);
});

test("a server that can't be reached is an error with a way out", async (t) => {
  // Port 1 has no listener, and no other process can take it in the meantime.
  await fails(new Job(t).input("download-base-url", "http://127.0.0.1:1"), /: ECONNREFUSED\nhint: .*HTTPS_PROXY.*download-base-url.*binary-path/);
});

test("goes through the proxy, with its password", async (t) => {
  const job = new Job(t);
  const seen = [];
  job.input("download-base-url", await secure(t, job, give));
  const address = await proxy(t, seen);
  job.env.HTTPS_PROXY = address.replace("//", "//me:s3%40cret@");
  await runs(job);
  const basic = `Basic ${Buffer.from("me:s3@cret").toString("base64")}`;
  assert.deepEqual(seen.map((request) => request.headers["proxy-authorization"]), [basic]);
});

test("a proxy that refuses is named, its password isn't", async (t) => {
  const job = new Job(t);
  job.input("download-base-url", await secure(t, job, give));
  job.env.HTTPS_PROXY = (await proxy(t, [], () => 407)).replace("//", "//me:s3cret@");
  const result = await fails(job, /: the proxy answers 407\n/);
  assert.doesNotMatch(result.stdout + result.stderr, /s3cret/);
});
