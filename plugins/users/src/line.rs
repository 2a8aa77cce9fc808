//! Lines of a file of authorised keys, as `sshd` reads them.

use failure::Error;
use ssh_key::{HashAlg, PublicKey};

/// The longest line of a key.
const MAX: usize = 16 << 10;

/// A line that is a key.
pub(crate) struct Line<'a> {
    /// What stands before the key: `restrict,command="…"`.
    pub(crate) options: &'a str,
    /// The kind of the key: `ssh-ed25519`.
    pub(crate) algorithm: &'a str,
    /// What stands behind it.
    pub(crate) comment: &'a str,
    /// What the key is known by: `SHA256:…`.
    pub(crate) fingerprint: String,
}

impl<'a> Line<'a> {
    /// The key of a line; `None` of a line that is none.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let line = line.trim();
        Self::plain(line, "").or_else(|| {
            let (options, rest) = line.split_at(end_of_options(line)?);
            Self::plain(rest.trim_start(), options)
        })
    }

    /// The same of a line that is to be written, in which nothing may be amiss.
    pub(crate) fn given(line: &'a str) -> Result<Self, Error> {
        let fits = line.len() <= MAX && !line.contains(char::is_control);
        let read = Self::read(line).filter(|read| fits && are_options(read.options));
        read.ok_or_else(|| {
            Error::Invalid(
                "the key is none: write the one line of a file like id_ed25519.pub, with options before it if need be"
                    .to_owned(),
            )
        })
    }

    /// A key that has these options.
    fn plain(text: &'a str, options: &'a str) -> Option<Self> {
        let mut words = text.splitn(3, [' ', '\t']);
        let (algorithm, key) = (words.next()?, words.next()?);
        let key = PublicKey::from_openssh(&format!("{algorithm} {key}")).ok()?;
        Some(Self {
            options,
            algorithm,
            comment: words.next().unwrap_or_default().trim(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        })
    }
}

/// Where the options of a line end: at the first space that is in no quotes.
fn end_of_options(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            ' ' | '\t' if !quoted => return Some(at),
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    None
}

/// Whether a text is options, or nothing: each a name, or a name with a value in quotes, and commas between them.
fn are_options(mut text: &str) -> bool {
    while !text.is_empty() {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
        if rest.len() == text.len() {
            return false;
        }
        text = match rest.strip_prefix("=\"").map(after_quotes) {
            Some(Some(rest)) => rest,
            Some(None) => return false,
            None => rest,
        };
        text = match text.strip_prefix(',') {
            Some(rest) if !rest.is_empty() => rest,
            Some(_) => return false,
            None => return text.is_empty(),
        };
    }
    true
}

/// What stands behind the quotes that end a value.
fn after_quotes(text: &str) -> Option<&str> {
    let mut escaped = false;
    let end = text.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at + 1)
    });
    end.map(|end| &text[end..])
}

/// Whether a text is what a key is known by.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    text.strip_prefix("SHA256:").is_some_and(|hash| {
        hash.len() == 43 && hash.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn a_line_is_a_key_with_what_stands_before_and_behind() {
        let line = format!(r#"from="10.0.0.0/8, ::1",command="echo \"a b\"",restrict  {ANN} Ann A."#);
        let read = Line::given(&line).expect("a key");
        assert_eq!(read.options, r#"from="10.0.0.0/8, ::1",command="echo \"a b\"",restrict"#);
        assert_eq!((read.algorithm, read.comment), ("ssh-ed25519", "Ann A."));
        let bare = Line::given(ANN).expect("a key");
        assert_eq!((bare.options, bare.comment, &bare.fingerprint), ("", "", &read.fingerprint));
        assert!(is_fingerprint(&bare.fingerprint) && !is_fingerprint("SHA256:x") && !is_fingerprint(ANN));
        assert!(Line::read("# ours").is_none() && Line::read("").is_none());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in [
            "",
            "# ours",
            "-rf",
            "ssh-ed25519 AAAA ann",
            "ssh-ed25519",
            "$(id)",
            &format!("{ANN}\n{ANN}"),
            &format!("command=\"x {ANN}"),
            &format!("command=\"x\"y {ANN}"),
            &format!("restrict, {ANN}"),
            &format!("# {ANN}"),
            &format!("{ANN} \0"),
        ] {
            assert!(matches!(Line::given(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
