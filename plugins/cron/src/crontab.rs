//! The crontab of a user, which `crontab` reads and writes.

use failure::{Change, Error, Failure, change_with, changed, read};

use crate::exports::minion::cron::cron::Wish;

/// The longest command that cron takes.
const MAX_COMMAND: usize = 900;
/// What stands before the line of a job that this module made, with its name behind it.
const MARK: &str = "# overlord: ";

/// That a text is a command.
pub(crate) fn check_command(command: &str) -> Result<(), Error> {
    if !command.trim().is_empty() && command.len() <= MAX_COMMAND && !command.contains(char::is_control) {
        return Ok(());
    }
    Err(Error::Invalid(format!("the command does not fit: write one line of 1 to {MAX_COMMAND} bytes")))
}

/// The name in a line that stands before that of a job.
pub(crate) fn name(line: &str) -> Option<&str> {
    line.strip_prefix(MARK).map(str::trim)
}

/// Sees to it that the crontab of a user has a job.
pub(crate) fn ensure(user: &str, wish: &Wish) -> Result<Change, Error> {
    let fields: Vec<&str> = wish.schedule.split_whitespace().collect();
    let line = format!("{} {}", fields.join(" "), wish.command.trim());
    let text = text(user)?;
    let Some(new) = with(&text, &wish.name, Some(&line)) else { return Ok(changed(Vec::new())) };
    write(user, new)?;
    Ok(changed(vec![format!("put the job {} into the crontab of {user}: {line}", wish.name)]))
}

/// Sees to it that it has none of this name.
pub(crate) fn remove(user: &str, name: &str) -> Result<Change, Error> {
    let text = text(user)?;
    let Some(new) = with(&text, name, None) else { return Ok(changed(Vec::new())) };
    write(user, new)?;
    Ok(changed(vec![format!("took the job {name} out of the crontab of {user}")]))
}

/// What stands in it.
fn text(user: &str) -> Result<String, Error> {
    match read(&["crontab", "-u", user, "-l"]) {
        // What is put in its place has all other lines as they are.
        Ok(output) if output.stdout_dropped == 0 => String::from_utf8(output.stdout).map_err(|_| {
            Error::Other(format!("the crontab of {user} is not text in UTF-8: change it with `crontab -e`"))
        }),
        Ok(_) => Err(Error::Other(format!("the crontab of {user} is too long to be changed from here"))),
        Err(Error::Failed(Failure { stderr, .. })) if stderr.contains("no crontab for") => Ok(String::new()),
        Err(Error::Unsupported(_)) => Err(Error::Unsupported(
            "this host has no cron: `cron.ensure-timer` is for timers of systemd".to_owned(),
        )),
        Err(error) => Err(error),
    }
}

fn write(user: &str, text: String) -> Result<(), Error> {
    change_with(&["crontab", "-u", user, "-"], text).map(drop)
}

/// A text with this line as the job of this name, where it first was or at the end; or without. Nothing where it is so already.
fn with(text: &str, wanted: &str, line: Option<&str>) -> Option<String> {
    let mut new = line.map(|line| format!("{MARK}{wanted}\n{line}\n"));
    let mut kept = String::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(there) = lines.next() {
        if name(there) != Some(wanted) {
            kept.push_str(there);
            continue;
        }
        // What somebody wrote between the two is theirs.
        if lines.peek().is_some_and(|next| !next.trim().is_empty() && !next.trim_start().starts_with('#')) {
            lines.next();
        }
        kept.push_str(&new.take().unwrap_or_default());
    }
    if new.is_some() && !kept.is_empty() && !kept.ends_with('\n') {
        kept.push('\n');
    }
    kept.push_str(&new.unwrap_or_default());
    (kept != text).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_there_once_and_all_other_lines_stay() {
        let text = "MAILTO=ann\n# overlord: backup\n0 1 * * * old\n\n5 4 * * * theirs";
        let new = with(text, "backup", Some("0 2 * * * new")).expect("changed");
        assert_eq!(new, text.replace("0 1 * * * old", "0 2 * * * new"));
        assert_eq!(with(&new, "backup", Some("0 2 * * * new")), None);
        let both = with(text, "other", Some("@daily x")).expect("changed");
        assert_eq!(both, format!("{text}\n# overlord: other\n@daily x\n"));
        assert_eq!(with(text, "backup", None).as_deref(), Some("MAILTO=ann\n\n5 4 * * * theirs"));
        assert_eq!(with(text, "none", None), None);
        let twice = format!("{new}\n# overlord: backup\n# a note\n9 9 * * * theirs\n");
        let once = with(&twice, "backup", Some("0 2 * * * new")).expect("changed");
        assert_eq!(once, format!("{new}\n# a note\n9 9 * * * theirs\n"));
    }

    #[test]
    fn a_command_is_one_line() {
        for bad in ["", " ", "a\nb", "a\0b", &"x".repeat(1000)] {
            assert!(matches!(check_command(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
        assert_eq!(check_command("/usr/bin/x; y > /dev/null 2>&1"), Ok(()));
    }
}
