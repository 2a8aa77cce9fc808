// The module `disk` in JavaScript. What each method does is said in `../wit/disk.wit`.

import { cancelled, progress } from "minion:job/job@0.1.0";
import { write } from "minion:log/log@0.1.0";
import { subscribeDuration } from "wasi:clocks/monotonic-clock@0.2.12";
import { getDirectories } from "wasi:filesystem/preopens@0.2.12";

export const disk = {
  greet(name) {
    return `hello, ${name}`;
  },

  usage(paths, threshold) {
    const report = { entries: [], total: 0, warnings: [] };
    paths.forEach((path, done) => {
      const entry = measure(path, report.warnings, (folder) => progress(done, paths.length, folder));
      entry.over = threshold !== null && entry.bytes > threshold;
      write("info", `${path}: ${entry.files} files, ${entry.bytes} bytes`, []);
      report.total += entry.bytes;
      report.entries.push(entry);
    });
    progress(paths.length, paths.length, "");
    report.warnings.sort();
    if (report.entries.some((entry) => entry.over)) {
      throw { tag: "over", val: report };
    }
    return report;
  },

  watch(path, bytes) {
    for (;;) {
      const found = measure(path, [], () => {}).bytes;
      progress(found, bytes, path);
      if (found >= bytes) {
        return found;
      }
      subscribeDuration(100_000_000).block();
    }
  },

  explode(message) {
    throw new Error(message);
  },

  spin() {
    for (;;) {}
  },
};

// Adds up what is below one path, telling each folder before it is looked into. Ends early when the job is cancelled.
function measure(path, warnings, tell) {
  const entry = { path, files: 0, bytes: 0, over: false };
  const waiting = [locate(path)];
  while (waiting.length > 0) {
    const place = waiting.pop();
    if (cancelled()) {
      throw { tag: "cancelled" };
    }
    tell(place.path);
    try {
      waiting.push(...add(place, entry));
    } catch {
      warnings.push(`cannot read "${place.path}"`);
    }
  }
  return entry;
}

// Finds a folder: the granted folder that it is in, and where it is in there. JavaScript has no files of its own, so
// these are WASI's functions, in which every path is relative to an open folder.
function locate(path) {
  const within = ([, granted]) => `${path}/`.startsWith(granted.endsWith("/") ? granted : `${granted}/`);
  const closest = (a, b) => b[1].length - a[1].length;
  const [found] = getDirectories().filter(within).sort(closest);
  if (!found) {
    throw { tag: "not-found", val: path };
  }
  const [root, granted] = found;
  const place = { root, path, below: path.slice(granted.length).replace(/^\/+/, "") || "." };
  let about;
  try {
    about = root.statAt({ symlinkFollow: true }, place.below);
  } catch {
    throw { tag: "not-found", val: path };
  }
  if (about.type !== "directory") {
    throw { tag: "not-a-folder", val: path };
  }
  return place;
}

// Adds the files of one folder to `entry`, and gives back the folders in it. A folder counts whole or, where its
// names cannot be read to the end, not at all.
function add({ root, path, below }, entry) {
  const folder = root.openAt({ symlinkFollow: true }, below, { directory: true }, { read: true });
  const folders = [];
  for (const name of names(folder)) {
    let about;
    try {
      about = folder.statAt({}, name);
    } catch {
      continue; // What has gone since its name was read does not count.
    }
    if (about.type === "directory") {
      folders.push({ root, path: `${path}/${name}`, below: `${below}/${name}` });
    } else if (about.type === "regular-file") {
      entry.files += 1;
      entry.bytes += about.size;
    }
  }
  folder[Symbol.dispose]();
  return folders;
}

function names(folder) {
  const stream = folder.readDirectory();
  const found = [];
  for (let item = stream.readDirectoryEntry(); item; item = stream.readDirectoryEntry()) {
    found.push(item.name);
  }
  stream[Symbol.dispose]();
  return found;
}
