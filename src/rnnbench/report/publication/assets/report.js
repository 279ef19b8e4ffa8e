"use strict";

const publications = JSON.parse(document.getElementById("results").textContent);
const merged = publications.length > 1;
const byLabel = new Map(publications.map((p) => [p.label, p]));
const rows = publications.flatMap((p) => p.comparison.map((row) => ({ ...row, from: p.label })));
const measure = (row) => (row.target === "number" ? "loss" : "accuracy");
const $ = (id) => document.getElementById(id);
const ROLES = {
  "recurrent network": ["var(--recurrent)", "circle"],
  "other network": ["var(--other)", "triangle"],
  "strong baseline": ["var(--strong)", "diamond"],
  baseline: ["var(--baseline)", "square"],
};
// Further levels, of studies of many cells, repeat the colours; their names stand next to them.
const PALETTE = ["recurrent", "strong", "other", "published", "baseline"].map((c) => `var(--${c})`);
const ANSWERS = {
  first: ["▲", "better", "is significantly better"],
  second: ["▼", "worse", "is significantly worse"],
  equal: ["=", "equal", "no difference that matters"],
  open: ["·", "open", "open"],
};

function element(name, content = "", attributes = {}) {
  const node = Object.assign(document.createElement(name), attributes);
  node.append(...[content].flat());
  return node;
}

/** Text with `code`, as it stands in the sentences of the tests. */
function sentence(text) {
  return text
    .split("`")
    .map((part, i) => (i % 2 ? element("code", part) : part));
}

const name = (row) => (merged ? `${row.variant} (${row.from})` : row.variant);
const short = (text, width) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

function draw(figure, options, label) {
  figure.querySelector("svg")?.remove();
  const width = Math.max(280, figure.clientWidth || 600);
  const svg = Plot.plot({ width, style: { fontSize: "12px" }, ...options(width) });
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  // Labels of its parts, which have no role.
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  figure.prepend(svg);
}

/** Room for the labels, at most half of the width, and how a label is shown in it. */
function fit(width, labels) {
  const narrow = width < 560;
  // All variants of a task begin with its name.
  const [prefix] = labels[0].split(/(?<=_)/);
  const start = narrow && labels.every((l) => l.startsWith(prefix)) ? prefix.length : 0;
  const longest = Math.max(...labels.map((l) => l.length)) - start;
  const left = Math.min(7 * longest + 14, width * (narrow ? 0.46 : 0.5));
  return [left, (label) => short(label.slice(start), Math.floor((left - 12) / 6.9))];
}

const scored = (set) => rows.filter((row) => row.set === set && row.replicates > 0);

function forest(figure, width) {
  const members = scored(figure.dataset.set);
  const key = measure(members[0]);
  const runs = members.flatMap((row) =>
    byLabel.get(row.from).details[row.variant].replicates
      .filter((run) => run[key] !== null)
      .map((run) => ({ label: name(row), x: run[key], run })));
  const labels = members.map(name);
  const [left, cut] = fit(width, labels);
  const at = { y: name };
  const single = members[0].protocol === "same";
  const published = key === "loss" ? "published_loss" : "published";
  return {
    height: 62 + 24 * members.length,
    marginLeft: left, marginRight: 52, marginTop: 20, marginBottom: 42,
    x: { type: key === "loss" ? "log" : "linear", grid: true, label: key === "loss" ? "mean squared error" : "accuracy", nice: true, ticks: width < 560 ? 3 : 8, ...(key === "loss" ? { tickFormat: "~e" } : {}) },
    y: { domain: labels, label: null, tickFormat: cut, tickSize: 0 },
    marks: [
      Plot.tickX(runs, { x: "x", y: "label", insetTop: 7, insetBottom: 7, stroke: "currentColor", strokeOpacity: 0.35, title: (d) => `seed ${d.run.seed}, split ${d.run.split}: ${d.x}` }),
      single ? null : Plot.ruleY(members.filter((r) => r[`${key}_low`] !== null), { ...at, x1: `${key}_low`, x2: `${key}_high`, stroke: (r) => ROLES[r.role][0], strokeWidth: 2.5 }),
      Plot.dot(members, { ...at, x: key, fill: (r) => ROLES[r.role][0], symbol: (r) => ROLES[r.role][1], r: 4.5, title: (r) => `${name(r)}: ${r[key]}` }),
      Plot.dot(members.filter((r) => r[published] !== null), { ...at, x: published, symbol: "times", stroke: "var(--published)", strokeWidth: 2.5, r: 4.5, title: (r) => `published: ${r[published]}` }),
      single || merged ? null : Plot.text(members, { ...at, text: "group", frameAnchor: "right", dx: 46, textAnchor: "end", fill: "var(--faint)" }),
    ],
  };
}

/** Effects with intervals around "no difference" and the band of the margin. */
function effects(items, margins, labels) {
  return (width) => {
    const loss = items[0].measure === "loss";
    const neutral = loss ? 1 : 0;
    const band = loss ? [1 / (1 + margins.loss_margin), 1 + margins.loss_margin] : [-margins.margin, margins.margin];
    const ends = items.flatMap((d) => [d.low, d.high]).concat(band);
    const [left, cut] = labels ? fit(width, labels) : [16, String];
    return {
      height: 58 + (labels ? 24 * items.length : 14),
      marginLeft: left, marginRight: 24, marginTop: 20,
      x: { type: loss ? "log" : "linear", domain: d3.extent(ends), nice: true, grid: true, label: null, ticks: width < 560 ? 3 : 8, ...(loss ? { tickFormat: "~g" } : {}) },
      y: { domain: items.map((d, i) => i), label: null, tickSize: 0, tickFormat: (i) => (labels ? cut(labels[i]) : "") },
      marks: [
        Plot.rect([band], { x1: (d) => d[0], x2: (d) => d[1], fill: "var(--band)" }),
        Plot.ruleX([neutral], { strokeDasharray: "3 3" }),
        Plot.ruleY(items, { y: (d, i) => i, x1: "low", x2: "high", stroke: "var(--recurrent)", strokeWidth: 2.5 }),
        Plot.dot(items, { y: (d, i) => i, x: "effect", fill: "var(--recurrent)", r: 4.5 }),
      ],
    };
  };
}

const CHARTS = {
  forest: (figure) => scored(figure.dataset.set).length && [(width) => forest(figure, width), `Scores of ${figure.dataset.set}; the table below has the figures`],
  answer(figure) {
    const publication = byLabel.get(figure.dataset.from);
    const row = publication.questions.find((q) => q.question === figure.dataset.question);
    return [effects([row], publication.margins), row.text.replaceAll("`", "")];
  },
  study(figure) {
    const study = studyOf(figure);
    const loss = study.measure === "loss";
    const levels = [...new Set(study.best.map((r) => r.level))];
    return [(width) => ({
      height: 50 + 20 * study.best.length + 12 * study.facets,
      marginLeft: Math.min(110, width * 0.25), marginRight: width < 560 ? 112 : 150, marginTop: 20,
      x: { type: loss ? "log" : "linear", grid: true, nice: true, ticks: width < 560 ? 3 : 8, label: null, ...(loss ? { tickFormat: "~e" } : {}) },
      y: { label: null, domain: levels },
      fy: { label: null, domain: [...new Set(study.best.map((r) => r.facet))] },
      // In the order of the colours of the study's pictures.
      color: { domain: levels, range: PALETTE },
      marks: [
        Plot.ruleY(study.best.filter((r) => r.low !== null), { y: "level", fy: "facet", x1: "low", x2: "high", stroke: "level", strokeWidth: 2.5 }),
        Plot.dot(study.best, { y: "level", fy: "facet", x: "score", fill: "level", r: 4.5, title: (r) => `${r.level}: ${r.score}` }),
      ],
    }), `Scores of the study: ${study.question}`];
  },
  contrasts(figure) {
    const study = studyOf(figure);
    if (!study.contrasts.length) return null;
    const labels = study.contrasts.map((c) => c.label);
    return [effects(study.contrasts, byLabel.get(figure.dataset.from).margins, labels), `Differences of the study: ${study.question}`];
  },
};

const studyOf = (figure) => byLabel.get(figure.dataset.from).studies.find((s) => s.name === figure.dataset.study);

function drawAll() {
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const chart = CHARTS[figure.dataset.chart](figure);
    // Nothing could be tested, or every training diverged.
    if (chart) draw(figure, ...chart);
    else figure.remove();
  }
}

// Two variants, and all differences from one of them.

function fill(select, values, chosen) {
  select.replaceChildren(...values.map((value) => element("option", value, { value, selected: value === chosen })));
}

const compared = (set) => publications.flatMap((p) => p.pairs.filter((d) => d.set === set).map((d) => ({ ...d, from: p.label })));
const members = (set) => [...new Set(compared(set).flatMap((d) => [d.first, d.second]))];

/** The pair seen from `first`: effects change their sign, ratios their direction. */
function seen(pair, first) {
  if (pair.first === first) return pair;
  const turn = pair.measure === "loss" ? (x) => 1 / x : (x) => -x;
  const answer = { first: "second", second: "first" }[pair.answer] ?? pair.answer;
  return { ...pair, first, second: pair.first, effect: turn(pair.effect), low: turn(pair.high), high: turn(pair.low), answer };
}

function chooseSet() {
  const names = members($("set").value);
  const order = rows.filter((r) => r.set === $("set").value && names.includes(r.variant)).map((r) => r.variant);
  const unique = [...new Set(order)];
  const recurrent = unique.filter((n) => rows.find((r) => r.variant === n).role === "recurrent network");
  const asked = publications.flatMap((p) => p.questions).find((q) => unique.includes(q.first) && unique.includes(q.second));
  const [a, b] = asked ? [asked.first, asked.second] : recurrent.length > 1 ? recurrent : unique;
  fill($("first"), unique, a);
  fill($("second"), unique, b);
  comparePair();
  matrix(unique);
}

function comparePair() {
  const [set, first, second] = ["set", "first", "second"].map((id) => $(id).value);
  const order = members(set);
  const pairs = compared(set).filter((d) => [d.first, d.second].includes(first)).map((d) => seen(d, first))
    .sort((a, b) => order.indexOf(a.second) - order.indexOf(b.second));
  const found = pairs.filter((d) => d.second === second);
  const texts = found.map((d) => element("p", [...(merged ? [element("strong", `${d.from}: `)] : []), ...sentence(d.text)], { className: "answer" }));
  $("pair").replaceChildren(...(texts.length ? texts : [element("p", first === second ? "Choose two different variants." : "These two were not tested.")]));
  const figure = element("figure", element("figcaption", pairs[0]?.measure === "loss"
    ? `Error of each variant divided by that of ${first}: above 1, ${first} is better. The band is the margin.`
    : `Accuracy of ${first} minus that of each other variant: above 0, ${first} is better. The band is the margin.`));
  $("differences").replaceChildren(figure);
  if (pairs.length) {
    const labels = pairs.map((d) => (merged ? `${d.second} (${d.from})` : d.second));
    draw(figure, effects(pairs, byLabel.get(pairs[0].from).margins, labels), `Differences from ${first}`);
  }
}

function matrix(names) {
  const pairs = d3.group(compared($("set").value), (d) => d.first, (d) => d.second);
  const between = (a, b) => pairs.get(a)?.get(b) ?? pairs.get(b)?.get(a) ?? [];
  const head = element("tr", [element("td"), ...names.map((n, i) => element("th", String(i + 1), { scope: "col", title: n }))]);
  const cell = (row, column) => {
    if (row === column) return element("td", "");
    const found = between(row, column).map((d) => seen(d, row));
    if (!found.length) return element("td", "–", { title: "not tested" });
    const [, style] = ANSWERS[found[0].answer];
    const title = found.map((d) => `${row} and ${column}: ${ANSWERS[d.answer][2]}`).join("; ");
    const marks = found.map((d) => ANSWERS[d.answer][0]).join(" ");
    return element("td", marks, { title, className: found.every((d) => d.answer === found[0].answer) ? style : "" });
  };
  const body = names.map((row, i) => element("tr", [
    element("th", `${i + 1} ${row}`, { scope: "row" }),
    ...names.map((column) => cell(row, column)),
  ]));
  $("matrix").replaceChildren(element("thead", head), element("tbody", body));
}

// A variant in detail.

function details(row) {
  const detail = byLabel.get(row.from).details[row.variant];
  const key = measure(row);
  const content = $("drawer-content");
  const fact = (term, value) => (value === null || value === "" || value === undefined ? [] : [element("dt", term), element("dd", value)]);
  const round = (x) => (x === null ? null : key === "loss" ? x.toExponential(2) : x.toFixed(4));
  const four = (x) => (x === null ? null : x.toFixed(4));
  const interval = row[`${key}_low`] === null ? "" : ` (${round(row[`${key}_low`])} to ${round(row[`${key}_high`])})`;
  const facts = element("dl", [
    ...fact(key === "loss" ? "mean squared error" : "accuracy", row[key] === null ? "all replicates diverged" : `${round(row[key])}${interval}`),
    ...fact(`within ${row.tolerance}`, key === "loss" ? four(row.accuracy) : null),
    ...fact("last epoch", round(row[`last_${key}`])),
    ...fact("published", row.published === null ? null : `${row.published}, ${row.verdict}. ${row.source}`),
    ...fact("kind", row.role), ...fact("data", row.set), ...fact("project", merged ? row.from : null),
    ...fact("parameters", row.parameters.toLocaleString("en")),
    ...fact("trainings", `${row.replicates}${row.diverged ? `, and ${row.diverged} diverged` : ""}`),
    ...fact("one training", detail.seconds === null ? null : `${detail.seconds} s of one thread, ${detail.memory} MiB`),
    ...fact("ROC-AUC", four(row.roc_auc)), ...fact("F1", four(row.f1)), ...fact("Brier score", four(row.brier)),
    ...fact("macro-F1", four(row.macro_f1)), ...fact("top-3 accuracy", four(row.top3_accuracy)),
  ], { className: "facts" });
  content.replaceChildren(
    element("h2", name(row), { id: "drawer-title" }), facts,
    element("h3", "Rebuild it"), element("pre", `rnnbench run ${row.variant}`),
  );
  const chart = (caption, options) => {
    const figure = element("figure", element("figcaption", caption));
    content.append(figure);
    draw(figure, options, caption);
  };
  const scale = key === "loss" ? { type: "log", tickFormat: "~e", label: "mean squared error" } : { label: "accuracy" };
  if (detail.curves) {
    const { epoch, training, validation } = detail.curves;
    const lines = validation.flatMap((line, i) => line.map((y, j) => ({ x: epoch[j], y, i })));
    const part = row.protocol === "same" ? "the samples that it learns"
      : row.validation_samples ? "its validation part"
      : "its evaluation part, as it has no validation part; nothing is chosen by it";
    chart(`Score by epoch: each training on ${part} (thin), the mean on the training parts (dashed)`, () => ({
      height: 260, marginLeft: 56, marginBottom: 40, x: { label: "epoch", ticks: Math.min(8, epoch.length), tickFormat: (e) => (Number.isInteger(e) ? String(e) : "") }, y: { grid: true, ...scale },
      marks: [
        Plot.line(lines, { x: "x", y: "y", z: "i", stroke: "var(--recurrent)", strokeOpacity: 0.55, strokeWidth: 1.2 }),
        Plot.line(training.map((y, j) => ({ x: epoch[j], y })), { x: "x", y: "y", stroke: "var(--strong)", strokeDasharray: "5 4", strokeWidth: 2 }),
      ],
    }));
  }
  const runs = detail.replicates.filter((run) => run[key] !== null);
  if (runs.length > 1) {
    chart("Each training, by its split", () => ({
      height: 200, marginLeft: 56, x: { label: "split", ticks: d3.max(runs, (r) => r.split) + 1, tickFormat: "d" }, y: { grid: true, nice: true, ...scale },
      marks: [Plot.dot(runs, { x: "split", y: key, fill: "var(--recurrent)", title: (r) => `seed ${r.seed}, epoch ${r.epoch}: ${r[key]}` })],
    }));
  }
  const square = (caption, points, x, y) => chart(caption, (width) => {
    const limits = d3.extent(points.flat());
    return {
      width: Math.min(width, 380), height: 300, marginLeft: 50, x: { label: x, domain: limits }, y: { label: y, domain: limits, grid: true },
      marks: [
        Plot.line(limits.map((v) => [v, v]), { strokeDasharray: "3 3", strokeOpacity: 0.6 }),
        Plot.dot(points, { x: (d) => d[0], y: (d) => d[1], fill: "var(--recurrent)", fillOpacity: 0.7, r: 3 }),
      ],
    };
  });
  const learned = row.role !== "baseline";
  if (learned && detail.calibration.length) square("Calibration: on the dashed line, probabilities are right", detail.calibration, "predicted probability", "share of positive labels");
  if (detail.scatter.length) square("Predicted and true numbers of the first training", detail.scatter, "true", "predicted");
  if (detail.classes.length) {
    const shown = detail.classes.slice(0, 15);
    chart("F1 of the most frequent classes", (width) => ({
      height: 30 + 22 * shown.length, marginLeft: 110, x: { domain: [0, 1], grid: true, label: "F1" }, y: { domain: shown.map((d) => d.class), label: null },
      marks: [Plot.barX(shown, { y: "class", x: "f1", fill: "var(--recurrent)", title: (d) => `${d.samples} samples` })],
    }));
  }
  if (learned && detail.errors.length) {
    content.append(element("h3", "Most confident misclassifications"), ...detail.errors.flatMap((e) => [
      element("p", `${e.label}, predicted ${e.predicted} with probability ${e.probability}: sample ${e.sample}`),
      element("blockquote", e.text ?? ""),
    ]));
  }
  content.append(element("h3", "Layers and settings"), element("pre", detail.settings));
}

const addressOf = (row) => `#variant=${encodeURIComponent(merged ? `${row.from}/${row.variant}` : row.variant)}`;

/** The variant of the address, null if there is none. */
function addressed() {
  const [, text] = location.hash.split("#variant=");
  return text ? rows.find((row) => addressOf(row) === `#variant=${text}` || row.variant === text) ?? null : null;
}

/** Shows what the address says: a variant, or the page. */
function follow() {
  const row = addressed();
  if (!row) return $("drawer").close();
  if (!$("drawer").open) $("drawer").showModal();
  details(row);
  $("drawer").scrollTop = 0;
}

function openDrawer(row) {
  // Inside a frame, such as that of MLflow, the address may be fixed.
  try {
    history.pushState("drawer", "", addressOf(row));
    follow();
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    $("drawer").showModal();
    details(row);
  }
}

$("drawer").addEventListener("close", () => {
  const row = addressed();
  if (!row) return;
  if (history.state === "drawer") history.back();
  else history.replaceState(null, "", location.href.split("#")[0]);
  [...document.querySelectorAll("button.open")].find((b) => b.dataset.variant === row.variant && b.dataset.from === row.from)?.focus();
});
addEventListener("popstate", follow);
// A click beside the drawer closes it.
$("drawer").addEventListener("click", (event) => event.target === $("drawer") && $("drawer").close());
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.open");
  if (button) openDrawer(rows.find((r) => r.from === button.dataset.from && r.variant === button.dataset.variant));
});

// The table: without this library it is a plain one.

const columns = [...document.querySelectorAll("#variants thead th")].map((th) => th.textContent);
const sources = { set: "data", cell: "cell", role: "kind", from: "project" };
const column = (title) => columns.indexOf(title);
// Empty cells come last, whichever way a column is sorted.
const known = (a, b, sign) => (a === "" || b === "" ? (a === "") - (b === "") : sign * (a - b));
DataTable.type("figure", {
  className: "dt-type-numeric",
  order: { asc: (a, b) => known(a, b, 1), desc: (a, b) => known(a, b, -1) },
});
DataTable.type("words", {
  order: {
    asc: (a, b) => (a === "") - (b === "") || a.localeCompare(b),
    desc: (a, b) => (a === "") - (b === "") || b.localeCompare(a),
  },
});
const figures = ["accuracy", "MSE", "95 % interval", "last epoch", "published", "trainings", "parameters", "seconds each"];
const table = new DataTable("#variants", {
  paging: false, order: [], autoWidth: false,
  columnDefs: [
    { targets: ["data", "kind"].map(column), visible: false },
    { targets: figures.map(column), type: "figure" },
    { targets: ["group", "verdict"].map(column), type: "words" },
  ],
  rowGroup: { dataSrc: column("data") },
  language: { search: "Filter", info: "_TOTAL_ variants", infoFiltered: "of _MAX_", infoEmpty: "no variant", zeroRecords: "No variant has these words." },
});
function group() {
  const chosen = column(sources[$("group").value]);
  if (chosen < 0) table.order.fixed({ pre: [] }).rowGroup().disable();
  // A group's rows have to follow each other.
  else table.order.fixed({ pre: [[chosen, "asc"]] }).rowGroup().enable().rowGroup().dataSrc(chosen);
  table.draw();
}
$("group").addEventListener("change", group);

const sets = [...new Set(publications.flatMap((p) => p.pairs.map((d) => d.set)))];
if (sets.length) {
  fill($("set"), sets, sets[0]);
  $("set").addEventListener("change", chooseSet);
  for (const id of ["first", "second"]) $(id).addEventListener("change", comparePair);
  chooseSet();
} else $("compare").hidden = true;

drawAll();
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  drawAll();
  if (sets.length) comparePair();
});
// Links lead into what is folded, also inside a frame that does not follow them; paper cannot be unfolded.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link) return;
  const target = $(link.hash.slice(1));
  if (target.matches(".page")) target.querySelector("details").open = true;
  // After the browser has noted where the reader was, for its way back.
  setTimeout(() => target.scrollIntoView());
});
const unfolded = [];
addEventListener("beforeprint", () => {
  unfolded.push(...document.querySelectorAll("details:not([open])"));
  unfolded.forEach((d) => (d.open = true));
});
addEventListener("afterprint", () => unfolded.splice(0).forEach((d) => (d.open = false)));
group();
follow();
