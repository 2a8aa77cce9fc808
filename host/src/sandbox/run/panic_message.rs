//! What a guest said of its own end on stderr. Each language has a form of its own.

/// The message with which componentize-py's runtime panics where Python code raised something.
const PYTHON: &str = "Python function threw an unexpected exception";

/// Why the guest ended by its own account, as a clause; `stderr` is what it wrote there last. `None` where nothing
/// of that is known.
pub(in crate::sandbox) fn find(stderr: &str) -> Option<String> {
    match rust(stderr) {
        Some(message) if message == PYTHON => python(stderr).map(|exception| format!("raised {exception}")),
        Some(message) => Some(match quickjs(&message) {
            Some(exception) => format!("threw {exception}"),
            None => format!("panicked: {message}"),
        }),
        None => go(stderr).map(|message| format!("panicked: {message}")),
    }
}

/// The last line, which in languages like C says why an `abort` follows.
pub(in crate::sandbox) fn last_line(stderr: &str) -> Option<&str> {
    stderr.lines().rev().map(str::trim).find(|line| !line.is_empty())
}

/// The message of the last panic.
fn rust(stderr: &str) -> Option<String> {
    let (_, panic) = stderr.rsplit_once("panicked at ")?;
    let (_place, message) = panic.split_once('\n')?;
    let message = message.split("\nnote: ").next()?.trim();
    (!message.is_empty()).then(|| message.to_owned())
}

/// The exception of the last traceback: the lines behind its frames, which are indented.
fn python(stderr: &str) -> Option<String> {
    let (_, traceback) = stderr.rsplit_once("Traceback (most recent call last):\n")?;
    let exception = traceback.split("\n\nthread '").next()?;
    let lines: Vec<&str> = exception.lines().skip_while(|line| line.starts_with(' ')).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The message of an exception as QuickJS's host language prints it.
fn quickjs(panic: &str) -> Option<String> {
    let (_, exception) =
        panic.strip_prefix("Failed to call '")?.split_once("Exception { message: Some(\"")?;
    let (message, _) = exception.split_once("\"), stack: ")?;
    Some(message.replace("\\n", "\n").replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\"))
}

/// The message of the panic, behind which the stacks of the goroutines stand.
fn go(stderr: &str) -> Option<String> {
    let (head, _) = stderr.rsplit_once("\n\ngoroutine ")?;
    let (_, message) = head.rsplit_once("panic: ")?;
    Some(message.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_is_understood() {
        let rust = "thread '<unnamed>' (1) panicked at src/lib.rs:7:5:\nboom\ntwice\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(find(rust).as_deref(), Some("panicked: boom\ntwice"));
        let go = "panic: boom\n\ngoroutine 1 [running]:\nmain.Explode(...)\n";
        assert_eq!(find(go).as_deref(), Some("panicked: boom"));
        let python = "Traceback (most recent call last):\n  File \"/0/app.py\", line 43, in explode\n    raise\n\
                      RuntimeError: boom\n\nthread '<unnamed>' (1) panicked at runtime/src/lib.rs:1280:25:\n\
                      Python function threw an unexpected exception\nnote: run with\n";
        assert_eq!(find(python).as_deref(), Some("raised RuntimeError: boom"));
        let js = "\nthread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:\nFailed to call 'explode': \
                  Exception(Exception { message: Some(\"say \\\"boom\\\"\"), stack: Some(\"    at explode\\n\") })\nnote: run\n";
        assert_eq!(find(js).as_deref(), Some("threw say \"boom\""));
    }

    #[test]
    fn what_is_no_account_of_an_end_is_not_taken_for_one() {
        assert_eq!(find(""), None);
        assert_eq!(find("reading /etc/hosts\n"), None);
        assert_eq!(last_line("reading\ncannot go on\n\n"), Some("cannot go on"));
        assert_eq!(last_line("\n"), None);
    }
}
