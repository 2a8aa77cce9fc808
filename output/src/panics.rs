//! Panics of libraries that are no reason for the program to end.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is for its caller and not for the screen.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs code that may panic, on this thread. A panic is not printed, but returned as its message.
///
/// Code that has panicked may have left anything half done that it could write to, so that must be thrown away.
///
/// # Errors
/// The message of the panic.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let otherwise = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                otherwise(panic);
            }
        }));
    });
    let before = EXPECTED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    EXPECTED.set(before);
    outcome.map_err(|panic| message(&*panic))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it gave no reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_given_back_and_the_next_one_is_loud_again() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught(|| -> u8 { panic!("no {}", 2) }), Err("no 2".to_owned()));
        assert!(!EXPECTED.get());
    }
}
