//! Starting the host again, and whether that is due.

use std::time::SystemTime;

use failure::{Change, Done, Error, change, changed};
use host_files::texts::{found, malformed};

use crate::exports::minion::system::system::{RebootNeed, RebootPlan};
use crate::kernels;

/// The longest time to wait.
const MOST_DELAY: u32 = 30 * 24 * 60 * 60;
/// The longest text for those who are logged in.
const MAX_MESSAGE: usize = 1000;

/// What the host is about to do, as systemd writes it down.
struct Scheduled {
    mode: String,
    /// In seconds since 1970.
    at: i64,
}

/// Has it started again after a while.
pub(crate) fn plan(delay_s: Option<u32>, message: Option<&str>) -> Result<RebootPlan, Error> {
    let minutes = minutes(delay_s.unwrap_or(60))?;
    message.map_or(Ok(()), check_message)?;
    let wished = failure::time_of(SystemTime::now()).seconds + i64::from(minutes) * 60;
    match scheduled()? {
        Some(other) if !other.reboots() => return Err(other.in_the_way()),
        Some(planned) if planned.at <= wished => {
            return Ok(RebootPlan { changed: false, at: failure::time(planned.at) });
        }
        _ => {}
    }
    check_systemd()?;
    let delay = format!("+{minutes}");
    let mut argv = vec!["shutdown", "-r", "--", &delay];
    argv.extend(message);
    let at = match change(&argv)? {
        Done::Recorded => wished,
        Done::Now => scheduled()?.map_or(wished, |planned| planned.at),
    };
    Ok(RebootPlan { changed: true, at: failure::time(at) })
}

/// Sees to it that it is not started again.
pub(crate) fn cancel() -> Result<Change, Error> {
    match scheduled()? {
        Some(planned) if planned.reboots() => {
            change(&["shutdown", "-c"])?;
            Ok(changed(vec!["took back the reboot".to_owned()]))
        }
        _ => Ok(changed(Vec::new())),
    }
}

/// Whether it should be started again.
pub(crate) fn need() -> Result<RebootNeed, Error> {
    let running = kernels::running()?;
    let newest = kernels::newest_like(&running);
    let mut reasons = Vec::new();
    if found("/run/reboot-required")?.is_some() {
        reasons.push("packages that were installed ask for it".to_owned());
    }
    if let Some(newest) = newest.as_deref().filter(|newest| kernels::is_newer(newest, &running)) {
        reasons.push(format!("the kernel {running} runs, and {newest} is installed"));
    }
    let listed = found("/run/reboot-required.pkgs")?.unwrap_or_default();
    let mut packages: Vec<String> = listed.lines().map(|line| line.trim().to_owned()).collect();
    packages.retain(|package| !package.is_empty());
    packages.sort();
    packages.dedup();
    Ok(RebootNeed {
        required: !reasons.is_empty(),
        reasons,
        packages,
        running_kernel: running,
        newest_kernel: newest,
    })
}

impl Scheduled {
    fn read(text: &str) -> Option<Self> {
        let get = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let microseconds: i64 = get("USEC")?.trim().parse().ok()?;
        Some(Self { mode: get("MODE")?.trim().to_owned(), at: microseconds / 1_000_000 })
    }

    fn reboots(&self) -> bool {
        matches!(self.mode.as_str(), "reboot" | "kexec" | "soft-reboot")
    }

    fn in_the_way(&self) -> Error {
        let at = failure::time(self.at).text;
        Error::Busy(format!(
            "the host is about to do something else ({} at {at}): take that back first",
            self.mode
        ))
    }
}

/// What the host is about to do.
fn scheduled() -> Result<Option<Scheduled>, Error> {
    const PATH: &str = "/run/systemd/shutdown/scheduled";
    let Some(text) = found(PATH)? else { return Ok(None) };
    Scheduled::read(&text).map(Some).ok_or_else(|| malformed(PATH, &text))
}

/// That this is a host with systemd: the `shutdown` of others waits until the time has come, and ends with the job.
fn check_systemd() -> Result<(), Error> {
    let state = failure::run(&["systemctl", "is-system-running"]).map(|output| output.stdout_text());
    match state.as_deref().map(str::trim) {
        Ok("" | "offline" | "unknown") | Err(Error::Unsupported(_)) => Err(Error::Unsupported(
            "this host does not run systemd, which is asked to start it again".to_owned(),
        )),
        Ok(_) => Ok(()),
        Err(_) => state.map(drop),
    }
}

/// The minutes of a delay.
fn minutes(seconds: u32) -> Result<u32, Error> {
    if seconds > MOST_DELAY {
        return Err(Error::Invalid(format!("the delay is over 30 days: {MOST_DELAY} seconds are the most")));
    }
    Ok(seconds.div_ceil(60).max(1))
}

fn check_message(message: &str) -> Result<(), Error> {
    let fits = !message.is_empty() && message.len() <= MAX_MESSAGE && !message.contains(char::is_control);
    if fits && !message.starts_with(['-', '+', '@']) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the message does not fit: write one line, no \"-\", \"+\" or \"@\" first, {MAX_MESSAGE} bytes at most"
    )))
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::{Output, Status};
    use minion_sdk::testing::Host;

    use super::*;

    fn says(text: &str) -> Output {
        let (stdout, stderr) = (text.as_bytes().to_vec(), Vec::new());
        Output { status: Status::Exited(0), stdout, stderr, stdout_dropped: 0, stderr_dropped: 0 }
    }

    #[test]
    fn a_delay_is_whole_minutes_and_never_none() {
        let delays: Vec<_> = [0, 1, 60, 61, 300, MOST_DELAY].map(minutes).into();
        assert_eq!(delays, [Ok(1), Ok(1), Ok(1), Ok(2), Ok(5), Ok(43_200)]);
        assert!(matches!(plan(Some(MOST_DELAY + 1), None), Err(Error::Invalid(_))));
    }

    #[test]
    fn what_the_logged_in_are_told_is_one_line() {
        assert_eq!(check_message("a new kernel; see you"), Ok(()));
        for bad in ["", "-h", "a\nb", "a\0b", &"x".repeat(2000)] {
            assert!(matches!(check_message(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn systemd_is_asked_and_nobody_else() {
        let host = Host::new().program(&["systemctl", "is-system-running"], says("degraded\n"));
        let _host = host.program(&["shutdown", "-r", "--", "+5", "a new kernel"], says(""));
        let before = failure::time_of(SystemTime::now()).seconds;
        let planned = plan(Some(300), Some("a new kernel")).expect("planned");
        assert!(planned.changed && planned.at.seconds >= before + 300, "{planned:?}");
    }

    #[test]
    fn another_init_is_not_asked() {
        let _host = Host::new().program(&["systemctl", "is-system-running"], says("offline\n"));
        assert!(matches!(plan(None, None), Err(Error::Unsupported(_))));
    }

    #[test]
    fn what_systemd_wrote_down_is_read() {
        let planned = Scheduled::read("USEC=1795639823000000\nWARN_WALL=1\nMODE=reboot\n").expect("read");
        assert!(planned.reboots() && planned.at == 1_795_639_823);
        let other = Scheduled::read("USEC=1\nMODE=poweroff\n").expect("read");
        assert!(!other.reboots() && matches!(other.in_the_way(), Error::Busy(_)));
        assert!(Scheduled::read("nonsense").is_none());
    }
}
