"use strict";
// Servers on loopback addresses: a release's files over HTTP or HTTPS, and a proxy.

const { execFileSync } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");

/** Starts a server; it and its connections end with the test. */
async function listen(test, server, scheme) {
  const sockets = new Set();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `${scheme}://127.0.0.1:${server.address().port}`;
}

/** A certificate of this address's own: [key, certificate, its file]. */
function certificate(job) {
  const [key, file] = [job.path("key.pem"), job.path("certificate.pem")];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  // Git's shell on Windows would take "/CN" for a path; node starts openssl without it.
  execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", file], { stdio: "ignore" });
  return [fs.readFileSync(key), fs.readFileSync(file), file];
}

/** `answer(request, response)` behind plain HTTP. */
const plain = (test, answer) => listen(test, http.createServer(answer), "http");

/** The same behind HTTPS, trusted by the job. */
function secure(test, job, answer) {
  const [key, cert, file] = certificate(job);
  job.env.NODE_EXTRA_CA_CERTS = file;
  return listen(test, https.createServer({ key, cert }, answer), "https");
}

/** A proxy that tunnels to wherever it is asked, after `check(request)` has returned 200; the requests it saw gather in `seen`. */
async function proxy(test, seen, check = () => 200) {
  const server = http.createServer((request, response) => response.writeHead(400).end());
  server.on("connect", (request, client) => {
    seen.push(request);
    const status = check(request);
    if (status !== 200) return client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const [host, port] = request.url.split(":");
    const upstream = net.connect(port, host, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
  });
  return listen(test, server, "http");
}

module.exports = { plain, proxy, secure };
