// A worker with a classic script, which the address names, and whose flushes are counted.

importScripts("/vfs/flushes.js", new URLSearchParams(location.search).get("script"));
