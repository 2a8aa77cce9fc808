//! The module `cron`: what a host does at certain times. What each method does is said in `wit/cron.wit`.

mod calendar;
mod crontab;
mod schedule;
mod tables;
mod timers;
mod unit;
mod zone;

use accounts::{check_name, find_user};
use failure::{Change, Error, Timestamp};

use exports::minion::cron::cron::{Guest, Job, Timer, TimerWish, Wish};
use schedule::Schedule;
use zone::Zone;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:cron/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Cron;

/// Whose jobs are those of which nobody says whose they are.
const ROOT: &str = "root";
/// The longest name of a job or a timer.
const MAX_NAME: usize = 64;
/// How many points in time are told where nobody says how many, and at most.
const COUNT: u32 = 5;
const MOST_COUNT: u32 = 100;

export!(Cron);

impl Guest for Cron {
    fn list(user: Option<String>) -> Result<Vec<Job>, Error> {
        user.iter().try_for_each(|user| check_name("user", user))?;
        let jobs = tables::jobs(&Zone::of_host()?, now())?;
        Ok(jobs.into_iter().filter(|job| user.as_ref().is_none_or(|user| job.user == *user)).collect())
    }

    fn ensure(job: Wish) -> Result<Change, Error> {
        check(&job.name, "._-")?;
        Schedule::given(&job.schedule)?;
        crontab::check_command(&job.command)?;
        crontab::ensure(&there(job.user.as_deref())?, &job)
    }

    fn remove(name: String, user: Option<String>) -> Result<Change, Error> {
        check(&name, "._-")?;
        crontab::remove(&there(user.as_deref())?, &name)
    }

    fn next_runs(schedule: String, count: Option<u32>) -> Result<Vec<Timestamp>, Error> {
        let (schedule, zone) = (Schedule::given(&schedule)?, Zone::of_host()?);
        let next = |after: &i64| schedule.next(*after, &zone);
        let runs = std::iter::successors(schedule.next(now(), &zone), next);
        Ok(runs.take(counted(count) as usize).map(failure::time).collect())
    }

    fn timers() -> Result<Vec<Timer>, Error> {
        timers::list()
    }

    fn ensure_timer(timer: TimerWish) -> Result<Change, Error> {
        check(&timer.name, "_-")?;
        unit::check_command(&timer.command)?;
        let user = there(timer.user.as_deref())?;
        // Whether it is a schedule is for systemd to say.
        calendar::runs(&timer.schedule, 1)?;
        timers::ensure(&timer, &user)
    }

    fn remove_timer(name: String) -> Result<Change, Error> {
        check(&name, "_-")?;
        timers::remove(&name)
    }

    fn next_timer_runs(schedule: String, count: Option<u32>) -> Result<Vec<Timestamp>, Error> {
        calendar::runs(&schedule, counted(count))
    }
}

fn counted(count: Option<u32>) -> u32 {
    count.unwrap_or(COUNT).clamp(1, MOST_COUNT)
}

/// The seconds since 1970.
fn now() -> i64 {
    failure::time_of(std::time::SystemTime::now()).seconds
}

/// The name of the user who is meant; an error where there is none of that name.
fn there(user: Option<&str>) -> Result<String, Error> {
    let user = user.unwrap_or(ROOT);
    check_name("user", user)?;
    match find_user(user)? {
        Some(user) => Ok(user.name),
        None => Err(Error::NotFound(format!("there is no user \"{user}\": make it with users.ensure"))),
    }
}

/// That a text is the name of a job or a timer, with letters, digits and these signs.
fn check(name: &str, signs: &str) -> Result<(), Error> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || signs.contains(c);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= MAX_NAME
        && name.chars().all(is_fit)
    {
        return Ok(());
    }
    let signs: Vec<String> = signs.chars().map(|sign| format!("\"{sign}\"")).collect();
    Err(Error::Invalid(format!(
        "the name is none: write letters, digits and {}, {MAX_NAME} at most, a letter or a digit first",
        signs.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_another_line_or_another_file_is_no_name() {
        for bad in ["", "-r", "../x", "a/b", "a b", "a\nb", "a\0b", "a%b", "$(id)", &"a".repeat(65)] {
            assert!(matches!(check(bad, "._-"), Err(Error::Invalid(_))), "{bad:?}");
        }
        assert!(check("backup-2.all", "._-").is_ok() && check("backup-2.all", "_-").is_err());
    }
}
