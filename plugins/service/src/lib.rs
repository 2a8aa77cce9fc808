//! The module `service`: the services of a host with systemd. What each method does is said in `wit/service.wit`.

mod unit;

use failure::{Done, Error, change, of_systemd, read};
use minion_sdk::job::progress;

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
        let lines: Vec<String> = output.stdout_text().lines().map(str::to_owned).collect();
        if lines.is_empty() {
            // The journal knows no names: a unit that is not there wrote as little as one that is quiet.
            status(&name)?;
        }
        Ok(lines)
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
    if what == "enable" && before.enabled.as_deref() == Some("static") {
        let why = "it does not say what it would be started with, so others start it or nobody does";
        return Err(Error::Unsupported(format!("unit \"{name}\" cannot be enabled: {why}")));
    }
    progress(0, 0, &format!("{what} {name}"));
    if change(&["systemctl", "--no-pager", what, "--", &name]).map_err(of_systemd)? == Done::Recorded {
        return Ok(Change { changed: true, active: before.active });
    }
    let after = status(&name)?;
    match what {
        // For `systemctl` a unit is started once its program runs, whatever that does then.
        "start" | "restart" if after.active == "failed" => Err(Error::Other(format!(
            "unit \"{name}\" was started and has failed at once: `service.logs {name}` says what it wrote"
        ))),
        // `systemctl` succeeds also where there is nothing in the unit that it could change.
        "enable" | "disable" | "mask" | "unmask" => {
            Ok(Change { changed: before.enabled != after.enabled, active: after.active })
        }
        _ => Ok(Change { changed: true, active: after.active }),
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::{Output, Status as Ended};
    use minion_sdk::testing::Host;

    use super::*;

    fn left(stdout: &str) -> Output {
        Output {
            status: Ended::Exited(0),
            stdout: stdout.into(),
            stderr: Vec::new(),
            stdout_dropped: 0,
            stderr_dropped: 0,
        }
    }

    /// A host with one unit, which stays as it is whatever is done to it.
    fn host(active: &str, enabled: &str) -> Host {
        let said = format!("Id=x.service\nLoadState=loaded\nActiveState={active}\nUnitFileState={enabled}\n");
        let show = ["systemctl", "--no-pager", "--timestamp=unix", PROPERTIES, "show", "--", "x.service"];
        ["start", "enable", "mask"].into_iter().fold(Host::new().program(&show, left(&said)), |host, what| {
            host.program(&["systemctl", "--no-pager", what, "--", "x.service"], left(""))
        })
    }

    #[test]
    fn a_unit_that_fails_at_once_was_not_started() {
        let _host = host("failed", "disabled");
        let error = Service::start("x".into()).expect_err("it failed");
        assert!(matches!(&error, Error::Other(why) if why.contains("service.logs x.service")), "{error:?}");
    }

    #[test]
    fn what_changed_nothing_is_no_change() {
        let host = host("inactive", "indirect");
        let same = Ok(Change { changed: false, active: "inactive".into() });
        assert_eq!((Service::enable("x".into()), Service::mask("x".into())), (same.clone(), same));
        assert!(host.ran().iter().any(|argv| argv.contains(&"enable".to_owned())));
    }

    #[test]
    fn a_static_unit_cannot_be_enabled() {
        let host = host("inactive", "static");
        assert!(matches!(Service::enable("x".into()), Err(Error::Unsupported(_))));
        assert!(!host.ran().iter().any(|argv| argv.contains(&"enable".to_owned())));
    }
}
