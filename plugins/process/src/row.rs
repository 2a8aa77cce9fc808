//! One line of `ps`.

use failure::Error;

use crate::exports::minion::processes::process::Process;

/// The width of the column with the program's name, in characters.
const NAME: usize = 15;

/// Reads a line with the columns of the module: numbers and words, then the program's name in its own width, since it may
/// have spaces, and the rest is what the process says of its arguments.
pub(crate) fn read(line: &str) -> Result<Process, Error> {
    let misread = || Error::Other(format!("`ps` said what cannot be read: {line:?}"));
    let mut rest = line.trim_start();
    let mut word = || {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        rest = after.trim_start();
        Some(word)
    };
    let mut next = || word().ok_or_else(misread);
    let (pid, parent, uid, user) = (next()?, next()?, next()?, next()?);
    let (state, age, cpu, memory, threads) = (next()?, next()?, next()?, next()?, next()?);
    let name: String = rest.chars().take(NAME).collect();
    let command: String = rest.chars().skip(NAME + 1).collect();
    fn number<T: std::str::FromStr>(word: &str, misread: impl Fn() -> Error) -> Result<T, Error> {
        word.parse().map_err(|_| misread())
    }
    let (age_s, cpu_time_s): (u64, u64) = (number(age, misread)?, number(cpu, misread)?);
    Ok(Process {
        pid: number(pid, misread)?,
        user: user.to_owned(),
        cpu_percent: share(cpu_time_s, age_s),
        memory: number::<u64>(memory, misread)?.saturating_mul(1024),
        command: command.trim().to_owned(),
        cpu_time_s,
        age_s,
        state: state_of(state).to_owned(),
        name: name.trim_end().to_owned(),
        parent: number(parent, misread)?,
        uid: number(uid, misread)?,
        threads: number(threads, misread)?,
    })
}

/// How much of the time a process had a processor, in percent with one decimal: both are known in whole seconds.
fn share(cpu_time_s: u64, age_s: u64) -> f64 {
    (cpu_time_s as f64 * 1000.0 / age_s.max(1) as f64).round() / 10.0
}

fn state_of(word: &str) -> &'static str {
    match word.chars().next() {
        Some('R') => "running",
        Some('S') => "sleeping",
        Some('D') => "waiting",
        Some('T' | 't') => "stopped",
        Some('I') => "idle",
        Some('Z' | 'X') => "zombie",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_process() {
        let line = "  812     1    33 www-data                         S          71       3  2048    4 tmux: server    /usr/bin/tmux  -L x";
        let expected = Process {
            pid: 812,
            user: "www-data".into(),
            cpu_percent: 4.2,
            memory: 2048 * 1024,
            command: "/usr/bin/tmux  -L x".into(),
            cpu_time_s: 3,
            age_s: 71,
            state: "sleeping".into(),
            name: "tmux: server".into(),
            parent: 1,
            uid: 33,
            threads: 4,
        };
        assert_eq!(read(line), Ok(expected));
        let bare = read("2 0 0 root I 1 0 0 1 kthreadd        [kthreadd]").expect("a row");
        assert_eq!(
            (bare.name.as_str(), bare.command.as_str(), bare.state.as_str()),
            ("kthreadd", "[kthreadd]", "idle")
        );
    }

    #[test]
    fn anything_else_is_an_error_and_no_panic() {
        for line in
            ["", "ps: bad", "1 2 3", "x 0 0 root S 1 1 1 1 name cmd", "1 0 0 root S -1 1 1 1 name cmd"]
        {
            assert!(matches!(read(line), Err(Error::Other(_))), "{line:?}");
        }
    }
}
