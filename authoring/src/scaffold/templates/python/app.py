"""The module {{name}}. What each method does is said in `wit/module.wit`."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import job, log


class {{pascal}}(exports.{{pascal}}):
    def greet(self, name: str) -> str:
        return f"hello, {name}"

    def count(self, to: int) -> int:
        for number in range(1, to + 1):
            if job.cancelled():
                return number - 1
            job.progress(number, to, "counting")
        log.write(log.Level.INFO, f"counted to {to}", [])
        return to

    def divide(self, dividend: int, divisor: int) -> int:
        if divisor == 0:
            raise Err(f"cannot divide {dividend} by zero")
        return dividend // divisor
