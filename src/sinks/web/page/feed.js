// feed.js - the live feed, and coming back to it by itself. The server begins every connection with a hello and what is not long past.

const FIRST_MS = 1000, LONGEST_MS = 15000;

// told: hello(data), hop(data), record(data), state("wait" | "live").
export function follow(path, told) {
  let wait = FIRST_MS;

  const read = (take) => (message) => {
    try {
      take(JSON.parse(message.data));
    } catch (error) {
      console.error("a message of the feed cannot be used", error);
    }
  };
  const open = () => {
    const source = new EventSource(path);

    source.addEventListener("hello", read((data) => { wait = FIRST_MS; told.state("live"); told.hello(data); }));
    source.addEventListener("hop", read(told.hop));
    source.onmessage = read(told.record);
    source.onerror = () => {
      told.state("wait");
      source.close();
      setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_MS);
    };
  };
  open();
}
