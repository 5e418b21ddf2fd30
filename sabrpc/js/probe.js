// What this thread and its browser have of what sabrpc makes use of, in the order of src/web/probe.rs.
export function probe() {
  const global = globalThis;
  const inNode = global.process?.getBuiltinModule?.("node:worker_threads") !== undefined;
  return [
    global.isSecureContext !== false,
    global.crossOriginIsolated !== false,
    typeof SharedArrayBuffer === "function" && hasSharedMemory(),
    mayBlock(),
    typeof Atomics.waitAsync === "function",
    inNode || hasModuleWorkers(),
    // Elsewhere than in browsers Web Locks do not reach beyond a thread.
    (typeof WorkerGlobalScope === "function" || typeof document === "object") && global.navigator?.locks !== undefined,
  ];
}

function hasSharedMemory() {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

function mayBlock() {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

// A browser that knows module workers asks for the type; that of this one cannot be made in any.
function hasModuleWorkers() {
  if (typeof Worker !== "function") return false;
  let asked = false;
  try {
    new Worker("data:", {
      get type() {
        asked = true;
        throw new Error("asked");
      },
    });
  } catch {
    // As it should be.
  }
  return asked;
}
