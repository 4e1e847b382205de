"use strict";
// compress.js FILE…: compresses each file for the action's download, to FILE.br beside it. Node has brotli on every runner, so no other program is
// needed.

const fs = require("node:fs");
const zlib = require("node:zlib");

const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = zlib.constants;

for (const file of process.argv.slice(2)) {
  const bytes = fs.readFileSync(file);
  const params = { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
  fs.writeFileSync(`${file}.br`, zlib.brotliCompressSync(bytes, { params }));
}
