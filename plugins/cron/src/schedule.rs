//! When cron runs a job.

use failure::Error;

use crate::zone::Zone;

/// How many days are looked through: the 29th of February is up to eight years away.
const MOST_DAYS: i64 = 9 * 366;
const DAY: i64 = 24 * 60 * 60;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The words that stand for five fields.
const WORDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The points in time at which a job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// Whenever the host starts.
    Reboot,
    /// Whenever a clock shows these.
    Times(Box<Times>),
}

/// What a clock shows: a bit for each number that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether the day of the month, or that of the week, begins with a star: then both have to fit, and else one is enough.
    is_any_day: bool,
    /// Whether the minute or the hour begins with one: such jobs go by what the clock shows, also where it is set.
    is_often: bool,
}

impl Schedule {
    /// A schedule as operators write it.
    ///
    /// # Errors
    /// With what is wrong.
    pub(crate) fn given(text: &str) -> Result<Self, Error> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if text.contains(['\n', '\r']) || !(fields.len() == 5 || fields.len() == 1) {
            return Err(Error::Invalid(
                "the schedule is none: write five fields, like \"30 2 * * mon-fri\", or a word such as \"@daily\"".to_owned(),
            ));
        }
        Self::read(&fields).map_err(|why| Error::Invalid(format!("the schedule is none: {why}")))
    }

    /// The same of its fields, or of its one word.
    pub(crate) fn read(fields: &[&str]) -> Result<Self, String> {
        match fields {
            ["@reboot"] => Ok(Self::Reboot),
            [word] => match WORDS.iter().find(|(known, _)| known == word) {
                Some((_, meant)) => Self::read(&meant.split(' ').collect::<Vec<_>>()),
                None => {
                    let known: Vec<&str> = WORDS.iter().map(|(known, _)| *known).collect();
                    Err(format!("the words are {} and @reboot", known.join(", ")))
                }
            },
            [minutes, hours, days, months, weekdays] => {
                let week = field("day of the week", weekdays, 0, 7, &WEEKDAYS)?;
                Ok(Self::Times(Box::new(Times {
                    minutes: field("minute", minutes, 0, 59, &[])?,
                    hours: field("hour", hours, 0, 23, &[])?,
                    days: field("day of the month", days, 1, 31, &[])?,
                    months: field("month", months, 1, 12, &MONTHS)?,
                    // Sunday is 0, and 7 as well.
                    weekdays: (week | (week >> 7)) & 0x7f,
                    is_any_day: days.starts_with('*') || weekdays.starts_with('*'),
                    is_often: minutes.starts_with('*') || hours.starts_with('*'),
                })))
            }
            _ => Err("it has five fields, or is one word".to_owned()),
        }
    }

    /// When it is the next time, in seconds since 1970; none where it never is, or with the host's start.
    pub(crate) fn next(&self, after: i64, zone: &Zone) -> Option<i64> {
        let Self::Times(times) = self else { return None };
        let today = (after + zone.offset(after)).div_euclid(DAY);
        // The clock may have been set back over midnight.
        (today - 1..today + MOST_DAYS).filter(|day| times.is_day(*day)).find_map(|day| {
            let shown = (0..24 * 60).filter(|minute| times.is_minute(*minute));
            shown
                .flat_map(|minute| zone.instants(day * DAY + minute * 60, times.is_often))
                .filter(|instant| *instant > after)
                .min()
        })
    }
}

impl Times {
    /// Whether it runs on a day, which is so many after the first of 1970.
    fn is_day(&self, day: i64) -> bool {
        let (month, date) = month_and_date(day);
        // The first of 1970 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let (by_date, by_weekday) = (has(self.days, date), has(self.weekdays, weekday));
        let fits = if self.is_any_day { by_date && by_weekday } else { by_date || by_weekday };
        has(self.months, month) && fits
    }

    /// Whether it runs in a minute of such a day.
    fn is_minute(&self, minute: i64) -> bool {
        has(self.hours, minute / 60) && has(self.minutes, minute % 60)
    }
}

fn has(bits: u64, number: i64) -> bool {
    bits >> number & 1 == 1
}

/// The numbers of one field: `*`, `5`, `1-5`, `*/15`, `mon,wed`.
fn field(what: &str, text: &str, first: u32, last: u32, names: &[&str]) -> Result<u64, String> {
    let mut bits = 0;
    for part in text.split(',') {
        let wrong = || {
            let part: String = part.chars().take(40).collect();
            format!("\"{}\" is no {what}, which is {first} to {last}", part.escape_debug())
        };
        let number = |text: &str| {
            let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
            let named =
                named.and_then(|place| u32::try_from(place).ok()).map(|place| place + u32::from(first == 1));
            let is_number = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = named.or_else(|| text.parse().ok().filter(|_| is_number));
            number.filter(|number| (first..=last).contains(number)).ok_or_else(wrong)
        };
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, step.parse().ok().filter(|step| (1..=last).contains(step)).ok_or_else(wrong)?)
            }
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None if range == "*" => (first, last),
            // A step from one number on has no end that cron agrees on.
            None if part.contains('/') => return Err(wrong()),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return Err(wrong());
        }
        bits = (from..=to).step_by(step as usize).fold(bits, |bits, number| bits | 1 << number);
    }
    Ok(bits)
}

/// The month and the day of it, of the day that is so many after the first of 1970.
fn month_and_date(day: i64) -> (i64, i64) {
    // Years begin in March here, so that the day that some of them have more is the last one. After Howard Hinnant.
    let day = day + 719_468;
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    (if month < 10 { month + 3 } else { month - 9 }, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(schedule: &str, after: i64, zone: &Zone, count: usize) -> Vec<String> {
        let schedule = Schedule::given(schedule).expect("a schedule");
        let first = schedule.next(after, zone);
        let all = std::iter::successors(first, |after| schedule.next(*after, zone));
        all.take(count).map(|seconds| failure::time(seconds).text).collect()
    }

    /// 2026-11-26, a Thursday, at 07:48:55.
    const NOW: i64 = 1_795_679_335;

    #[test]
    fn the_next_times_are_those_of_cron() {
        for (schedule, next) in [
            ("*/20 * * * *", ["2026-11-26T08:00:00Z", "2026-11-26T08:20:00Z"]),
            ("30 2 * * *", ["2026-11-27T02:30:00Z", "2026-11-28T02:30:00Z"]),
            ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
            ("5,10-11 9 * * mon-FRI", ["2026-11-26T09:05:00Z", "2026-11-26T09:10:00Z"]),
            ("0 12 * * 7", ["2026-11-29T12:00:00Z", "2026-12-06T12:00:00Z"]),
            // Either of two days is enough, unless one of them is a star.
            ("0 0 1 * sun", ["2026-11-29T00:00:00Z", "2026-12-01T00:00:00Z"]),
            ("0 0 */2 * sun", ["2026-11-29T00:00:00Z", "2026-12-13T00:00:00Z"]),
            ("@monthly", ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        ] {
            assert_eq!(runs(schedule, NOW, &Zone::utc(), 2), next, "{schedule}");
        }
        assert!(runs("0 0 31 feb *", NOW, &Zone::utc(), 1).is_empty());
        assert!(runs("@reboot", NOW, &Zone::utc(), 1).is_empty());
    }

    #[test]
    fn clocks_that_are_set_neither_skip_nor_double_a_job() {
        let zone = Zone::of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
        // On 2026-03-29 the clock goes from 02:00 to 03:00, and on 2026-10-25 from 03:00 to 02:00.
        let (spring, autumn) = (1_774_656_000, 1_792_800_000);
        assert_eq!(runs("30 2 * * *", spring, &zone, 2), ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z"]);
        assert_eq!(runs("30 2 * * *", autumn, &zone, 2), ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z"]);
        let often = runs("30 * * * *", 1_792_884_600 - 1, &zone, 4);
        assert_eq!(
            often,
            ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
        );
    }

    #[test]
    fn what_cron_would_not_take_is_refused() {
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "5/2 * * * *",
            "a * * * *",
            "1, * * * *",
            "+1 * * * *",
            "@often",
            "0 0 * *\n*",
            "; id",
        ] {
            assert!(matches!(Schedule::given(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
