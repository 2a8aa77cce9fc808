//! What the host calls itself.

use failure::{Change, Done, Error, change, change_with, changed, lacks_systemd};
use host_files::texts::{optional, value};

/// The longest name that the kernel keeps.
const MAX_NAME: usize = 64;
/// The longest part of one between dots.
const MAX_LABEL: usize = 63;

/// The name that it has now.
pub(crate) fn now() -> Result<String, Error> {
    value("/proc/sys/kernel/hostname")
}

/// Gives it a name, now and from now on.
pub(crate) fn set(name: &str) -> Result<Change, Error> {
    check(name)?;
    let (now, kept) = (now()?, optional("/etc/hostname").unwrap_or_default());
    if now == name && first(&kept) == Some(name) {
        return Ok(changed(Vec::new()));
    }
    match change(&["hostnamectl", "--no-ask-password", "set-hostname", "--", name]) {
        Ok(Done::Now | Done::Recorded) => {}
        Err(error) if lacks_systemd(&error) => {
            change_with(&["tee", "/etc/hostname"], format!("{name}\n"))?;
            change(&["hostname", "-F", "/etc/hostname"])?;
        }
        Err(error) => return Err(error),
    }
    Ok(changed(vec![format!("set the name from {now} to {name}")]))
}

/// The name in a file that may have comments.
fn first(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))
}

/// That a text is the name of a host, as RFC 1123 has them.
fn check(name: &str) -> Result<(), Error> {
    let is_label = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty()
            && label.len() <= MAX_LABEL
            && label.chars().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if name.len() <= MAX_NAME && name.split('.').all(is_label) && !is_number {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the name is none of a host: write letters, digits, \"-\" and \".\", like web1.example.org, {MAX_NAME} at most"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_dns_could_have() {
        for good in ["web1", "Web-1.example.org", "a", "1st.example.org"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = format!("{}.example.org", "a".repeat(60));
        for bad in
            ["", "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "a\nb", "$(id)", "../etc", "10.0.0.1", &long]
        {
            assert!(matches!(check(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn the_kept_name_is_the_first_that_is_no_comment() {
        assert_eq!((first("# ours\n\n web1 \nweb2\n"), first("\n")), (Some("web1"), None));
    }
}
