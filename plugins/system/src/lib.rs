//! The module `system`: what a host is and how it is, its name, and starting it again. What each method does is said in
//! `wit/system.wit`; all that it reads is in `policy.toml`.

mod kernels;
mod name;
mod reboot;

use std::time::SystemTime;

use failure::{Change, Error, Timestamp};
use host_files::texts::{malformed, optional, read, value};
use minion_sdk::facts;

use exports::minion::system::system::{About, Clock, Guest, Load, RebootNeed, RebootPlan};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:system/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq],
});

struct System;

export!(System);

impl Guest for System {
    fn info() -> Result<About, Error> {
        let (uptime, stat, meminfo) = (read(UPTIME)?, read(STAT)?, read(MEMINFO)?);
        let memory = |name| kibibytes(&meminfo, name).ok_or_else(|| malformed(MEMINFO, &meminfo));
        Ok(About {
            hostname: name::now()?,
            os: os()?,
            kernel: kernels::running()?,
            arch: fact("arch")?,
            uptime_s: seconds(&uptime).ok_or_else(|| malformed(UPTIME, &uptime))?,
            boot_time: boot_time(&stat).ok_or_else(|| malformed(STAT, &stat))?,
            load: load()?,
            cpus: cpus(&stat),
            memory_total: memory("MemTotal")?,
            memory_available: memory("MemAvailable")?,
            virtualisation: fact("virtualisation")?,
        })
    }

    fn hostname() -> Result<String, Error> {
        name::now()
    }

    fn set_hostname(name: String) -> Result<Change, Error> {
        name::set(&name)
    }

    fn reboot(delay_s: Option<u32>, message: Option<String>) -> Result<RebootPlan, Error> {
        reboot::plan(delay_s, message.as_deref())
    }

    fn cancel_reboot() -> Result<Change, Error> {
        reboot::cancel()
    }

    fn reboot_required() -> Result<RebootNeed, Error> {
        reboot::need()
    }

    fn time() -> Result<Clock, Error> {
        let said = match failure::read(&CLOCK) {
            Ok(output) => output.stdout_text(),
            Err(Error::Failed(_) | Error::Unsupported(_)) => String::new(),
            Err(error) => return Err(error),
        };
        let get = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let zone = get("Timezone").map(str::to_owned).or_else(|| optional("/etc/timezone"));
        Ok(Clock {
            now: failure::time_of(SystemTime::now()),
            zone: zone.map(|zone| zone.trim().to_owned()).filter(|zone| !zone.is_empty()),
            synchronised: get("NTPSynchronized").map(|is| is == "yes"),
        })
    }
}

/// A fact of the minion's.
fn fact(path: &str) -> Result<String, Error> {
    match facts::get(path) {
        Ok(fact) => Ok(fact.unwrap_or_else(|| "unknown".to_owned())),
        Err(facts::Error::Denied(text)) => Err(Error::Denied(text)),
        Err(facts::Error::Cancelled) => Err(Error::Cancelled),
        Err(facts::Error::Other(text)) => Err(Error::Other(text)),
    }
}

/// What the operating system calls itself, or at least what its kernel is.
fn os() -> Result<String, Error> {
    // Mostly a link to the other one, which leads out of its folder.
    let own = std::fs::symlink_metadata("/etc/os-release").is_ok_and(|found| found.is_file());
    let release = optional(if own { "/etc/os-release" } else { "/usr/lib/os-release" });
    match release.as_deref().and_then(pretty_name) {
        Some(name) => Ok(name),
        None => value("/proc/sys/kernel/ostype"),
    }
}

/// The `PRETTY_NAME` of an `os-release`, without its quotes.
fn pretty_name(release: &str) -> Option<String> {
    let name = release.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let quoted = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote);
    let name = quoted('"').or_else(|| quoted('\'')).unwrap_or(name);
    let mut plain = String::new();
    let mut characters = name.chars();
    while let Some(c) = characters.next() {
        // A backslash takes its meaning from what comes behind it.
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    (!plain.is_empty()).then_some(plain)
}

/// The whole seconds at the beginning of `/proc/uptime`.
fn seconds(uptime: &str) -> Option<u64> {
    uptime.split(['.', ' ']).next()?.parse().ok()
}

/// The `btime` of `/proc/stat`.
fn boot_time(stat: &str) -> Option<Timestamp> {
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(failure::time(seconds))
}

/// How many processors `/proc/stat` tells of, which are those that are at work.
fn cpus(stat: &str) -> u32 {
    let is_one = |line: &&str| {
        let number = line.strip_prefix("cpu").and_then(|rest| rest.split(' ').next());
        number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
    };
    stat.lines().filter(is_one).count().try_into().unwrap_or(u32::MAX)
}

fn load() -> Result<Load, Error> {
    let text = read(LOADAVG)?;
    let mut averages = text.split_whitespace().map(|average| average.parse().ok());
    let mut next = || averages.next().flatten().ok_or_else(|| malformed(LOADAVG, &text));
    Ok(Load { one: next()?, five: next()?, fifteen: next()? })
}

/// A line of `/proc/meminfo`, in bytes.
fn kibibytes(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1 << 10)
}

/// What `timedatectl` is asked. The policy that the module suggests has the same words.
const CLOCK: [&str; 4] = ["timedatectl", "show", "--property=Timezone", "--property=NTPSynchronized"];
const LOADAVG: &str = "/proc/loadavg";
const MEMINFO: &str = "/proc/meminfo";
const STAT: &str = "/proc/stat";
const UPTIME: &str = "/proc/uptime";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_called_what_it_calls_itself() {
        assert_eq!(pretty_name("ID=x\nPRETTY_NAME=\"A \\\"B\\\" 1\"\n").as_deref(), Some("A \"B\" 1"));
        assert_eq!(pretty_name("PRETTY_NAME=Plain").as_deref(), Some("Plain"));
        assert_eq!(pretty_name("PRETTY_NAME=''"), None);
        assert_eq!(pretty_name("NAME=x"), None);
    }

    #[test]
    fn what_the_kernel_tells_is_read() {
        assert_eq!(seconds("26926.25 16851.40\n"), Some(26_926));
        let stat = "cpu  1 2 3\ncpu0 1\ncpu11 1\nintr 5\nbtime 1795639823\n";
        assert_eq!((boot_time(stat), cpus(stat)), (Some(failure::time(1_795_639_823)), 2));
        let meminfo = "MemTotal:       24684092 kB\nMemAvailable:   10 kB\n";
        assert_eq!(kibibytes(meminfo, "MemTotal"), Some(24_684_092 << 10));
        assert_eq!(kibibytes(meminfo, "Mem"), None);
        assert_eq!(kibibytes("MemTotal: lots\n", "MemTotal"), None);
    }
}
