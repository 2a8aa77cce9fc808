//! What operators may write.

use accounts::check_path;
use failure::Error;

use crate::exports::minion::mount::mount::{Source, Wish};

/// The longest text of all options together.
const MAX_OPTIONS: usize = 3000;

/// Options whose value is secret, and what takes its place.
const SECRET: [(&str, &str); 5] = [
    ("password", "credentials=FILE"),
    ("pass", "credentials=FILE"),
    ("passwd", "credentials=FILE"),
    ("password2", "credentials=FILE"),
    ("secret", "secretfile=FILE"),
];

/// That a text is a place where something can be mounted.
pub(crate) fn path(path: &str) -> Result<(), Error> {
    check_path("path", path)
}

/// That it can be mounted.
pub(crate) fn source(source: &Source) -> Result<(), Error> {
    device(&source.source)?;
    source.kind.iter().try_for_each(|text| kind(text))?;
    source.options.iter().try_for_each(|all| options(all))
}

/// That it can be a line of `fstab`.
pub(crate) fn entry(entry: &Wish) -> Result<(), Error> {
    path(&entry.path)?;
    device(&entry.source)?;
    kind(&entry.kind)?;
    entry.options.iter().try_for_each(|all| options(all))
}

fn device(text: &str) -> Result<(), Error> {
    let steps_up = text.split(['/', '=', ':', ',']).any(|part| part == "..");
    if !text.is_empty()
        && text.len() <= 4096
        && !text.contains(char::is_control)
        && !text.starts_with(['-', '+', '@', '#'])
        && !steps_up
    {
        return Ok(());
    }
    Err(Error::Invalid(
        "the source is none: write it like /dev/sdb1, UUID=…, LABEL=data or nas.example.org:/export"
            .to_owned(),
    ))
}

fn kind(text: &str) -> Result<(), Error> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 64 && text.chars().all(is_fit) {
        return Ok(());
    }
    Err(Error::Invalid("the kind is none of a file system: write it like ext4, nfs or tmpfs".to_owned()))
}

fn options(all: &[String]) -> Result<(), Error> {
    for option in all {
        let name = option.split('=').next().unwrap_or_default();
        if let Some((name, instead)) = SECRET.iter().find(|(secret, _)| name.eq_ignore_ascii_case(secret)) {
            return Err(Error::Invalid(format!(
                "the option \"{name}\" would be read by everybody on the host: put it in a file, and write \"{instead}\""
            )));
        }
        let is_fit = |c: char| c.is_ascii_graphic() && c != ',' && c != '#';
        let steps_up = option.split(['/', '=', ':']).any(|part| part == "..");
        if option.is_empty()
            || !option.chars().all(is_fit)
            || option.starts_with(['-', '+', '@'])
            || name == "remount"
            || steps_up
        {
            return Err(Error::Invalid(
                "one of the options is none: write each by itself, like \"noatime\" or \"size=10m\""
                    .to_owned(),
            ));
        }
    }
    if all.iter().map(String::len).sum::<usize>() > MAX_OPTIONS {
        return Err(Error::Invalid(format!("the options are over {MAX_OPTIONS} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_an_option_or_a_second_field_is_refused() {
        for bad in ["", "-o", "a\nb", "a\0b", "../x", "#x", &"x".repeat(5000)] {
            assert!(device(bad).is_err() && kind(bad).is_err(), "{bad:?}");
            assert!(options(&[bad.to_owned()]).is_err(), "{bad:?}");
        }
        for bad in ["; id", "$(id) x", "a,b", "lowerdir=/a/../b"] {
            assert!(options(&[bad.to_owned()]).is_err() && kind(bad).is_err(), "{bad:?}");
        }
        assert!(options(&["remount".to_owned()]).is_err());
        let good = |text: &str| options(&[text.to_owned()]);
        assert!(good("size=10m").is_ok() && good("x-systemd.automount").is_ok());
        for source in ["/dev/sdb1", "UUID=1234-abcd", "nas.example.org:/export", "//nas/my share", "none"] {
            assert_eq!(device(source), Ok(()), "{source}");
        }
    }

    #[test]
    fn no_secret_is_an_option() {
        for bad in ["password=x", "PASS=x", "secret=x"] {
            let error = options(&["rw".to_owned(), bad.to_owned()]);
            assert!(
                matches!(&error, Err(Error::Invalid(why)) if why.contains("file") && !why.contains("=x"))
            );
        }
        assert_eq!(options(&["credentials=/etc/nas".to_owned(), "secretfile=/etc/ceph".to_owned()]), Ok(()));
    }
}
