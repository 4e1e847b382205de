"use strict";
// Loaded before the action: removes the pauses between two tries.
require("node:timers/promises").setTimeout = async () => {};
