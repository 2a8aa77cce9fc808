//! How a checkout is.

use failure::Error;

use crate::checkout::Checkout;
use crate::exports::minion::git::git::{Difference, PathState, State};
use crate::url::without_users;

/// The most paths that are told.
const MOST: usize = 100;
/// How `git` is asked. The policy that the module suggests has the same words.
const STATUS: [&str; 7] = [
    "status",
    "--porcelain=v2",
    "--branch",
    "-z",
    "--untracked-files=normal",
    "--ignore-submodules=all",
    "--no-renames",
];

/// How a checkout is.
pub(crate) fn of(checkout: &Checkout) -> Result<State, Error> {
    let mut state = read(&checkout.text(&STATUS)?)
        .ok_or_else(|| Error::Other("`git status` said what cannot be read".to_owned()))?;
    if let Some((remote, _)) = followed(checkout, state.branch.as_deref())? {
        let output =
            checkout.run(&["config", "--local", "--null", "--get", &format!("remote.{remote}.url")])?;
        let url = output.stdout_text().trim_end_matches('\0').to_owned();
        state.remote = (output.success() && !url.is_empty()).then(|| without_users(&url));
    }
    Ok(state)
}

/// The remote of the branch that one follows, and the name that it has there.
pub(crate) fn followed(checkout: &Checkout, branch: Option<&str>) -> Result<Option<(String, String)>, Error> {
    let Some(branch) = branch else { return Ok(None) };
    let format = "--format=%(upstream:remotename)%09%(upstream:remoteref)";
    let text = checkout.text(&["for-each-ref", format, &format!("refs/heads/{branch}")])?;
    let line = text.lines().next().and_then(|line| line.split_once('\t'));
    Ok(line
        .filter(|(remote, name)| !remote.is_empty() && !name.is_empty())
        .map(|(remote, name)| (remote.to_owned(), name.to_owned())))
}

/// What `git` says, each line of it with a zero at its end.
fn read(text: &str) -> Option<State> {
    let mut state = State {
        branch: None,
        head: None,
        dirty: false,
        upstream: None,
        ahead: None,
        behind: None,
        remote: None,
        untracked: 0,
        differences: Vec::new(),
    };
    for line in text.split_terminator('\0') {
        let (sort, rest) = line.split_once(' ')?;
        match sort {
            "#" => head(&mut state, rest)?,
            "?" => {
                state.untracked += 1;
                add(&mut state, rest, PathState::Untracked);
            }
            "1" => {
                let states = rest.get(..2)?;
                let path = rest.splitn(8, ' ').nth(7)?;
                let is = |letter: char| states.contains(letter);
                let how = match () {
                    () if is('D') => PathState::Deleted,
                    () if is('A') => PathState::Added,
                    () => PathState::Modified,
                };
                state.dirty = true;
                add(&mut state, path, how);
            }
            "u" => {
                state.dirty = true;
                add(&mut state, rest.splitn(10, ' ').nth(9)?, PathState::Conflicted);
            }
            _ => {}
        }
    }
    Some(state)
}

fn head(state: &mut State, line: &str) -> Option<()> {
    let (key, value) = line.split_once(' ')?;
    let given = |none: &str| (value != none).then(|| value.to_owned());
    match key {
        "branch.oid" => state.head = given("(initial)"),
        "branch.head" => state.branch = given("(detached)"),
        "branch.upstream" => state.upstream = Some(value.to_owned()),
        "branch.ab" => {
            let (ahead, behind) = value.split_once(' ')?;
            state.ahead = ahead.strip_prefix('+')?.parse().ok();
            state.behind = behind.strip_prefix('-')?.parse().ok();
        }
        _ => {}
    }
    Some(())
}

fn add(state: &mut State, path: &str, how: PathState) {
    if state.differences.len() < MOST {
        state.differences.push(Difference { path: path.to_owned(), state: how });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_of_a_checkout_is_told_apart() {
        let text = "# branch.oid 0123\0# branch.head feature/x\0# branch.upstream origin/main\0# branch.ab +1 -2\0\
                    1 .M N... 100644 100644 100644 aa bb a file\0\
                    1 A. N... 000000 100644 100644 00 bb new\nline\0\
                    1 .D N... 100644 100644 000000 aa bb gone\0\
                    u UU N... 100644 100644 100644 100644 aa bb cc both ways\0\
                    ? other\0! ignored\0";
        let state = read(text).expect("read");
        assert_eq!((state.head.as_deref(), state.branch.as_deref()), (Some("0123"), Some("feature/x")));
        assert_eq!((state.ahead, state.behind, state.untracked, state.dirty), (Some(1), Some(2), 1, true));
        let told: Vec<_> = state.differences.iter().map(|it| (it.path.as_str(), it.state)).collect();
        assert_eq!(
            told,
            [
                ("a file", PathState::Modified),
                ("new\nline", PathState::Added),
                ("gone", PathState::Deleted),
                ("both ways", PathState::Conflicted),
                ("other", PathState::Untracked),
            ]
        );
        let clean = read("# branch.oid (initial)\0# branch.head (detached)\0").expect("read");
        assert_eq!((clean.head, clean.branch, clean.dirty), (None, None, false));
        for wrong in ["#\0", "1 .M N\0", "u UU\0", "# branch.ab 1\0"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
