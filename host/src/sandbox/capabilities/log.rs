//! `minion:log`: lines that a module logs.

use wire::message::call::{LogLevel, LogLine};

use self::bindings::minion::log::log::{Host, Level};
use super::package::Package;
use super::{Capability, interface};
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::events::cut;
use crate::sandbox::run::guest::Guest;

/// The longest message of one line, in bytes; a longer one is cut.
const MAX_MESSAGE: usize = 8 << 10;
/// The longest name or value of a field, in bytes; a longer one is cut.
const MAX_TEXT: usize = 8 << 10;
/// The most fields of one line; how many more there were is said in the last one.
const MAX_FIELDS: usize = 64;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability =
    Capability::ours("log", &[Package::ours("minion:log", &["log"])], DryRun::Same, link);

interface!(log, "../wit/log", "import minion:log/log@0.1.0;");

impl Host for Guest {
    fn write(&mut self, level: Level, message: String, fields: Vec<(String, String)>) {
        let message = cut(message, MAX_MESSAGE);
        let fields = kept(fields);
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.job.log.write(LogLine { level, message, fields });
    }
}

/// The fields of a line, as many as a line has room for.
fn kept(mut fields: Vec<(String, String)>) -> Vec<(String, String)> {
    let over = fields.len().saturating_sub(MAX_FIELDS);
    fields.truncate(MAX_FIELDS);
    // The memory of the fields that are left out must not be kept with the line.
    fields.shrink_to_fit();
    for (name, value) in &mut fields {
        (*name, *value) = (cut(std::mem::take(name), MAX_TEXT), cut(std::mem::take(value), MAX_TEXT));
    }
    if over > 0 {
        fields.reserve_exact(1);
        let plural = if over == 1 { "" } else { "s" };
        fields.push(("left-out".to_owned(), format!("{over} more field{plural}")));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_so_many_fields_and_says_how_many_it_left_out() {
        let fields = kept(vec![(String::new(), "x".repeat(MAX_TEXT + 1)); 1_000]);
        assert_eq!(fields.len(), MAX_FIELDS + 1);
        assert!(fields.capacity() <= MAX_FIELDS + 1);
        assert_eq!(fields[0].1.capacity(), MAX_TEXT);
        assert_eq!(fields[MAX_FIELDS].1, "936 more fields");
        let one_more = kept(vec![(String::new(), String::new()); MAX_FIELDS + 1]);
        assert_eq!(one_more[MAX_FIELDS].1, "1 more field");
    }
}
