// The chat in a browser: JSON lines over a WebSocket (docs/protocol.md), shown as text and never as markup.
// The name and the passwords are in memory alone, for coming back after a lost connection.

const PAGE = 50; // messages asked for at a time
const ENTRIES = 1000; // of a view that are in the document at most
const ANSWERS = 20; // of Rox, whose pieces wait for their whole
const LETTERS = 40; // people whose private messages are kept
const LINES = 100; // lines that Up goes back through
const FRAME = 8192; // bytes that the server takes at a time
const MISSED = 200; // messages of an answer to `since`, after which there may be more
const ROUNDS = 5; // such answers, after which only the newest are shown
const PATIENCE = 10_000; // ms without a sign of the server, after which the connection is taken for dead
const AGAIN = 4_000; // ms without an answer, after which the page asks again
const TRIES = 4; // times that it asks
const LOOK = 30_000; // ms between two looks at lobbies and members, while somebody is at the page
const PRESENT = 300_000; // ms after the last key or touch for which that is so
const LONGEST = 30_000; // ms between two tries to connect
const TOGETHER = 300_000; // ms within which messages of one author stand together
const UNDO = 300_000; // ms for which a message can be taken back
const WRITING = 45_000; // ms without a piece, after which an answer is not waited for

// The commands that mean something here, as /help has them.
const COMMANDS = new Map(`lobbies [word] [page]
users
whois <user>
create <name> [password] <desc>
join <name> [password]
history [n] [before m]
search <words>
msg <user> <message>
r <text>
tag <user> <message>
me <action>
undo
ai <question>
catchup
airoom [on | off]
setai [prompt | default]
help [topic | command]
sp <name> | list | default
nick <name>
away [text]
ignore [user]
unignore <user>
quiet on | off
register [password]
passwd <old> <new>
unregister <password>
accept
bot add | list | del <name>
hook add | list | del <name>
kick <user> [reason]
mute [-1] <user> [time]
unmute <user>
ban [-1] <user> [time] [reason]
unban <user>
bans
purge <user>
topic <text>
slow <seconds>
audit
op <user>
deop <user>
setpass <password|no-pass>
transfer <user>
delete <lobby>
announce <text>
gban [-1] <user> [time] [reason]
gunban <user>
quit`.split("\n").map((usage) => [usage.split(" ")[0], usage]));
// Words of theirs that are typed as they stand, and the pictures of /sp.
const OPTIONS = ["on", "off", "list", "default", "add", "del"];
const PICTURES = `alien angel angry bear bee bunny cat coffee confused cool cowboy cry dance dead detective devil dino dog fire
fish flex flip fox frog ghost happy heart hug king koala laugh love moon mouse music nerd ninja owl panda
party peace penguin pirate pizza queen robot shocked shrug skull sleep snake star think turtle wink wizard`.split(/\s/);
const SECRET = /^\s*\/(?:(?:join|j|create)\s+\S+\s+\S|(?:register|passwd|unregister|setpass)\s+\S)/i;

const by = (id) => document.getElementById(id);
const [line, hint, views] = [by("line"), by("hint"), by("views")];
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOf = (at) => new Date(at).toDateString();
const key = (name) => name.toLowerCase();
const kept = ({ id }) => id !== undefined; // in the history, under this number

function make(tag, className, ...inside) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...inside);
  return element;
}

function nameOf(name) {
  const element = make("bdi", "name", name);
  element.style.setProperty("--h", hue(name));
  return element;
}

function button(className, label, act) {
  const element = make("button", className, label);
  element.type = "button";
  element.onclick = act;
  return element;
}

const lock = () => by("lock").content.cloneNode(true);

/** A colour's angle, the same for a name at all times. */
function hue(name) {
  let sum = 7;
  for (const c of key(name)) sum = (sum * 31 + c.codePointAt(0)) >>> 0;
  return ((Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d) >>> 8) % 24) * 15;
}

// What is kept in the browser is how things are shown, and nothing else.

let settings = { theme: "", notify: false, comings: true };
try {
  settings = { ...settings, ...JSON.parse(localStorage.getItem("lobbyd")) };
} catch { /* Nothing is kept then. */ }

function keepSettings() {
  document.documentElement.dataset.theme = settings.theme;
  views.classList.toggle("calm", !settings.comings);
  try {
    localStorage.setItem("lobbyd", JSON.stringify(settings));
  } catch { /* The same. */ }
}

// What is known.

let me = "";
let password = null; // the account's, once it was taken
let phase = "out"; // out, login, in, lost, ended
let room = null; // the view of the lobby
let shown = null; // the view that one sees
let returning = false; // to the lobby that one was in, after a lost connection
let people = new Map(); // of the lobby, by key
let rooms = new Map(); // lobbies, by name
let pages = [1, 1]; // of the list of lobbies: that is known, that there are
let latest = 0; // time of the newest event, by the server's clock, ms
let latestHere = 0; // the same by this browser's
const letters = new Map(); // views of private messages, by key
const secrets = new Map(); // passwords of private lobbies
const answers = new Map(); // of Rox that are being written, by number

// A view: what was said in the lobby, or with one person. Entries stand in the order of their ids; what has
// none stands where it came.

class View {
  constructor(name, person) {
    Object.assign(this, { name, person, entries: [], ids: new Set(), unread: 0, called: false, below: 0, atEnd: true, draft: "", topic: "" });
    Object.assign(this, { loading: false, done: Boolean(person), detached: false, last: 0 });
    this.top = make("div", "top");
    this.box = make("div", "view", this.top);
    this.box.setAttribute("role", "log");
    this.box.setAttribute("aria-live", "polite");
    this.box.setAttribute("aria-label", person ? `Private messages with ${name}` : `Messages in ${name}`);
    this.box.tabIndex = 0;
    this.box.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  get low() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 40;
  }

  down() {
    this.box.scrollTop = this.box.scrollHeight;
    [this.below, this.atEnd] = [0, true];
    showJump();
  }

  scrolled() {
    this.atEnd = this.low;
    if (this.low && !this.detached && this.below) this.down();
    if (this.box.scrollTop < 300) this.older();
    showJump();
  }

  /** Changes what is in it: whoever reads above sees the same as before, whoever is at the end the new end. */
  change(act, above) {
    const { scrollHeight: height, scrollTop: top } = this.box;
    const low = this.atEnd;
    act();
    if (low && !above) {
      this.trim(false);
      this.down();
    } else if (above) {
      this.box.scrollTop = top + this.box.scrollHeight - height;
      this.trim(true);
    }
  }

  trim(fromEnd) {
    while (this.entries.length > ENTRIES) {
      if (fromEnd) this.detached = true;
      else this.done = Boolean(this.person);
      this.remove(fromEnd ? this.entries.length - 1 : 0);
    }
  }

  /** Whether an entry was new. */
  add(entry) {
    if (kept(entry)) {
      if (this.ids.has(entry.id)) return false;
      if (this.detached && entry.id > this.last) {
        this.last = entry.id;
        return true;
      }
      this.ids.add(entry.id);
      this.last = Math.max(this.last, entry.id);
    }
    let i = this.entries.length;
    const after = (one) => (kept(one) ? one.id > entry.id : one.at > entry.at);
    if (kept(entry)) while (i > 0 && after(this.entries[i - 1])) i -= 1;
    build(entry);
    this.box.insertBefore(entry.element, this.entries[i]?.element ?? null);
    this.entries.splice(i, 0, entry);
    this.link(i);
    this.link(i + 1);
    return true;
  }

  remove(i) {
    const [entry] = this.entries.splice(i, 1);
    if (!entry) return;
    entry.element.remove();
    this.ids.delete(entry.id);
    this.link(i);
  }

  /** Shows the day where it changes, and one head over what one person says at a stretch. */
  link(i) {
    const [before, entry] = [this.entries[i - 1], this.entries[i]];
    if (!entry) return;
    const sameDay = before && dayOf(before.at) === dayOf(entry.at);
    entry.element.querySelector(".day")?.remove();
    if (!sameDay) entry.element.prepend(make("p", "day", make("span", "", day.format(entry.at))));
    const stretch = sameDay && entry.kind === "message" && !entry.asked && !entry.tagged && before.kind === "message" && before.from === entry.from && entry.at - before.at < TOGETHER;
    entry.element.classList.toggle("more", Boolean(stretch));
  }

  /** Asks for what was said before all that is here. */
  older() {
    const first = this.entries.find(kept);
    if (this.loading || this.done || !first || phase !== "in" || this !== room) return;
    this.loading = true;
    this.top.textContent = "Loading older messages…";
    ask({ kind: "older", frame: { command: `/history ${PAGE} before ${first.id}` } });
  }
}

// Messages and the like as elements.

/** Text with its links, and with one's own name marked; tells whether that is there. */
function rich(element, text, mine) {
  const name = me && !mine ? `(?<![\\w-])@?${me}(?![\\w-])` : "(?!)";
  const pattern = new RegExp(`(https?://[^\\s<>"]+)|(${name})`, "gi");
  let [at, called] = [0, false];
  for (const found of text.matchAll(pattern)) {
    let piece = found[0];
    let part;
    if (found[1]) {
      // What ends a sentence is not the link's, nor a bracket that was opened before it.
      piece = piece.replace(/[.,;:!?'"»”’]+$/, "");
      while (piece.endsWith(")") && piece.split(")").length > piece.split("(").length) piece = piece.slice(0, -1).replace(/[.,;:!?]+$/, "");
      if (!URL.canParse(piece)) continue;
      part = make("a", "", piece);
      Object.assign(part, { href: piece, target: "_blank", rel: "noopener noreferrer" });
    } else {
      part = make("mark", "", piece);
      called = true;
    }
    element.append(text.slice(at, found.index), part);
    at = found.index + piece.length;
  }
  element.append(text.slice(at));
  return called;
}

/** The rows of a text: those that are indented, as of a program, in a type of equal widths. */
function body(entry) {
  const { text, kind } = entry;
  const blocks = [];
  const rows = text.split("\n");
  if (kind === "answer") {
    for (const row of rows) {
      const code = /^ {4}/.test(row);
      const last = blocks.at(-1);
      if (last && (last.code === code || (last.code && !row))) last.rows.push(row.replace(/^ {4}/, ""));
      else blocks.push({ code, rows: [row.replace(/^ {4}/, "")] });
    }
  } else {
    blocks.push({ code: rows.length > 1 && (kind === "note" || rows.some((row) => /^\s{2,}\S/.test(row))), rows });
  }
  let called = false;
  const made = blocks.map(({ code, rows }) => {
    const element = make("div", code ? "code text" : "text");
    element.dir = "auto";
    called = rich(element, rows.join("\n"), entry.from === me || kind === "note" || kind === "fail") || called;
    return element;
  });
  return [made, called];
}

function build(entry) {
  const { kind, from, at } = entry;
  const item = make("div", "item");
  const head = make("p", "head");
  const time = make("time", "", clock.format(at));
  time.dateTime = new Date(at).toISOString();
  time.title = new Date(at).toLocaleString();
  const [made, called] = body(entry);
  if (from) {
    const face = make("span", "face", kind === "answer" ? "✦" : [...from][0].toUpperCase());
    face.setAttribute("aria-hidden", "true");
    face.style.setProperty("--h", hue(from));
    item.append(face);
    if (kind === "action") made[0].prepend(nameOf(from), " ");
    else head.append(nameOf(from));
    if (entry.picture) head.append(make("span", "picture", entry.picture));
    if (entry.bot) head.append(make("span", "tag", "bot"));
    if (kind === "answer" && entry.to) head.append(make("span", "faint", "to ", make("bdi", "", entry.to)));
    if (entry.asked) head.append(make("span", "tag", "asks Rox"));
    if (entry.tagged) head.append(make("span", "faint", "to ", make("bdi", "", `@${entry.tagged}`)));
    if (entry.found) head.append(make("span", "tag", "found"));
    if (entry.private) head.append(make("span", "tag", entry.private));
  }
  head.append(time);
  item.append(head, ...made);
  if (entry.person) item.append(button("quiet", from === me ? "Open" : "Answer", () => openLetters(entry.person)));
  entry.called = from !== me && Boolean(from) && !entry.found && (called || key(entry.tagged ?? "") === key(me));
  const shape = kind === "action" || kind === "answer" || kind === "private" ? `message ${kind}` : kind;
  const element = make("div", `entry ${shape}`, item);
  element.classList.toggle("mine", from === me);
  element.classList.toggle("mention", entry.called && kind !== "private");
  element.classList.toggle("writing", Boolean(entry.writing));
  if (entry.element?.parentNode) entry.element.replaceWith(element);
  entry.element = element;
}

function timeOf(event) {
  const at = Date.parse(event.at) || serverNow();
  if (at > latest) [latest, latestHere] = [at, Date.now()];
  return at;
}

const serverNow = () => (latest ? latest + Date.now() - latestHere : Date.now());

/** Shows something that is not in the history. */
function note(text, kind = "note", view = shown ?? room, event = {}) {
  view?.change(() => view.add({ kind, text, at: timeOf(event) }));
}

const away = () => document.hidden || !document.hasFocus();

/** Something new for whoever is here: counted where it is not seen, told where that was asked for. */
function arrived(view, entry) {
  if (entry.from === me) return;
  if (view !== shown || away()) {
    if (!view.unread && view === shown && entry.element?.isConnected) {
      view.box.querySelector(".unread")?.classList.remove("unread");
      entry.element.classList.add("unread");
    }
    view.unread += 1;
    view.called ||= Boolean(entry.called || view.person);
  }
  if (view === shown && !view.atEnd) view.below += 1;
  if ((entry.called || view.person) && away()) notify(entry.from, entry.text, view);
  showCounts();
}

function notify(from, text, view) {
  if (!settings.notify || !("Notification" in window) || Notification.permission !== "granted") return;
  const told = new Notification(view.person ? `${from} (private)` : `${from} in ${view.name}`, { body: text.slice(0, 200), tag: view.name });
  told.onclick = () => {
    focus();
    show(view);
    told.close();
  };
}

const entryOf = (event, kind) => ({ ...event, kind, at: timeOf(event), text: event.text ?? "" });

/** Puts events of the history into the lobby's view, with one look at the layout. */
function place(events, old) {
  const fresh = [];
  room.change(() => {
    for (const event of events) {
      const entry = entryOf(event, event.event);
      const news = !old && !(entry.id <= room.last);
      const known = event.event === "answer" && endAnswer(event.answer);
      if (room.add(entry) && news && !known) fresh.push(entry);
      if (entry.from === me) settle(entry.text);
    }
  }, old);
  for (const entry of fresh) arrived(room, entry);
  showUndo();
}

// What one said and has not seen yet: it comes back into the draft where it was lost with a connection.

let sent = [];
let posted = []; // the same to one person: { view, text }
const letterOf = (text) => text.replace(/[^\p{L}\p{N}\p{P}\p{S}]/gu, "");

function settle(text) {
  const seen = letterOf(text);
  sent = sent.filter((one) => !seen.includes(letterOf(one)));
}

/** Puts what was lost before the draft of a view. */
function putBack(view, lost) {
  if (shown === view) line.value = line.value ? `${lost}\n${line.value}` : lost;
  else view.draft = view.draft ? `${lost}\n${view.draft}` : lost;
  grow();
}

/** The same with so many private messages, the oldest of those that wait. */
function letterBack(count) {
  for (const { view, text } of posted.splice(0, count).reverse()) putBack(view, text);
}

function giveBack() {
  if (posted.length) say("A private message may not have arrived before the connection was lost.", true);
  letterBack(posted.length);
  if (!sent.length || !room) return;
  putBack(room, sent.splice(0).join("\n"));
  say("This did not arrive before the connection was lost.", true);
}

// Questions whose answer ends with `ready`, one at a time.

let asking = null;
let waiting = [];

function ask(question) {
  if (asking) return void waiting.push(question);
  asking = { ...question, events: [], at: serverNow() };
  tryAsking(TRIES);
}

/** What is over the rate limit is not answered. */
function tryAsking(left) {
  if (!left) return answered();
  asking.timer = setTimeout(tryAsking, AGAIN, left - 1);
  send(asking.frame);
}

function answered() {
  const { kind, events, timer, at, last, back, round = 1 } = asking;
  clearTimeout(timer);
  asking = null;
  // What was said meanwhile is among them.
  const first = room.entries.find(kept)?.id ?? Infinity;
  const [old, fresh] = [[], []];
  for (const event of events) (event.id < first && (kind !== "first" || Date.parse(event.at) <= at) ? old : fresh).push(event);
  if (kind === "older" || kind === "first") {
    room.loading = false;
    room.done = old.length < PAGE || old.some((event) => event.id === 1);
    room.top.textContent = room.done && events.length ? "This is the beginning of what is kept." : "";
    quietly(() => place(old, true));
    if (kind === "first") room.down();
    else if (room.box.scrollTop < 300) room.older();
  }
  if (kind === "check" && events.length) {
    // What was taken back meanwhile is not among them.
    const ids = new Set(events.map((event) => event.id));
    const least = Math.min(...ids);
    const gone = room.entries.filter((entry) => entry.id >= least && entry.id <= last && !ids.has(entry.id));
    room.change(() => gone.forEach((entry) => room.remove(room.entries.indexOf(entry))));
  }
  place(fresh);
  if (back) giveBack();
  if (kind === "since") {
    // The newest come first; those before them are asked for until there is no gap.
    const least = Math.min(...events.map((event) => event.id));
    if (events.length < MISSED || least <= last + 1) {
      giveBack();
      waiting.unshift({ kind: "check", last, frame: { command: `/history ${MISSED} before ${last + 1}` } });
    } else if (round < ROUNDS) waiting.unshift({ kind, last, round: round + 1, frame: { command: `/history ${MISSED} before ${least}` } });
    else afresh(true);
  }
  if (waiting.length && !asking) ask(waiting.shift());
}

/** The newest messages; `back` where one has come back to the lobby. */
const askNewest = (back) => ask({ kind: "first", back, frame: { command: `/history ${PAGE}` } });

/** Without a screen reader reading out what is old. */
function quietly(act) {
  const { box } = room;
  box.setAttribute("aria-live", "off");
  act();
  setTimeout(() => box.setAttribute("aria-live", "polite"), 500);
}

function forgetQuestions() {
  if (asking) clearTimeout(asking.timer);
  [asking, waiting] = [null, []];
  if (room) room.loading = false;
}

/** The lobby's view from its newest messages on. */
function afresh(back) {
  const [old, was] = [room, shown];
  forgetQuestions();
  room = new View(old.name);
  room.draft = old.draft;
  room.topic = old.topic;
  if (was === old) show(room, true);
  askNewest(back);
}

/** Takes the pieces of an answer away, whose whole has come; tells whether there were some. */
function endAnswer(number) {
  const entry = answers.get(number);
  if (!entry) return false;
  stopWriting(entry);
  answers.delete(number);
  const at = room.entries.indexOf(entry);
  if (at >= 0) room.remove(at);
  return true;
}

function stopWriting(entry) {
  clearTimeout(entry.timer);
  entry.writing = false;
  entry.element.classList.remove("writing");
}

// What the server says.

let joining = null; // a lobby that one asked to go to: { name, password, dialog }
let before = ""; // the name of whoever takes another
const typed = new Set(); // lists that one asked for in the line
const parts = { users: [], lobbies: [] }; // of lists that come in several

/** A list, once all parts of it are there. */
function whole(what, event) {
  parts[what].push(...event[what]);
  return event.more ? null : parts[what].splice(0);
}

const here = ({ lobby }) => room && (!lobby || lobby === room.name);

function said(event) {
  if (event.found) return room?.change(() => room.add({ ...entryOf(event, event.event), id: undefined, at: latest }));
  if (!here(event)) return;
  if (asking && kept(event)) asking.events.push(event);
  else place([event]);
}

const on = {
  password({ text }) {
    if (phase === "in") return askSecret(text ?? "Password: ", "OK", "", (value) => send((keeping = value) ?? ""));
    if (password !== null && !triedPassword) {
      triedPassword = true;
      return send(password);
    }
    wants = "password";
    if (by("door").hidden) openDoor();
    wantPassword(true);
    by("password").value = "";
    by("password").focus();
    by("lead").textContent = "This name is an account's.";
    by("go").disabled = false;
  },

  ready(event) {
    const first = phase !== "in";
    [me, phase, tries] = [event.user, "in", 0];
    if (first) {
      password = triedPassword ? password : null;
      by("door").hidden = true;
      by("chat").hidden = false;
      say("");
      showState("");
      if (room && event.lobby !== room.name && !returning) {
        returning = true;
        return join(room.name, secrets.get(room.name));
      }
    }
    if (room?.name === event.lobby) {
      if (first || returning) {
        returning = false;
        if (room.last) ask({ kind: "since", last: room.last, frame: { since: room.last } });
        else askNewest(true);
      } else if (asking) answered();
    } else entered(event.lobby);
    if (first && !shown.person) line.focus();
  },

  message: said,
  action: said,

  answer(event) {
    if (!event.part) {
      if (kept(event)) return said(event);
      endAnswer(event.answer);
      return here(event) && place([event]);
    }
    if (!here(event)) return;
    let entry = answers.get(event.answer);
    room.change(() => {
      if (entry?.writing) {
        entry.text += `\n${event.text}`;
        build(entry);
        room.link(room.entries.indexOf(entry));
      } else {
        entry = { ...entryOf(event, "answer"), id: undefined, from: event.from ?? "Rox", writing: true };
        answers.set(event.answer, entry);
        if (answers.size > ANSWERS) answers.delete(answers.keys().next().value);
        room.add(entry);
        arrived(room, entry);
      }
    });
    clearTimeout(entry.timer);
    entry.timer = setTimeout(stopWriting, WRITING, entry);
  },

  notice(event) {
    if (keeping && !event.lobby) {
      password = keeping;
      [keeping, triedPassword] = [null, true];
      if (by("prefs").open) by("prefs").close();
    }
    if (event.lobby && !here(event)) return;
    // Nobody has asked to hear that nothing was said.
    if (asking && /^(Nothing |Not sent: .*from: (\/history|\{))/.test(event.text)) return;
    if (posted.length && /is not connected\./.test(event.text)) posted.shift();
    note(event.text.replace(/^\[LOBBY\] /, ""), "note", event.lobby ? room : shown, event);
  },

  held: (event) => note(event.text, "note", shown, event),

  join: (event) => came(event, true),
  leave: (event) => came(event, false),

  direct(event) {
    const person = key(event.from) === key(me) ? event.to : event.from;
    if (key(event.from) === key(me)) posted.shift();
    const view = lettersWith(person);
    const entry = { ...entryOf(event, "message"), id: undefined, private: event.mail ? "kept for you" : undefined };
    view.change(() => view.add(entry));
    if (shown !== view && room) {
      const label = entry.from === me ? `to ${person}, private` : "private";
      room.change(() => room.add({ ...entry, kind: "private", private: event.mail ? `${label}, kept for you` : label, person, element: undefined }));
    }
    arrived(view, entry);
    showLists();
  },

  tagged(event) {
    if (here(event)) return;
    note(`${event.from} tagged you in '${event.lobby}'`, "note", shown, event);
    if (away()) notify(event.from, "tagged you", { name: event.lobby });
  },

  topic(event) {
    if (!here(event)) return;
    room.topic = event.text ?? "";
    showTitle();
  },

  roster(event) {
    if (event.lobby && !here(event)) return;
    const users = whole("users", event);
    if (!users) return;
    people = new Map(users.map((one) => [key(one.name), one]));
    if (typed.delete("users")) note(users.map((one) => [one.name, ...one.marks.map((mark) => `(${mark})`)].join(" ")).join("\n"));
    showLists();
  },

  lobbies(event) {
    const [at, all] = [event.page ?? 1, event.pages ?? 1];
    const some = whole("lobbies", event);
    if (!some) return;
    if (typed.delete("lobbies")) {
      const about = (one) => `${one.name}  ${one.private ? "private, " : ""}${one.users} here  ${one.description ?? ""}`;
      note(some.length ? some.map(about).join("\n") : "No such lobby.");
      if (all > 1) return;
    } else {
      if (all === 1) rooms = new Map();
      pages = [Math.max(at, all === 1 ? 1 : pages[0]), all];
    }
    for (const one of some) rooms.set(one.name, one);
    showLists();
  },

  undone({ id }) {
    if (asking) asking.events = asking.events.filter((event) => event.id !== id);
    const at = room ? room.entries.findIndex((entry) => entry.id === id) : -1;
    if (at >= 0) room.change(() => room.remove(at));
    showUndo();
  },

  error({ text }) {
    if (phase !== "in") return refused(text);
    if (returning) {
      // The lobby is gone, or has another password: whatever one is in now.
      returning = false;
      note(text, "fail");
      return send({ command: "/users" }), entered(landed);
    }
    // Too much at once, as by scrolling: the page asks again by itself.
    if (asking && !posted.length && /^⚠/.test(text)) return;
    if (keeping) {
      keeping = null;
      if (by("prefs").open) return void (by("keep-fault").textContent = text);
    }
    if (joining) return joinRefused(text);
    if (by("make").open) return void (by("make-fault").textContent = text);
    // A line that was refused is there to be mended.
    letterBack(/^Not sent/.test(text) ? Number(/(\d+).*from: \/msg/.exec(text)?.[1] ?? 0) : 1);
    if (sent.length === 1 && /too long/.test(text)) {
      if (!line.value) line.value = sent[0];
      sent = [];
      grow();
      say(text.replace(")", ", 20 rows)"), true);
    }
    note(text, "fail");
  },
};

let landed = "general"; // where the server put one while one wants to go back

function entered(name) {
  const draft = room?.draft ?? "";
  const onRoom = !shown || shown === room;
  if (joining && key(joining.name) === key(name) && joining.password) secrets.set(name, joining.password);
  joining = null;
  if (by("ask").open) by("ask").close();
  forgetQuestions();
  answers.clear();
  sent = [];
  room = new View(name);
  room.draft = draft;
  if (onRoom) shown = null;
  show(room, onRoom);
  askNewest(false);
  if (rooms.size) send({ command: "/lobbies" });
}

function came(event, comes) {
  const { from } = event;
  if (!here(event)) return;
  if (comes) people.set(key(from), people.get(key(from)) ?? { name: from, marks: [] });
  else people.delete(key(from));
  const known = rooms.get(room.name);
  if (known) known.users = people.size;
  showLists();
  if (event.renamed) {
    if (!comes) return void (before = from);
    if (before === me) me = from;
    return note(`${before} is now ${from}`, "note", room, event);
  }
  if (from === me) return;
  const word = event.lost ? "lost the connection" : comes ? "joined" : "left";
  const last = room.entries.at(-1);
  room.change(() => {
    const names = last?.kind === "comings" && last.word === word ? [...last.names, from] : [from];
    if (names.length > 1) room.remove(room.entries.length - 1);
    const some = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
    room.add({ kind: "comings", word, names, at: timeOf(event), text: `${new Intl.ListFormat("en").format(some)} ${word}` });
    room.entries.at(-1).element.classList.add("note");
  });
}

// The connection.

let socket = null;
let tries = 0;
let retry = null;
let wants = "name"; // what the server asked for at the door
let triedPassword = false;
let heard = 0; // when something came last

function send(frame) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
}

function connect() {
  clearTimeout(retry);
  drop();
  [wants, triedPassword] = ["name", false];
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const now = new WebSocket(url);
  socket = now;
  let reason = "";
  now.onopen = () => send(me);
  now.onmessage = ({ data }) => {
    heard = Date.now();
    const event = JSON.parse(data);
    if (event.event === "ready") landed = event.lobby;
    if (event.event === "error") reason = event.text;
    on[event.event]?.(event);
  };
  now.onclose = (event) => closed(event, reason);
}

/** Lets a socket go that nothing is wanted of any more. */
function drop() {
  if (!socket) return;
  socket.onclose = socket.onmessage = socket.onopen = null;
  socket.close();
  socket = null;
}

function closed({ code, reason }, fault) {
  const was = phase;
  socket = null;
  returning = false;
  forgetQuestions();
  for (const entry of answers.values()) stopWriting(entry);
  if (!by("door").hidden) {
    phase = "out";
    by("go").disabled = false;
    by("fault").textContent = reason || fault || "The server cannot be reached, or lets nobody in from here.";
    return;
  }
  if (code === 1000 && was === "in") {
    phase = "out";
    forget();
    return openDoor("You have left. Come back whenever you like.");
  }
  if (code === 1008 && !/slow/i.test(reason)) {
    phase = "ended";
    return showState(reason || "The server ended the connection.", "Connect again");
  }
  lost(was === "lost" ? fault : "");
}

function lost(why) {
  phase = "lost";
  tries += 1;
  const pause = tries === 1 ? 300 + Math.random() * 700 : Math.min(LONGEST, 1000 * 2 ** (tries - 1)) * (0.5 + Math.random() / 2);
  clearTimeout(retry);
  retry = setTimeout(connect, pause);
  const when = pause > 1500 ? ` Trying again in ${Math.round(pause / 1000)} s.` : " Trying again…";
  showState((why || "Connection lost.") + when, "Try now");
  by("other").hidden = !why;
}

/** A fault before one is in. */
function refused(text) {
  if (!by("door").hidden) {
    by("fault").textContent = text;
    by("go").disabled = false;
    by(wants).focus();
    by(wants).select();
    return;
  }
  if (triedPassword) return void (password = null); // It is asked for once more.
  drop();
  lost(text);
}

function again() {
  if (phase === "lost" || phase === "ended") connect();
}

/** Nothing stays of who has left. */
function forget() {
  [room, shown, password, sent, posted] = [null, null, null, [], []];
  letters.clear();
  secrets.clear();
  rooms.clear();
  people.clear();
  answers.clear();
  typed.clear();
  views.replaceChildren();
  line.value = "";
}

function wantPassword(wanted) {
  by("secret").hidden = !wanted;
  by("password").required = wanted;
}

function openDoor(lead) {
  by("chat").hidden = true;
  by("door").hidden = false;
  phase = socket ? "login" : "out";
  by("fault").textContent = "";
  by("password").value = "";
  wantPassword(false);
  by("go").disabled = false;
  if (lead) by("lead").textContent = lead;
  document.title = "lobbyd";
  if (me) by("name").value = me;
  by("name").focus();
}

const lead = by("lead").textContent;
// Another name than the one that a password was asked for.
by("name").oninput = () => {
  if (wants !== "password" || by("name").value.trim() === me) return;
  wantPassword(false);
  by("lead").textContent = lead;
};

by("enter").onsubmit = (event) => {
  event.preventDefault();
  const name = by("name").value.trim();
  const open = socket?.readyState === WebSocket.OPEN;
  by("fault").textContent = "";
  by("go").disabled = true;
  phase = "login";
  if (wants === "password" && open && name === me) {
    password = by("password").value;
    triedPassword = true;
    return send(password);
  }
  me = name;
  password = by("secret").hidden ? null : by("password").value;
  if (open && wants === "name") send(me);
  else connect();
};

addEventListener("online", again);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  again();
  look();
  seen();
});
addEventListener("focus", () => seen());

// Looks at lobbies and members now and then, while somebody is at the page: it shows as well whether the
// connection is still one.

let touched = Date.now();
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (touched = Date.now()), { capture: true, passive: true });

function look() {
  if (phase !== "in" || document.hidden || Date.now() - touched > PRESENT) return;
  const asked = Date.now();
  const over = socket;
  send({ command: "/lobbies" });
  send({ command: "/users" });
  setTimeout(() => {
    if (socket !== over || heard >= asked || document.hidden) return;
    drop();
    closed({ code: 1006, reason: "" }, "");
  }, PATIENCE);
}
setInterval(look, LOOK);

// What is shown around the messages.

function showState(text, label) {
  by("state").toggleAttribute("data-on", Boolean(text));
  by("word").textContent = text;
  by("again").hidden = !label;
  by("again").textContent = label ?? "";
  by("other").hidden = true;
}
by("again").onclick = again;
by("other").onclick = () => {
  clearTimeout(retry);
  drop();
  openDoor("Pick a name to come back with.");
};

function showTitle() {
  if (!shown) return;
  const known = rooms.get(shown.name);
  by("title").replaceChildren(make("bdi", "", shown.name), ...(known?.private && !shown.person ? [lock()] : []));
  by("topic").textContent = shown.person ? "Private messages: only the two of you see this" : shown.topic || known?.description || "";
  line.placeholder = `Message ${shown.name}${shown.person ? " privately" : ""}`;
  line.setAttribute("aria-label", line.placeholder);
  showCounts();
}

function showCounts() {
  const all = [room, ...letters.values()].filter(Boolean);
  const unread = all.reduce((sum, view) => sum + view.unread, 0);
  const called = all.some((view) => view.called);
  if (shown && phase !== "out") document.title = `${unread ? `(${unread}${called ? "!" : ""}) ` : ""}${shown.name} · lobbyd`;
  const elsewhere = all.filter((view) => view !== shown).reduce((sum, view) => sum + view.unread, 0);
  by("badge").hidden = !elsewhere;
  by("badge").textContent = elsewhere;
  for (const item of document.querySelectorAll(".side [data-view]")) {
    const view = item.dataset.view ? letters.get(item.dataset.view) : room;
    mark(item, view?.unread);
  }
  showJump();
}

function mark(item, unread) {
  item.classList.toggle("fresh", Boolean(unread));
  item.querySelector(".badge")?.remove();
  if (unread) item.append(make("span", "badge", `${unread}`, make("span", "unseen", " unread")));
}

function seen() {
  if (!shown || away()) return;
  [shown.unread, shown.called] = [0, false];
  showCounts();
}

function showJump() {
  const jump = by("jump");
  jump.hidden = !shown || (!shown.detached && shown.low);
  jump.textContent = shown?.below ? `${shown.below} new ↓` : "Newest ↓";
}
by("jump").onclick = () => {
  if (shown.detached) afresh();
  else shown.down();
  line.focus();
};

function rowOf(inside, act, current) {
  const row = make("li", "");
  const inner = act ? button("", "", act) : make("span");
  inner.append(...inside);
  if (current) inner.setAttribute("aria-current", "true");
  row.append(inner);
  return [row, inner];
}

/** Shows a list anew and leaves the focus where it was in it. */
function list(id, rows) {
  const at = [...by(id).querySelectorAll("button")].indexOf(document.activeElement);
  by(id).replaceChildren(...rows);
  if (at >= 0) [...by(id).querySelectorAll("button")].at(Math.min(at, rows.length - 1))?.focus();
}

let drawing = null;

/** Shows the lists, once a frame where much happens. */
function showLists() {
  drawing ??= requestAnimationFrame(drawLists);
}

function drawLists() {
  drawing = null;
  if (!room) return;
  if (!rooms.has(room.name)) rooms.set(room.name, { name: room.name, users: people.size, description: "" });
  const inOrder = [...rooms.values()].sort((a, b) => (b.name === "general") - (a.name === "general") || a.name.localeCompare(b.name));
  list("rooms", inOrder.map((one) => {
    const own = one.name === room.name;
    const inside = make("span", "grow", make("bdi", "", one.name), ...(one.private ? [lock()] : []));
    const count = make("small", "", `${own ? people.size : one.users}`, make("span", "unseen", " here"));
    const [row, inner] = rowOf([inside, count], () => goTo(one), own && shown === room);
    if (one.description) inner.title = one.description;
    if (own) inner.dataset.view = "";
    else mark(inner, one.unread);
    return row;
  }));
  by("more").hidden = pages[0] >= pages[1];
  by("letters-title").hidden = !letters.size;
  list("letters", [...letters].map(([id, view]) => {
    const [row, inner] = rowOf([make("span", "grow", nameOf(view.name))], () => openLetters(view.name), view === shown);
    inner.dataset.view = id;
    return row;
  }));
  const sorted = [...people.values()].sort((a, b) => a.name.localeCompare(b.name));
  list("members", sorted.map((one) => {
    const marks = [...one.marks.filter((mark) => mark !== "you"), ...(one.name === me ? ["you"] : [])];
    const inside = [make("span", "dot"), make("span", "grow", nameOf(one.name), make("small", "", marks.join(", ")))];
    const bot = one.marks.includes("bot");
    const [row, inner] = rowOf(inside, one.name === me || bot ? null : () => openLetters(one.name));
    if (inner.tagName === "BUTTON") inner.title = `Message ${one.name} privately`;
    row.classList.toggle("away", one.marks.includes("away"));
    return row;
  }));
  by("count").textContent = people.size;
  by("members-title").textContent = `Members (${people.size})`;
  showTitle();
}
by("more").onclick = () => send({ command: `/lobbies ${pages[0] + 1}` });

/** Puts a view before one's eyes, with its draft. */
function show(view, keepLine) {
  if (shown && !keepLine) shown.draft = line.value;
  if (shown) shown.wasTop = shown.box.scrollTop;
  if (!keepLine) line.value = view.draft;
  view.draft = "";
  shown = view;
  views.replaceChildren(view.box);
  if (view.atEnd) view.down();
  else view.box.scrollTop = view.wasTop;
  closeDrawers();
  grow();
  showTitle();
  showLists();
  seen();
  showUndo();
}

function lettersWith(person) {
  let view = letters.get(key(person));
  if (!view) {
    view = new View(person, true);
    view.top.textContent = "Private messages are kept nowhere: they are here until you leave.";
    const quiet = [...letters].find(([, one]) => one !== shown && !one.unread);
    if (letters.size >= LETTERS && quiet) letters.delete(quiet[0]);
    letters.set(key(person), view);
  }
  return view;
}

function openLetters(person) {
  show(lettersWith(person));
  line.focus();
}

// Going to lobbies, and making them.

const quote = (word) => (/\s/.test(word) ? `"${word}"` : word);
/** Whether a command can have this as a word, which it has in quotation marks where there are blanks in it. */
const isWord = (text) => !(/\s/.test(text) ? /"/ : /^".*"$/).test(text);
const NO_WORD = "Quotation marks cannot stand around it, nor be in it with blanks.";

const join = (name, secret) => send({ command: `/join ${name}${secret ? ` ${quote(secret)}` : ""}` });

function goTo({ name, private: closed }) {
  if (name === room.name) {
    show(room);
    return line.focus();
  }
  if (phase !== "in") return say("Not connected.", true);
  if (shown !== room) show(room);
  closeDrawers();
  if (closed && !secrets.has(name)) return askJoin(name, "");
  joining = { name };
  join(name, secrets.get(name));
  line.focus();
}

function askJoin(name, fault) {
  askSecret(`'${name}' is private`, "Join", fault, (value) => {
    joining = value === null ? null : { name, password: value, dialog: true };
    if (value !== null) join(name, value);
    line.focus();
  });
}

function joinRefused(text) {
  const { name, password: given, dialog } = joining;
  joining = null;
  if (/password/i.test(text)) secrets.delete(name);
  if (/does not exist/.test(text) && rooms.delete(name)) showLists();
  if (dialog || /^Incorrect password/.test(text)) askJoin(name, given === undefined ? "" : text);
  else note(text, "fail");
}

function askSecret(title, label, fault, then) {
  by("ask-title").textContent = title.replace(/:\s*$/, "");
  by("ask-go").textContent = label;
  by("ask-fault").textContent = fault;
  by("ask-secret").value = "";
  let value = null;
  by("ask").querySelector("form").onsubmit = () => (value = by("ask-secret").value);
  by("ask").onclose = () => then(value);
  if (!by("ask").open) by("ask").showModal();
}

for (const cancel of document.querySelectorAll(".cancel")) cancel.onclick = () => cancel.closest("dialog").close();

by("new").onclick = () => {
  closeDrawers();
  by("make-fault").textContent = "";
  by("make").showModal();
};
by("make").querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  const [name, secret, about] = ["name", "secret", "about"].map((id) => by(`make-${id}`).value.trim());
  by("make-fault").textContent = isWord(secret) ? "" : NO_WORD;
  if (!isWord(secret)) return;
  making = { name, password: secret };
  send({ command: `/create ${name} ${secret ? quote(secret) : "no-pass"} ${about}` });
};

let making = null; // a lobby that one asked for
const told = on.notice;
on.notice = (event) => {
  told(event);
  if (!making || event.lobby) return;
  const { name, password: secret } = making;
  making = null;
  by("make").close();
  line.focus();
  joining = { name, password: secret || undefined };
  join(name, secret);
};
by("make").onclose = () => {
  making = null;
  by("make").querySelector("form").reset();
};

// Drawers on small screens.

const DRAWERS = [["menu", "lobbies"], ["crowd", "people"]];
for (const [opener, drawer] of DRAWERS) {
  by(opener).onclick = () => {
    if (getComputedStyle(by(drawer)).position !== "fixed") return;
    closeDrawers();
    by(drawer).classList.add("open");
    by(opener).setAttribute("aria-expanded", "true");
    behindShade(by(drawer));
    by(drawer).focus();
    look();
  };
}

/** Only this drawer can be used, or everything where there is none. */
function behindShade(open) {
  by("shade").hidden = !open;
  for (const part of document.querySelectorAll("header, #room, .side")) part.inert = Boolean(open) && part !== open;
}

function closeDrawers() {
  const open = document.querySelector(".side.open");
  if (!open) return;
  open.classList.remove("open");
  behindShade(null);
  for (const [opener, drawer] of DRAWERS) {
    by(opener).setAttribute("aria-expanded", "false");
    if (by(drawer) === open) by(opener).focus();
  }
}
for (const one of [by("shade"), ...document.querySelectorAll(".close")]) one.onclick = closeDrawers;
addEventListener("keydown", (event) => event.key === "Escape" && closeDrawers());
addEventListener("resize", closeDrawers);
// The end stays in sight when the room for it changes, as by a keyboard on the screen.
new ResizeObserver(() => shown?.atEnd && shown.down()).observe(views);

// Taking back one's newest message.

const undo = button("quiet undo", "Undo", () => {
  send({ command: "/undo" });
  line.focus();
});
let undoTimer = null;

function showUndo() {
  clearTimeout(undoTimer);
  const last = room?.entries.findLast((entry) => kept(entry) && entry.from === me && ["message", "action"].includes(entry.kind));
  const left = last ? last.at + UNDO - serverNow() : 0;
  if (left <= 0 || shown !== room) return undo.remove();
  const item = last.element.querySelector(".item");
  if (undo.parentNode !== item) item.append(undo);
  undoTimer = setTimeout(showUndo, left);
}

// The line to type.

const past = [];
let place_ = null; // in the past; null in the draft
let draft = "";
let cycle = null; // words that Tab goes through

function say(text, bad) {
  hint.textContent = text;
  hint.toggleAttribute("data-bad", Boolean(bad));
}

function grow() {
  line.style.height = "auto";
  line.style.height = `${line.scrollHeight}px`;
  line.classList.toggle("hide", SECRET.test(line.value));
}

const isCommand = (text) => /^\s*\/[\p{L}\p{N}]/u.test(text);

function frameOf(text) {
  if (isCommand(text)) return { command: text.trim() };
  const plain = text.replace(/^(\s*\/)\//, "$1");
  return shown.person ? { command: `/msg ${shown.name} ${plain}` } : { say: plain };
}

by("say").onsubmit = (event) => {
  event.preventDefault();
  const text = line.value.replace(/\s+$/, "");
  if (!text.trim()) return;
  if (phase !== "in" || returning) return say("Not connected: your line stays here until you are back.", true);
  const frame = frameOf(text);
  if (new TextEncoder().encode(JSON.stringify(frame)).length > FRAME) return say("This is too long to send.", true);
  if (frame.say) sent = [...sent, frame.say].slice(-50);
  if (frame.command && !isCommand(text)) posted = [...posted, { view: shown, text }].slice(-50);
  else if (frame.command) noticed(frame.command);
  send(frame);
  if (!SECRET.test(text) && past.at(-1) !== text) past.push(text);
  past.splice(0, past.length - LINES);
  [place_, draft, line.value] = [null, "", ""];
  say("");
  grow();
  shown.box.querySelector(".unread")?.classList.remove("unread");
  if (shown.detached && shown === room) afresh();
  else shown.down();
};

/** What the page itself has to know of a command that was typed. */
function noticed(command) {
  const [, word, rest] = /^\/(\S+)\s*([^]*)$/.exec(command);
  const join = /^[#]?"?([\w-]+)"?\s*(.*)$/.exec(rest);
  if (/^(join|j)$/i.test(word) && join) {
    joining = { name: join[1], password: join[2].replace(/^"(.*)"$/, "$1") || undefined };
    if (shown !== room) show(room);
  }
  if (/^(users|who|names)$/i.test(word)) typed.add("users");
  if (/^(lobbies|list|rooms|channels)$/i.test(word)) typed.add("lobbies");
  if (/^(register|passwd)$/i.test(word) && rest) keeping = rest.trim().split(/\s+/).at(-1);
  if (/^history$/i.test(word)) say("Older messages are above: scroll up.");
}

let keeping = null; // a password that one asked for

line.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const { key: pressed, shiftKey } = event;
  if (pressed !== "Tab") cycle = null;
  if (pressed === "Enter" && !shiftKey) {
    event.preventDefault();
    by("say").requestSubmit();
  } else if (pressed === "Tab" && !shiftKey) {
    if (complete()) event.preventDefault();
  } else if ((pressed === "ArrowUp" && !line.value.slice(0, line.selectionStart).includes("\n")) || (pressed === "ArrowDown" && !line.value.slice(line.selectionEnd).includes("\n"))) {
    if (recall(pressed === "ArrowUp" ? -1 : 1)) event.preventDefault();
  } else if (pressed === "PageUp" || pressed === "PageDown") {
    event.preventDefault();
    shown.box.scrollBy(0, (pressed === "PageUp" ? -0.9 : 0.9) * shown.box.clientHeight);
  }
});

function recall(step) {
  const at = (place_ ?? past.length) + step;
  if (at < 0 || at > past.length || (place_ === null && step > 0)) return false;
  if (place_ === null) draft = line.value;
  place_ = at === past.length ? null : at;
  line.value = place_ === null ? draft : past[place_];
  line.setSelectionRange(line.value.length, line.value.length);
  grow();
  return true;
}

line.addEventListener("input", () => {
  place_ = null;
  grow();
  const word = /^\s*\/(\w+)(\s|$)/.exec(line.value);
  const usage = word && COMMANDS.get(word[1].toLowerCase());
  say(usage ? `/${usage}` : "");
});

/** What the word before the cursor may become. */
function candidates(before, word) {
  const command = /^\s*\/(\w*)(\s+\S*)?$/.exec(before);
  const names = (all, tail) => all.filter((name) => key(name).startsWith(key(word.replace(/^[@#]/, "")))).map((name) => (/^[@#]/.exec(word)?.[0] ?? "") + name + tail);
  if (command && command[2] === undefined) return [...COMMANDS.keys()].filter((name) => name.startsWith(key(command[1]))).map((name) => `/${name} `);
  const takes = command && (COMMANDS.get(key(command[1])) ?? "");
  const options = OPTIONS.filter((option) => takes?.split(/\W+/).includes(option));
  if (takes?.startsWith("sp ")) options.unshift(...PICTURES);
  if (options.length) return names(options, " ");
  if (takes && /^join |<lobby>/.test(takes)) return names([...rooms.keys()], " ");
  if (takes && !/user|text|message|question|action/.test(takes)) return [];
  const spoke = room.entries.map((entry) => entry.from).filter((name) => name && people.has(key(name)));
  const known = [...new Set([...spoke.reverse(), ...[...people.values()].map((one) => one.name), ...[...letters.values()].map((view) => view.name)])].filter((name) => name !== me);
  return names(known, before === word ? ": " : " ");
}

function complete() {
  const at = line.selectionStart;
  if (!cycle) {
    const before = line.value.slice(0, at);
    const word = /\S*$/.exec(before)[0];
    if (!word || !room || at !== line.selectionEnd) return false;
    const all = candidates(before, word);
    if (!all.length) return false;
    cycle = { all, next: 0, from: at - word.length };
  }
  const { all, next, from } = cycle;
  line.setRangeText(all[next], from, at, "end");
  if (all.length === 1) cycle = null;
  else {
    cycle.next = (next + 1) % all.length;
    say(all.slice(0, 12).map((one) => one.trim()).join("  "));
  }
  grow();
  return true;
}

// Settings.

by("settings").onclick = () => {
  for (const radio of document.getElementsByName("theme")) radio.checked = radio.value === settings.theme;
  by("notify").checked = settings.notify;
  by("notify").disabled = !("Notification" in window);
  by("comings").checked = settings.comings;
  by("keep").hidden = password !== null;
  by("keep-fault").textContent = "";
  by("prefs").showModal();
};
by("prefs").onchange = async ({ target }) => {
  if (target.name === "theme") settings.theme = target.value;
  if (target.id === "comings") settings.comings = target.checked;
  if (target.id === "notify") {
    settings.notify = target.checked && (await Notification.requestPermission()) === "granted";
    if (target.checked !== settings.notify) by("keep-fault").textContent = "The browser does not allow it.";
    target.checked = settings.notify;
  }
  keepSettings();
};
by("keep-secret").onkeydown = (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  by("register").click();
};
by("register").onclick = () => {
  const secret = by("keep-secret").value;
  by("keep-secret").value = "";
  keeping = isWord(secret) ? secret : null;
  by("keep-fault").textContent = keeping ? "" : secret ? NO_WORD : "A password is missing.";
  if (keeping) send({ command: `/register ${quote(keeping)}` });
};
by("quit").onclick = () => {
  by("prefs").close();
  if (phase === "in") return send({ command: "/quit" });
  clearTimeout(retry);
  drop();
  forget();
  openDoor("You have left. Come back whenever you like.");
};

keepSettings();
by("name").focus();
