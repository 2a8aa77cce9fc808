//! What the system says of a user's password.

use failure::{Error, Failure, read};

/// The words that `passwd -S` says of a user.
pub(crate) fn password_state(name: &str) -> Result<Vec<String>, Error> {
    let text = match read(&["passwd", "-S", "--", name]) {
        // Only root may ask that.
        Err(Error::Failed(Failure { exit: Some(1), stderr, .. })) => {
            return Err(Error::Denied(format!("the minion's user may not look at passwords: {stderr}")));
        }
        output => output?.stdout_text(),
    };
    Ok(text.split_whitespace().map(str::to_owned).collect())
}
