//! The module {{name}}. What each method does is said in `wit/module.wit`.

use exports::my::{{snake}}::{{snake}}::Guest;
use minion::job::job;
use minion::log::log::{self, Level};

wit_bindgen::generate!({ path: "wit", world: "module", generate_all });

struct Module;

export!(Module);

impl Guest for Module {
    fn greet(name: String) -> String {
        format!("hello, {name}")
    }

    fn count(to: u32) -> u32 {
        for number in 1..=to {
            if job::cancelled() {
                return number - 1;
            }
            job::progress(number.into(), to.into(), "counting");
        }
        log::write(Level::Info, &format!("counted to {to}"), &[]);
        to
    }

    fn divide(dividend: u32, divisor: u32) -> Result<u32, String> {
        dividend.checked_div(divisor).ok_or_else(|| format!("cannot divide {dividend} by zero"))
    }
}
