// The worker of the bare pair's serving side.

import { serve } from "./bare.js";

onmessage = ({ data }) => serve(data);
