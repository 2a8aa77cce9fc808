//! All the jobs of cron, as they stand in its files.

use failure::{Error, time};
use host_files::texts;

use crate::crontab;
use crate::exports::minion::cron::cron::Job;
use crate::schedule::Schedule;
use crate::zone::Zone;

const SYSTEM: &str = "/etc/crontab";
const FOLDER: &str = "/etc/cron.d";
/// Where the crontabs of the users are on Debian, and on others.
const SPOOLS: [&str; 2] = ["/var/spool/cron/crontabs", "/var/spool/cron"];

/// The jobs of the host.
pub(crate) fn jobs(zone: &Zone, now: i64) -> Result<Vec<Job>, Error> {
    let mut jobs = Vec::new();
    let mut add = |file: String, user: Option<&str>| {
        if let Some(text) = texts::found(&file)? {
            jobs.extend(read(&text, &file, user, zone, now));
        }
        Ok::<_, Error>(())
    };
    add(SYSTEM.to_owned(), None)?;
    let spools = SPOOLS.map(texts::names);
    let [debian, others] = spools;
    let debian = debian?;
    let is_debian =
        !debian.is_empty() || others.as_ref().is_ok_and(|names| names.iter().any(|it| it == "crontabs"));
    for name in texts::names(FOLDER)?.iter().filter(|name| is_read(name, is_debian)) {
        add(format!("{FOLDER}/{name}"), None)?;
    }
    let (spool, users) = if is_debian { (SPOOLS[0], debian) } else { (SPOOLS[1], others?) };
    for user in users.iter().filter(|user| !user.starts_with('.') && !user.starts_with("tmp.")) {
        add(format!("{spool}/{user}"), Some(user))?;
    }
    Ok(jobs)
}

/// Whether cron reads a file of its folder: Debian's only those whose names have no dot.
fn is_read(name: &str, is_debian: bool) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if is_debian { name.chars().all(is_plain) } else { !name.starts_with(['.', '#']) && !name.ends_with('~') }
}

/// The jobs in a file: of one user, or with the user in each line.
fn read<'a>(
    text: &'a str,
    file: &'a str,
    user: Option<&'a str>,
    zone: &'a Zone,
    now: i64,
) -> impl Iterator<Item = Job> + 'a {
    let (mut named, mut has_own_zone) = (None, false);
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            named = crontab::name(line).or(named);
            return None;
        }
        has_own_zone |= line.starts_with("CRON_TZ");
        let name = named.take();
        let (fields, user, command) = fields(line, user)?;
        let schedule = Schedule::read(&fields).ok()?;
        let next = if has_own_zone { None } else { schedule.next(now, zone) };
        Some(Job {
            user: user.to_owned(),
            schedule: fields.join(" "),
            command: command.to_owned(),
            next: next.map(time),
            name: name.map(str::to_owned),
            file: file.to_owned(),
        })
    })
}

/// The fields of the schedule, the user and the command of a line.
fn fields<'a>(line: &'a str, user: Option<&'a str>) -> Option<(Vec<&'a str>, &'a str, &'a str)> {
    // With `-` in front nothing is written to the log.
    let mut rest = line.strip_prefix('-').unwrap_or(line);
    let mut word = || {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        rest = after.trim_start();
        Some(word)
    };
    let count = if line.starts_with('@') { 1 } else { 5 };
    let fields = (0..count).map(|_| word()).collect::<Option<Vec<_>>>()?;
    let user = match user {
        Some(user) => user,
        None => word()?,
    };
    (!rest.is_empty()).then_some((fields, user, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_jobs_with_and_without_a_user() {
        let text = "SHELL=/bin/sh\n# m h\n17 *\t* * *\troot\tcd / && run-parts\n@daily  ann x y\n-*/5 * * * * ann  z\n\
                    nonsense\n99 * * * * root x\nCRON_TZ=Asia/Tokyo\n1 1 * * * root later\n";
        let found: Vec<Job> = read(text, "/etc/crontab", None, &Zone::utc(), 0).collect();
        let told: Vec<_> =
            found.iter().map(|it| (it.schedule.as_str(), it.user.as_str(), it.command.as_str())).collect();
        assert_eq!(
            told,
            [
                ("17 * * * *", "root", "cd / && run-parts"),
                ("@daily", "ann", "x y"),
                ("*/5 * * * *", "ann", "z"),
                ("1 1 * * *", "root", "later")
            ]
        );
        assert_eq!(found[0].next.as_ref().map(|next| next.seconds), Some(17 * 60));
        assert_eq!((&found[3].next, &found[3].name), (&None, &None));
        let text = "# overlord: backup\n@hourly x\n@hourly y\n";
        let found: Vec<Job> = read(text, "f", Some("ann"), &Zone::utc(), 0).collect();
        assert_eq!((found[0].name.as_deref(), found[1].name.as_deref()), (Some("backup"), None));
        assert!(found.iter().all(|job| job.user == "ann"));
    }

    #[test]
    fn what_packages_left_behind_is_not_read() {
        assert!(is_read("e2scrub_all", true) && !is_read("x.dpkg-old", true) && is_read("x.cron", false));
        assert!(!is_read(".placeholder", true) && !is_read(".x", false) && !is_read("x~", false));
    }
}
