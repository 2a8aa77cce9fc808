//! Whether a web server answers as it should.

mod body;
mod exchange;

use std::time::{Duration, Instant};

use failure::Error;
use minion_sdk::job;
use web::{End, Method, Url};

use self::exchange::Received;
use crate::exports::minion::network::network::{HttpAnswer, HttpMethod, HttpOptions, HttpState};

/// The longest time that an answer is waited for: the job, which has a minute, should still say that there is none.
const MOST_SECONDS: u32 = 50;
/// The most redirects that are followed.
const MOST_REDIRECTS: u32 = 10;
/// The longest text that is looked for, in bytes.
const LONGEST_TEXT: usize = 1 << 10;

/// What is wished, with nothing in it that cannot be done.
struct Wish {
    method: HttpMethod,
    status: Option<u16>,
    contains: Option<String>,
    redirects: u32,
    time: Duration,
}

/// Asks for a URL, and for those that its redirects lead to.
pub(crate) fn check(url: &str, options: Option<HttpOptions>) -> Result<HttpAnswer, Error> {
    let (mut url, wish) = (Url::parse(url)?, Wish::of(options)?);
    let start = Instant::now();
    let mut left = wish.redirects;
    loop {
        job::progress(0, 0, &format!("waiting for {url}"));
        let method = match wish.method {
            HttpMethod::Get => Method::Get,
            HttpMethod::Head => Method::Head,
        };
        let (received, end) = exchange::ask(&url, method, wish.contains.as_deref(), start + wish.time)?;
        let next = received.location.as_ref().filter(|_| end == End::Whole && left > 0);
        match next.and_then(|location| url.joined(location)) {
            Some(next) => {
                url = next;
                left -= 1;
            }
            None => return Ok(wish.answer(&url, received, end, start.elapsed())),
        }
    }
}

impl Wish {
    fn of(options: Option<HttpOptions>) -> Result<Self, Error> {
        let none =
            HttpOptions { method: None, status: None, contains: None, redirects: None, timeout_s: None };
        let HttpOptions { method, status, contains, redirects, timeout_s } = options.unwrap_or(none);
        let method = method.unwrap_or(HttpMethod::Get);
        let (redirects, seconds) = (redirects.unwrap_or(0), timeout_s.unwrap_or(10));
        let wrong = if status.is_some_and(|status| !(100..600).contains(&status)) {
            "`status`: expect 100 to 599".to_owned()
        } else if contains.as_ref().is_some_and(|text| !(1..=LONGEST_TEXT).contains(&text.len())) {
            format!("`contains`: look for 1 to {LONGEST_TEXT} bytes")
        } else if contains.is_some() && method == HttpMethod::Head {
            "`contains`: HEAD gets no body to look for a text in, ask with `get`".to_owned()
        } else if redirects > MOST_REDIRECTS {
            format!("`redirects`: follow {MOST_REDIRECTS} at most")
        } else if !(1..=MOST_SECONDS).contains(&seconds) {
            format!("`timeout-s`: wait 1 to {MOST_SECONDS} seconds")
        } else {
            return Ok(Self {
                method,
                status,
                contains,
                redirects,
                time: Duration::from_secs(seconds.into()),
            });
        };
        Err(Error::Invalid(wrong))
    }

    fn answer(&self, url: &Url, received: Received, end: End, time: Duration) -> HttpAnswer {
        let location = received.location.map(|location| match url.joined(&location) {
            Some(absolute) => absolute.to_string(),
            None => location,
        });
        let found = received.status.and(self.contains.as_ref()).map(|_| received.found);
        let problem = self.problem(received.status, found, &end);
        HttpAnswer {
            ok: problem.is_none(),
            state: state(&end),
            status: received.status,
            url: url.to_string(),
            location,
            time_ms: time.as_secs_f64() * 1000.0,
            bytes: received.bytes,
            found,
            problem,
        }
    }

    /// What is not as it should be.
    fn problem(&self, status: Option<u16>, found: Option<bool>, end: &End) -> Option<String> {
        if let Some(words) = end.words() {
            return Some(words);
        }
        let status = status.unwrap_or_default();
        let expected = match self.status {
            Some(one) => one..=one,
            None => 200..=(if self.redirects > 0 { 299 } else { 399 }),
        };
        if !expected.contains(&status) {
            let (first, last) = (expected.start(), expected.end());
            let range = if first == last { first.to_string() } else { format!("{first} to {last}") };
            return Some(format!("the status is {status}, and not {range}"));
        }
        (found == Some(false)).then(|| match end {
            End::Cut => "the text is not in the first 8 MiB of the body".to_owned(),
            _ => "the text is not in the body".to_owned(),
        })
    }
}

fn state(end: &End) -> HttpState {
    match end {
        End::Whole | End::Cut => HttpState::Answered,
        End::Refused => HttpState::Refused,
        End::Unreachable => HttpState::Unreachable,
        End::Late => HttpState::Silent,
        End::Untrusted => HttpState::Untrusted,
        End::TlsFailed(_) => HttpState::TlsFailed,
        End::Broken(_) => HttpState::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> HttpOptions {
        HttpOptions { method: None, status: None, contains: None, redirects: None, timeout_s: None }
    }

    fn answer(wished: HttpOptions, received: Received, end: End) -> HttpAnswer {
        let url = Url::parse("http://a.example/x").expect("a URL");
        Wish::of(Some(wished)).expect("fits").answer(&url, received, end, Duration::from_millis(20))
    }

    fn received(status: u16) -> Received {
        Received { status: Some(status), ..Received::default() }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let contains = |text: &str| HttpOptions { contains: Some(text.to_owned()), ..options() };
        for bad in [
            HttpOptions { status: Some(99), ..options() },
            HttpOptions { status: Some(600), ..options() },
            contains(""),
            contains(&"x".repeat(1025)),
            HttpOptions { method: Some(HttpMethod::Head), ..contains("x") },
            HttpOptions { redirects: Some(11), ..options() },
            HttpOptions { timeout_s: Some(0), ..options() },
            HttpOptions { timeout_s: Some(51), ..options() },
        ] {
            assert!(matches!(Wish::of(Some(bad)), Err(Error::Invalid(_))));
        }
        assert!(Wish::of(None).is_ok());
    }

    #[test]
    fn a_status_is_held_against_the_one_that_is_expected() {
        let ok = |wished: HttpOptions, status| answer(wished, received(status), End::Whole).ok;
        for (status, good) in
            [(199, false), (200, true), (301, true), (399, true), (400, false), (503, false)]
        {
            assert_eq!(ok(options(), status), good, "{status}");
        }
        // Where redirects are followed, one more of them is not the end of the way.
        assert!(!ok(HttpOptions { redirects: Some(2), ..options() }, 302));
        let teapot = |status| ok(HttpOptions { status: Some(418), ..options() }, status);
        assert!(teapot(418) && !teapot(200));
        let problem = answer(options(), received(503), End::Whole).problem;
        assert_eq!(problem.as_deref(), Some("the status is 503, and not 200 to 399"));
    }

    #[test]
    fn a_text_counts_once_an_answer_is_there() {
        let look = || HttpOptions { contains: Some("well".to_owned()), ..options() };
        let missing = answer(look(), received(200), End::Whole);
        assert_eq!((missing.ok, missing.found), (false, Some(false)));
        let there = answer(look(), Received { found: true, ..received(200) }, End::Cut);
        assert_eq!((there.ok, there.found, there.problem), (true, Some(true), None));
        let down = answer(look(), Received::default(), End::Refused);
        assert_eq!((down.ok, down.state, down.status, down.found), (false, HttpState::Refused, None, None));
        let late = answer(options(), received(200), End::Late);
        assert_eq!((late.ok, late.state, late.status), (false, HttpState::Silent, Some(200)));
    }

    #[test]
    fn a_redirect_says_where_it_leads_as_a_whole_url() {
        let to = |location: &str| {
            let received = Received { location: Some(location.to_owned()), ..received(302) };
            answer(options(), received, End::Whole).location
        };
        assert_eq!(to("/y?z").as_deref(), Some("http://a.example/y?z"));
        assert_eq!(to("mailto:a@b").as_deref(), Some("mailto:a@b"));
        assert_eq!(to("not a URL").as_deref(), Some("not a URL"));
    }
}
