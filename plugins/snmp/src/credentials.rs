//! Credentials on their way to a program: Net-SNMP reads them from arguments, which everyone on the host sees, or from a file.
//!
//! Its file is read twice, so that neither standard input nor a pipe will do.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use failure::{Done, Error, change, change_with};

use crate::exports::minion::snmp::snmp::{Authentication, Credentials, Privacy, User};

/// Where the files are kept; the suggested policy has the same.
const FOLDER: &str = "/run/minion-snmp";

/// The shortest passphrase that SNMP takes.
const MIN_PASSPHRASE: usize = 8;

/// A file with credentials, in a folder of its own.
pub(crate) struct Kept {
    folder: String,
}

impl Kept {
    /// Writes credentials to a file that only the minion's user may read.
    ///
    /// # Errors
    /// Where that cannot be, or the job is a dry run.
    pub(crate) fn write(credentials: &Credentials) -> Result<Self, Error> {
        let text = lines(credentials)?;
        // What jobs left that were killed. Mostly nothing is there, nor the folder.
        let _ = change(&["find", FOLDER, "-mindepth", "1", "-mmin", "+60", "-delete"]);
        // The seeds are random, so that no job takes the folder of another.
        let random = || RandomState::new().build_hasher().finish();
        let kept = Self { folder: format!("{FOLDER}/{:016x}{:016x}", random(), random()) };
        let file = format!("{}/snmp.conf", kept.folder);
        match change_with(&["install", "-D", "-m", "600", "--", "/dev/stdin", &file], text)? {
            Done::Now => Ok(kept),
            Done::Recorded => Err(Error::DryRun(
                "asking with credentials writes them to a file, which a dry run does not do".to_owned(),
            )),
        }
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Removes it.
    ///
    /// # Errors
    /// Where it is there still.
    pub(crate) fn remove(self) -> Result<(), Error> {
        change(&["rm", "-r", "-f", "--", &self.folder]).map(|_| ())
    }
}

/// What Net-SNMP reads of these credentials.
fn lines(credentials: &Credentials) -> Result<String, Error> {
    let user = match credentials {
        Credentials::Community(community) => {
            return Ok(format!("defVersion 2c\ndefCommunity {}\n", quoted("community", community)?));
        }
        Credentials::User(user) => user,
    };
    let User { name, authentication, privacy, context } = user;
    let level = match (authentication, privacy) {
        (None, None) => "noAuthNoPriv",
        (Some(_), None) => "authNoPriv",
        (Some(_), Some(_)) => "authPriv",
        (None, Some(_)) => {
            return Err(Error::Invalid(
                "who hides what is said must prove who it is, too: give `authentication`".to_owned(),
            ));
        }
    };
    let mut text =
        format!("defVersion 3\ndefSecurityLevel {level}\ndefSecurityName {}\n", quoted("name", name)?);
    if let Some((kind, passphrase)) = authentication {
        let kind = match kind {
            Authentication::Md5 => "MD5",
            Authentication::Sha1 => "SHA",
            Authentication::Sha256 => "SHA-256",
            Authentication::Sha512 => "SHA-512",
        };
        text += &format!("defAuthType {kind}\ndefAuthPassphrase {}\n", passphrase_of(passphrase)?);
    }
    if let Some((kind, passphrase)) = privacy {
        let kind = match kind {
            Privacy::Des => "DES",
            Privacy::Aes => "AES",
        };
        text += &format!("defPrivType {kind}\ndefPrivPassphrase {}\n", passphrase_of(passphrase)?);
    }
    if let Some(context) = context {
        text += &format!("defContext {}\n", quoted("context", context)?);
    }
    Ok(text)
}

fn passphrase_of(text: &str) -> Result<String, Error> {
    if text.len() < MIN_PASSPHRASE {
        return Err(Error::Invalid(format!(
            "a passphrase is too short: SNMP takes {MIN_PASSPHRASE} characters or more"
        )));
    }
    quoted("passphrase", text)
}

/// A text as Net-SNMP reads it as one, whatever is in it.
fn quoted(what: &str, text: &str) -> Result<String, Error> {
    if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        return Err(Error::Invalid(format!("a {what} is empty, over 255 bytes, or has control characters")));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(
        authentication: Option<(Authentication, String)>,
        privacy: Option<(Privacy, String)>,
    ) -> Credentials {
        Credentials::User(User { name: "reader".to_owned(), authentication, privacy, context: None })
    }

    #[test]
    fn a_word_stays_one_word_and_adds_no_line() {
        let community = |text: &str| lines(&Credentials::Community(text.to_owned()));
        assert_eq!(community("a b\"\\#").as_deref(), Ok("defVersion 2c\ndefCommunity \"a b\\\"\\\\#\"\n"));
        for bad in ["", "a\nincludeFile /etc/shadow", "a\0", &"x".repeat(256)] {
            assert!(matches!(community(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn a_user_is_asked_for_as_much_as_it_proves() {
        let auth = || Some((Authentication::Sha256, "long enough".to_owned()));
        let text = lines(&user(auth(), Some((Privacy::Aes, "just as long".to_owned())))).expect("fit");
        assert!(
            text.starts_with("defVersion 3\ndefSecurityLevel authPriv\ndefSecurityName \"reader\"\n"),
            "{text}"
        );
        assert!(text.contains("defAuthType SHA-256\ndefAuthPassphrase \"long enough\"\n"), "{text}");
        assert!(text.ends_with("defPrivType AES\ndefPrivPassphrase \"just as long\"\n"), "{text}");
        assert!(lines(&user(auth(), None)).is_ok_and(|text| text.contains("authNoPriv")));
        assert!(lines(&user(None, None)).is_ok_and(|text| text.contains("noAuthNoPriv")));
        assert!(matches!(
            lines(&user(None, Some((Privacy::Des, "long enough".to_owned())))),
            Err(Error::Invalid(_))
        ));
        assert!(matches!(
            lines(&user(Some((Authentication::Md5, "short".to_owned())), None)),
            Err(Error::Invalid(_))
        ));
    }
}
