// The worker that calls, and the one that it starts.
import { caller_worker, make_workers_with } from "./pkg/round_trip.js";

make_workers_with(() => new Worker(new URL("./echo.js", import.meta.url), { type: "module" }));
caller_worker();
