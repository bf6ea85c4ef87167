import { Unreachable, send } from "./api.js";
import { order, tracking } from "./urls.js";

/** Shorter than what is shown may be old. */
const TIMEOUT_MS = 6_000;
const SERVICES = [order, tracking];

/** A request of whoever is signed in. Sends "signed-out" to the document if nobody is any more. */
export async function ask(url, options = {}) {
  const answer = await send(url, { credentials: "include", cache: "no-store", timeout: TIMEOUT_MS, ...options });
  if (answer.status === 401) document.dispatchEvent(new Event("signed-out"));
  return answer;
}

/** The body of an answer that is a success. Anything else is no answer. */
export async function read(url) {
  const { status, body } = await ask(url);
  if (status !== 200 || !body) throw new Unreachable(`status ${status}`);
  return body;
}

/** Looks again at once. Without an answer, the next look tells. */
export async function again(look) {
  try {
    await look();
  } catch (why) {
    if (!(why instanceof Unreachable)) throw why;
  }
}

/** A change. Returns what went wrong, as a sentence of the service, or null; "" if there is no answer. */
export async function change(method, url, value) {
  const headers = { "X-Requested-With": "restaurant" };
  const options = { method, headers };
  if (value !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(value);
  }
  try {
    const { status, body } = await ask(url, options);
    return status < 300 ? null : body?.detail ?? "";
  } catch (why) {
    if (!(why instanceof Unreachable)) throw why;
    return "";
  }
}

/** Whether a key is configured, and whether both services know who is here. */
export async function session() {
  const [first, second] = await Promise.allSettled(
    SERVICES.map((service) => send(service("staff/session"), { credentials: "include", cache: "no-store" })));
  if (first.status === "rejected") throw first.reason;
  // A service that is gone for a while shows its absence by itself.
  const others = second.status === "rejected" || second.value.body?.signed_in !== false;
  const { key_configured: hasKey, signed_in: isSignedIn } = first.value.body ?? {};
  return { hasKey: hasKey !== false, isSignedIn: Boolean(isSignedIn) && others };
}

/**
 * Signs in at both services. Returns the first answer that is none of a success, or null. The second
 * service may refuse what the first one took: it has another key.
 */
export async function signIn(key) {
  for (const service of SERVICES) {
    const answer = await send(service("staff/session"), {
      method: "POST",
      credentials: "include",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key }),
    });
    if (answer.status !== 200) return { ...answer, isFirst: service === order };
  }
  return null;
}

export async function signOut() {
  const options = { method: "DELETE", credentials: "include", headers: { "X-Requested-With": "restaurant" } };
  await Promise.allSettled(SERVICES.map((service) => send(service("staff/session"), options)));
}
