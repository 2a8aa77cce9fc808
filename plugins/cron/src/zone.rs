//! The time zone of the host.

use std::fs;

use failure::{Error, Failure, read};
use tz::TimeZone;

/// Where the zones are.
const ZONES: &str = "/usr/share/zoneinfo/";
const LOCAL: &str = "/etc/localtime";
const DAY: i64 = 24 * 60 * 60;

/// A time zone.
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// That of the host; UTC where it says none, as the system has it then.
    pub(crate) fn of_host() -> Result<Self, Error> {
        let path = match read(&["readlink", "-f", "--", LOCAL]) {
            Ok(output) => output.stdout_text().trim().to_owned(),
            Err(Error::Failed(Failure { .. })) => return Ok(Self::utc()),
            Err(error) => return Err(error),
        };
        if path != LOCAL && !path.starts_with(ZONES) {
            return Err(Error::Unsupported(format!(
                "{LOCAL} leads to {path}, which is no time zone in {ZONES}"
            )));
        }
        match fs::read(&path) {
            Ok(bytes) => Self::read(&bytes)
                .ok_or_else(|| Error::Other(format!("{path} says what cannot be read: it is no time zone"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::utc()),
            Err(error) => Err(Error::Denied(format!("{path} ({error}): `minion grant cron` grants it"))),
        }
    }

    pub(crate) fn utc() -> Self {
        Self(TimeZone::utc())
    }

    /// What a file of a zone says.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        TimeZone::from_tz_data(bytes).ok().map(Self)
    }

    /// By how many seconds clocks are ahead at a point in time.
    pub(crate) fn offset(&self, seconds: i64) -> i64 {
        self.0.find_local_time_type(seconds).map_or(0, |kind| i64::from(kind.ut_offset()))
    }

    /// The points in time at which clocks show this, in seconds since 1970 as it would be in UTC. Where they skip it, that at
    /// which they do, and where they show it twice, the first: unless each time counts.
    pub(crate) fn instants(&self, shown: i64, is_often: bool) -> Vec<i64> {
        let (before, after) = (self.offset(shown - DAY), self.offset(shown + DAY));
        let mut found: Vec<i64> = [before, after]
            .into_iter()
            .filter(|ahead| self.offset(shown - ahead) == *ahead)
            .map(|ahead| shown - ahead)
            .collect();
        found.sort_unstable();
        found.dedup();
        if is_often {
            return found;
        }
        found.truncate(1);
        if found.is_empty() {
            found.push(self.change(shown - before.max(after), shown - before.min(after)));
        }
        found
    }

    /// When clocks are set between two points in time.
    fn change(&self, mut before: i64, mut after: i64) -> i64 {
        let old = self.offset(before);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.offset(middle) == old { before = middle } else { after = middle }
        }
        after
    }

    /// The zone of a rule, as `TZ` has them.
    #[cfg(test)]
    pub(crate) fn of_rule(rule: &str) -> Self {
        // A file of the second version that has no dates of its own, and the rule.
        let header = |version: u8| {
            let counts: [u32; 6] = [0, 0, 0, 0, 1, 4];
            let mut bytes = [&b"TZif"[..], &[version], &[0; 15]].concat();
            bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
            bytes.extend([0, 0, 0, 0, 0, 0]);
            bytes.extend(b"UTC\0");
            bytes
        };
        let bytes = [header(b'2'), header(b'2'), format!("\n{rule}\n").into_bytes()].concat();
        Self::read(&bytes).expect("a zone")
    }
}
