//! Points in time: those that operators write, and those that lines begin with.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use failure::{Error, read};

/// How far a date without a year may lie ahead, where clocks are not set alike.
const AHEAD: i64 = 24 * 3600;

/// What tells the time on this host: its own dates have no zone.
pub(crate) struct Clock {
    /// The seconds since 1970.
    pub(crate) now: i64,
    /// How many seconds its zone is ahead.
    ahead: i64,
}

impl Clock {
    /// That of the host.
    pub(crate) fn of_host() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        // Where it cannot be asked, its dates are taken for those of UTC.
        let zone = read(&["date", "+%z"]).map(|output| output.stdout_text()).unwrap_or_default();
        Self { now, ahead: zone_of(zone.trim().as_bytes()).unwrap_or(0) }
    }

    /// What an operator means by a point in time.
    ///
    /// # Errors
    /// With what can be written.
    pub(crate) fn point(&self, what: &str, text: &str) -> Result<i64, Error> {
        let text = text.trim();
        let ago = || {
            let ago: Duration = humantime::parse_duration(text.strip_suffix(" ago").unwrap_or(text)).ok()?;
            Some(self.now.saturating_sub(i64::try_from(ago.as_secs()).unwrap_or(i64::MAX)))
        };
        let counted = || text.strip_prefix('@')?.parse().ok();
        let written = || {
            let rest = match text.len() {
                10 => " 00:00:00",
                16 => ":00",
                _ => "",
            };
            let whole = [text, rest].concat();
            let (seconds, read) = self.numbered(whole.as_bytes())?;
            (read == whole.len()).then_some(seconds)
        };
        ago().or_else(counted).or_else(written).ok_or_else(|| {
            Error::Invalid(format!(
                "`{what}` is no point in time: write it like \"2h\" (ago), \"2026-07-01 12:30\" or \"2026-07-01T12:30:00Z\""
            ))
        })
    }

    /// The date that a line begins with, or that stands behind the address of a request.
    pub(crate) fn date(&self, line: &[u8]) -> Option<i64> {
        let line = &line[..line.len().min(200)];
        let numbered = |line| self.numbered(line).map(|(seconds, _)| seconds);
        match line.first()? {
            b'0'..=b'9' => numbered(line).or_else(|| self.bracketed(line)),
            b'A'..=b'Z' => self.without_year(line),
            b'[' => numbered(&line[1..]).or_else(|| self.bracketed(line)),
            _ => self.bracketed(line),
        }
    }

    /// `2026-07-01T12:30:00.5+02:00`, `2026-07-01 12:30:00`, `2026/07/01 12:30:00`, and how many bytes it is long.
    fn numbered(&self, line: &[u8]) -> Option<(i64, usize)> {
        if !matches!(
            (line.get(4)?, line.get(7)?, line.get(10)?),
            (b'-', b'-', b'T' | b' ') | (b'/', b'/', b' ')
        ) {
            return None;
        }
        let day = (number(line, 0..4)?, number(line, 5..7)?, number(line, 8..10)?);
        let here = date(day, line.get(11..)?)?;
        let mut read = 19;
        if let Some(b'.' | b',') = line.get(read) {
            read += 1 + line[read + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        }
        let zone = |length: usize| Some((zone_of(line.get(read..read + length)?)?, read + length));
        let (ahead, read) = match line.get(read) {
            Some(b'Z') => (0, read + 1),
            Some(b'+' | b'-') => zone(6).or_else(|| zone(5))?,
            _ => (self.ahead, read),
        };
        Some((here - ahead, read))
    }

    /// `Jul  1 12:30:00`, which is in the year in which it is past.
    fn without_year(&self, line: &[u8]) -> Option<i64> {
        let day = line.get(4..6).filter(|_| line[3] == b' ')?;
        let day = if day[0] == b' ' { number(day, 1..2)? } else { number(day, 0..2)? };
        let (month, time) = (month(line.get(..3)?)?, line.get(7..).filter(|_| line[6] == b' ')?);
        let today = failure::time(self.now + self.ahead).text;
        let year = number(today.as_bytes(), 0..4)?;
        (0..=4).find_map(|before| {
            let seconds = date((year - before, month, day), time)? - self.ahead;
            (seconds <= self.now + AHEAD).then_some(seconds)
        })
    }

    /// `… [01/Jul/2026:12:30:00 +0200] …`.
    fn bracketed(&self, line: &[u8]) -> Option<i64> {
        let line = line.get(memchr::memchr(b'[', line)? + 1..)?;
        if (line.get(2)?, line.get(6)?, line.get(11)?) != (&b'/', &b'/', &b':') {
            return None;
        }
        let here = date((number(line, 7..11)?, month(&line[3..6])?, number(line, 0..2)?), line.get(12..)?)?;
        Some(here - line.get(21..26).and_then(zone_of).unwrap_or(self.ahead))
    }
}

/// A day, and the time that a text begins with: `12:30:00`. The seconds since 1970 in a zone that is not ahead.
fn date((year, month, day): (u16, u16, u16), time: &[u8]) -> Option<i64> {
    let time = std::str::from_utf8(time.get(..8)?).ok()?;
    let date = humantime::parse_rfc3339_weak(&format!("{year:04}-{month:02}-{day:02} {time}")).ok()?;
    Some(failure::time_of(date).seconds)
}

fn number(text: &[u8], place: Range<usize>) -> Option<u16> {
    let digits = text.get(place).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn month(name: &[u8]) -> Option<u16> {
    const NAMES: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    (1..).zip(NAMES.chunks(3)).find_map(|(number, known)| (known == name).then_some(number))
}

/// How many seconds a zone is ahead: `+0200` or `+02:00`.
fn zone_of(text: &[u8]) -> Option<i64> {
    let minutes = match text {
        [_, _, _, b':', _, _] => 4..6,
        [_, _, _, _, _] => 3..5,
        _ => return None,
    };
    let ahead = i64::from(number(text, 1..3)?) * 3600 + i64::from(number(text, minutes)?) * 60;
    match text[0] {
        b'+' => Some(ahead),
        b'-' => Some(-ahead),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The first of July of 2026, at half past twelve, in a zone that is two hours ahead.
    pub(crate) fn noon() -> Clock {
        Clock { now: 1_782_901_800, ahead: 7200 }
    }

    #[test]
    fn points_in_time_are_written_as_people_do() {
        let clock = noon();
        for (text, seconds) in [
            ("2h", clock.now - 7200),
            ("1d 12h", clock.now - 36 * 3600),
            ("30min ago", clock.now - 1800),
            ("@17", 17),
            ("2026-07-01T10:30:00Z", clock.now),
            ("2026-07-01T12:30:00+02:00", clock.now),
            ("2026-07-01 12:30", clock.now),
            ("2026-07-01 12:30:00", clock.now),
            ("2026-07-01", clock.now - 12 * 3600 - 1800),
        ] {
            assert_eq!(clock.point("since", text), Ok(seconds), "{text:?}");
        }
        for bad in ["", "; touch x", "soon", "-1h", "@x", "2026-13-01", "--file=x"] {
            assert!(matches!(clock.point("since", bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn lines_begin_with_dates_of_many_kinds() {
        let clock = noon();
        for line in [
            "2026-07-01T12:30:00.123456+02:00 web1 sshd[1]: x",
            "2026-07-01T10:30:00Z x",
            "2026-07-01 12:30:00,5 INFO x",
            "2026-07-01 12:30:00 status installed x",
            "2026/07/01 12:30:00 [error] 12#12: x",
            "[2026-07-01 12:30:00] x",
            "Jul  1 12:30:00 web1 sshd[1]: x",
            "10.0.0.1 - - [01/Jul/2026:12:30:00 +0200] \"GET / HTTP/1.1\" 200 1",
            "::1 - - [01/Jul/2026:10:30:00 +0000] x",
        ] {
            assert_eq!(clock.date(line.as_bytes()), Some(clock.now), "{line:?}");
        }
        // It would lie in the future, so it was a year ago.
        assert_eq!(clock.date(b"Dec 31 12:30:00 x"), Some(clock.now - 182 * 24 * 3600));
        for line in
            ["", "x", "    at Foo.bar(Foo.java:1)", "2026", "[", "20260701", "2026-07-01T99:00:00Z", "\u{e4}"]
        {
            assert_eq!(clock.date(line.as_bytes()), None, "{line:?}");
        }
    }
}
