// The serving side of the same work by messages: keeps the bytes that it is sent, returns as many as are wanted.

const kept = new Uint8Array(1 << 20).fill(7);

onmessage = ({ data }) => {
  if (data.bytes) kept.set(data.bytes);
  postMessage({ bytes: data.wanted > 0 ? kept.slice(0, data.wanted) : undefined });
};
postMessage("serving");
