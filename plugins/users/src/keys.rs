//! The keys with which somebody may log in as a user.
//!
//! A home belongs to its user, who may put links there that lead anywhere. So whatever is read or written there is read and
//! written by programs that run as that user: a link leads them to nothing that the user could not read or write as well.

use accounts::{User, check_path};
use failure::{Error, Failure, change, failed, run};
use host_files::texts;

use crate::exports::minion::users::users::AuthorisedKey;
use crate::line::{Line, is_fingerprint};

/// The most bytes of a file of keys. One more is asked for, which shows whether there are more.
const MOST: usize = 256 << 10;
/// How many bytes are asked for. The policy that the module suggests has the same number.
const ASKED: &str = "262145";
/// The keys of a user.
pub(crate) fn list(user: &User) -> Result<Vec<AuthorisedKey>, Error> {
    Ok(read(user)?.split('\n').filter_map(shown).collect())
}

/// Puts a key into the file of a user.
pub(crate) fn add(user: &User, line: &str) -> Result<Vec<String>, Error> {
    let line = line.trim();
    let fingerprint = Line::given(line)?.fingerprint;
    let text = read(user)?;
    let Some((new, words)) = with(&text, line, &fingerprint) else { return Ok(Vec::new()) };
    write(user, new)?;
    Ok(vec![words])
}

/// Takes a key out of the file of a user.
pub(crate) fn remove(user: &User, key: &str) -> Result<Vec<String>, Error> {
    let fingerprint = match key.trim() {
        given if is_fingerprint(given) => given.to_owned(),
        line => Line::given(line)?.fingerprint,
    };
    let text = read(user)?;
    let Some(new) = without(&text, &fingerprint) else { return Ok(Vec::new()) };
    write(user, new)?;
    Ok(vec![format!("took the key {fingerprint} out")])
}

/// The text with this line in it, once, and what that changed; nothing where it is so already.
fn with(text: &str, line: &str, fingerprint: &str) -> Option<(String, String)> {
    let alike: Vec<&str> = text.split('\n').map(str::trim).filter(|old| is_of(old, fingerprint)).collect();
    match alike.as_slice() {
        [only] if *only == line => None,
        [] => {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            Some((format!("{text}{end}{line}\n"), format!("put the key {fingerprint} in")))
        }
        [..] => {
            let mut placed = false;
            let lines = text.split_inclusive('\n').filter_map(|old| match is_of(old, fingerprint) {
                false => Some(old.to_owned()),
                true if placed => None,
                true => {
                    placed = true;
                    Some(format!("{line}\n"))
                }
            });
            Some((
                lines.collect(),
                format!("put the key {fingerprint} in the place of a line with other terms"),
            ))
        }
    }
}

/// The text without the lines of this key; nothing where it has none.
fn without(text: &str, fingerprint: &str) -> Option<String> {
    let kept: String = text.split_inclusive('\n').filter(|line| !is_of(line, fingerprint)).collect();
    (kept.len() < text.len()).then_some(kept)
}

/// Whether a line is this key, on whatever terms.
fn is_of(line: &str, fingerprint: &str) -> bool {
    Line::read(line).is_some_and(|line| line.fingerprint == fingerprint)
}

fn shown(line: &str) -> Option<AuthorisedKey> {
    let read = Line::read(line)?;
    Some(AuthorisedKey {
        line: line.trim().to_owned(),
        options: read.options.to_owned(),
        algorithm: read.algorithm.to_owned(),
        fingerprint: read.fingerprint,
        comment: read.comment.to_owned(),
    })
}

/// What stands in the file of a user.
fn read(user: &User) -> Result<String, Error> {
    let path = file(user)?;
    let (reuid, regid) = identity(user);
    let argv = ["setpriv", &reuid, &regid, "--init-groups", "--", "head", "-c", ASKED, "--", &path];
    let output = run(&argv)?;
    if !output.success() {
        return match failed(&argv, &output) {
            Error::Failed(Failure { stderr, .. }) if stderr.contains("No such file") => Ok(String::new()),
            error => Err(error),
        };
    }
    if output.stdout.len() > MOST || output.stdout_dropped > 0 {
        return Err(Error::Other(format!("{path} has more than {MOST} bytes: it is no list of keys")));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::Other(format!("{path} is not text: it is no list of keys")))
}

/// Puts another file in the place of that of a user, whole.
fn write(user: &User, text: String) -> Result<(), Error> {
    if text.len() > MOST {
        return Err(Error::Invalid(format!("with this key there were more than {MOST} bytes of keys")));
    }
    let path = file(user)?;
    let folder = path.trim_end_matches("/authorized_keys");
    let (reuid, regid) = identity(user);
    let identity = ["setpriv", reuid.as_str(), regid.as_str(), "--init-groups", "--"];
    change(&[&identity[..], &["mkdir", "-p", "-m", "700", "--", folder]].concat())?;
    texts::replace_as(&identity, &path, text, "600")?;
    Ok(())
}

/// Where the keys of a user are.
fn file(user: &User) -> Result<String, Error> {
    check_path("home", &user.home)?;
    Ok(format!("{}/.ssh/authorized_keys", user.home.trim_end_matches('/')))
}

fn identity(user: &User) -> (String, String) {
    (format!("--reuid={}", user.uid), format!("--regid={}", user.gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti ann@example.org";
    const BEN: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVtfi4eDmYUHFC8Q6PnJ0L3oN3Z3D1KLkXtIBUx2hs7 ben";

    fn fingerprint(line: &str) -> String {
        Line::given(line).expect("a key").fingerprint
    }

    fn added(text: &str, line: &str) -> Option<String> {
        with(text, line, &fingerprint(line)).map(|(text, _)| text)
    }

    #[test]
    fn a_key_is_in_the_file_once_and_on_the_terms_that_are_wished() {
        let file = added("", ANN).expect("changed");
        assert_eq!(file, format!("{ANN}\n"));
        assert_eq!(added(&file, ANN), None);
        assert_eq!(added("# ours", ANN), Some(format!("# ours\n{ANN}\n")));
        let both = format!("# ours\n{ANN}\n\n{BEN}\n{ANN}\nnot a key");
        let limited = format!("restrict,command=\"echo a, b\" {ANN}");
        assert_eq!(added(&both, &limited), Some(format!("# ours\n{limited}\n\n{BEN}\nnot a key")));
    }

    #[test]
    fn only_the_lines_of_the_key_go() {
        let file = format!("# ours\nfrom=\"10.0.0.0/8\" {ANN}\n{BEN}\n{ANN}");
        assert_eq!(without(&file, &fingerprint(ANN)), Some(format!("# ours\n{BEN}\n")));
        assert_eq!(without(BEN, &fingerprint(ANN)), None);
    }
}
