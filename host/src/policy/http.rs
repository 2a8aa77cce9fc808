//! Which addresses a module may send HTTP requests to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A pattern of URLs: `https://status.example.org/*`.
///
/// The scheme and the port must be the same. A host that begins with `*.` stands for every name below the
/// rest, not for the rest itself. In the path `*` stands for any text; without a path any path is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// Only this scheme: a grant for HTTPS is none for HTTP.
    scheme: Scheme,
    /// In lower case; `*.` before it stands for all names below it.
    host: String,
    /// The one that the pattern names, or the scheme's own.
    port: u16,
    /// With its leading slash, and `*` for any text.
    path: String,
}

/// The two schemes that there are grants for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// A text that is not a URL pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a URL pattern: write it like \"https://host.example/path/*\"")]
pub struct BadUrl(String);

impl HttpGrant {
    /// Whether it covers a request to this address.
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>, path: &str) -> bool {
        let Ok(asked) = scheme.parse::<Scheme>() else { return false };
        asked == self.scheme
            && port.unwrap_or(asked.port()) == self.port
            && self.covers_host(&host.to_ascii_lowercase())
            && path_matches(&self.path, path)
    }

    /// Whether the pattern names this host itself, and not by a `*`.
    pub fn names_host(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host)
    }

    /// Whether a host in lower case is the pattern's, or below it.
    fn covers_host(&self, host: &str) -> bool {
        match self.host.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => self.host == host,
        }
    }
}

impl Scheme {
    /// The port of an address that names none.
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl FromStr for Scheme {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "http" => Ok(Scheme::Http),
            "https" => Ok(Scheme::Https),
            _ => Err(()),
        }
    }
}

impl FromStr for HttpGrant {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let bad = || BadUrl(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let scheme: Scheme = scheme.parse().map_err(|()| bad())?;
        let (authority, path) = match rest.find('/') {
            Some(at) => (&rest[..at], &rest[at..]),
            None => (rest, "/*"),
        };
        let (host, port) = match authority.rsplit_once(':') {
            // An address of version 6 has colons of its own, in brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad())?),
            _ => (authority, scheme.port()),
        };
        let plain = host.strip_prefix("*.").unwrap_or(host);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
        if plain.is_empty() || !plain.chars().all(fits) {
            return Err(bad());
        }
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port, path: path.to_owned() })
    }
}

impl fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

impl<'de> Deserialize<'de> for HttpGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether a path has the form of the pattern. Dot segments never match: what they mean is for the server
/// to say, so a pattern cannot promise anything about them.
fn path_matches(pattern: &str, path: &str) -> bool {
    let bare = path.split(['?', '#']).next().unwrap_or_default();
    let decoded = bare.replace("%2e", ".").replace("%2E", ".");
    if decoded.split('/').any(|segment| segment == ".." || segment == ".") {
        return false;
    }
    super::wildcard(pattern, path) || super::wildcard(pattern, bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, scheme: &str, host: &str, port: Option<u16>, path: &str) -> bool {
        pattern.parse::<HttpGrant>().expect("a pattern").allows(scheme, host, port, path)
    }

    #[test]
    fn a_pattern_covers_its_own_scheme_host_port_and_path_only() {
        let status = "https://status.example.org/v1/*";
        assert!(allows(status, "https", "status.example.org", None, "/v1/now"));
        assert!(allows(status, "https", "STATUS.example.org", Some(443), "/v1/now?x=1"));
        assert!(!allows(status, "http", "status.example.org", None, "/v1/now"));
        assert!(!allows(status, "https", "status.example.org", Some(8443), "/v1/now"));
        assert!(!allows(status, "https", "status.example.org.evil.net", None, "/v1/now"));
        assert!(!allows(status, "https", "status.example.org", None, "/v2/now"));
        assert!(!allows(status, "https", "status.example.org", None, "/v1/../v2/now"));
        assert!(!allows(status, "https", "status.example.org", None, "/v1/%2e%2e/v2"));
    }

    #[test]
    fn a_star_before_a_host_covers_what_is_below_it() {
        assert!(allows("https://*.example.org", "https", "a.b.example.org", None, "/any"));
        assert!(!allows("https://*.example.org", "https", "example.org", None, "/"));
        assert!(!allows("https://*.example.org", "https", "badexample.org", None, "/"));
    }

    #[test]
    fn what_is_not_a_url_is_refused() {
        for bad in ["", "example.org", "ftp://example.org", "https://", "https://a@b/", "https://a:b/"] {
            assert!(bad.parse::<HttpGrant>().is_err(), "{bad:?} was accepted");
        }
        assert!("http://[::1]:8080/x".parse::<HttpGrant>().is_ok());
    }
}
