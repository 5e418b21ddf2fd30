// Counts the flushes of this worker and of those that it starts. Neither a module nor bound to be one: every worker of the
// suite begins with it, whatever kind it is. The count is one word, shared with the page by the first message.

{
  let count = new Int32Array(new SharedArrayBuffer(4));
  addEventListener("message", (event) => {
    if (!event.data?.flushes) return;
    count = event.data.flushes;
    event.stopImmediatePropagation();
  });

  const { flush } = FileSystemSyncAccessHandle.prototype;
  FileSystemSyncAccessHandle.prototype.flush = function () {
    Atomics.add(count, 0, 1);
    return flush.call(this);
  };

  /** A script that begins with this one and goes on with `script`. */
  const counting = (script, isModule) => {
    const url = new URL(script, location.href);
    if (isModule) {
      const source = [new URL("/vfs/flushes.js", url.origin === "null" ? location.origin : url.origin).href, url.href];
      const imports = source.map((address) => `import ${JSON.stringify(address)};`);
      return URL.createObjectURL(new Blob(imports, { type: "text/javascript" }));
    }
    // Such a script may look at its own address.
    const query = new URLSearchParams(url.search);
    query.set("script", url.href);
    return `/vfs/nested.js?${query}`;
  };
  self.Worker = class extends Worker {
    constructor(script, options) {
      super(counting(script, options?.type === "module"), options);
      this.postMessage({ flushes: count });
    }
  };
}
