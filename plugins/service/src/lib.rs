//! The module `service`: the services of a host with systemd. What each method does is said in `wit/service.wit`.

mod unit;

use failure::{Done, Error, Failure, change, read};

use exports::minion::services::service::{Change, Guest, Unit, UnitStatus as Status};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:services/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Service;

export!(Service);

/// The options of every list. The policy that the module suggests has the same words, as for all of these.
const LISTED: [&str; 6] = ["--no-pager", "--plain", "--no-legend", "--full", "--all", "--type=service"];

/// What is asked of one unit.
const PROPERTIES: &str = "--property=Id,Description,LoadState,ActiveState,SubState,UnitFileState,MainPID,\
                          StateChangeTimestamp,MemoryCurrent";

/// The most lines of the journal in one answer.
const MOST_LINES: u32 = 1000;

impl Guest for Service {
    fn list() -> Result<Vec<Unit>, Error> {
        listed(&[])
    }

    fn failed() -> Result<Vec<Unit>, Error> {
        listed(&["--state=failed"])
    }

    fn status(name: String) -> Result<Status, Error> {
        status(&unit::name(&name)?)
    }

    fn start(name: String) -> Result<Change, Error> {
        unless(&name, "start", |status| status.active == "active")
    }

    fn stop(name: String) -> Result<Change, Error> {
        unless(&name, "stop", |status| matches!(status.active.as_str(), "inactive" | "failed"))
    }

    fn restart(name: String) -> Result<Change, Error> {
        unless(&name, "restart", |_| false)
    }

    fn reload(name: String) -> Result<Change, Error> {
        unless(&name, "reload", |_| false)
    }

    fn enable(name: String) -> Result<Change, Error> {
        unless(&name, "enable", |status| status.enabled.as_deref() == Some("enabled"))
    }

    fn disable(name: String) -> Result<Change, Error> {
        unless(&name, "disable", |status| status.enabled.as_deref() != Some("enabled"))
    }

    fn mask(name: String) -> Result<Change, Error> {
        unless(&name, "mask", |status| status.enabled.as_deref() == Some("masked"))
    }

    fn unmask(name: String) -> Result<Change, Error> {
        unless(&name, "unmask", |status| status.enabled.as_deref() != Some("masked"))
    }

    fn daemon_reload() -> Result<(), Error> {
        change(&["systemctl", "--no-pager", "daemon-reload"]).map(drop).map_err(of_systemd)
    }

    fn logs(name: String, lines: Option<u32>) -> Result<Vec<String>, Error> {
        let (name, lines) = (unit::name(&name)?, lines.unwrap_or(50).min(MOST_LINES));
        let (lines, unit) = (format!("--lines={lines}"), format!("--unit={name}"));
        let output = read(&["journalctl", "--no-pager", "--quiet", "--output=short-iso", &lines, &unit])?;
        Ok(output.stdout_text().lines().map(str::to_owned).collect())
    }
}

fn listed(only: &[&str]) -> Result<Vec<Unit>, Error> {
    let argv = [&["systemctl"], &LISTED[..], only, &["list-units"]].concat();
    let output = read(&argv).map_err(of_systemd)?;
    Ok(output.stdout_text().lines().filter_map(unit::line).collect())
}

/// How a unit is; an error where there is none of that name.
fn status(name: &str) -> Result<Status, Error> {
    let argv = ["systemctl", "--no-pager", "--timestamp=unix", PROPERTIES, "show", "--", name];
    let text = read(&argv).map_err(of_systemd)?.stdout_text();
    unit::status(&text)?.ok_or_else(|| Error::NotFound(format!("there is no unit \"{name}\"")))
}

/// Does something with a unit, unless it is so already.
fn unless(name: &str, what: &str, is_so: impl FnOnce(&Status) -> bool) -> Result<Change, Error> {
    let name = unit::name(name)?;
    let before = status(&name)?;
    if is_so(&before) {
        return Ok(Change { changed: false, active: before.active });
    }
    match change(&["systemctl", "--no-pager", what, "--", &name]).map_err(of_systemd)? {
        Done::Recorded => Ok(Change { changed: true, active: before.active }),
        Done::Now => Ok(Change { changed: true, active: status(&name)?.active }),
    }
}

/// What it means that `systemctl` fails.
fn of_systemd(error: Error) -> Error {
    match error {
        Error::Failed(Failure { stderr, .. }) if stderr.contains("not been booted with systemd") => {
            Error::Unsupported("this host does not run systemd".to_owned())
        }
        Error::Unsupported(_) => Error::Unsupported("this host has no systemd".to_owned()),
        error => error,
    }
}
