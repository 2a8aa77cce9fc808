//! What a check prints: a line of text, numbers behind a `|`, then more of both.

use crate::exports::minion::nagios::nagios::{Bounds, Checked, Metric, State};

pub(crate) fn read(state: State, text: &str) -> Checked {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (summary, numbers) = first.split_once('|').unwrap_or((first, ""));
    let (details, more) = rest.split_once('|').unwrap_or((rest, ""));
    let lines =
        |text: &str| -> Vec<String> { text.trim().lines().map(|line| line.trim_end().to_owned()).collect() };
    Checked {
        state,
        summary: summary.trim().to_owned(),
        metrics: metrics(numbers).chain(metrics(more)).collect(),
        details: lines(details),
    }
}

/// Numbers as `'label'=value[unit];[warning];[critical];[min];[max]`, with blanks between them.
fn metrics(text: &str) -> impl Iterator<Item = Metric> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let end = end(rest);
            let (word, after) = rest.split_at(end);
            rest = after;
            if let Some(metric) = metric(word) {
                return Some(metric);
            }
        }
    })
}

/// Where the first number ends: at a blank that is in no quotes.
fn end(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn metric(word: &str) -> Option<Metric> {
    // Behind a label in quotes, since there may be a `=` in it.
    let at = match word.strip_prefix('\'') {
        Some(_) => word.rfind("'=")? + 1,
        None => word.find('=')?,
    };
    let (label, fields) = (word.get(..at)?, word.get(at + 1..)?);
    let label = match label.strip_prefix('\'').and_then(|label| label.strip_suffix('\'')) {
        // A quote in a label is written twice.
        Some(label) => label.replace("''", "'"),
        None => label.to_owned(),
    };
    let mut fields = fields.split(';');
    let first = fields.next()?;
    let mut next = || fields.next().filter(|field| !field.is_empty());
    let (warning, critical) = (next().and_then(bounds), next().and_then(bounds));
    let (min, max) = (next().and_then(number), next().and_then(number));
    let split =
        first.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+')).unwrap_or(first.len());
    let (value, unit) = first.split_at(split);
    let unit = if unit == "U" { "" } else { unit };
    (!label.is_empty()).then(|| Metric {
        label,
        value: number(value),
        unit: unit.to_owned(),
        warning,
        critical,
        min,
        max,
    })
}

/// A range: `10` is 0 to 10, `10:` 10 and more, `~:10` 10 and less, `10:20` between them, each bad outside; `@10:20` bad within.
fn bounds(text: &str) -> Option<Bounds> {
    let (inside, range) = match text.strip_prefix('@') {
        Some(range) => (true, range),
        None => (false, text),
    };
    let (low, high) = match range.split_once(':') {
        Some(("~", high)) => (None, high),
        Some(("", high)) => (Some(0.0), high),
        Some((low, high)) => (Some(number(low)?), high),
        None => (Some(0.0), range),
    };
    let high = if high.is_empty() { None } else { Some(number(high)?) };
    Some(Bounds { low, high, inside })
}

/// A number that is one, and not endless.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: Option<f64>, high: Option<f64>, inside: bool) -> Option<Bounds> {
        Some(Bounds { low, high, inside })
    }

    #[test]
    fn what_a_check_says_is_text_and_numbers() {
        let text = "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n/boot 68 MB (69%); | \
                    /boot=68MB;88;93;0;98\n'/home x'=69357MB;253404;253409;0;253414 \n";
        let checked = read(State::Ok, text);
        assert_eq!(checked.summary, "DISK OK - free space: / 3326 MB (56%);");
        assert_eq!(checked.details, ["/ 15272 MB (77%);", "/boot 68 MB (69%);"]);
        let labels: Vec<_> = checked.metrics.iter().map(|metric| metric.label.as_str()).collect();
        assert_eq!(labels, ["/", "/boot", "/home x"]);
        let first = &checked.metrics[0];
        assert_eq!(
            (first.value, first.unit.as_str(), first.min, first.max),
            (Some(2643.0), "MB", Some(0.0), Some(5968.0))
        );
        assert_eq!(
            (&first.warning, &first.critical),
            (&range(Some(0.0), Some(5948.0), false), &range(Some(0.0), Some(5958.0), false))
        );
    }

    #[test]
    fn labels_have_quotes_and_values_may_be_unknown() {
        let found: Vec<Metric> = metrics("'it''s a=b'=-1.5%;;;0 x=U nonsense =5 'y=3 z=1e5").collect();
        let told: Vec<_> = found.iter().map(|it| (it.label.as_str(), it.value, it.unit.as_str())).collect();
        assert_eq!(told[..2], [("it's a=b", Some(-1.5), "%"), ("x", None, "")]);
        assert_eq!((found[0].warning.clone(), found[0].min), (None, Some(0.0)));
    }

    #[test]
    fn ranges_are_read_as_checks_write_them() {
        assert_eq!(bounds("10"), range(Some(0.0), Some(10.0), false));
        assert_eq!(bounds("10:"), range(Some(10.0), None, false));
        assert_eq!(bounds("~:10"), range(None, Some(10.0), false));
        assert_eq!(bounds("@10:20"), range(Some(10.0), Some(20.0), true));
        assert_eq!(bounds(":20"), range(Some(0.0), Some(20.0), false));
        for bad in ["x", "a:b", "nan", "1:inf"] {
            assert_eq!(bounds(bad), None, "{bad}");
        }
    }
}
