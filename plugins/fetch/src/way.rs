//! The way to a file, along redirects.

use std::time::{Duration, Instant};

use failure::Error;
use web::{Answer, End, Method, Request, Stop, Url};

/// Who asks.
const AGENT: &str = concat!("minion-fetch/", env!("CARGO_PKG_VERSION"));
/// The most redirects that are followed.
const MOST_REDIRECTS: u32 = 10;
/// The longest time that nothing comes, before it counts as broken off.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The longest text of a header that is sent.
const LONGEST: usize = 8 << 10;

/// Where a file is.
pub(crate) struct Way {
    /// Where it is asked for first.
    first: Url,
    /// Where that led to.
    url: Url,
    authorization: Option<String>,
}

impl Way {
    pub(crate) fn to(url: &str, authorization: Option<String>) -> Result<Self, Error> {
        let first = Url::parse(url)?;
        let is_fit =
            |text: &String| text.len() <= LONGEST && text.bytes().all(|it| (b' '..=b'~').contains(&it));
        if authorization.as_ref().is_some_and(|text| !is_fit(text)) {
            return Err(Error::Invalid("`authorization`: it is none that fits into a header".to_owned()));
        }
        Ok(Self { url: first.clone(), first, authorization })
    }

    /// Where it is, as far as is known.
    pub(crate) fn url(&self) -> String {
        self.url.to_string()
    }

    /// Asks for it from the beginning of the way, with these headers.
    pub(crate) fn ask(&mut self, method: Method, headers: &[(&str, &str)]) -> Result<Answer, Stop> {
        self.url = self.first.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut all = headers.to_vec();
            // Whom a redirect leads to is not whom the secret is for.
            let is_same = self.url.authority() == self.first.authority()
                && self.url.is_https() == self.first.is_https();
            if let Some(authorization) = self.authorization.as_deref().filter(|_| is_same) {
                all.push(("authorization", authorization));
            }
            let request = Request { url: &self.url, method, agent: AGENT, headers: &all };
            let answer = request.send(Instant::now() + PATIENCE)?;
            let Some(location) = answer.location() else { return Ok(answer) };
            let next = self.url.joined(&location).ok_or_else(|| {
                Error::Other(format!("{} leads to what is no URL of a web server", self.url))
            })?;
            if self.url.is_https() && !next.is_https() {
                return Err(Error::Denied(format!(
                    "{} leads from HTTPS to HTTP, to {next}, where anybody on the way could put another file: ask for \
                     that, if it is meant",
                    self.url
                ))
                .into());
            }
            self.url = next;
        }
        Err(Error::Other(format!("{} leads to more than {MOST_REDIRECTS} other places", self.first)).into())
    }

    /// What it means that there is no answer.
    pub(crate) fn told(&self, stop: Stop) -> Error {
        match stop {
            Stop::Failed(error) => error,
            Stop::Ended(end) => self.ended(&end),
        }
    }

    /// The same of an answer that ended so.
    pub(crate) fn ended(&self, end: &End) -> Error {
        let words = end.words().unwrap_or_else(|| "the answer broke off".to_owned());
        Error::Other(format!("{} cannot be fetched: {words}", self.url))
    }

    /// Refuses an answer that is none with a file.
    pub(crate) fn check(&self, answer: &Answer) -> Result<(), Error> {
        let (url, status) = (&self.url, answer.status());
        match status {
            200 | 206 => Ok(()),
            404 | 410 => Err(Error::NotFound(format!("there is no {url}: the status is {status}"))),
            401 | 403 | 407 => Err(Error::Denied(format!(
                "the server does not give {url} away: the status is {status}; `authorization` says who asks"
            ))),
            429 | 503 => {
                Err(Error::Busy(format!("the server has no time for {url}: the status is {status}")))
            }
            _ => Err(Error::Other(format!("{url} cannot be fetched: the status is {status}"))),
        }
    }
}

/// Whether the file of an answer can be asked for from some byte on.
pub(crate) fn is_resumable(answer: &Answer) -> bool {
    answer.status() == 206 || answer.header("accept-ranges").is_some_and(|ranges| ranges.trim() == "bytes")
}

/// What says that a file is still the same, if anything does.
pub(crate) fn validator(answer: &Answer) -> Option<String> {
    answer
        .header("etag")
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| answer.header("last-modified"))
        .filter(|text| text.len() <= LONGEST && text.bytes().all(|it| (b' '..=b'~').contains(&it)))
}

/// From which byte on an answer has a file.
pub(crate) fn start(answer: &Answer) -> Option<u64> {
    match answer.status() {
        200 => Some(0),
        206 => first_byte(&answer.header("content-range")?),
        _ => None,
    }
}

/// The first number in `bytes 5-9/10`.
fn first_byte(range: &str) -> Option<u64> {
    range.trim().strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_begins_where_it_says() {
        assert_eq!(first_byte("bytes 5-9/10"), Some(5));
        assert_eq!(first_byte("bytes 0-0/*"), Some(0));
        for none in ["", "bytes */10", "lines 5-9/10", "bytes -9/10", "5-9"] {
            assert_eq!(first_byte(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_header_is_not_sent() {
        for bad in ["a\r\nhost: b", "a\0", "ä", &"x".repeat(9000)] {
            assert!(Way::to("https://a.example/x", Some(bad.to_owned())).is_err(), "{bad}");
        }
        assert!(Way::to("https://a.example/x", Some("Bearer x".to_owned())).is_ok());
    }
}
