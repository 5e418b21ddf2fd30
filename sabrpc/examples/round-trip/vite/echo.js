// The worker that is called.
import init, { echo_worker } from "./pkg/round_trip.js";

await init();
echo_worker();
