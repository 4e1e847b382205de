"use strict";
// Servers on loopback addresses: a release's files over HTTP or HTTPS, and a proxy.

const { execFileSync } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");

/** Starts a server that ends with the test, with its connections. */
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

/** Creates a certificate for this address: [key, certificate, its file]. */
function certificate(job) {
  const [key, file] = [job.path("key.pem"), job.path("certificate.pem")];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  // Git's shell on Windows would convert "/CN" to a path, but node starts openssl without a shell.
  execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", file], { stdio: "ignore" });
  return [fs.readFileSync(key), fs.readFileSync(file), file];
}

/** Serves `answer(request, response)` over plain HTTP. */
const plain = (test, answer) => listen(test, http.createServer(answer), "http");

/** Serves `answer(request, response)` over HTTPS, with a certificate that the job trusts. */
function secure(test, job, answer) {
  const [key, cert, file] = certificate(job);
  job.env.NODE_EXTRA_CA_CERTS = file;
  return listen(test, https.createServer({ key, cert }, answer), "https");
}

/** Starts a proxy that tunnels to any address if `check(request)` returns 200. `seen` collects its requests. */
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
