// What `console.js` makes.
declare const console: {
  [name in "log" | "info" | "warn" | "error" | "debug" | "trace" | "dir" | "table" | "group"]: (...values: unknown[]) => void;
} & {
  assert(holds: unknown, ...values: unknown[]): void;
  groupEnd(): void;
} & { [name in "count" | "countReset" | "time" | "timeEnd"]: (label?: string) => void };
