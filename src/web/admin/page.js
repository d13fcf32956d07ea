// The operator's page: asks the server for its figures every two seconds, says what is on now, and draws
// what was in the last hour. What comes from the server is shown as text, never as markup.

const HOUR = 3_600_000; // ms
const POLL = 2_000; // ms between an answer and the next question
const PATIENCE = 5_000; // ms that an answer may take
const MINUTE = 60_000; // ms
const TWO_WEEKS = 14 * 24 * HOUR; // before its end a certificate is due, as the alert has it

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clockShort = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const dayAndClock = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Three digits that count, of a number that is no whole one. */
const fine = (n) => (n === 0 ? "0" : n < 1 ? n.toFixed(2) : n < 10 ? n.toFixed(1) : whole.format(n));

/** What marks of an axis may lie apart where its figures are whole. */
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6];

/** The marks of a logarithmic axis, ms; what is less than the first is shown there. */
const TENS = [0.01, 0.1, 1, 10, 100, 1e3, 1e4];

/**
 * The charts, with the figures that each draws. `least` is the top of the axis where all is lower, `room` how
 * wide a value may become. Times of deliveries lie so far apart that only a logarithmic axis has room for both.
 */
const CHARTS = [
  { title: "Users", lines: [{ key: "users", color: "blue" }], show: whole.format, least: 5 },
  { title: "Delivery", lines: [{ key: "p50", label: "p50", color: "teal" }, { key: "p99", label: "p99", color: "orange", bare: true }], show: fine, unit: " ms", log: true, least: 10, room: "3.9em" },
  { title: "Messages in", lines: [{ key: "in", color: "blue" }], show: fine, unit: "/s", least: 2 },
  { title: "Messages delivered", lines: [{ key: "delivered", color: "teal" }], show: fine, unit: "/s", least: 10 },
  { title: "Changes waiting for the store", lines: [{ key: "store_queue", color: "violet" }], show: whole.format, least: 10 },
  { title: "AI questions in a minute", lines: [{ key: "ai", color: "rose" }], show: whole.format, least: 4 },
];
const KEYS = CHARTS.flatMap((chart) => chart.lines.map((line) => line.key));

const by = (id) => document.getElementById(id);

/** Changes text only where it is another, so that screen readers are told of news alone. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// What is known of the server.

let started = null; // start of the process whose figures these are, ms
let now = Date.now(); // its time at its last answer, ms
let step = POLL; // ms between two points
let lostAt = null; // since when it cannot be reached, by this browser's clock
let at = []; // times of the points, ms
let points = Object.fromEntries(KEYS.map((key) => [key, []]));

/** Its figures since the last point; null where it cannot be reached. */
async function ask() {
  const since = at.length ? `?since=${at[at.length - 1]}` : "";
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), PATIENCE);
  try {
    const response = await fetch(`figures${since}`, { cache: "no-store", signal: giveUp.signal });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function forget() {
  at = [];
  for (const key of KEYS) points[key] = [];
}

/** Adds new points and drops those that are over an hour old. */
function keep(answer) {
  ({ started, now, step_ms: step } = answer);
  answer.at.forEach((time, i) => {
    const last = at[at.length - 1] ?? 0;
    if (time <= last) return;
    // Where the server slept, there is nothing, and no line over it.
    if (last && time - last > 3 * step) push(last + step, () => null);
    push(time, (key) => answer.series[key]?.[i] ?? null);
  });
  const old = at.findIndex((time) => time >= now - HOUR);
  const gone = old < 0 ? at.length : old;
  at.splice(0, gone);
  for (const key of KEYS) points[key].splice(0, gone);
}

function push(time, value) {
  at.push(time);
  for (const key of KEYS) points[key].push(value(key));
}

/** From rates to how many there were in the minute up to each point. */
function byMinute(rates) {
  let sum = 0;
  let first = 0;
  return rates.map((rate, i) => {
    sum += rate ?? 0;
    while (at[first] <= at[i] - MINUTE) sum -= rates[first++] ?? 0;
    // What was before the first point is not known.
    const known = at[i] - MINUTE >= at[0] || at[0] - started < MINUTE;
    return rate === null || !known ? null : Math.max(0, Math.round((sum * step) / 1000));
  });
}

// What is on now.

function duration(ms) {
  const minutes = Math.floor(ms / MINUTE);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes % 60} m`;
  return minutes ? `${minutes} min` : `${Math.max(0, Math.floor(ms / 1000))} s`;
}

const WORDS = { ready: "Ready", draining: "Draining", failing: "Failing" };

function say(state, word, reasons) {
  by("state").dataset.state = state;
  set(by("word"), word);
  const shown = [...by("why").children].map((item) => item.textContent);
  if (shown.join("\n") !== reasons.join("\n")) by("why").replaceChildren(...reasons.map((why) => make("li", "", why)));
}

/** Who is still there while the server drains, and for how long at most. */
function left(drain) {
  if (!drain) return [];
  const count = drain.left === null ? "Connections are being counted" : `${whole.format(drain.left)} still here`;
  return [`${count}, for ${duration(drain.deadline_ms)} at most`];
}

function showNow(answer) {
  document.body.classList.remove("lost");
  document.title = answer.state === "ready" ? `${whole.format(answer.users)} on lobbyd` : `${WORDS[answer.state] ?? answer.state}: lobbyd`;
  const fine = answer.state === "ready" && !answer.why.length;
  say(answer.state, WORDS[answer.state] ?? answer.state, fine ? ["Every part of the server answers."] : [...answer.why, ...left(answer.drain)]);
  set(by("version"), `version ${answer.version}`);
  set(by("users"), whole.format(answer.users));
  set(by("lobbies"), whole.format(answer.lobbies));
  set(by("connections"), whole.format(answer.listeners.reduce((sum, one) => sum + one.connections, 0)));
  set(by("uptime"), duration(now - started));
  by("uptime").title = `since ${dayAndClock.format(started)}`;
  rows(by("listeners"), answer.listeners.map((one) => [make("th", "mark", one.kind), make("td", "where", one.addr), make("td", "", whole.format(one.connections))]));
  by("cluster").hidden = !answer.nodes.length;
  rows(by("nodes"), answer.nodes.map((node) => {
    const good = node.state === "up";
    const behind = node.behind ? `, ${whole.format(node.behind)} behind` : "";
    const how = node.since ? `for ${duration(now - Date.parse(node.since))}` : `at ${whole.format(node.position)}${behind}`;
    return [
      make("th", `mark ${good ? "good" : "bad"}`, `${good ? "✓" : "!"} ${node.state}`),
      make("td", "where", `${node.name} ${node.version}, ${how}`),
      make("td", "", whole.format(node.users)),
    ];
  }));
  const { reload } = answer;
  const when = reload && (now - reload.at < HOUR * 12 ? clock : dayAndClock).format(reload.at);
  by("reload").className = reload ? (reload.good ? "good" : "bad") : "";
  set(by("reload"), !reload ? "As read at the start" : reload.good ? `✓ Reloaded at ${when}` : `! Reload at ${when} refused: the old one stays`);
  showCertificate(answer.certificate);
  set(by("fault"), reload && !reload.good ? (reload.why ?? "") : "");
}

/** Until when the certificate is good; a mark stands before it where it is not, or not for long. */
function showCertificate(certificate) {
  const bad = certificate && (certificate.until < now || certificate.from > now);
  const soon = certificate && certificate.until - now < TWO_WEEKS;
  const on = certificate && day.format(certificate.from > now ? certificate.from : certificate.until);
  const word = !certificate ? "" : certificate.until < now ? "expired on" : bad ? "not valid before" : "valid until";
  by("certificate").className = bad || soon ? "bad" : "";
  set(by("certificate"), certificate ? `${bad || soon ? "! " : ""}TLS certificate ${word} ${on}` : "");
}

function rows(body, cells) {
  const text = (row) => [...row].map((cell) => cell.textContent).join("\t");
  const shown = [...body.rows].map((row) => text(row.cells)).join("\n");
  if (shown === cells.map(text).join("\n")) return;
  body.replaceChildren(...cells.map((row) => {
    const line = make("tr");
    if (row[0].tagName === "TH") row[0].scope = "row";
    line.append(...row);
    return line;
  }));
}

function showLost() {
  document.body.classList.add("lost");
  document.title = "Unreachable: lobbyd";
  const figures = started === null ? "" : " What is shown is from then.";
  say("lost", "Unreachable", [`Cannot be reached since ${clock.format(lostAt)}.${figures}`]);
}

// The charts.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** The ends of lines: a point without neighbours, of which there would be no line, is one too. */
function ends(values) {
  const is = (i) => values[i] !== null && values[i] !== undefined;
  return values.flatMap((_, i) => (is(i) && !((is(i - 1) || i === 0) && is(i + 1)) ? [i] : []));
}

function chart({ title, lines, show, unit = "", least, log, room = "0" }) {
  const figure = make("figure");
  const caption = make("figcaption");
  const readout = make("p");
  const when = make("span", "when");
  const values = lines.map((line) => {
    const item = make("span", line.label ? `value c-${line.color}${line.bare ? " bare" : ""}` : "", line.label ? `${line.label} ` : "");
    const value = make("b", "", "–");
    item.append(value);
    item.style.setProperty("--room", room);
    return { item, value };
  });
  readout.append(...values.map(({ item }) => item));
  caption.append(make("h3", "", title), readout);
  const plot = make("div", "plot");
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.append(when);
  figure.append(caption, plot);
  by("charts").append(figure);

  const axis = (name) => ({
    stroke: () => css("faint"),
    grid: { stroke: () => css("rule"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
    scale: name,
  });
  // A time at the right end would be cut off.
  const times = (u, marks) =>
    marks.map((mark) => (u.valToPos(mark, "x") > u.over.clientWidth - 16 ? "" : (mark % MINUTE ? clock : clockShort).format(mark)));
  const amounts = (_, marks) =>
    marks.map((mark) => (mark === null ? "" : `${Number.isInteger(mark) ? whole.format(mark) : +mark.toPrecision(3)}${unit}`));
  const options = {
    width: plot.clientWidth,
    height: plot.clientHeight,
    ms: 1,
    padding: [8, 6, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "charts" }, points: { size: 7 } },
    scales: {
      x: { time: true, range: () => [now - span(), now] },
      y: log
        ? { distr: 3, range: (_, low, high) => [low !== null && low < 0.1 ? TENS[0] : 0.1, Math.max(least, (high ?? 0) * 1.3)] }
        : { range: (_, low, high) => [0, Math.max(least, (high ?? 0) * 1.08)] },
    },
    axes: [
      { ...axis("x"), size: 22, gap: 4, space: 64, values: times },
      { ...axis("y"), size: 56, gap: 6, space: 28, incrs: show === whole.format ? WHOLE_STEPS : undefined, splits: log ? () => TENS : undefined, values: amounts },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        stroke: () => css(line.color),
        fill: line.bare ? undefined : () => `${css(line.color)}2b`,
        width: 1.5,
        points: { show: true, size: 5, width: 0, fill: () => css(line.color), filter: (u, i) => ends(u.data[i]) },
      })),
    ],
    hooks: { setCursor: [() => read()] },
  };
  const u = new uPlot(options, [[], ...lines.map(() => [])], plot);

  /** Shows the values at the cursor, or the newest. */
  function read() {
    const chosen = u.cursor.left >= 0 && u.cursor.idx !== null && u.cursor.idx !== undefined;
    const i = chosen ? u.cursor.idx : u.data[0].length - 1;
    set(when, chosen ? clock.format(u.data[0][i]) : "");
    if (chosen) when.style.left = `${Math.min(u.over.offsetLeft + u.cursor.left, plot.clientWidth - 30)}px`;
    values.forEach(({ value }, n) => {
      const number = u.data[n + 1]?.[i];
      set(value, number === null || number === undefined ? "–" : `${show(number)}${unit}`);
    });
    return `${title} ${chosen ? `at ${when.textContent}` : "now"}: ${values.map(({ item }) => item.textContent).join(", ")}`;
  }

  function cursorTo(left) {
    u.setCursor({ left: Math.min(Math.max(left, 0), u.over.clientWidth - 1), top: 1 }, true, true);
  }

  const touched = (event) => cursorTo(event.touches[0].clientX - u.over.getBoundingClientRect().left);
  u.over.addEventListener("touchstart", touched, { passive: true });
  u.over.addEventListener("touchmove", touched, { passive: true });
  plot.addEventListener("keydown", (event) => {
    const times = u.data[0];
    const from = u.cursor.left >= 0 ? (u.cursor.idx ?? times.length - 1) : times.length;
    const far = event.shiftKey ? 30 : 1;
    const to = { ArrowLeft: from - far, ArrowRight: from + far, Home: 0, End: times.length - 1 }[event.key];
    if (event.key === "Escape") u.setCursor({ left: -10, top: -10 }, true, true);
    if (to === undefined || !times.length) return;
    event.preventDefault();
    const time = Math.max(times[Math.min(Math.max(to, 0), times.length - 1)], now - span());
    cursorTo(u.valToPos(time, "x"));
    set(by("read"), read());
  });
  new ResizeObserver(() => u.setSize({ width: plot.clientWidth, height: plot.clientHeight })).observe(plot);

  return {
    draw() {
      const shown = (figures) => (log ? figures.map((figure) => figure && Math.max(figure, TENS[0])) : figures);
      u.setData([at, ...lines.map(({ key }) => (key === "ai" ? byMinute(points.ai) : shown(points[key])))]);
      const text = read();
      if (document.activeElement !== plot) plot.setAttribute("aria-label", `Chart. ${text}. Arrow keys read older ones.`);
    },
    redraw: () => u.redraw(),
  };
}

/** How much the charts show, ms: what was chosen, else the least that has all that there is. */
function span() {
  return chosenSpan ?? SPANS.find((ms) => !at.length || at[0] >= now - ms) ?? HOUR;
}

const SPANS = [5 * MINUTE, 15 * MINUTE, HOUR];
let chosenSpan = null;
const spans = [...document.querySelectorAll("input[name=span]")];
const charts = CHARTS.map(chart);

function draw() {
  const ms = span();
  for (const input of spans) input.checked = input.value * MINUTE === ms;
  set(by("range"), ms === HOUR ? "Last hour" : `Last ${ms / MINUTE} minutes`);
  for (const one of charts) one.draw();
}

for (const input of spans) {
  input.addEventListener("change", () => {
    chosenSpan = input.value * MINUTE;
    draw();
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((one) => one.redraw()));

// The round.

let next = null;
let asking = false;

async function round() {
  if (asking) return;
  asking = true;
  clearTimeout(next);
  let answer = await ask();
  // Another process, or a clock that was set back: nothing of the old goes on.
  if (answer && at.length && (answer.started !== started || answer.now < at[at.length - 1])) {
    forget();
    answer = await ask();
  }
  if (answer) {
    lostAt = null;
    keep(answer);
    showNow(answer);
    draw();
  } else {
    lostAt ??= Date.now();
    showLost();
  }
  asking = false;
  next = setTimeout(round, POLL);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) round();
});
round();
