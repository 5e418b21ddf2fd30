// The program's worker: it is posted the page's channel, and runs the program from its beginning to its end.
import init, { dom_program } from "./services.js";

addEventListener("message", async (event) => {
  await init();
  dom_program(event.data);
  postMessage("ended");
  close();
}, { once: true });
