//! Running what others may have locked.

use std::thread::sleep;
use std::time::{Duration, Instant};

use failure::{Done, Error, failed, watch};
use minion_sdk::job;

/// For how long others may lock what is changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait(pub(crate) Duration);

/// How long it takes until it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// What apt says before it does anything.
const PREAMBLE: [&str; 4] =
    ["Reading package lists", "Building dependency tree", "Reading state information", "(Reading database"];

/// Runs a program that changes something, hands over what it puts out, and runs it again while somebody else has locked what
/// it needs.
///
/// `holder` finds in what the program wrote to its standard error who that is, if anybody.
pub(crate) fn change(
    argv: &[&str],
    wait: Wait,
    holder: impl Fn(&str) -> Option<String>,
    mut line: impl FnMut(&str),
) -> Result<Done, Error> {
    let begin = Instant::now();
    loop {
        let Some(output) = watch(argv, &mut line)? else { return Ok(Done::Recorded) };
        if output.success() {
            return Ok(Done::Now);
        }
        let Some(who) = holder(&output.stderr_text()) else { return Err(failed(argv, &output)) };
        let waited = begin.elapsed();
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
        if waited >= wait.0 {
            let waited = waited.as_secs();
            return Err(Error::Busy(format!(
                "{who}; waited for {waited} s: try again later, or wait for longer"
            )));
        }
        job::progress(waited.as_secs(), wait.0.as_secs(), &format!("waiting: {who}"));
        sleep(PAUSE.min(wait.0.saturating_sub(waited)));
    }
}

/// Tells the operator what a package manager puts out, and how far it is.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    done: u64,
    total: u64,
}

impl Teller {
    pub(crate) fn tell(&mut self, line: &str) {
        let (whole, line) = (line.trim_end(), line.trim());
        if line.is_empty() || PREAMBLE.iter().any(|beginning| line.starts_with(beginning)) {
            return;
        }
        if self.count(line) {
            job::progress(self.done, self.total, line);
        }
        // What nobody can be told any more is no reason to leave the packages half done.
        let _ = job::emit(whole);
    }

    /// Whether a line says how far it is.
    fn count(&mut self, line: &str) -> bool {
        if let Some(total) = steps_of_apt(line) {
            self.total = total;
            return true;
        }
        let begins = |beginning: &&str| line.starts_with(*beginning);
        if ["Unpacking ", "Setting up ", "Removing ", "Purging "].iter().any(begins) && !line.contains(" : ")
        {
            self.done += 1;
            self.total = self.total.max(self.done);
            return true;
        }
        if let Some((done, total)) = place_of_dnf(line) {
            (self.done, self.total) = (done, total);
            return true;
        }
        false
    }
}

/// How many steps apt will take: `1 upgraded, 2 newly installed, 0 to remove and 3 not upgraded.`
fn steps_of_apt(line: &str) -> Option<u64> {
    let rest = line.strip_suffix(" not upgraded.")?;
    let mut steps = 0;
    for part in rest.split(" and ").next()?.split(", ") {
        let (count, what) = part.split_once(' ')?;
        let count: u64 = count.parse().ok()?;
        steps += if what == "to remove" { count } else { 2 * count };
    }
    Some(steps)
}

/// Which step of how many dnf is at: `  Installing       : nginx-1.24.0-1.x86_64      3/12`.
fn place_of_dnf(line: &str) -> Option<(u64, u64)> {
    let (_, place) = line.split_once(" : ")?.1.trim_end().rsplit_once(' ')?;
    let (done, total) = place.split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::{Output, Status};
    use minion_sdk::testing::Host;

    use super::*;

    fn left(code: i32, stdout: &str, stderr: &str) -> Output {
        Output {
            status: Status::Exited(code),
            stdout: stdout.into(),
            stderr: stderr.into(),
            stdout_dropped: 0,
            stderr_dropped: 0,
        }
    }

    fn holder(stderr: &str) -> Option<String> {
        stderr.contains("locked").then(|| "process 7 has it".to_owned())
    }

    #[test]
    fn what_others_have_locked_is_busy_once_the_time_is_up() {
        let argv = ["apt-get", "update"];
        let _host = Host::new().program(&argv, left(100, "", "it is locked"));
        let error = change(&argv, Wait(Duration::ZERO), holder, |_| ()).expect_err("busy");
        assert!(matches!(&error, Error::Busy(why) if why.contains("process 7")), "{error:?}");
        let _host = Host::new().cancel_after(0).program(&argv, left(100, "", "it is locked"));
        assert_eq!(change(&argv, Wait(Duration::MAX), holder, |_| ()), Err(Error::Cancelled));
        let _host = Host::new().program(&argv, left(100, "", "no space left"));
        assert!(matches!(change(&argv, Wait(Duration::MAX), holder, |_| ()), Err(Error::Failed(_))));
        let _host = Host::new().dry_run();
        assert_eq!(change(&argv, Wait(Duration::ZERO), holder, |_| ()), Ok(Done::Recorded));
    }

    #[test]
    fn the_operator_sees_what_is_done_and_how_far_it_is() {
        let host = Host::new();
        let mut teller = Teller::default();
        for line in [
            "Reading package lists...",
            "0 upgraded, 1 newly installed, 1 to remove and 80 not upgraded.",
            "Removing other (1.0) ...",
            "Unpacking tried (1.0) ...",
            "Setting up tried (1.0) ...",
        ] {
            teller.tell(line);
        }
        assert_eq!(host.emitted().len(), 4);
        let places: Vec<_> = host.progress().iter().map(|(done, total, _)| (*done, *total)).collect();
        assert_eq!(places, [(0, 3), (1, 3), (2, 3), (3, 3)]);
        let host = Host::new();
        Teller::default()
            .tell("  Installing       : tried-base-1.0-1.noarch                                1/4 ");
        assert_eq!(host.progress().first().map(|(done, total, _)| (*done, *total)), Some((1, 4)));
    }
}
