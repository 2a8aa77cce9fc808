//! The timers of systemd.

use failure::{Change, Changes, Error, Timestamp, change, of_systemd, read, time};
use host_files::texts;
use serde::Deserialize;

use crate::exports::minion::cron::cron::{Timer, TimerWish};
use crate::unit;

/// One timer, in what `systemctl` prints. Times are in microseconds since 1970, and none is 0 or not there.
#[derive(Deserialize)]
struct Line {
    unit: String,
    activates: Option<String>,
    next: Option<u64>,
    last: Option<u64>,
}

/// The timers, in the order of `systemctl`.
pub(crate) fn list() -> Result<Vec<Timer>, Error> {
    let argv = ["systemctl", "--no-pager", "--all", "--output=json", "list-timers"];
    let output = read(&argv).map_err(of_systemd)?;
    let lines: Vec<Line> = serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Other(format!("`systemctl` said what cannot be read: {error}")))?;
    Ok(lines.into_iter().map(shown).collect())
}

fn shown(line: Line) -> Timer {
    Timer {
        name: line.unit,
        next: line.next.and_then(moment),
        last: line.last.and_then(moment),
        starts: line.activates.unwrap_or_default(),
    }
}

fn moment(microseconds: u64) -> Option<Timestamp> {
    let is_one = microseconds != 0 && microseconds != u64::MAX;
    i64::try_from(microseconds / 1_000_000).ok().filter(|_| is_one).map(time)
}

/// The files of a timer of this name, that of the service first.
fn files(name: &str) -> [String; 2] {
    ["service", "timer"].map(|kind| format!("/etc/systemd/system/overlord-{name}.{kind}"))
}

/// Sees to it that there is a timer, and that it is enabled.
pub(crate) fn ensure(wish: &TimerWish, user: &str) -> Result<Change, Error> {
    let mut changes = Changes::default();
    let name = format!("overlord-{}.timer", wish.name);
    let state = State::of(&name)?;
    for (file, text) in files(&wish.name).iter().zip([unit::service(wish, user), unit::timer(wish)]) {
        let there = texts::found(file)?;
        if there.as_ref() != Some(&text) {
            texts::replace(file, text, there.is_some())?;
            changes.add(format!("wrote {file}"));
        }
    }
    let is_written = !changes.is_empty();
    if is_written {
        change(&["systemctl", "--no-pager", "daemon-reload"]).map_err(of_systemd)?;
    }
    if !state.is_enabled {
        let argv = ["systemctl", "--no-pager", "enable", "--", &name];
        changes.make(&format!("enabled {name}"), &argv).map_err(of_systemd)?;
    }
    if is_written || !state.is_active {
        // Once more where it runs already: it goes by the schedule that it was started with.
        let argv = ["systemctl", "--no-pager", "restart", "--", &name];
        changes.make(&format!("started {name}"), &argv).map_err(of_systemd)?;
    }
    Ok(changes.told())
}

/// Sees to it that there is no such timer.
pub(crate) fn remove(name: &str) -> Result<Change, Error> {
    let mut changes = Changes::default();
    let files = files(name);
    let there = files.iter().map(|file| texts::found(file)).collect::<Result<Vec<_>, _>>()?;
    if there.iter().all(Option::is_none) {
        return Ok(changes.told());
    }
    if there[1].is_some() {
        let name = format!("overlord-{name}.timer");
        change(&["systemctl", "--no-pager", "disable", "--now", "--", &name]).map_err(of_systemd)?;
    }
    for (file, _) in files.iter().zip(&there).filter(|(_, text)| text.is_some()) {
        texts::remove(file)?;
        changes.add(format!("removed {file}"));
    }
    change(&["systemctl", "--no-pager", "daemon-reload"]).map_err(of_systemd)?;
    Ok(changes.told())
}

/// How a timer is.
struct State {
    is_enabled: bool,
    is_active: bool,
}

impl State {
    fn of(name: &str) -> Result<Self, Error> {
        let argv = ["systemctl", "--no-pager", "--property=ActiveState,UnitFileState", "show", "--", name];
        let text = read(&argv).map_err(of_systemd)?.stdout_text();
        let has = |line: &str| text.lines().any(|there| there == line);
        Ok(Self { is_enabled: has("UnitFileState=enabled"), is_active: has("ActiveState=active") })
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn times_are_told_where_there_are_any() {
        let text = r#"[{"next":1795639823000000,"left":1,"last":0,"passed":0,"unit":"a.timer","activates":"a.service"},
            {"next":null,"last":1795639823000000,"unit":"b.timer","activates":"b.service"}]"#;
        let argv = ["systemctl", "--no-pager", "--all", "--output=json", "list-timers"];
        let _host = Host::new().program(&argv, Output::printed(text, 0));
        let found = list().expect("timers");
        assert_eq!((&found[0].last, &found[1].next), (&None, &None));
        let seconds = |time: &Option<Timestamp>| time.as_ref().map(|time| time.seconds);
        assert_eq!(
            (seconds(&found[0].next), seconds(&found[1].last)),
            (Some(1_795_639_823), Some(1_795_639_823))
        );
    }
}
