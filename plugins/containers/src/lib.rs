//! The module `containers`: containers and images of Docker or Podman. What each method does is said in `wit/containers.wit`.
//!
//! Both are asked by their own programs, which say the same of containers and images in JSON.

mod engine;
mod image;
mod inspect;
mod line;
mod time;

use failure::{Change, Error, changed};
use minion_sdk::{job, log};

use engine::Host;
use exports::minion::containers::containers::{Container, Details, Engine, Guest, Image, Line, State};
use inspect::Told;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:containers/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Containers;

export!(Containers);

/// How many lines of a log are asked for where nobody says, and at most.
const USUAL_LINES: u32 = 100;
const MOST_LINES: u32 = 10_000;

/// How many seconds a container has to end where nobody says, and at most.
const USUAL_GRACE: u32 = 10;
const MOST_GRACE: u32 = 3600;

impl Guest for Containers {
    fn list(engine: Option<Engine>) -> Result<Vec<Container>, Error> {
        let host = Host::of(engine)?;
        let ids = host.text(&["ps", "--all", "--quiet", "--no-trunc"])?;
        let ids: Vec<&str> = ids.split_whitespace().collect();
        let mut containers: Vec<Container> = host
            .inspect(&["inspect", "--type=container"], &ids)?
            .into_iter()
            .map(|told: Told| told.container())
            .collect();
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(containers)
    }

    fn inspect(name: String, engine: Option<Engine>) -> Result<Details, Error> {
        let host = Host::of(engine)?;
        Ok(one(&host, &name)?.details(host.engine))
    }

    fn logs(name: String, lines: Option<u32>, engine: Option<Engine>) -> Result<Vec<Line>, Error> {
        check(&name)?;
        let most = lines.unwrap_or(USUAL_LINES);
        if !(1..=MOST_LINES).contains(&most) {
            return Err(Error::Invalid(format!("{most} lines: ask for 1 to {MOST_LINES}")));
        }
        last_lines(&Host::of(engine)?, &name, most)
    }

    fn images(engine: Option<Engine>) -> Result<Vec<Image>, Error> {
        let host = Host::of(engine)?;
        let ids = host.text(&["images", "--quiet", "--no-trunc"])?;
        let mut ids: Vec<&str> = ids.split_whitespace().collect();
        // One that has two names is there twice.
        ids.sort_unstable();
        ids.dedup();
        let mut images: Vec<Image> =
            host.inspect(&["image", "inspect"], &ids)?.into_iter().map(image::Told::image).collect();
        images.sort_by(|one, other| (&one.names, &one.id).cmp(&(&other.names, &other.id)));
        Ok(images)
    }

    fn start(name: String, engine: Option<Engine>) -> Result<Change, Error> {
        let host = Host::of(engine)?;
        let container = one(&host, &name)?.container();
        if container.state == State::Running {
            return Ok(changed(Vec::new()));
        }
        host.begin(&["start", "--", &container.id])?;
        Ok(changed(vec![format!("started {}", container.name)]))
    }

    fn stop(name: String, grace_s: Option<u32>, engine: Option<Engine>) -> Result<Change, Error> {
        let (grace, host) = (grace(grace_s)?, Host::of(engine)?);
        let container = one(&host, &name)?.container();
        if matches!(container.state, State::Created | State::Exited | State::Dead) {
            return Ok(changed(Vec::new()));
        }
        job::progress(0, 0, &format!("{} has {grace} s to end", container.name));
        host.change(&["stop", "-t", &grace, "--", &container.id])?;
        Ok(changed(vec![format!("stopped {}", container.name)]))
    }

    fn restart(name: String, grace_s: Option<u32>, engine: Option<Engine>) -> Result<Change, Error> {
        let (grace, host) = (grace(grace_s)?, Host::of(engine)?);
        let container = one(&host, &name)?.container();
        job::progress(0, 0, &format!("{} has {grace} s to end", container.name));
        host.begin(&["restart", "-t", &grace, "--", &container.id])?;
        Ok(changed(vec![format!("restarted {}", container.name)]))
    }
}

/// The last lines that a container wrote, fewer than are asked for where they are more than the host keeps of a program, which is
/// the beginning.
fn last_lines(host: &Host, name: &str, asked: u32) -> Result<Vec<Line>, Error> {
    let mut most = asked;
    loop {
        let output = host.read(&["logs", "--timestamps", &format!("--tail={most}"), "--", name])?;
        if most == 1 || output.stdout_dropped + output.stderr_dropped == 0 {
            if most < asked {
                log::warn!(lines = most; "the lines are long: only the last {most} are told");
            }
            return Ok(line::merged(&output.stdout_text(), &output.stderr_text(), most));
        }
        most /= 2;
    }
}

/// The container of this name.
fn one(host: &Host, name: &str) -> Result<Told, Error> {
    check(name)?;
    let found: Vec<Told> = host.inspect(&["inspect", "--type=container"], &[name])?;
    found.into_iter().next().ok_or_else(|| Error::NotFound(format!("there is no container \"{name}\"")))
}

/// That a text can be the name or the id of a container.
fn check(name: &str) -> Result<(), Error> {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(goes_on) && name.len() <= 255
    {
        return Ok(());
    }
    Err(Error::Invalid(
        "`name` is that of no container: write letters, digits, \"_\", \"-\" and \".\", a letter or digit first".to_owned(),
    ))
}

fn grace(seconds: Option<u32>) -> Result<String, Error> {
    match seconds.unwrap_or(USUAL_GRACE) {
        seconds @ ..=MOST_GRACE => Ok(seconds.to_string()),
        seconds => Err(Error::Invalid(format!("{seconds} seconds: wait {MOST_GRACE} at most"))),
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host as Fake;

    use super::*;

    const INSPECT: [&str; 5] = ["podman", "inspect", "--type=container", "--", "shop"];

    fn told(state: &str) -> String {
        format!(r#"[{{"Id": "abc1", "Name": "shop", "State": {{"Status": "{state}"}}}}]"#)
    }

    fn fake(state: &str) -> Fake {
        Fake::new().program(&INSPECT, Output::printed(&told(state), 0))
    }

    #[test]
    fn what_runs_is_not_started_and_what_does_not_is_not_stopped() {
        let podman = Some(Engine::Podman);
        let host = fake("running");
        assert_eq!(Containers::start("shop".to_owned(), podman), Ok(changed(Vec::new())));
        assert_eq!(host.ran(), [INSPECT]);
        drop(host);
        let host = fake("exited");
        assert_eq!(Containers::stop("shop".to_owned(), None, podman), Ok(changed(Vec::new())));
        assert_eq!(host.ran(), [INSPECT]);
        drop(host);
        let stop = ["podman", "stop", "-t", "3", "--", "abc1"];
        let _host = fake("paused").program(&stop, Output::printed("shop\n", 0));
        let stopped = Containers::stop("shop".to_owned(), Some(3), podman);
        assert_eq!(stopped, Ok(changed(vec!["stopped shop".to_owned()])));
    }

    #[test]
    fn podman_is_asked_to_start_by_its_service() {
        let start = ["podman", "--remote", "--url=unix:///run/podman/podman.sock", "start", "--", "abc1"];
        let run = |output| {
            let _host = fake("created").program(&start, output);
            Containers::start("shop".to_owned(), Some(Engine::Podman))
        };
        assert_eq!(run(Output::printed("", 0)), Ok(changed(vec!["started shop".to_owned()])));
        let none =
            Output { stderr: b"Cannot connect to Podman. Please\n".to_vec(), ..Output::printed("", 125) };
        assert!(matches!(run(none), Err(Error::Unsupported(why)) if why.contains("podman.socket")));
    }

    #[test]
    fn of_long_lines_the_last_are_told() {
        let logs = |lines: u32| {
            [
                "podman".to_owned(),
                "logs".to_owned(),
                "--timestamps".to_owned(),
                format!("--tail={lines}"),
                "--".to_owned(),
                "shop".to_owned(),
            ]
        };
        let output =
            |dropped| Output { stdout_dropped: dropped, ..Output::printed("2026-11-26T19:00:22Z x\n", 0) };
        let host = [(10, 5), (5, 5), (2, 0)].iter().fold(Fake::new(), |host, (lines, dropped)| {
            let argv = logs(*lines);
            host.program(&argv.each_ref().map(String::as_str), output(*dropped))
        });
        let lines = Containers::logs("shop".to_owned(), Some(10), Some(Engine::Podman)).expect("read");
        assert_eq!(
            (lines.len(), host.logged()),
            (1, vec!["the lines are long: only the last 2 are told".to_owned()])
        );
    }

    #[test]
    fn what_is_no_name_is_never_asked_for() {
        let host = Fake::new();
        for bad in ["", "-x", "a b", "a/b", "../x", "a\0", "@x", &"x".repeat(256)] {
            let refused = Containers::logs(bad.to_owned(), None, Some(Engine::Docker));
            assert!(matches!(refused, Err(Error::Invalid(_))), "{bad}");
        }
        assert!(matches!(Containers::stop("x".to_owned(), Some(3601), None), Err(Error::Invalid(_))));
        assert!(matches!(Containers::logs("x".to_owned(), Some(0), None), Err(Error::Invalid(_))));
        assert_eq!(host.ran(), [[""; 0]; 0]);
    }
}
