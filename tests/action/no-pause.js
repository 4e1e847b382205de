"use strict";
// Loaded before the action: a pause between two tries takes no time.
require("node:timers/promises").setTimeout = async () => {};
