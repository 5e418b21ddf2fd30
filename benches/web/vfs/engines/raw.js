// No SQLite at all: what a transaction costs at least, one write of a page and one flush, in place in a file that is there.

const PAGE = 4096, PAGES = 1024;

export async function install(subject) {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(subject.name, { create: true });
  const file = await folder.getFileHandle("file", { create: true });
  const handle = await file.createSyncAccessHandle();
  handle.write(new Uint8Array(PAGE * PAGES), { at: 0 });
  handle.flush();
  const page = new Uint8Array(PAGE).fill(7);
  let at = 0;
  const database = {
    async exec() {},
    async run(_, values) {
      for (let i = 0; i < values.length; i++) {
        handle.write(page, { at });
        handle.flush();
        at = (at + PAGE) % (PAGE * PAGES);
      }
    },
    async close() {},
  };
  return { version: "no SQLite", open: async () => database };
}
