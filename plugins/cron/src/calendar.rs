//! When systemd runs what has a schedule of its kind.

use failure::{Error, Failure, Timestamp, of_systemd, read, time_of};

/// The longest schedule.
const MAX_SCHEDULE: usize = 200;

/// The next times, as `systemd-analyze` tells.
pub(crate) fn runs(schedule: &str, count: u32) -> Result<Vec<Timestamp>, Error> {
    let schedule = schedule.trim();
    let is_fit = |c: char| c.is_ascii_alphanumeric() || " *:.,/~_-".contains(c);
    if schedule.is_empty()
        || schedule.len() > MAX_SCHEDULE
        || schedule.starts_with('-')
        || !schedule.chars().all(is_fit)
        || schedule.split(['/', ':', ',']).any(|part| part == "..")
    {
        return Err(none());
    }
    let iterations = format!("--iterations={count}");
    match read(&["systemd-analyze", "calendar", &iterations, "--", schedule]) {
        Ok(output) => Ok(times(&output.stdout_text())),
        Err(Error::Failed(Failure { stderr, .. })) if stderr.contains("parse calendar") => Err(none()),
        Err(error) => Err(of_systemd(error)),
    }
}

fn none() -> Error {
    Error::Invalid(
        "the schedule is none of systemd's: write it like \"Mon..Fri 02:30\", \"daily\" or \"*:0/15\""
            .to_owned(),
    )
}

/// The times in what it prints. Those in another zone have the same in UTC behind them.
fn times(text: &str) -> Vec<Timestamp> {
    let mut found: Vec<&str> = Vec::new();
    for line in text.lines() {
        let Some((what, time)) = line.split_once(": ") else { continue };
        match what.trim() {
            "(in UTC)" => {
                found.pop();
                found.push(time);
            }
            "Next elapse" => found.push(time),
            what if what.starts_with("Iter") => found.push(time),
            _ => {}
        }
    }
    found.into_iter().filter_map(time).collect()
}

/// `Fri 2026-11-27 01:30:00 UTC`.
fn time(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace().skip(1);
    let (day, time) = (words.next()?, words.next()?);
    let time = humantime::parse_rfc3339_weak(&format!("{day} {time}")).ok()?;
    (words.next() == Some("UTC")).then(|| time_of(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_utc() {
        let text = "  Original form: daily\nNormalized form: *-*-* 00:00:00\n    Next elapse: Fri 2026-11-27 00:00:00 CET\n\
                    \x20      (in UTC): Thu 2026-11-26 23:00:00 UTC\n       From now: 4h 10min left\n\
                    \x20      Iter. #2: Sat 2026-11-28 00:00:00 CET\n       (in UTC): Fri 2026-11-27 23:00:00 UTC\n";
        let told: Vec<String> = times(text).into_iter().map(|time| time.text).collect();
        assert_eq!(told, ["2026-11-26T23:00:00Z", "2026-11-27T23:00:00Z"]);
        let plain = "    Next elapse: Fri 2026-11-27 01:30:00 UTC\n       From now: 6h left\n";
        assert_eq!(times(plain).len(), 1);
        assert!(times("    Next elapse: never\n").is_empty());
    }

    #[test]
    fn what_is_no_schedule_never_reaches_systemd() {
        for bad in ["", "-H", "daily\n[Service]", "daily%n", "$(id)", "; id", "../..", &"x".repeat(300)] {
            assert!(matches!(runs(bad, 1), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
