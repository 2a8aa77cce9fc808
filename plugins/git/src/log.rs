//! Commits.

use failure::{Error, time};

use crate::checkout::Checkout;
use crate::exports::minion::git::git::Commit;

/// The most commits of an answer.
const MOST: u32 = 1000;

/// The last commits.
pub(crate) fn of(checkout: &Checkout, most: Option<u32>) -> Result<Vec<Commit>, Error> {
    let most = most.unwrap_or(10).min(MOST);
    let format = "--format=%H%x09%ct%x09%an%x09%s";
    let count = format!("--max-count={most}");
    let output = checkout.run(&["log", "-z", "--no-show-signature", format, &count])?;
    if !output.success() && output.stderr_text().contains("does not have any commits yet") {
        return Ok(Vec::new());
    }
    if !output.success() {
        return Err(failure::failed(&["git", "log"], &output));
    }
    let text = output.stdout_text();
    let read = |line| {
        commit(line).ok_or_else(|| Error::Other(format!("`git log` said what cannot be read: {line:?}")))
    };
    text.split_terminator('\0').map(read).collect()
}

/// The subject comes last, since it may have anything in it; the name of who made it has no tab.
fn commit(line: &str) -> Option<Commit> {
    let mut fields = line.splitn(4, '\t');
    let mut next = || fields.next();
    let (id, committed, author, subject) = (next()?, next()?, next()?, next()?);
    Some(Commit {
        id: id.to_owned(),
        subject: subject.to_owned(),
        author: author.to_owned(),
        committed: time(committed.parse().ok()?),
    })
}
