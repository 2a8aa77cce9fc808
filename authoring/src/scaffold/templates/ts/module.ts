// The module {{name}}. What each method does is said in `wit/module.wit`.

import "./console.js";
import { cancelled, progress } from "minion:job/job@0.1.0";
import type { Methods } from "my:{{wit}}/{{wit}}@0.1.0";

export const {{camel}}: Methods = {
  greet(name) {
    return `hello, ${name}`;
  },

  count(to) {
    for (let number = 1; number <= to; number++) {
      if (cancelled()) {
        return number - 1;
      }
      progress(number, to, "counting");
    }
    console.log(`counted to ${to}`);
    return to;
  },

  // What is thrown is the error that the method returns.
  divide(dividend, divisor) {
    if (divisor === 0) {
      throw `cannot divide ${dividend} by zero`;
    }
    return Math.floor(dividend / divisor);
  },
};
