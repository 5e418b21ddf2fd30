// What all the pages share: the log, and buttons that rest while the worker works.
export const find = (selector) => document.querySelector(selector);

// Adds a line to the log, above the older ones. An error comes with what the program in the worker saw.
export function say(text, error) {
  const item = document.createElement("li");
  item.textContent = text;
  if (error !== undefined) {
    item.className = "bad";
    const code = document.createElement("code");
    code.textContent = error;
    item.append(code);
  }
  find("#log").prepend(item);
}

// Does something that takes its time, and says how it went.
export async function attempt(work) {
  const buttons = document.querySelectorAll("button");
  buttons.forEach((button) => (button.disabled = true));
  try {
    say(await work());
  } catch (error) {
    say(error.message ?? String(error), error.cause ?? error.name ?? "");
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

export const on = (selector, work) => find(selector).addEventListener("click", () => attempt(work));
