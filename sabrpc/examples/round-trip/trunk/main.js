// With trunk, which loads the module and says so. The module starts its workers itself.
addEventListener("TrunkApplicationStarted", async () => {
  const output = document.querySelector("output");
  try {
    output.textContent = `ok: ${await window.wasmBindings.run(100)}`;
  } catch (error) {
    output.textContent = `failed: ${error}`;
  }
});
