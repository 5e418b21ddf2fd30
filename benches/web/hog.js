// A worker that takes as much of a core as it gets, until it is terminated.

postMessage("busy");
for (;;);
