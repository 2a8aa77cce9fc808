//! What systemd says of units.

use std::collections::HashMap;

use failure::Error;

use crate::exports::minion::services::service::{Unit, UnitStatus as Status};

/// The endings of units' names.
const ENDINGS: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// The longest name of a unit.
const MAX_NAME: usize = 255;

/// The whole name of a unit.
pub(crate) fn name(given: &str) -> Result<String, Error> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@');
    if given.is_empty()
        || given.len() > MAX_NAME - 8
        || !given.chars().all(is_fit)
        || given.starts_with(['-', '@'])
        || given.contains("..")
    {
        return Err(Error::Invalid(
            "the name of the unit is none: write it like nginx, nginx.service or getty@tty1".to_owned(),
        ));
    }
    let stem = given.rsplit_once('.').map_or(given, |(stem, _)| stem);
    if stem.ends_with('@') || given.ends_with('@') {
        return Err(Error::Invalid(
            "the name of the unit is that of a template: say of which one, as in getty@tty1".to_owned(),
        ));
    }
    let has_ending = given.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
    Ok(if has_ending { given.to_owned() } else { format!("{given}.service") })
}

/// A line of `list-units`: name, whether it is loaded, active, sub, description. Units that others only name are none.
pub(crate) fn line(line: &str) -> Option<Unit> {
    // One that has failed has a dot in front.
    let mut rest = line.trim_start_matches(|c: char| c.is_whitespace() || c == '●' || c == '*');
    let mut word = || {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        (!word.is_empty()).then_some(word)
    };
    let (name, load, active, sub) = (word()?, word()?, word()?, word()?);
    if is_missing(load, active) {
        return None;
    }
    Some(Unit {
        name: name.to_owned(),
        active: active.to_owned(),
        sub: sub.to_owned(),
        description: rest.trim_end().to_owned(),
    })
}

/// Whether there is no such unit. One that ran when its file was removed is still there.
fn is_missing(load: &str, active: &str) -> bool {
    load == "not-found" && active == "inactive"
}

/// What `show` says; `None` of a unit that is not there.
pub(crate) fn status(text: &str) -> Result<Option<Status>, Error> {
    let said: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |key: &str| said.get(key).copied().filter(|value| !value.is_empty() && *value != "[not set]");
    let (Some(name), Some(active)) = (get("Id"), get("ActiveState")) else {
        return Err(Error::Other(format!("`systemctl show` said what cannot be read: {text:?}")));
    };
    if get("LoadState").is_some_and(|load| is_missing(load, active)) {
        return Ok(None);
    }
    Ok(Some(Status {
        name: name.to_owned(),
        active: active.to_owned(),
        sub: get("SubState").unwrap_or_default().to_owned(),
        enabled: get("UnitFileState").map(str::to_owned),
        pid: get("MainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid != 0),
        since: get("StateChangeTimestamp")
            .and_then(|time| time.trim_start_matches('@').parse().ok())
            .filter(|seconds| *seconds != 0)
            .map(failure::time),
        memory: get("MemoryCurrent").and_then(|bytes| bytes.parse().ok()),
        description: get("Description").unwrap_or_default().to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_ending_is_a_service() {
        assert_eq!(name("nginx").as_deref(), Ok("nginx.service"));
        assert_eq!(name("getty@tty1").as_deref(), Ok("getty@tty1.service"));
        assert_eq!(name("a.b").as_deref(), Ok("a.b.service"));
        assert_eq!(name("apt-daily.timer").as_deref(), Ok("apt-daily.timer"));
        for bad in [
            "",
            "-H",
            "@x",
            "; rm -rf /",
            "$(reboot)",
            "a b",
            "a\nb",
            "a\0b",
            "../x",
            "getty@",
            "getty@.service",
            "a.b@.service",
            "/etc/x.service",
            &"a".repeat(300),
        ] {
            assert!(matches!(name(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn lines_are_units_also_of_those_that_failed() {
        let found =
            line("  ssh.service loaded active running OpenBSD Secure Shell server  ").expect("a unit");
        assert_eq!((found.name.as_str(), found.sub.as_str()), ("ssh.service", "running"));
        assert_eq!(found.description, "OpenBSD Secure Shell server");
        let found = line("● x.service not-found failed failed x.service").expect("a unit");
        assert_eq!((found.name.as_str(), found.active.as_str()), ("x.service", "failed"));
        assert_eq!((line(""), line("x.service loaded")), (None, None));
        assert_eq!(line("● auditd.service not-found inactive dead auditd.service"), None);
    }

    #[test]
    fn a_status_has_what_systemd_counts() {
        let text = "Id=ssh.service\nDescription=OpenSSH = server\nLoadState=loaded\nActiveState=active\nSubState=running\n\
                    UnitFileState=enabled\nMainPID=812\nStateChangeTimestamp=@1700000000\nMemoryCurrent=4096\n";
        let expected = Status {
            name: "ssh.service".into(),
            active: "active".into(),
            sub: "running".into(),
            enabled: Some("enabled".into()),
            pid: Some(812),
            since: Some(failure::time(1_700_000_000)),
            memory: Some(4096),
            description: "OpenSSH = server".into(),
        };
        assert_eq!(status(text), Ok(Some(expected)));
        let bare = "Id=x.service\nLoadState=loaded\nActiveState=inactive\nMainPID=0\nMemoryCurrent=[not set]\nStateChangeTimestamp=\n";
        let bare = status(bare).expect("read").expect("there");
        assert_eq!((bare.pid, bare.since, bare.memory, bare.enabled), (None, None, None, None));
        assert_eq!(status("Id=y.service\nLoadState=not-found\nActiveState=inactive\n"), Ok(None));
        assert!(status("nonsense").is_err());
    }
}
