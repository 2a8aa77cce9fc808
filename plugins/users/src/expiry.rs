//! The day from which on nobody may log in as a user.

use failure::{Error, Failure, read};

/// What stands for no such day.
pub(crate) const NEVER: &str = "never";

/// The months as `chage` writes them.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The day of a user: `2027-12-31`; none where there is none.
pub(crate) fn of(name: &str) -> Result<Option<String>, Error> {
    let text = match read(&["chage", "-l", "--", name]) {
        // Only root may ask that of others.
        Err(Error::Failed(Failure { exit: Some(1), stderr, .. })) => {
            return Err(Error::Denied(format!("the minion's user may not look at passwords: {stderr}")));
        }
        output => output?.stdout_text(),
    };
    day(&text).ok_or_else(|| Error::Other(format!("`chage` said what cannot be read: {text:?}")))
}

/// The day in what `chage` prints: `Account expires : Dec 31, 2027`, in newer ones `2027-12-31`.
fn day(text: &str) -> Option<Option<String>> {
    let line = text.lines().find_map(|line| line.strip_prefix("Account expires"))?;
    let told = line.trim_start_matches([' ', '\t', ':']).trim();
    if told == NEVER {
        return Some(None);
    }
    if check(told).is_ok() {
        return Some(Some(told.to_owned()));
    }
    let (month, rest) = told.split_once(' ')?;
    let (day, year) = rest.split_once(", ")?;
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    let (day, year): (u8, u16) = (day.parse().ok()?, year.parse().ok()?);
    Some(Some(format!("{year:04}-{month:02}-{day:02}")))
}

/// That a text is a day as it is wished, or `never`.
pub(crate) fn check(text: &str) -> Result<(), Error> {
    if text == NEVER || failure::is_day(text) {
        return Ok(());
    }
    Err(Error::Invalid(format!("the expiry is no day: write it like 2027-12-31, or \"{NEVER}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_read_in_both_forms() {
        let text = |told: &str| {
            format!("Last password change\t: Nov 26, 2026\nAccount expires\t\t\t\t: {told}\nMinimum\t: 0\n")
        };
        assert_eq!(day(&text("never")), Some(None));
        assert_eq!(day(&text("Dec 31, 2027")), Some(Some("2027-12-31".to_owned())));
        assert_eq!(day(&text("2027-01-02")), Some(Some("2027-01-02".to_owned())));
        for nonsense in ["", "soon", "Foo 1, 2027", "Dec 31 2027"] {
            assert_eq!(day(&text(nonsense)), None, "{nonsense}");
        }
        assert_eq!(day("nothing"), None);
    }

    #[test]
    fn a_wish_is_a_day_of_the_calendar() {
        for good in ["2027-12-31", "2028-02-29", NEVER] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "2027-13-01", "2027-02-30", "tomorrow", "-1", "2027-1-1", "2027-12-31 ", "20271231"] {
            assert!(matches!(check(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }
}
