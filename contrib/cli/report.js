"use strict";
{
const data = JSON.parse(document.getElementById("data").textContent);
const svgSpace = "http://www.w3.org/2000/svg";
const number = new Intl.NumberFormat("en");
const outcomes = [
  ["let through", "let", "not stopped: it went wherever the real answer said"],
  ["queued", "queued", "the sender's queue tries again, often for days"],
  ["sinkhole", "sinkhole", "the sinkhole decides what the sender is told"],
  ["bounced", "bounced", "the sender gets it back at once"],
];

// Characters that would be invisible, or turn the text around, are shown by their numbers.
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const show = (text) => String(text ?? "").replace(hidden, (c) =>
  "\\u{" + c.codePointAt(0).toString(16) + "}");

// All text goes in as text: nothing in the data becomes markup.
function make(space, name, attributes, ...children) {
  const element = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined) { element.setAttribute(key, value); }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) {
      element.append(child instanceof Node ? child : show(child));
    }
  }
  return element;
}
const html = (name, attributes, ...children) => make(null, name, attributes, ...children);
const svg = (name, attributes, ...children) => make(svgSpace, name, attributes, ...children);
const at = (id) => document.getElementById(id);
const time = (text) => (text ?? "").replace("T", " ").replace("Z", "");
const several = (count, word, plural = word + "s") => number.format(count) + " " +
  (count === 1 ? word : plural);
const domain = (name) => html("span", {class: "domain"}, name);

function caption(list, what) {
  const most = list.exact ? number.format(list.count) : "more than " + number.format(list.count);
  return (list.list.length < list.count ? `The first ${list.list.length} of ${most} ${what}. ` : "") +
    (list.exact ? "" : `Rare ones were dropped; no count is short by more than ${
      number.format(list.short_by_at_most)}.`);
}

const cellClass = (column, row) => column.through && row.let_through > 0 ? "number through" :
  column.number ? "number" : column.time ? "time" : column.tight ? "tight" : null;
const row = (columns, one) => html("tr", null, columns.map((column) =>
  html(column.rowHead ? "th" : "td", {scope: column.rowHead ? "row" : null, class: cellClass(column, one)},
    column.cell(one))));

// A table that can be moved sideways where it is too wide; a column is {head, cell(row), number,
// rowHead}. `title` is its heading's id.
function table(columns, rows, title, text) {
  return html("div", {class: "scroll", role: "region", "aria-labelledby": title},
    html("table", {"aria-labelledby": title},
      text ? html("caption", null, text) : null,
      html("thead", null, html("tr", null, columns.map((column) =>
        html("th", {scope: "col", class: column.number ? "number" : null}, column.head)))),
      html("tbody", null, rows.map((one) => row(columns, one)))));
}

const counts = [
  {head: "Attempts", cell: (one) => number.format(one.attempts), number: true},
  {head: "Let through", cell: (one) => number.format(one.let_through), number: true, through: true},
  {head: "Lookups", cell: (one) => number.format(one.lookups), number: true}];
const last = {head: "Last", cell: (one) => time(one.last).slice(0, 16), time: true};
const meant = {head: "Meant", cell: (one) => one.intended ? domain(one.intended) : ""};
// A name as it is asked for; what a reader sees of it first, where that is another.
const asked = (one) => [domain(one.unicode ?? one.domain),
  one.unicode ? html("div", {class: "soft domain"}, one.domain) : null];

function head() {
  const from = data.since ?? data.first, to = data.until ?? data.last;
  at("period").append(show(from ? `${time(from)} to ${time(to)} UTC, ` : "") +
    `${several(data.lookups, "lookup")} in ${several(data.logs.length, "log")}: ` +
    show(data.logs.join(", ")));
  at("made").append(show(`Made by nearmiss ${data.version} on ${time(data.made)} UTC.`));
  const over = (list) => (list.exact ? "" : "> ") + number.format(list.count);
  const tiles = [["Attempts", number.format(data.attempts)],
    ["Let through", number.format(data.outcomes["let through"])],
    ["Mail servers", over(data.clients)], ["Domains asked for", over(data.domains)],
    ["Domains meant", over(data.intended)]];
  const fresh = data.new_domains;
  if (fresh) { tiles.push(["New domains", number.format(fresh.count)]); }
  at("tiles").append(...tiles.map(([name, value]) =>
    html("div", {class: name === "Let through" && data.outcomes["let through"] > 0 ? "alarm" : null},
      html("dt", null, name), html("dd", null, value))));
}

function drawWarnings() {
  if (data.title_given) { at("title").textContent = show(data.title); }
  for (const warning of data.warnings) { at("warnings").append(html("li", null, warning)); }
  at("warnings").hidden = data.warnings.length === 0;
  if (data.let_through.length === 0) { return; }
  at("through").hidden = false;
  const few = 10, all = data.let_through;
  const draw = (rows) => at("through-table").replaceChildren(table([
    {head: "Client", rowHead: true, cell: (one) => domain(one.client)},
    {head: "Went to", cell: (one) => asked(one)}, meant, ...counts.slice(0, 2),
    {head: "First", cell: (one) => time(one.first).slice(0, 16), time: true}, last], rows, "through-title"));
  draw(all.slice(0, few));
  if (all.length > few) {
    const button = html("button", {type: "button", class: "more"}, `Show all ${number.format(all.length)}`);
    button.addEventListener("click", () => { draw(all); });
    at("through-table").append(button);
  }
}

function drawOutcomes() {
  const width = 1000, total = Math.max(1, data.attempts);
  const picture = svg("svg", {viewBox: `0 0 ${width} 26`, preserveAspectRatio: "none", class: "share", role: "img",
    "aria-label": "Share of each outcome: " + outcomes.map(([name]) =>
      `${name} ${data.outcomes[name]}`).join(", ")});
  let x = 0;
  for (const [name, key] of outcomes) {
    const share = data.outcomes[name] / total * width;
    if (share > 0) {
      picture.append(svg("rect", {x, y: 0, width: Math.max(share - 2, 1), height: 26, rx: 3,
        class: "fill-" + key}));
      x += share;
    }
  }
  at("outcomes").append(picture, html("ul", {class: "legend"}, outcomes
    .filter(([name]) => data.outcomes[name] > 0)
    .map(([name, key, meaning]) => html("li", null, html("i", {class: "fill-" + key}),
      html("strong", null, number.format(data.outcomes[name]) + " " + name), ": " + meaning))));
}

function duration(seconds) {
  return seconds >= 86400 ? several(Math.round(seconds / 86400), "day") :
    seconds >= 3600 ? several(Math.round(seconds / 3600), "hour") : seconds >= 60
      ? several(Math.round(seconds / 60), "minute") : several(Math.round(seconds), "second");
}
const binWidth = () => duration(data.timeline.bin_seconds);

function drawTimeline(width) {
  const bins = data.timeline.bins, step = data.timeline.bin_seconds * 1000;
  if (bins.length === 0) { at("timeline").append(html("p", null, "No attempt in this period.")); return; }
  const height = 190, left = 52, bottom = 24;
  const first = Date.parse(bins[0].start), last = Date.parse(bins[bins.length - 1].start);
  const count = Math.round((last - first) / step) + 1;
  const highest = Math.max(...bins.map((bin) => bin.stopped + bin.let_through));
  const slot = (width - left) / Math.max(count, 12), scale = (height - bottom - 10) / highest;
  const unit = binWidth();
  const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Attempts over time, a bar is ${unit}, at most ${highest} in one; the numbers are in ` +
      "the table below the picture"});
  for (const value of [0, highest / 2, highest]) {
    if (Number.isInteger(value)) {
      const y = height - bottom - value * scale;
      picture.append(svg("line", {x1: left, x2: width, y1: y, y2: y, class: "grid"}),
        svg("text", {x: left - 8, y: y + 4, "text-anchor": "end", class: "axis"}, number.format(value)));
    }
  }
  for (const bin of bins) {
    const x = left + (Date.parse(bin.start) - first) / step * slot, w = Math.max(slot - 1, 0.6);
    const stopped = bin.stopped * scale, through = bin.let_through * scale, floor = height - bottom;
    const label = `${time(bin.start)}: ${bin.stopped} stopped, ${bin.let_through} let through`;
    picture.append(svg("g", null, svg("title", null, label),
      svg("rect", {x, y: floor - through, width: w, height: through, class: "fill-let"}),
      svg("rect", {x, y: floor - through - stopped, width: w, height: stopped, class: "fill-stopped"})));
  }
  const day = 864e5, hour = 36e5, monday = 4 * day; // 1970 began on a Thursday
  const wide = [6e4, 3e5, 9e5, 18e5, hour, 3 * hour, 6 * hour, 12 * hour, day, 7 * day, 28 * day]
    .find((ms) => ms >= step && ms / step * slot >= 150) ?? 28 * day;
  const offset = wide > day ? monday : 0, place = (ms) => left + (ms - first) / step * slot;
  let named = "";
  for (let ms = Math.ceil((first - offset) / wide) * wide + offset; ms <= last; ms += wide) {
    const [date, clock] = time(new Date(ms).toISOString()).slice(0, 16).split(" ");
    const text = wide >= day ? date : date === named ? clock : `${date} ${clock}`;
    named = date;
    picture.append(svg("line", {x1: place(ms), x2: place(ms), y1: height - bottom, y2: height - bottom + 5, class: "grid"}),
      svg("text", {x: place(ms), y: height - 6, class: "axis", "text-anchor": place(ms) < left + 60 ? "start"
        : place(ms) > width - 60 ? "end" : "middle"}, text));
  }
  if (step <= day && last - first <= 120 * day) {
    const weekends = svg("g", null, svg("title", null, "Saturday and Sunday, UTC"));
    for (let ms = Math.floor((first - monday) / (7 * day)) * 7 * day + monday + 5 * day; ms <= last; ms += 7 * day) {
      const from = Math.max(place(ms), left), to = Math.min(place(ms + 2 * day), left + count * slot);
      if (to > from) {
        weekends.append(svg("rect", {x: from, y: 10, width: to - from, height: height - bottom - 10, class: "weekend"}));
      }
    }
    picture.prepend(weekends);
  }
  at("timeline").append(picture);
}

function timelineText() {
  const bins = data.timeline.bins;
  if (bins.length === 0) { return; }
  at("timeline").after(
    html("ul", {class: "legend"},
      html("li", null, html("i", {class: "fill-stopped"}), "stopped"),
      html("li", null, html("i", {class: "fill-let"}), "let through"),
      html("li", {class: "soft"}, `a bar is ${binWidth()}`)),
    html("details", null, html("summary", null, "The numbers of the picture"), table([
      {head: "From", cell: (bin) => time(bin.start), rowHead: true, time: true},
      {head: "Stopped", cell: (bin) => number.format(bin.stopped), number: true},
      {head: "Let through", cell: (bin) => number.format(bin.let_through), number: true, through: true}],
      bins, "timeline-title")));
}

// The letters of `asked` that are not those of `meant`, by the least number of edits; where one is
// missing stands a mark.
function difference(asked, meant) {
  const a = [...asked], b = [...meant], cost = [];
  for (let i = 0; i <= a.length; ++i) {
    cost.push([i]);
    for (let j = 1; j <= b.length; ++j) {
      cost[i][j] = i === 0 ? j : Math.min(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
        cost[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
  }
  const parts = [];
  const put = (text, odd) => {
    if (parts.length > 0 && parts[0].odd === odd) { parts[0].text = text + parts[0].text; }
    else { parts.unshift({text, odd}); }
  };
  for (let i = a.length, j = b.length; i > 0 || j > 0;) {
    const both = i > 0 && j > 0;
    if (both && a[i - 1] === b[j - 1] && cost[i][j] === cost[i - 1][j - 1]) {
      --j;
      put(a[--i], false);
    } else if (both && cost[i][j] === cost[i - 1][j - 1] + 1) {
      --j;
      put(a[--i], true);
    } else if (j > 0 && cost[i][j] === cost[i][j - 1] + 1) {
      --j;
      if (!parts[0]?.text.startsWith("‸")) { put("‸", true); }
    } else {
      put(a[--i], true);
    }
  }
  return parts;
}

// At most so many letters: the middle of the longest parts goes first, what differs last.
function fitted(parts, most) {
  const length = () => parts.reduce((sum, part) => sum + [...part.text].length, 0);
  for (const part of [...parts].sort((a, b) => a.odd - b.odd || b.text.length - a.text.length)) {
    const letters = [...part.text], over = length() - most;
    if (over > 0 && letters.length > 5) {
      const keep = Math.max(4, letters.length - over - 1), end = Math.floor(keep / 2);
      part.text = letters.slice(0, keep - end).join("") + "…" + letters.slice(-end).join("");
    }
  }
  const all = [...parts.map((part) => part.text).join("")];
  return all.length <= most ? parts : [{text: all.slice(0, most - 1).join("") + "…", odd: true}];
}
const shorten = (text, most) => fitted([{text, odd: false}], most)[0].text;

// Left the domains asked for, right those meant, between them ribbons as wide as the attempts.
function drawNames(width) {
  if (data.meant.length === 0) {
    at("names").append(html("p", null, "No rule says what was meant."));
    return;
  }
  const total = data.meant.reduce((sum, one) => sum + one.attempts, 0);
  const size = (attempts) => Math.max(2, attempts / total * 240);
  const x1 = Math.round(width * (width < 620 ? 0.5 : 0.36)), x2 = Math.round(width * (width < 620 ? 0.58 : 0.64));
  const letter = 7.9, middle = (x1 + x2) / 2;
  const picture = svg("svg", {role: "img", "aria-label":
    "Domains asked for, and the domains that were meant; the numbers are in the table below the picture"});
  let y = 0;
  for (const one of data.meant) {
    const flows = one.asked.map((flow) => ({...flow, name: show(flow.unicode ?? flow.domain)}));
    const others = {attempts: one.attempts, let_through: one.let_through};
    for (const flow of flows) {
      others.attempts -= flow.attempts;
      others.let_through -= flow.let_through;
    }
    if (others.attempts > 0 && one.domains > flows.length) { flows.push(others); }
    const pitch = (flow) => Math.max(size(flow.attempts), 16) + 8;
    const span = flows.reduce((sum, flow) => sum + pitch(flow), 0);
    const thick = flows.reduce((sum, flow) => sum + size(flow.attempts), 0);
    let to = y + (span - thick) / 2;
    const count = number.format(one.attempts), name = show(one.intended);
    picture.append(svg("rect", {x: x2, y: to, width: 5, height: thick, class: "fill-stopped"}),
      svg("text", {x: x2 + 14, y: y + span / 2 + 4},
        svg("tspan", {class: "name"}, shorten(name, Math.max(8, Math.floor((width - x2 - 20) / letter) - count.length - 1))),
        svg("tspan", {class: "axis", dx: 8}, count)));
    for (const flow of flows) {
      const size1 = size(flow.attempts), top = y + (pitch(flow) - size1) / 2;
      const amount = number.format(flow.attempts), room = Math.floor((x1 - 20) / letter) - amount.length - 1;
      const label = svg("text", {x: x1 - 14, y: top + size1 / 2 + 4, "text-anchor": "end"},
        svg("tspan", {class: "axis"}, amount + "\u00a0\u00a0"));
      let title = `${number.format(one.domains - one.asked.length)} others`;
      if (flow.domain) {
        for (const part of fitted(difference(flow.name, name), Math.max(8, room))) {
          label.append(svg("tspan", {class: part.odd ? "name odd" : "name"}, part.text));
        }
        title = flow.domain + (flow.class ? ` (${flow.class})` : "");
      } else {
        label.append(svg("tspan", {class: "others"}, title));
      }
      const through = Math.min(size1, flow.let_through / flow.attempts * size1);
      picture.append(svg("g", null,
        svg("title", null, `${show(title)} for ${name}: ${several(flow.attempts, "attempt")}, ` +
          `${number.format(flow.let_through)} let through`),
        svg("path", {class: flow.let_through * 2 > flow.attempts ? "ribbon through" : "ribbon", d: `M${x1} ${top} C${middle} ${top} ${middle} ${to} ${x2} ${to} ` +
          `V${to + size1} C${middle} ${to + size1} ${middle} ${top + size1} ${x1} ${top + size1} Z`}),
        svg("rect", {x: x1 - 5, y: top, width: 5, height: size1, class: "fill-stopped"}),
        svg("rect", {x: x1 - 5, y: top, width: 5, height: through, class: "fill-let"}), label));
      to += size1;
      y += pitch(flow);
    }
    y += 14;
  }
  picture.setAttribute("viewBox", `0 0 ${width} ${y}`);
  at("names").append(picture);
}

function namesText() {
  if (data.meant.length === 0) { return; }
  const rows = data.meant.flatMap((one) => one.asked.map((flow) => ({...flow, intended: one.intended})));
  const more = data.intended.count - data.meant.length;
  at("names").after(
    html("ul", {class: "legend"},
      html("li", null, html("i", {class: "fill-stopped"}), "stopped"),
      html("li", null, html("i", {class: "fill-let"}), "let through"),
      more > 0 ? html("li", {class: "soft"}, `not drawn: ${number.format(more)} more of the domains meant`) : null),
    html("details", null, html("summary", null, "The numbers of the picture"), table([
      {head: "Asked for", rowHead: true, cell: asked}, meant,
      {head: "Class", cell: (one) => one.class}, ...counts.slice(0, 2)], rows, "names-title")));
}

function rhythm(one) {
  if (one.regular_interval_seconds) { return `every ${duration(one.regular_interval_seconds)}: a program?`; }
  const hours = one.hours_utc;
  if (hours) {
    return hours.from === hours.to ? "round the clock: a program?"
      : `from ${hours.from} to ${hours.to} h UTC: people?`;
  }
  return one.retries > 0 ? several(one.retries, "retry", "retries") : "";
}

function drawPairs() {
  if (data.pairs.list.length === 0) { at("pairs").append(html("p", null, "Nobody, in this period.")); return; }
  at("pairs").append(table([
    {head: "Mail server", rowHead: true, cell: (one) => domain(one.client), tight: true},
    {head: "Asked for", cell: asked}, meant, ...counts,
    {head: "Rhythm", cell: rhythm, tight: true}, last], data.pairs.list, "pairs-title", caption(data.pairs, "pairs")));
}

function drawLists() {
  const add = (title, list, columns, wide, what = title.toLowerCase()) => {
    if (list.list.length > 0) {
      const id = "list-" + title.toLowerCase().replace(/ /g, "-");
      at("lists").append(html("div", {class: wide ? "wide" : null}, html("h3", {id}, title),
        table(columns, list.list, id, caption(list, what))));
    }
  };
  add("Domains asked for", data.domains, [
    {head: "Domain", rowHead: true, cell: (one) => [asked(one).flat(),
      one.new ? [" ", html("span", {class: "badge"}, "new")] : null].flat()},
    meant, {head: "Class", cell: (one) => one.class}, {head: "Rule", cell: (one) => one.rule},
    {head: "Mail servers", cell: (one) => number.format(one.clients), number: true}, ...counts, last], true);
  add("Mail servers", data.clients, [
    {head: "Mail server", rowHead: true, cell: (one) => domain(one.client)},
    {head: "Group", cell: (one) => one.group},
    {head: "Domains", cell: (one) => number.format(one.domains), number: true}, ...counts, last], true);
  add("Domains meant", data.intended, [{head: "Domain", rowHead: true, cell: (one) => domain(one.intended)},
    {head: "Spellings", cell: (one) => number.format(one.domains), number: true}, ...counts.slice(0, 2)]);
  const fresh = data.new_domains;
  if (fresh) {
    add("New domains", {...fresh, exact: true}, [{head: "Domain", rowHead: true, cell: asked}, meant, counts[0],
      {head: "First", cell: (one) => time(one.first).slice(0, 16), time: true}], false,
      "domains that were not asked for before this period");
  }
  add("Classes", data.classes, [{head: "Class", rowHead: true, cell: (one) => one.class}, ...counts.slice(0, 2), last]);
  add("Rules", data.rules, [{head: "Rule", rowHead: true, cell: (one) => one.rule}, ...counts.slice(0, 2), last]);
  const types = Object.entries(data.types).map(([type, lookups]) => ({type, lookups}));
  types.sort((a, b) => b.lookups - a.lookups);
  add("Types of lookup", {list: types.slice(0, 20), count: types.length, exact: true},
    [{head: "Type", rowHead: true, cell: (one) => one.type}, counts[2]], false, "types");
}

const columns = [
  {head: "First", key: (one) => one.first, cell: (one) => time(one.first), time: true},
  {head: "Last", key: (one) => one.last, time: true, cell: (one) =>
    one.last.slice(0, 10) === one.first.slice(0, 10) ? time(one.last).slice(11) : time(one.last)},
  {head: "Mail server", key: (one) => one.client, cell: (one) => domain(one.client), tight: true},
  {head: "Asked for", key: (one) => one.domain, cell: (one) => domain(one.domain), rowHead: true},
  {head: "Meant", key: (one) => one.intended ?? "", cell: (one) => one.intended ? domain(one.intended) : ""},
  {head: "Lookups", key: (one) => one.lookups, cell: (one) => number.format(one.lookups), number: true},
  {head: "Types", key: (one) => one.types.join(" "), cell: (one) => one.types.join(" "), tight: true},
  {head: "Rule", key: (one) => one.rule ?? "", cell: (one) => one.rule},
  {head: "Outcome", key: (one) => one.outcome, tight: true, cell: (one) => [html("i", {class: "dot fill-" +
    (outcomes.find(([name]) => name === one.outcome)?.[1] ?? "")}), one.outcome]},
];

function drawAttempts() {
  const attempts = data.latest_attempts;
  for (const one of attempts) {
    one.text = [one.client, one.domain, one.intended, one.rule, one.class, one.outcome, ...one.types]
      .map((part) => show(part).toLowerCase()).join(" ");
  }
  const step = 200; // rows: more than anybody reads, and few enough to be quick
  let sorted = 0, down = true, shown = step;
  const body = html("tbody");
  const heads = columns.map((column, index) => {
    const button = html("button", {type: "button"}, column.head);
    button.addEventListener("click", () => {
      down = sorted === index ? !down : column.number === true;
      sorted = index;
      start();
    });
    return html("th", {scope: "col", class: column.number ? "number" : null}, button);
  });
  const filter = at("outcome-filter");
  filter.append(html("option", {value: ""}, "all"), ...outcomes.map(([name]) =>
    html("option", {value: name}, name)));
  const draw = () => {
    const words = at("search").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const key = columns[sorted].key;
    const rows = attempts.filter((one) => (filter.value === "" || one.outcome === filter.value) &&
      words.every((word) => one.text.includes(word)));
    rows.sort((a, b) => {
      const x = key(a), y = key(b);
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
    heads.forEach((th, index) => {
      if (index === sorted) { th.setAttribute("aria-sort", down ? "descending" : "ascending"); }
      else { th.removeAttribute("aria-sort"); }
    });
    body.replaceChildren(...rows.slice(0, shown).map((one) => row(columns, one)));
    at("matches").textContent = several(rows.length, "attempt") +
      (rows.length < attempts.length ? ` of ${number.format(attempts.length)}` : "") +
      (shown < rows.length ? `, the first ${number.format(shown)} shown` : "");
    at("more").hidden = shown >= rows.length;
    at("more").textContent = `Show ${number.format(Math.min(step, rows.length - shown))} more`;
  };
  const start = () => { shown = step; draw(); };
  at("search").addEventListener("input", start);
  filter.addEventListener("change", start);
  at("more").addEventListener("click", () => {
    const next = shown;
    shown += step;
    draw();
    // On to the first new row, so that the keyboard and the screen reader go on there.
    body.rows[next].tabIndex = -1;
    body.rows[next].focus();
  });
  at("attempt-table").append(html("table", {"aria-labelledby": "attempts-title"},
    html("caption", null, attempts.length < data.attempts
      ? `This page holds the latest ${number.format(attempts.length)} of ${several(data.attempts, "attempt")}; ` +
        "nearmiss report --attempts makes it hold more, 100,000 at most"
      : "All attempts of the period"),
    html("thead", null, html("tr", null, heads)), body));
  draw();
}

function drawMissing() {
  const missing = data.missing, place = at("missing");
  const say = (text) => place.append(html("p", null, text));
  for (const file of missing.files_not_understood) {
    at("trust").classList.add("warn");
    say(`${file}: not one of its lines was understood.`);
  }
  if (missing.events_missing + missing.events_lost_as_told + missing.damaged_lines +
      missing.files_not_understood.length === 0) {
    say("Nothing: the events' numbers have no gap, none was lost, no line is damaged.");
  } else {
    at("trust").classList.add("warn");
    say(`${several(missing.events_missing, "event")} missing by number, ` +
      `${number.format(missing.events_lost_as_told)} lost as the module told, ` +
      `${several(missing.damaged_lines, "damaged line")}.`);
    if (missing.gaps.length > 0) {
      place.append(table([
        {head: "From number", cell: (gap) => number.format(gap.from), number: true},
        {head: "To number", cell: (gap) => number.format(gap.to), number: true},
        {head: "Before", cell: (gap) => time(gap.before), time: true}], missing.gaps, "trust-title"));
    }
    for (const line of missing.damaged) { say(`${line.file}:${line.line}: ${line.why}`); }
  }
  if (missing.duplicate_events > 0) {
    say(`${several(missing.duplicate_events, "event")} given twice, and counted once.`);
  }
  if (data.discovered.length > 0) {
    place.append(html("h3", {id: "discovered-title"}, "Clients that ask for MX and are in no client group"), table([
      {head: "Client", rowHead: true, cell: (one) => domain(one.client)},
      {head: "Events", cell: (one) => number.format(one.events), number: true},
      {head: "Last", cell: (one) => time(one.last), time: true},
      {head: "For", cell: (one) => domain(one.name)}], data.discovered, "discovered-title"));
  }
  if (data.resolvers.count > 1) {
    place.append(html("h3", {id: "resolvers-title"}, "Resolvers"), table([
      {head: "Resolver", rowHead: true, cell: (one) => one.resolver},
      {head: "Events", cell: (one) => number.format(one.events), number: true},
      {head: "Lookups", cell: (one) => number.format(one.lookups), number: true},
      {head: "nearmiss", cell: (one) => one.version},
      {head: "Policy", cell: (one) => one.other_policy ? html("strong", null, one.policy + ", another than most") : one.policy},
      {head: "Last event", cell: (one) => one.silent ? html("strong", null, "silent since " + time(one.last)) : time(one.last), time: true}],
      data.resolvers.list, "resolvers-title"));
  }
  if (data.notices.length > 0) {
    place.append(html("h3", {id: "module-title"}, "The module itself"), table([
      {head: "Time", cell: (one) => time(one.time), time: true},
      {head: "Event", rowHead: true, cell: (one) => one.failure ? html("strong", null, one.action) : one.action},
      {head: "Message", cell: (one) => one.message}], data.notices.slice(-20), "module-title"));
  }
}

// The pictures are drawn for the width they have, so that their text keeps its size.
let drawn = 0;
function drawPictures() {
  const width = Math.max(280, Math.round(at("timeline").clientWidth));
  if (width !== drawn) {
    drawn = width;
    for (const [place, draw] of [["timeline", drawTimeline], ["names", drawNames]]) {
      at(place).replaceChildren();
      draw(width);
    }
  }
  for (const place of document.querySelectorAll(".scroll")) { // those that move take the keyboard
    if (place.scrollWidth > place.clientWidth) { place.tabIndex = 0; } else { place.removeAttribute("tabindex"); }
  }
}

for (const draw of [head, drawWarnings, drawOutcomes, timelineText, namesText, drawPairs, drawLists, drawAttempts,
  drawMissing, drawPictures]) { draw(); }
addEventListener("resize", drawPictures);
addEventListener("beforeprint", drawPictures);
document.documentElement.dataset.ready = "yes";
}
