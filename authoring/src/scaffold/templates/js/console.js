// The `console` of the module {{name}}: what it is told goes to the job's log. `module.js` imports this file before all
// others.

import { write } from "minion:log/log@0.1.0";
import * as module from "./module.js";

// While the module is built, its files run down to what they export, and there is no log. What is said then is kept, and
// goes ahead of the first line that a job says.
const early = [];

function isBuilding() {
  try {
    Object.values(module);
    return false;
  } catch {
    return true;
  }
}

let indent = "";
const counts = new Map();
const starts = new Map();

function say(level, values) {
  early.push([level, format(values).replaceAll(/^/gm, indent)]);
  while (!isBuilding() && early.length > 0) {
    write(...early.shift(), []);
  }
}

// Fills in the `%s` of a first value that is a text, and shows the rest behind it.
function format([first, ...rest]) {
  const fill = (place, kind) => {
    if (kind === "%") return "%";
    if (rest.length === 0) return place;
    const value = rest.shift();
    if (kind === "s") return text(value);
    if (kind === "d" || kind === "i") return String(kind === "i" ? Number.parseInt(value, 10) : Number(value));
    if (kind === "f") return String(Number.parseFloat(value));
    if (kind === "c") return "";
    return show(value);
  };
  const start = typeof first === "string" ? first.replaceAll(/%([sdifjoOc%])/g, fill) : text(first);
  return [start, ...rest.map(text)].join(" ");
}

function text(value) {
  return typeof value === "string" ? value : show(value);
}

// A value as a person would write it. What refers to itself, and what is deep, is cut short.
function show(value, around = []) {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[function ${value.name || "without a name"}]`;
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  if (around.includes(value)) return "[circular]";
  if (value instanceof Error) return [`${value}`, value.stack].filter(Boolean).join("\n").trimEnd();
  if (value instanceof Date || value instanceof RegExp) return String(value);
  if (around.length === 5) return Array.isArray(value) ? "[…]" : "{…}";
  const within = (inner) => show(inner, [...around, value]);
  const list = (items, open, close) => {
    const shown = items.slice(0, 100);
    if (items.length > 100) shown.push(`… ${items.length - 100} more`);
    return shown.length === 0 ? open + close : `${open} ${shown.join(", ")} ${close}`;
  };
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return list(Array.from(value, within), "[", "]");
  if (value instanceof Map) return `Map ${list([...value].map((pair) => pair.map(within).join(" => ")), "{", "}")}`;
  if (value instanceof Set) return `Set ${list([...value].map(within), "{", "}")}`;
  const own = Object.keys(value).map((key) => `${/^[\w$]+$/.test(key) ? key : JSON.stringify(key)}: ${within(value[key])}`);
  const name = value.constructor?.name;
  return (name && name !== "Object" ? `${name} ` : "") + list(own, "{", "}");
}

const at = (level) => (...values) => say(level, values);

globalThis.console = {
  log: at("info"),
  info: at("info"),
  warn: at("warn"),
  error: at("error"),
  debug: at("debug"),
  trace: (...values) => say("debug", [...values, `\n${new Error().stack}`]),
  dir: (value) => say("info", [show(value)]),
  table: (value) => say("info", [show(value)]),
  assert: (holds, ...values) => holds || say("error", ["assertion failed:", ...values]),
  count: (label = "default") => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    say("info", [`${label}: ${counts.get(label)}`]);
  },
  countReset: (label = "default") => counts.delete(label),
  time: (label = "default") => starts.set(label, performance.now()),
  timeEnd: (label = "default") => say("info", [`${label}: ${(performance.now() - starts.get(label)).toFixed(3)} ms`]),
  group: (...values) => {
    if (values.length > 0) say("info", values);
    indent += "  ";
  },
  groupEnd: () => (indent = indent.slice(2)),
};
