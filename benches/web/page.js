// The page of every suite: measures as `cargo xtask bench` asks for it in the address, and posts what was found. A failure
// anywhere is posted too, so that nobody waits for nothing; the title says what is being done.

const settings = JSON.parse(new URLSearchParams(location.search).get("settings"));

const post = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
const failed = (error) => post({ error: String(error?.stack ?? error?.message ?? error) });

addEventListener("error", failed);
addEventListener("unhandledrejection", (event) => failed(event.reason));

const { measure } = await import(settings.suite);
await post({ agent: navigator.userAgent, ...(await measure(settings)) });
