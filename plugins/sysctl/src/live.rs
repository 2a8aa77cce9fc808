//! The settings as they are now.

use std::fs;
use std::io::ErrorKind;

use failure::{Failure, failed, run};
use minion_sdk::job;

use super::value::are_alike;
use super::{Done, Error, Name, Setting, change};

/// The settings of this name, or below it: those of which `sysctl` tells, so that none is asked that does something where it is.
/// The policy that the module suggests has the same words.
pub(crate) fn list(name: Option<&Name>) -> Result<Vec<Setting>, Error> {
    if let Some(name) = name
        && !is_folder(name)?
    {
        return Ok(vec![Setting { value: value(name)?, name: name.shown() }]);
    }
    let argv = ["sysctl", "-a", "-N"];
    let output = run(&argv)?;
    let text = output.stdout_text();
    // It fails where it may not read one of many, and tells all others.
    if text.is_empty() && !output.success() {
        return Err(failed(&argv, &output));
    }
    let all = text.lines().map(Name::read).filter(|told| name.is_none_or(|name| told.is_below(name)));
    let mut found = Vec::new();
    for name in all {
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
        // What cannot be read is left out: some can only be written, and some are gone meanwhile.
        if let Ok(bytes) = fs::read(name.path()) {
            found.push(Setting { name: name.shown(), value: text_of(&bytes) });
        }
    }
    found.sort_by(|one: &Setting, other| one.name.cmp(&other.name));
    // It tells those of several lines several times.
    found.dedup_by(|one, other| one.name == other.name);
    Ok(found)
}

/// Whether a name is that of what others are below.
fn is_folder(name: &Name) -> Result<bool, Error> {
    match fs::symlink_metadata(name.path()) {
        Ok(found) => Ok(found.is_dir()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(unknown(name)),
        Err(error) => {
            Err(Error::Denied(format!("{} ({error}): `minion grant sysctl` grants it", name.path())))
        }
    }
}

/// The value of a setting.
pub(crate) fn value(name: &Name) -> Result<String, Error> {
    if is_folder(name)? {
        let shown = name.shown();
        return Err(Error::Invalid(format!(
            "\"{shown}\" is no setting, but has some below it: `sysctl.list {shown}` lists them"
        )));
    }
    match fs::read(name.path()) {
        Ok(bytes) => Ok(text_of(&bytes)),
        Err(error) => Err(Error::Denied(format!("the kernel lets nobody read {}: {error}", name.shown()))),
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()
}

fn unknown(name: &Name) -> Error {
    Error::NotFound(format!("the kernel of this host has no setting \"{}\"", name.shown()))
}

/// Gives a setting a value.
pub(crate) fn set(name: &Name, before: &str, wanted: &str) -> Result<(), Error> {
    let shown = name.shown();
    let assigned = format!("{shown}={wanted}");
    match change(&["sysctl", "-q", "-w", "--", &assigned]) {
        Ok(Done::Recorded) => return Ok(()),
        Ok(Done::Now) => {}
        Err(Error::Failed(Failure { stderr, .. })) if stderr.contains("Invalid argument") => {
            return Err(Error::Invalid(format!("the kernel takes no value \"{wanted}\" for {shown}")));
        }
        Err(Error::Failed(Failure { stderr, .. }))
            if ["ermission denied", "Read-only", "not permitted"].iter().any(|why| stderr.contains(why)) =>
        {
            return Err(Error::Denied(format!("the host does not let {shown} be set: {}", stderr.trim())));
        }
        Err(error) => return Err(error),
    }
    let now = value(name)?;
    // `sysctl` passes over what only the kernel itself sets.
    if now == before {
        return Err(Error::Denied(format!("the kernel does not let {shown} be set: it stays {now}")));
    }
    if !are_alike(&now, wanted) {
        return Err(Error::Other(format!("{shown} was to be {wanted}, and the kernel made {now} of it")));
    }
    Ok(())
}
