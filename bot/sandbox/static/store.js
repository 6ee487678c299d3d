/* What the page knows: the last snapshot of the server, and what only this tab needs. */

export const store = {
  data: null,
  user: sessionStorage.getItem("user") ?? "U0DANA001",
  channel: "C0RELEASES",
  tab: "messages",
  thread: null,
  highlight: null,
  stream: "connecting",
  slow: null,
  marks: new Map(),
  forms: new Map(),
  seen: new Map(),
};

const listeners = new Set();

/** Be called after every change. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Change something and redraw. */
export function change(values = {}) {
  Object.assign(store, values);
  for (const listener of listeners) listener();
}

/** Find by id in the snapshot; undefined when there is none. */
export const userById = (id) => store.data?.users.find((user) => user.id === id);
export const channelById = (id) => store.data?.channels.find((channel) => channel.id === id);
export const groupById = (id) => store.data?.groups.find((group) => group.id === id);

/** The channel that is shown, or the first one. */
export function currentChannel() {
  return channelById(store.channel) ?? store.data?.channels[0];
}

/** The state of a pressed control: undefined, "busy" or an error's text. */
export function markOf(container, block, element) {
  return store.marks.get(markKey(container, block, element));
}

/** Set or clear (undefined) the state of a pressed control. */
export function setMark(container, block, element, mark) {
  const key = markKey(container, block, element);
  if (mark === undefined) store.marks.delete(key);
  else store.marks.set(key, mark);
  change();
}

function markKey(container, block, element) {
  return [container, block.block_id, element.action_id, element.value ?? ""].join("\u0000");
}

/** All marks of one container as text, so that a redraw notices when they change. */
export function marksText(container) {
  return [...store.marks].filter(([key]) => key.startsWith(`${container}\u0000`)).join();
}
