//! The module `system`: says what a host is and how it is. What each method does is said in `wit/system.wit`; all that
//! it reads is in `policy.toml`.

mod calendar;
mod files;
mod virtualisation;

use std::time::{SystemTime, UNIX_EPOCH};

use exports::minion::system::system::{About, Clock, Guest, Load, Problem};

use crate::files::{malformed, optional, read, value};

minion_sdk::module!({ path: "wit" });

struct System;

export!(System);

impl Guest for System {
    fn info() -> Result<About, Problem> {
        let (uptime, stat, meminfo) = (read(UPTIME)?, read(STAT)?, read(MEMINFO)?);
        let cpuinfo = optional("/proc/cpuinfo").unwrap_or_default();
        let memory = |name| kibibytes(&meminfo, name).ok_or_else(|| malformed(MEMINFO, &meminfo));
        Ok(About {
            hostname: Self::hostname()?,
            os: os()?,
            kernel: value("/proc/sys/kernel/osrelease")?,
            arch: arch(&cpuinfo),
            uptime_s: seconds(&uptime).ok_or_else(|| malformed(UPTIME, &uptime))?,
            boot_time: boot_time(&stat).ok_or_else(|| malformed(STAT, &stat))?,
            load: load()?,
            cpus: cpus(&stat),
            memory_total: memory("MemTotal")?,
            memory_available: memory("MemAvailable")?,
            virtualisation: virtualisation::detect(&cpuinfo),
        })
    }

    fn hostname() -> Result<String, Problem> {
        value("/proc/sys/kernel/hostname")
    }

    fn time() -> Clock {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock {
            unix_ms: since_1970.as_millis().try_into().unwrap_or(u64::MAX),
            utc: calendar::utc(since_1970.as_secs()),
            zone: optional("/etc/timezone")
                .map(|zone| zone.trim().to_owned())
                .filter(|zone| !zone.is_empty()),
        }
    }
}

/// What the operating system calls itself, or at least what its kernel is.
fn os() -> Result<String, Problem> {
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

/// The architecture, as kernels since 6.1 say it, and else by what they say of the processors.
fn arch(cpuinfo: &str) -> String {
    if let Some(arch) = optional("/proc/sys/kernel/arch") {
        return arch.trim().to_owned();
    }
    let has = |flag: &str| cpuinfo.lines().any(|line| line.split_whitespace().any(|word| word == flag));
    match () {
        () if has("lm") => "x86_64",
        () if has("asimd") => "aarch64",
        () if has("flags") => "i686",
        () => "unknown",
    }
    .to_owned()
}

/// The whole seconds at the beginning of `/proc/uptime`.
fn seconds(uptime: &str) -> Option<u64> {
    uptime.split(['.', ' ']).next()?.parse().ok()
}

/// The `btime` of `/proc/stat`, in milliseconds.
fn boot_time(stat: &str) -> Option<u64> {
    let seconds: u64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    seconds.checked_mul(1_000)
}

/// How many processors `/proc/stat` tells of, which are those that are at work.
fn cpus(stat: &str) -> u32 {
    let is_one = |line: &&str| {
        let number = line.strip_prefix("cpu").and_then(|rest| rest.split(' ').next());
        number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
    };
    stat.lines().filter(is_one).count().try_into().unwrap_or(u32::MAX)
}

fn load() -> Result<Load, Problem> {
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
        assert_eq!((boot_time(stat), cpus(stat)), (Some(1_795_639_823_000), 2));
        let meminfo = "MemTotal:       24684092 kB\nMemAvailable:   10 kB\n";
        assert_eq!(kibibytes(meminfo, "MemTotal"), Some(24_684_092 << 10));
        assert_eq!(kibibytes(meminfo, "Mem"), None);
        assert_eq!(kibibytes("MemTotal: lots\n", "MemTotal"), None);
    }

    #[test]
    fn an_older_kernel_is_known_by_its_processors() {
        assert_eq!(arch("flags\t\t: fpu lm nx\n"), arch("flags : lm"));
    }
}
