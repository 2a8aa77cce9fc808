//! Bringing a checkout up to date.

use failure::{Done, Error, Failure};
use minion_sdk::job;

use crate::checkout::Checkout;
use crate::exports::minion::git::git::Pulled;
use crate::status;

/// How `git` is asked. The policy that the module suggests has the same words.
const PULL: [&str; 7] =
    ["pull", "--quiet", "--ff-only", "--no-rebase", "--no-autostash", "--no-stat", "--no-recurse-submodules"];

/// Sees to it that a checkout has all that the branch has that it follows.
pub(crate) fn pull(checkout: &Checkout) -> Result<Pulled, Error> {
    let state = status::of(checkout)?;
    let (Some(before), Some(branch)) = (state.head, state.branch) else {
        return Err(Error::Invalid(format!(
            "\"{}\" has no branch checked out that something could be pulled into, or no commit yet",
            checkout.folder()
        )));
    };
    let Some((remote, name)) = status::followed(checkout, Some(&branch))? else {
        return Err(Error::Invalid(format!(
            "the branch \"{branch}\" follows no other: `git branch --set-upstream-to` says one"
        )));
    };
    job::progress(0, 0, "asking the other side");
    let after = if job::dry_run() {
        there(checkout, &remote, &name)?
    } else {
        match checkout.change(&PULL) {
            Ok(Done::Now | Done::Recorded) => status::of(checkout)?.head.unwrap_or_default(),
            Err(Error::Failed(Failure { stderr, .. })) if stderr.contains("fast-forward") => {
                return Err(Error::Denied(format!(
                    "\"{}\" has commits of its own, and could only be merged: that is for somebody to do by hand",
                    checkout.folder()
                )));
            }
            Err(error) => return Err(error),
        }
    };
    let changes =
        if before == after { vec![] } else { vec![format!("moved {branch} from {before} to {after}")] };
    Ok(Pulled { changed: before != after, changes, before, after })
}

/// The commit that a branch of the other side has.
fn there(checkout: &Checkout, remote: &str, name: &str) -> Result<String, Error> {
    let text = checkout.text(&["ls-remote", "--quiet", "--refs", "--", remote, name])?;
    let id = text.lines().find_map(|line| line.split_once('\t').filter(|(_, found)| *found == name));
    id.map(|(id, _)| id.to_owned())
        .ok_or_else(|| Error::NotFound(format!("the other side has no \"{name}\"")))
}
