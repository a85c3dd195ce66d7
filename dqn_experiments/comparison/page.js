"use strict";
// Draws the comparison out of the JSON block beside it. All text goes through textContent or plain(), so
// that a name with markup in it is shown as it is written.
const data = JSON.parse(document.getElementById("data").textContent);
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4f9e", "#8a5a44", "#4d7c0f", "#b3003c"];
const GREYS = ["#6b7780", "#98a3ab", "#444f57", "#b4bdc3", "#7f6f5f", "#5f6f7f"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const AGGREGATES = [
  ["iqm", "IQM", "higher is better"], ["median", "Median", "higher is better"],
  ["mean", "Mean", "higher is better"], ["optimality_gap", "Optimality gap", "lower is better"],
];
const FONT = { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#16242e" };
const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "sendDataToCloud"] };

const style = {};
const counts = [0, 0];
for (const group of data.groups) {
  const kind = group.published ? 1 : 0;
  const colours = kind ? GREYS : COLOURS;
  const number = counts[kind]++;
  style[group.label] = {
    colour: colours[number % colours.length],
    dash: kind ? "dash" : DASHES[Math.floor(number / colours.length) % DASHES.length],
    width: kind ? 1.6 : 2.2,
    legend: group.legend,
    rank: -kind, // published runs are drawn first, behind the others
  };
}

// ---- text -------------------------------------------------------------------------------------------------

// For plotly, which takes some markup in names, and what is between dollars for a formula.
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");
}
function wrapped(text, width) {
  const lines = [""];
  for (const word of String(text).split(/(?<= )/u).flatMap((each) => each.match(new RegExp(`.{1,${width}}`, "gsu")) ?? [])) {
    if ((lines.at(-1) + word).trim().length > width && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += word;
  }
  return lines.map((line) => plain(line.trim())).join("<br>");
}
function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) >= 10000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(digits)));
}
function duration(hours) {
  if (hours === null || hours === undefined) return "–";
  if (hours >= 1) return `${number(hours, 3)} h`;
  return hours >= 1 / 60 ? `${number(hours * 60, 3)} min` : `${number(hours * 3600, 3)} s`;
}
function percent(value) {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(0)}%`;
}
function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) made[key] = value;
  made.append(...children.filter((child) => child !== null));
  return made;
}
function colour(hex, opacity) {
  const part = (at) => parseInt(hex.slice(at, at + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
}
function section(title, ...children) {
  const made = element("section", {}, element("div", { className: "head" }, element("h2", { textContent: title })), ...children);
  document.querySelector("main").append(made);
  return made;
}

// ---- tables -----------------------------------------------------------------------------------------------

function withInterval(value, shown = number) {
  const cell = element("td", { className: "number" });
  if (!value) return element("td", { className: "number", textContent: "–" });
  cell.append(element("span", { textContent: shown(value.value) }));
  if (value.low !== null) cell.append(element("span", { className: "interval", textContent: `${shown(value.low, 3)} to ${shown(value.high, 3)}` }));
  return cell;
}
function named(label, colspan = 1) {
  const key = element("span", { className: "key" });
  key.style.background = style[label].colour;
  return element("td", { className: "name", colSpan: colspan, title: style[label].legend }, key, label);
}
function heading(game, columns) {
  return element("tr", { className: "game" }, element("td", { colSpan: columns, textContent: game }));
}
function figure(text) {
  return element("td", { className: "number", textContent: text });
}
function table(titles, rows) {
  const heads = titles.map((title) => element("th", { textContent: title.replace("#", ""), className: title.startsWith("#") ? "number" : "" }));
  return element("div", { className: "wide" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows)));
}

function scores() {
  const committed = data.table.some((row) => row.runs && row.commits.length);
  const titles = ["", "#runs", "#steps", "#final", "#best", "#human-normalized", "#wall time", "#steps/s", ...(committed ? ["git commit"] : []), "protocol"];
  const rows = [];
  for (const { game } of data.games) {
    if (data.games.length > 1) rows.push(heading(game, titles.length));
    for (const row of data.table.filter((each) => each.game === game)) {
      if (!row.runs) {
        rows.push(element("tr", { className: "gap" }, named(row.label), figure("0"), element("td", { colSpan: titles.length - 2, textContent: `no score: ${row.gap}` })));
        continue;
      }
      const [from, to] = row.steps.map((step) => step.toLocaleString("en"));
      const unfinished = row.unfinished ? element("span", { className: "interval", textContent: `${row.unfinished} not finished` }) : null;
      rows.push(element("tr", {}, named(row.label), figure(row.runs),
        element("td", { className: "number" }, from === to ? from : `${from} to ${to}`, unfinished),
        withInterval(row.final), figure(number(row.best)), withInterval(row.human_normalized),
        figure(duration(row.hours)), figure(number(row.steps_per_second, 3)),
        committed ? element("td", { textContent: row.commits.join(", ") || "–" }) : null, element("td", { className: "words", textContent: row.protocols.join(" | ") })));
    }
  }
  section("Scores", element("p", { textContent: "Mean over runs, with its 95% bootstrap interval. The final score is the last evaluation, or what the protocol says; the best is the highest of them. Hover a name to see it whole." }), table(titles, rows));
}

function baseline() {
  if (!data.baseline) return;
  const titles = ["", "#difference", "#probability of improvement"];
  const line = (row) => element("tr", {}, named(row.label), withInterval(row.difference), withInterval(row.improvement, percent));
  const over = data.baseline.rows.filter((row) => !row.game), made = [];
  if (over.length) made.push(table(["", ...titles.slice(1).map((title) => `${title}, ${title === "#difference" ? "of IQMs" : "mean over games"}`)], over.map(line)));
  const rows = data.games.flatMap(({ game }) => {
    const lines = data.baseline.rows.filter((row) => row.game === game).map(line);
    return lines.length && data.games.length > 1 ? [heading(game, titles.length), ...lines] : lines;
  });
  const games = table(titles, rows);
  made.push(over.length ? element("details", {}, element("summary", { textContent: "Game by game" }), games) : games);
  section("Against the baseline",
    element("p", { textContent: `How much better than ${data.baseline.label}: the difference of means in the game's points (over several games of IQMs, human-normalized), and the probability that a run is better than one of the baseline's. An interval that holds 0, or 50%, leaves open which is better.` }),
    ...made);
}

function runs() {
  const titles = ["run", "group", "game", "#seed", "#step", "#final", "#best", "#human-normalized", "#wall time", "remarks"];
  const rows = data.runs.map((run) => element("tr", {}, element("td", { className: "name", textContent: run.run }), named(run.label),
    element("td", { textContent: run.game }), figure(run.seed), figure(run.step.toLocaleString("en")), figure(number(run.final)),
    figure(number(run.best)), figure(number(run.human_normalized)), figure(duration(run.hours)), element("td", { className: "gap", textContent: run.gaps.join("; ") })));
  const left = data.left_out.map((each) => element("tr", { className: "gap" }, element("td", { className: "name", textContent: each.run }), element("td", { colSpan: titles.length - 1, textContent: `left out: ${each.why}` })));
  const differs = data.groups.filter((group) => Object.keys(group.differs).length).map((group) => element("tr", {}, named(group.label),
    element("td", { className: "name", textContent: Object.entries(group.differs).map(([key, value]) => `${key}=${value}`).join(", ") })));
  const told = (title, content, open) => element("section", {}, element("details", { open }, element("summary", { textContent: title }), content));
  const main = document.querySelector("main");
  if (differs.length) main.append(told("What differs", table(["group", "its values of all that is not the same everywhere"], differs), false));
  main.append(told(`Runs (${data.runs.length}${left.length ? `, and ${left.length} left out` : ""})`, table(titles, [...rows, ...left]), left.length > 0));
}

// ---- plots ------------------------------------------------------------------------------------------------

function axis(title, more = {}) {
  return { title: { text: title, standoff: 8 }, gridcolor: "#e8edf1", zerolinecolor: "#cfd8de", linecolor: "#b9c4cc", ticks: "outside", tickcolor: "#b9c4cc", ...more };
}
function layout(more) {
  return { font: FONT, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff", hoverlabel: { font: { size: 12 }, namelength: -1 }, ...more };
}

// A line and its band, in one panel. The names are in the legend once.
function curve(each, panel, first, unit) {
  const { colour: hex, dash, width, legend, rank } = style[each.label];
  const axes = { xaxis: `x${panel || ""}`, yaxis: `y${panel || ""}`, legendgroup: each.label, legendrank: 1000 - rank, connectgaps: false };
  const runsOf = (at) => (each.runs[at] === 1 ? "1 run" : `${each.runs[at]} runs`);
  const told = each.x.map((_, at) => `${runsOf(at)}${each.low[at] === null ? "" : `, ${number(each.low[at])} to ${number(each.high[at])}`}`);
  const traces = [];
  // a band for every stretch without a gap
  let start = null;
  for (let at = 0; at <= each.x.length; at++) {
    const there = at < each.x.length && each.low[at] !== null;
    if (there && start === null) start = at;
    if (!there && start !== null) {
      const x = each.x.slice(start, at), low = each.low.slice(start, at), high = each.high.slice(start, at);
      traces.push({ ...axes, x: [...x, ...x.toReversed()], y: [...high, ...low.toReversed()], fill: "toself", fillcolor: colour(hex, 0.16), line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false, name: plain(legend) });
      start = null;
    }
  }
  traces.push({ ...axes, x: each.x, y: each.mean, customdata: told, mode: each.mean.filter((value) => value !== null).length === 1 ? "markers" : "lines", line: { color: hex, width, dash }, marker: { color: hex, size: 7 },
    name: wrapped(legend, 44), showlegend: first, hovertemplate: `%{y:.4~g} at %{x:.4~s} ${unit}<br>%{customdata}<extra>${wrapped(legend, 44)}</extra>` });
  return traces;
}

function curves(kind) {
  const games = data.games.filter((each) => each[kind].length || each.without.length);
  const place = document.getElementById("curves");
  const beside = place.clientWidth > 900;  // of the panels, the legend
  const fit = Math.max(1, Math.floor((place.clientWidth - (beside ? 300 : 0)) / 200));
  const columns = Math.min(games.length, fit, games.length === 2 || games.length === 4 ? 2 : 3);
  const lines = Math.ceil(games.length / columns);
  const [unit, title] = { frames: ["frames", "emulator frames"], hours: ["hours", "hours of training"] }[kind];
  const longest = Math.max(...games.flatMap((game) => game[kind].flatMap((each) => each.x)));
  const short = kind === "hours" && longest < 0.5;
  const seen = new Set(), traces = [], annotations = [], axes = {};
  const across = columns > 1 ? 0.07 : 0, down = lines > 1 ? 0.28 / lines : 0;
  const wide = (1 - across * (columns - 1)) / columns, tall = (1 - down * (lines - 1)) / lines;
  games.forEach((game, index) => {
    const panel = index + 1, column = index % columns, line = Math.floor(index / columns);
    const x0 = column * (wide + across), y1 = 1 - line * (tall + down);
    const last = index + columns >= games.length;
    axes[`xaxis${panel === 1 ? "" : panel}`] = axis(last ? (short ? "minutes of training" : kind === "frames" && game.frames_per_step === 1 ? "agent steps" : title) : "", { domain: [x0, x0 + wide], anchor: `y${panel}`, rangemode: "tozero", tickformat: "~s" });
    axes[`yaxis${panel === 1 ? "" : panel}`] = axis(column ? "" : "training return", { domain: [y1 - tall, y1], anchor: `x${panel}` });
    annotations.push({ text: `<b>${plain(game.game)}</b>`, x: x0, y: y1, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", yshift: 6, showarrow: false, font: { size: 14 } });
    if (game.without.length) {
      annotations.push({ text: wrapped(`no episode yet: ${game.without.join("; ")}`, 60), x: x0 + wide, y: y1 - tall, xref: "paper", yref: "paper", xanchor: "right", yanchor: "bottom", showarrow: false, align: "right", font: { size: 11, color: "#a04000" } });
    }
    const order = (each) => data.groups.findIndex((group) => group.label === each.label);
    for (const each of [...game[kind]].sort((one, other) => style[one.label].rank - style[other.label].rank || order(one) - order(other))) {
      const shown = short ? { ...each, x: each.x.map((x) => x * 60) } : each;
      traces.push(...curve(shown, panel === 1 ? "" : panel, !seen.has(each.label), short ? "minutes" : unit));
      seen.add(each.label);
    }
  });
  const legend = beside ? { x: 1.02, y: 1, xanchor: "left", yanchor: "top" } : { orientation: "h", x: 0, y: -0.25 / lines, yanchor: "top" };
  const labels = data.groups.filter((group) => seen.has(group.label)).length;
  const height = Math.max(108 + 320 * lines, beside ? Math.min(620, 60 + 34 * labels) : 0) + (beside ? 0 : 26 * labels);
  return Plotly.react(place, traces, layout({
    ...axes, annotations, height, uirevision: kind, margin: { t: 58, r: beside ? 10 : 20, b: 60, l: 64 }, hovermode: "closest",
    legend: { ...legend, font: { size: 12 }, itemsizing: "constant", tracegroupgap: 4, traceorder: "normal" },
  }), CONFIG);
}

function learning() {
  const kinds = [["frames", "frames"], ["hours", "wall time"]].filter(([kind]) => data.games.some((game) => game[kind].length));
  const place = element("div", { id: "curves", className: "plot" });
  const made = section("Learning curves", element("p", { textContent: "Mean training return, exploration and all, with the 95% bootstrap interval of the mean over runs. Click a name in the legend to hide it, twice to see it alone." }), place);
  if (!kinds.length) {
    place.textContent = "No episode has ended yet.";
    return;
  }
  let shown = kinds[0][0];
  if (kinds.length > 1) {
    const buttons = kinds.map(([kind, name]) => element("button", { textContent: name, type: "button" }));
    buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", index === 0);
      button.addEventListener("click", () => {
        buttons.forEach((each) => each.setAttribute("aria-pressed", each === button));
        curves(shown = kinds[index][0]);
      });
    });
    made.querySelector(".head").append(element("div", { className: "choice" }, ...buttons));
  }
  curves(shown);
  window.addEventListener("resize", () => curves(shown));
}

// Points with intervals, a panel for each figure and a line for each group.
function intervals(place, panels, labels, told, height) {
  const traces = [], axes = {}, annotations = [];
  const gap = 0.035, wide = (1 - gap * (panels.length - 1)) / panels.length;
  panels.forEach(([title, which, values], index) => {
    const panel = index ? index + 1 : "", x0 = index * (wide + gap);
    const ends = labels.flatMap((label) => [values(label).value, values(label).low ?? values(label).value, values(label).high ?? values(label).value]);
    const low = Math.min(...ends), high = Math.max(...ends), room = 0.06 * (high - low || 1);
    axes[`xaxis${panel}`] = axis("", { domain: [x0, x0 + wide], anchor: `y${panel}`, nticks: 5, range: [low - room, high + room] });
    axes[`yaxis${panel}`] = { ...axis(""), anchor: `x${panel}`, range: [labels.length - 0.5, -0.5], tickvals: labels.map((_, at) => at), ticktext: labels.map((label) => wrapped(told(label), 36)), showticklabels: !index, ticks: "", showgrid: false, zeroline: false };
    annotations.push({ text: `<b>${title}</b>  <span style="color:#5b6770">${which}</span>`, x: x0, y: 1, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", yshift: 6, showarrow: false });
    labels.forEach((label, at) => {
      const value = values(label), hex = style[label].colour;
      const line = { xaxis: `x${panel}`, yaxis: `y${panel}`, showlegend: false, hoverinfo: "skip" };
      if (value.low !== null) traces.push({ ...line, x: [value.low, value.high], y: [at, at], mode: "lines", line: { color: colour(hex, 0.45), width: 12 } });
      traces.push({ ...line, x: [value.value], y: [at], mode: "markers", marker: { color: hex, size: 16, symbol: "line-ns", line: { color: hex, width: 3 } }, hoverinfo: "text", hovertext: value.low === null ? number(value.value) : `${number(value.value)}, ${number(value.low)} to ${number(value.high)}` });
    });
  });
  axes.yaxis.automargin = true;
  Plotly.newPlot(place, traces, layout({ ...axes, annotations, height, margin: { t: 46, r: 20, b: 36, l: 40 }, hovermode: "closest" }), CONFIG);
}

function overGames() {
  const over = data.aggregates;
  if (!over) return;
  const labels = over.groups.map((group) => group.label), by = Object.fromEntries(over.groups.map((group) => [group.label, group]));
  const where = over.games.length === 1 ? over.games[0] : `${over.games.length} games`;
  const bars = element("div", { className: "plot", id: "aggregates" }), profile = element("div", { className: "plot", id: "profile" });
  section(over.games.length === 1 ? `Human-normalized on ${where}` : `Over ${where}`,
    element("p", { textContent: `Human-normalized scores with 95% stratified bootstrap intervals (Agarwal et al. 2021), and in brackets the number of runs, of ${over.games.join(", ")}.` }),
    bars, element("p", { textContent: "Performance profile: the share of runs that score above a threshold." }), profile);
  intervals(bars, AGGREGATES.map(([key, title, told]) => [title, told, (label) => by[label][key]]), labels, (label) => `${style[label].legend} (${by[label].runs})`, 110 + 46 * labels.length);
  const traces = over.groups.flatMap((group) => curve({
    label: group.label, x: over.tau, mean: group.profile.map((each) => each.value), low: group.profile.map((each) => each.low),
    high: group.profile.map((each) => each.high), runs: over.tau.map(() => group.runs),
  }, "", true, "human-normalized"));
  Plotly.newPlot(profile, traces, layout({ height: 380, margin: { t: 10, r: 10, b: 54, l: 64 }, hovermode: "closest",
    xaxis: axis("human-normalized score", { rangemode: "tozero" }), yaxis: axis("share of runs above", { range: [-0.02, 1.02], tickformat: ".0%" }),
    legend: { font: { size: 12 }, x: 1.02, y: 1 } }), CONFIG);
}

// ---- the page ---------------------------------------------------------------------------------------------

const own = data.groups.filter((group) => !group.published).length;
const several = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
document.querySelector("main").append(
  element("h1", { textContent: "Comparison" }),
  element("p", { className: "lead", textContent: `${several(data.runs.length, "run")} in ${several(own, "group")} on ${data.games.length === 1 ? data.games[0].game : several(data.games.length, "game")}. Runs of a group differ in their seed alone; its name is what its config has different from the others.` }));
if (data.notes.length) section("Before you read on", element("ul", {}, ...data.notes.map((note) => element("li", { textContent: note })))).classList.add("notes");
overGames();
learning();
baseline();
scores();
runs();
document.querySelector("main").append(element("footer", { textContent: `dqn_experiments ${data.version}; intervals: ${100 * data.interval.level}%, ${data.interval.resamples.toLocaleString("en")} resamples of runs within their game. Published runs: Dopamine, Castro et al. 2018 (Apache-2.0).` }));
document.body.dataset.ready = "true";
