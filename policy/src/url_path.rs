//! What the path of a URL means, where every server takes it to mean the same. By hand, since a decoder leaves an escape that is
//! broken as it is, and does not say what was escaped.

/// The error for a URL that servers may read in different ways: what a grant says of one reading would not hold
/// for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has {0}, which can be taken for another address than the granted one")]
pub struct Ambiguous(pub(crate) &'static str);

/// Decodes the path of a URL, once. Refuses everything that a second reader could take for another path.
pub(crate) fn decode(path: &str) -> Result<String, Ambiguous> {
    let bytes = unescape(path)?;
    let decoded = String::from_utf8(bytes).map_err(|_| Ambiguous("bytes that are no text"))?;
    if let Some(c) = decoded.chars().find_map(misread) {
        return Err(Ambiguous(c));
    }
    let Some(below) = decoded.strip_prefix('/') else { return Err(Ambiguous("no \"/\" at its beginning")) };
    let mut segments = below.split('/');
    if segments.clone().any(|segment| !segment.is_empty() && segment.chars().all(|c| ". ".contains(c))) {
        return Err(Ambiguous("a segment of dots"));
    }
    // The last segment is empty where the path ends in a slash.
    segments.next_back();
    if segments.any(str::is_empty) {
        return Err(Ambiguous("an empty segment"));
    }
    Ok(decoded)
}

/// Replaces the escapes by their bytes. None may stand for a character that divides the path into parts.
fn unescape(path: &str) -> Result<Vec<u8>, Ambiguous> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(Ambiguous("a \"%\" that escapes nothing"));
        };
        match u8::try_from(high * 16 + low).unwrap_or(0) {
            b'/' | b'\\' | b'%' | b';' | b'?' | b'#' => return Err(Ambiguous("an escaped separator")),
            decoded => bytes.push(decoded),
        }
    }
    Ok(bytes)
}

/// What is wrong with a character, be it escaped or not; `None` where nothing is.
fn misread(c: char) -> Option<&'static str> {
    match c {
        '\\' => Some("a backslash"),
        ';' => Some("a \";\""),
        '?' | '#' => Some("a separator"),
        c if c.is_control() => Some("a control character"),
        // Look-alikes of dots, slashes and the like, which some servers turn into those, and characters that
        // cannot be seen.
        '\u{2000}'..='\u{206f}'
        | '\u{2100}'..='\u{214f}'
        | '\u{2215}'
        | '\u{2216}'
        | '\u{29f5}'
        | '\u{29f8}'
        | '\u{29f9}'
        | '\u{fe10}'..='\u{fe1f}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{feff}'
        | '\u{ff00}'..='\u{ffef}' => Some("a look-alike of another character"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_means_one_thing_is_decoded() {
        for (path, decoded) in [
            ("/", "/"),
            ("/v1/", "/v1/"),
            ("/v1/now", "/v1/now"),
            ("/a%20b/%c3%a9", "/a b/é"),
            ("/a%2Ejson/.well-known/...x", "/a.json/.well-known/...x"),
            ("/user@host:1/a,b=c&d+e~f", "/user@host:1/a,b=c&d+e~f"),
        ] {
            assert_eq!(decode(path).as_deref(), Ok(decoded), "{path}");
        }
    }

    #[test]
    fn what_may_mean_two_things_is_refused() {
        for path in [
            "",
            "*",
            "v1",
            "/v1/..",
            "/v1/../x",
            "/v1/./x",
            "/v1/%2e%2e/x",
            "/v1/.%2E/x",
            "/v1/..%2fadmin",
            "/v1/..%2Fadmin",
            "/v1/..;/admin",
            "/v1/x;y=z",
            "/v1/..%3b/admin",
            "/v1/..\\admin",
            "/v1/..%5cadmin",
            "/v1/%252e%252e/x",
            "/v1/%25",
            "/v1/%",
            "/v1/%2",
            "/v1/%zz",
            "/v1/%u002e",
            "/v1//admin",
            "//admin",
            "/v1/%00",
            "/v1/%0d%0aHost:x",
            "/v1/%7f",
            "/v1/%c0%ae%c0%ae/x",
            "/v1/%e0%80%ae/x",
            "/v1/%ff",
            "/v1/a#b",
            "/v1/a?b",
            "/v1/a%3fb",
            "/v1/a%23b",
            "/v1/.. /x",
            "/v1/..%20/x",
            "/v1/.../x",
            "/v1/%ef%bc%8fx",
            "/v1/．．/x",
            "/v1/%c2%85",
            "/v1/%e2%80%ae",
        ] {
            assert!(decode(path).is_err(), "{path:?} was decoded to {:?}", decode(path));
        }
    }

    /// A reader that is as careless as any: it decodes again and again, and takes anything for a separator.
    fn careless(path: &str, times: usize) -> Vec<String> {
        let mut text = path.to_owned();
        for _ in 0..times {
            let mut bytes = Vec::new();
            let mut rest = text.as_bytes();
            while let [first, more @ ..] = rest {
                let escape = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                match escape.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%') {
                    Some(byte) => {
                        bytes.push(byte);
                        rest = &more[2..];
                    }
                    None => {
                        bytes.push(*first);
                        rest = more;
                    }
                }
            }
            text = String::from_utf8_lossy(&bytes).into_owned();
        }
        let mut folders: Vec<String> = Vec::new();
        for segment in text.split(['/', '\\']) {
            match segment.split(';').next().unwrap_or_default().trim() {
                "" | "." => {}
                ".." => drop(folders.pop()),
                name => folders.push(name.to_owned()),
            }
        }
        folders
    }

    proptest! {
        #[test]
        fn no_reader_leaves_the_folder_of_a_path_that_is_decoded(
            rest in "((\\.\\.|\\.%2e|%2E%2e|%252e%252e|\\.|a|)(/|;|%2f|%3b|\\\\|%5C|%255c|%00|%c0%af| |)){0,4}",
            times in 0usize..4,
        ) {
            let path = format!("/v1/{rest}");
            if decode(&path).is_ok() {
                let read = careless(&path, times);
                prop_assert!(read.first().is_some_and(|first| first == "v1"), "{path} is read as {read:?}");
            }
        }
    }
}
