//! The text of the units of a timer.

use failure::Error;

use crate::exports::minion::cron::cron::TimerWish;

/// The longest text of a command.
const MAX_COMMAND: usize = 4000;

const HEAD: &str = "# Written by the module `cron` of the minion.\n";

/// That a list is a program with its arguments.
pub(crate) fn check_command(command: &[String]) -> Result<(), Error> {
    let program = command.first().map(String::as_str).unwrap_or_default();
    let length: usize = command.iter().map(String::len).sum();
    if accounts::check_path("program", program).is_ok()
        && !program.ends_with('/')
        && length <= MAX_COMMAND
        && !command.iter().any(|word| word.contains(char::is_control))
    {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the command is none: give the whole path of a program, and each argument by itself, without line ends, \
         {MAX_COMMAND} bytes at most"
    )))
}

/// The service that is started.
pub(crate) fn service(wish: &TimerWish, user: &str) -> String {
    let words: Vec<String> = wish.command.iter().map(|word| quoted(word)).collect();
    format!(
        "{HEAD}[Unit]\nDescription={}\n\n[Service]\nType=oneshot\nUser={user}\nExecStart={}\n",
        wish.name,
        words.join(" ")
    )
}

/// The timer that starts it.
pub(crate) fn timer(wish: &TimerWish) -> String {
    format!(
        "{HEAD}[Unit]\nDescription={}\n\n[Timer]\nOnCalendar={}\nPersistent={}\n\n[Install]\nWantedBy=timers.target\n",
        wish.name,
        wish.schedule.trim(),
        wish.catch_up.unwrap_or(false)
    )
}

/// A word that systemd takes as it is.
fn quoted(word: &str) -> String {
    let word = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{word}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_more_than_that() {
        let command = ["/bin/echo", "a b", "100%", "$HOME", "\"", "\\", ""].map(str::to_owned).to_vec();
        assert_eq!(check_command(&command), Ok(()));
        let wish = TimerWish {
            name: "x".into(),
            schedule: "daily".into(),
            command,
            user: None,
            catch_up: Some(true),
        };
        let text = service(&wish, "ann");
        let expected = r#"ExecStart="/bin/echo" "a b" "100%%" "$$HOME" "\"" "\\" """#;
        assert!(text.lines().any(|line| line == expected) && text.contains("User=ann\n"), "{text}");
        assert!(timer(&wish).contains("OnCalendar=daily\nPersistent=true\n"));
        for bad in [&[][..], &["echo"], &["/bin/echo", "a\nb"], &["/bin/../x"], &["-x"], &["/bin/"]] {
            let bad: Vec<String> = bad.iter().map(|&word| word.to_owned()).collect();
            assert!(matches!(check_command(&bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
