/** What is kept in this browser. Where storage is forbidden it lasts as long as the page. */
const memory = new Map();

export function load(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return memory.get(key) ?? null;
  }
}

export function save(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    memory.set(key, value);
  }
}

/** Calls back when another tab changed what is kept under this key. */
export function onChange(key, callback) {
  addEventListener("storage", (event) => {
    if (event.key === key || event.key === null) callback();
  });
}
