"use strict";

// The pictures: panels above one another, over the same counts.

const LEFT = 64, RIGHT = 10, GAP = 32;

function element(parent, name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return parent.appendChild(made);
}

// About n round numbers.
function ticks(low, high, n) {
  const power = 10 ** Math.floor(Math.log10((high - low) / n));
  const step = [1, 2, 5, 10].map((m) => m * power).find((size) => (high - low) / size <= n);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + 1e-6 * step; i++) found.push(i * step);
  return found;
}

// The highest, and as many below it as there is room for.
function powersOfTen(low, high) {
  const step = Math.max(1, Math.ceil((high - low) / 4)), found = [];
  for (let power = high; power > low + step / 2; power -= step) found.push(power);
  return found;
}

function short(value) {
  const rounded = +value.toPrecision(4), size = Math.abs(rounded);
  if (!Number.isFinite(size)) return String(value).replace("Infinity", "∞");
  if (size && (size < 1e-3 || size >= 1e6)) return rounded.toExponential().replace("e+", "e");
  return rounded.toLocaleString("en", { maximumFractionDigits: 6 });
}

function bits(value) {
  const word = new DataView(new ArrayBuffer(4));
  word.setFloat32(0, value);
  return +value.toPrecision(9) + " (0x" + word.getUint32(0).toString(16).padStart(8, "0") + ")";
}

function halfUlp(value) {
  return Number.isFinite(value) ? 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -126) - 24) : 0;
}

// A line through the points, interrupted where a value is not finite.
function line(xs, ys) {
  let path = "", pen = "M";
  xs.forEach((x, i) => {
    if (Number.isFinite(ys[i])) path += pen + x.toFixed(1) + " " + ys[i].toFixed(1) + (pen === "M" ? "h0" : "");
    pen = Number.isFinite(ys[i]) ? "L" : "M";
  });
  return path;
}

// Each kind of panel: its height, the range of its scale, the marks there, its paths, and what it says of a point.
const KINDS = {
  pair({ ours, torch, float64 }) {
    const said = float64 ? short : bits;
    const values = [...ours, ...torch].filter(Number.isFinite);
    const low = Math.min(0, ...values), high = Math.max(0, ...values) || low + 1;
    return {
      height: 150, low, high, marks: ticks(low, high, 4).map((value) => [value, short(value)]),
      paths: (xs, y) => ({
        lost: xs.map((x, i) => (Number.isFinite(ours[i]) ? "" : line([x, x], [y(low), y(high)]))).join(""),
        torch: line(xs, torch.map(y)),
        ours: line(xs, ours.map(y)),
      }),
      says: (i) => "ours " + said(ours[i]) + ", PyTorch " + said(torch[i]),
    };
  },

  // Signed, with what rounding to float32 once may cost as a band behind it.
  error({ error }, { torch }) {
    const half = torch.map(halfUlp);
    const high = 1.1 * Math.max(...half, ...error.filter(Number.isFinite).map(Math.abs));
    return {
      height: 90, low: -high, high, marks: ticks(-high, high, 5).map((value) => [value, short(value)]),
      paths: (xs, y) => ({
        band: line([...xs, ...[...xs].reverse()], [...half, ...half.map((size) => -size).reverse()].map(y)),
        dots: xs.map((x, i) => line([x], [y(error[i])])).join(""),
      }),
      says: (i) => "signed error " + short(error[i]),
    };
  },

  // On a logarithmic scale. What is 0 lies on its lowest line, and what is infinite on its highest.
  distance({ distance, unit }) {
    const powers = distance.filter((size) => size > 0 && size < Infinity).map(Math.log10);
    const low = Math.floor(Math.min(0, ...powers)) - 1;
    const high = Math.max(low + 2, ...powers.map(Math.ceil));
    const infinite = distance.includes(Infinity) ? [[high + 1, "∞"]] : [];
    return {
      height: 70, low, high: high + infinite.length,
      marks: [
        [low, "0"], ...infinite,
        ...powersOfTen(low, high).map((power) => [power, short(10 ** power)]),
      ],
      paths: (xs, y) => ({
        stems: xs.map((x, i) => {
          const power = Math.min(Math.log10(distance[i]), high + 1);
          return power > low ? "M" + x.toFixed(1) + " " + y(low) + "V" + y(power).toFixed(1) : "";
        }).join(""),
      }),
      says: (i) => short(distance[i]) + " " + unit,
    };
  },
};

const LEGENDS = {
  pair: [["ours", "ours"], ["torch", "PyTorch"]],
  error: [["band", "half an ULP, which rounding once may cost"]],
};

const NUMBERS = new Map([["nan", NaN], ["inf", Infinity], ["-inf", -Infinity]]);

function draw(figure, width) {
  const data = JSON.parse(figure.querySelector("script").textContent, (_, value) => NUMBERS.get(value) ?? value);
  for (const panel of data.panels) {
    panel.torch ??= panel.ours;
    panel.distance ??= data.k.map(() => 0);
  }
  figure.querySelectorAll("svg, output").forEach((old) => old.remove());
  const first = data.k[0], last = data.k.at(-1);
  const at = (k) => LEFT + ((k - first) / (last - first || 1)) * (width - LEFT - RIGHT);
  const xs = data.k.map(at);
  const range = { "aria-valuemin": first, "aria-valuemax": last, "aria-valuenow": first };
  const svg = element(figure, "svg", { tabindex: 0, role: "slider", "aria-label": data.k_is, ...range });
  const said = document.createElement("output");

  let bottom = 0;
  const panels = data.panels.map((given) => {
    const panel = KINDS[given.kind](given, data.panels[0]);
    const top = bottom + GAP, base = top + panel.height;
    const y = (value) => base - ((value - panel.low) / (panel.high - panel.low)) * panel.height;
    const title = element(svg, "text", { x: LEFT, y: top - 10, class: "title" }, given.title);
    for (const [name, says] of LEGENDS[given.kind] ?? []) {
      element(title, "tspan", { class: name, dx: 16 }, name === "band" ? "▇" : "━");
      element(title, "tspan", { dx: 6 }, says);
    }
    for (const [value, label] of panel.marks) {
      element(svg, "path", { d: line([LEFT, width - RIGHT], [y(value), y(value)]) });
      element(svg, "text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, label);
    }
    for (const [name, d] of Object.entries(panel.paths(xs, y))) element(svg, "path", { d, class: name });
    bottom = base;
    return panel;
  });

  const upright = (k) => line([at(k), at(k)], [GAP, bottom]);
  const behind = (k, name) => svg.prepend(element(svg, "path", { d: upright(k), class: name }));
  for (const k of ticks(first, last, width / 100)) {
    element(svg, "text", { x: at(k), y: bottom + 18, "text-anchor": "middle" }, short(k));
  }
  element(svg, "text", { x: LEFT - 8, y: bottom + 18, "text-anchor": "end" }, data.k_is);
  let free = 0;
  for (const [k, what] of data.events) {
    behind(k, "event");
    const label = element(svg, "text", { x: at(k), y: bottom + 34, "text-anchor": "middle" }, what);
    const half = label.getComputedTextLength() / 2;
    if (at(k) - half < free || at(k) + half > width) label.remove();
    else free = at(k) + half + 8;
  }
  if (data.failure !== null) behind(data.failure, "failure");
  svg.setAttribute("viewBox", [0, 0, width, bottom + (data.events.length ? 40 : 24)].join(" "));

  const cursor = element(svg, "path", { class: "cursor" });
  svg.prepend(cursor);
  let chosen = data.k.indexOf(data.at);
  function choose(i) {
    chosen = Math.min(Math.max(i, 0), xs.length - 1);
    cursor.setAttribute("d", upright(data.k[chosen]));
    said.value = data.k_is + " " + data.k[chosen] + ": " + panels.map((panel) => panel.says(chosen)).join("; ");
    svg.setAttribute("aria-valuenow", data.k[chosen]);
    svg.setAttribute("aria-valuetext", said.value);
  }
  svg.addEventListener("pointermove", (event) => {
    const away = xs.map((x) => Math.abs(x - event.clientX + svg.getBoundingClientRect().left));
    choose(away.indexOf(Math.min(...away)));
  });
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -xs.length, End: xs.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    choose(chosen + by);
  });
  if (chosen >= 0) choose(chosen);
  else said.value = "Point at the picture, or press an arrow key in it, for the values at a " + data.k_is + ".";
  figure.append(said);
}

// Only what is seen is drawn, and again when its width has changed.
function drawOpen() {
  for (const figure of document.querySelectorAll("details[open] figure")) {
    const width = figure.clientWidth;
    if (!width || width === +figure.dataset.width) continue;
    figure.dataset.width = width;
    draw(figure, width);
  }
}

document.addEventListener("toggle", drawOpen, true); // it does not bubble
document.addEventListener("shown", drawOpen);
addEventListener("resize", drawOpen);
drawOpen();
