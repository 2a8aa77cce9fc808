//! What a container wrote, in the order in which it did.

use std::time::SystemTime;

use crate::exports::minion::containers::containers::Line;
use crate::time;

/// The lines of both outputs by their times, the last of them.
pub(crate) fn merged(stdout: &str, stderr: &str, most: u32) -> Vec<Line> {
    let of = |text: &str, is_error: bool| -> Vec<(Option<SystemTime>, Line)> {
        text.lines().map(|line| read(line, is_error)).collect()
    };
    let mut lines = of(stdout, false);
    lines.extend(of(stderr, true));
    // Those of one time stay as they are.
    lines.sort_by_key(|(at, _)| *at);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let first = lines.len().saturating_sub(most);
    lines.into_iter().skip(first).map(|(_, line)| line).collect()
}

/// A line with the time in front of it; what has none stands as it is.
fn read(line: &str, is_error: bool) -> (Option<SystemTime>, Line) {
    let (begins, rest) = line.split_once(' ').unwrap_or((line, ""));
    let at = time::read(begins);
    let text = if at.is_some() { rest } else { line };
    (at, Line { time: at.map(failure::time_of), is_error, text: text.trim_end_matches('\r').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_outputs_stand_in_the_order_of_their_times() {
        let stdout = "2026-11-26T19:00:22.1Z one\n2026-11-26T19:00:22.3Z  three\r\n";
        let stderr = "2026-11-26T19:00:22.2Z two\n2026-11-26T19:00:23Z\n";
        let text = |most| -> Vec<(String, bool)> {
            merged(stdout, stderr, most).into_iter().map(|line| (line.text, line.is_error)).collect()
        };
        let line = |text: &str, is_error| (text.to_owned(), is_error);
        assert_eq!(text(10), [line("one", false), line("two", true), line(" three", false), line("", true)]);
        assert_eq!(text(1), [line("", true)]);
        assert_eq!(merged("no time\n", "", 5)[0].text, "no time");
    }
}
