//! URLs of web servers.

use std::fmt;

use failure::Error;
use iri_string::types::{UriAbsoluteString, UriReferenceStr, UriStr};

/// The longest one, in bytes.
const LONGEST: usize = 8 << 10;

/// A URL that a request can be sent for: with a host, without user, password and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(UriAbsoluteString);

impl Url {
    /// Reads one as somebody writes it.
    ///
    /// # Errors
    /// Where it is none, or has a user or a password in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |what: &str| Error::Invalid(format!("`url`: {what}"));
        if text.len() > LONGEST {
            return Err(invalid("it is longer than 8 KiB"));
        }
        let uri = UriStr::new(text).map_err(|_| {
            invalid("it is none: write it like https://host.example/path, with what is not ASCII escaped")
        })?;
        // Whoever reads the log, or the arguments of the job, would know them.
        if uri.authority_components().is_some_and(|authority| authority.userinfo().is_some()) {
            return Err(invalid("it has a user or a password, which do not belong there: leave them out"));
        }
        Self::of(uri.to_absolute().to_owned()).ok_or_else(|| {
            invalid("it is none of a web server: write it like http://host.example/path, or with https")
        })
    }

    fn of(uri: UriAbsoluteString) -> Option<Self> {
        let authority = uri.authority_components()?;
        let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
        let is_fit = !authority.host().is_empty()
            && authority.userinfo().is_none()
            && authority.port().is_none_or(is_port);
        let scheme = uri.scheme_str().to_ascii_lowercase();
        (is_fit && matches!(scheme.as_str(), "http" | "https")).then_some(Self(uri))
    }

    /// Where a redirect from here leads, if it leads to a web server.
    pub fn joined(&self, location: &str) -> Option<Self> {
        if location.len() > LONGEST {
            return None;
        }
        let next = UriReferenceStr::new(location).ok()?.resolve_against(&self.0).to_string();
        Self::of(UriStr::new(&next).ok()?.to_absolute().to_owned())
    }

    /// Whether it is to be encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme_str().eq_ignore_ascii_case("https")
    }

    /// Host and port, as they are written.
    pub fn authority(&self) -> &str {
        self.0.authority_str().unwrap_or_default().trim_end_matches(':')
    }

    /// The host alone.
    pub fn host(&self) -> &str {
        self.0.authority_components().map_or("", |authority| authority.host())
    }

    /// What is asked for there.
    pub fn path_and_query(&self) -> String {
        let path = Some(self.0.path_str()).filter(|path| !path.is_empty()).unwrap_or("/");
        match self.0.query_str() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect(text)
    }

    #[test]
    fn a_url_has_a_host_and_what_is_asked_of_it() {
        let whole = url("HTTPS://a.example:8443/x/y?q=1#part");
        assert!(whole.is_https());
        assert_eq!((whole.host(), whole.authority()), ("a.example", "a.example:8443"));
        assert_eq!(whole.path_and_query(), "/x/y?q=1");
        assert_eq!(whole.to_string(), "HTTPS://a.example:8443/x/y?q=1");
        let bare = url("http://[::1]?q");
        assert_eq!((bare.host(), bare.path_and_query().as_str()), ("[::1]", "/?q"));
        assert_eq!(url("http://a.example:").authority(), "a.example");
    }

    #[test]
    fn what_is_no_url_of_a_web_server_is_refused() {
        for bad in [
            "",
            "a.example",
            "/x",
            "ftp://a.example/",
            "file:///etc/passwd",
            "http:a.example",
            "http://",
            "http:///x",
            "http://a.example:99999/",
            "http://a b/",
            "http://ä.example/",
            "http://a.example/a\nb",
            "http://a.example/\0",
            "--root=/tmp",
            &format!("http://a.example/{}", "x".repeat(8 << 10)),
        ] {
            assert!(matches!(Url::parse(bad), Err(Error::Invalid(_))), "{bad}");
        }
        let Err(Error::Invalid(why)) = Url::parse("http://me:secret@a.example/") else {
            panic!("is accepted")
        };
        assert!(why.contains("password") && !why.contains("secret"), "{why}");
    }

    #[test]
    fn a_redirect_leads_on_from_where_it_is() {
        let from = url("http://a.example/x/y?q");
        let joined = |location: &str| from.joined(location).map(|url| url.to_string());
        for (location, next) in [
            ("z", "http://a.example/x/z"),
            ("/z#part", "http://a.example/z"),
            ("../../../z", "http://a.example/z"),
            ("//b.example", "http://b.example"),
            ("https://b.example:1/z", "https://b.example:1/z"),
            ("", "http://a.example/x/y?q"),
        ] {
            assert_eq!(joined(location).as_deref(), Some(next), "{location}");
        }
        for nowhere in ["mailto:a@b", "http://me@b.example/", "http://", "a b", "file:///etc/passwd"] {
            assert_eq!(joined(nowhere), None, "{nowhere}");
        }
    }
}
