//! URLs of repositories, in which there may be a password.

/// A text without users and passwords in its URLs.
pub(crate) fn without_users(text: &str) -> String {
    let mut left = text;
    let mut told = String::new();
    while let Some(at) = left.find("://") {
        let (before, rest) = left.split_at(at + 3);
        told.push_str(before);
        let end =
            rest.find(|c: char| c == '/' || c.is_whitespace() || "'\"".contains(c)).unwrap_or(rest.len());
        left = match rest[..end].rfind('@') {
            Some(at) => &rest[at + 1..],
            None => rest,
        };
    }
    told + left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_left_out() {
        for (text, told) in [
            ("https://me:pass@a.example/x.git", "https://a.example/x.git"),
            ("https://me:p@ss@a.example", "https://a.example"),
            (
                "fatal: 'https://token@a.example/x' and ssh://git@b/y\n",
                "fatal: 'https://a.example/x' and ssh://b/y\n",
            ),
            ("https://a.example/x@y", "https://a.example/x@y"),
            ("git@a.example:x.git", "git@a.example:x.git"),
            ("/srv/x.git", "/srv/x.git"),
        ] {
            assert_eq!(without_users(text), told);
        }
    }
}
