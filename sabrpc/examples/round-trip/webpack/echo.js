// The worker that is called.
import { echo_worker } from "./pkg/round_trip.js";

echo_worker();
