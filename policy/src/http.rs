//! Which addresses a module may send HTTP requests to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::url_path::{self, Ambiguous};
use crate::wildcard::wildcard;

/// A pattern of URLs: `https://status.example.org/*`, or the same in a table that says more of it.
///
/// The scheme must be the same, and the port unless it is `*`. A host that begins with `*.` stands for every name
/// below the rest, not for the rest itself; `*` alone stands for any name and any address. In the path `*` stands for
/// any text, `/` among it; without a path any path is meant. The path is compared as it is decoded, without its query,
/// and the query only where the pattern has one; there `*` stands for text within one parameter, and a query `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// The scheme that the request must have: a grant for HTTPS is none for HTTP.
    scheme: Scheme,
    /// The host, or what its name must end with.
    host: HostPattern,
    /// The port that the pattern names, or the scheme's own; `None` for any.
    port: Option<u16>,
    /// The pattern's path as it was written, with its query.
    written: String,
    /// The path, decoded, with its leading slash and `*` for any text; `None` where no request can have it.
    path: Option<String>,
    /// What the query must be; `None` where the pattern does not say.
    query: Option<String>,
    /// Whether the names of its hosts may stand for private addresses, and for the host's own.
    private: bool,
    /// The only methods that it allows; all where the list is empty.
    methods: Vec<String>,
}

/// The address that a request is for. It exists only where every server would read the same address from the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    scheme: Scheme,
    host: Host,
    port: u16,
    path: String,
    query: Option<String>,
}

/// Which addresses a granted host may turn out to have. Of several grants of one host the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Those of the internet.
    Public,
    /// Those of this host's loopback, since the grant names `localhost`.
    Loopback,
    /// Those of private networks and of this host, and of the internet.
    Private,
    /// This one, which the grant itself names. It may be one of [`Realm::Link`](crate::Realm::Link), which no
    /// other grant reaches.
    Address(IpAddr),
}

/// A host as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    /// A name, in lower case.
    Name(String),
}

/// The hosts of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    One(Host),
    /// Every name and address.
    Any,
    /// All names that end with this text, which begins with a dot.
    Below(String),
    /// No host: a number that is not written as an address is neither an address nor a name.
    Nobody(String),
}

/// The two schemes that there are grants for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// A grant that is a table, because it says more than the URL.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    #[serde(default)]
    private: bool,
    methods: Option<Vec<String>>,
}

/// The error for a text that is not a URL pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a URL pattern: write it like \"https://host.example/path/*\"")]
pub struct BadUrl(String);

/// The error for a list of methods that no request can have.
#[derive(Debug, thiserror::Error)]
#[error("{0}: write them like [\"GET\", \"HEAD\"], or leave \"methods\" out for all")]
struct BadMethods(String);

impl HttpGrant {
    /// Whether the grant covers a request to this target, whatever its method is.
    pub fn allows(&self, target: &HttpTarget) -> bool {
        target.scheme == self.scheme
            && self.port.is_none_or(|port| port == target.port)
            && self.host.covers(&target.host)
            && self.path.as_deref().is_some_and(|path| wildcard(path, &target.path))
            && self.query.as_deref().is_none_or(|query| covers_query(query, target.query.as_deref()))
    }

    /// Whether the grant covers requests of this method. `None` is a method that cannot be told for certain, which
    /// only a grant of all methods covers.
    pub fn allows_method(&self, method: Option<&str>) -> bool {
        self.methods.is_empty() || method.is_some_and(|method| self.methods.iter().any(|it| it == method))
    }

    /// Which addresses the hosts of the grant may turn out to have.
    pub fn reach(&self) -> Reach {
        self.host.reach(self.private)
    }

    /// The line of the policy that would grant the same, and private addresses with it.
    pub fn with_private(&self) -> String {
        let methods: Vec<String> = self.methods.iter().map(|method| format!("\"{method}\"")).collect();
        let methods =
            if methods.is_empty() { String::new() } else { format!(", methods = [{}]", methods.join(", ")) };
        format!("{{ url = \"{}\", private = true{methods} }}", self.url())
    }

    /// Whether the grant covers every host.
    pub fn is_of_any_host(&self) -> bool {
        self.host == HostPattern::Any
    }

    /// Whether no request can ever be covered by the grant, as with a path that servers read in different ways.
    pub fn covers_nothing(&self) -> bool {
        self.path.is_none() || matches!(self.host, HostPattern::Nobody(_))
    }

    fn url(&self) -> String {
        let port = match self.port {
            None => ":*".to_owned(),
            Some(port) if port == self.scheme.port() => String::new(),
            Some(port) => format!(":{port}"),
        };
        format!("{}://{}{port}{}", self.scheme.as_str(), self.host, self.written)
    }
}

impl HttpTarget {
    /// The target of a request with these parts of a URL. Without a `port` it is the scheme's own.
    ///
    /// # Errors
    /// [`Ambiguous`], where servers may read different addresses from them: what a grant says of one reading would
    /// not hold for another.
    pub fn of(scheme: &str, host: &str, port: Option<u16>, path_and_query: &str) -> Result<Self, Ambiguous> {
        let scheme: Scheme = scheme.parse().map_err(|()| Ambiguous("a scheme that is not HTTP's"))?;
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path_and_query, None),
        };
        let host = host.parse().map_err(|()| Ambiguous("a host that is neither a name nor an address"))?;
        let path = url_path::decode(if path.is_empty() { "/" } else { path })?;
        Ok(Self { scheme, host, port: port.unwrap_or(scheme.port()), path, query })
    }
}

impl HostPattern {
    /// The pattern that a text is; `None` where it would cover nothing.
    pub(crate) fn exact(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(HostPattern::Any);
        }
        match text.strip_prefix("*.") {
            Some(plain) => match plain.parse() {
                Ok(Host::Name(name)) => Some(HostPattern::Below(format!(".{name}"))),
                _ => None,
            },
            None => text.parse().ok().map(HostPattern::One),
        }
    }

    /// Which addresses its hosts may turn out to have, where `private` says whether the grant lets them be
    /// private.
    pub(crate) fn reach(&self, private: bool) -> Reach {
        match self {
            HostPattern::One(Host::Address(address)) => Reach::Address(*address),
            HostPattern::One(Host::Name(name)) if name == "localhost" => Reach::Loopback,
            _ if private => Reach::Private,
            _ => Reach::Public,
        }
    }

    pub(crate) fn covers(&self, host: &Host) -> bool {
        match (self, host) {
            (HostPattern::Any, _) => true,
            (HostPattern::One(one), host) => one == host,
            // No name begins with a dot, so something of it stands before the end.
            (HostPattern::Below(end), Host::Name(name)) => name.ends_with(end),
            _ => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::One(Host::Address(IpAddr::V6(address))) => write!(f, "[{address}]"),
            HostPattern::One(Host::Address(address)) => write!(f, "{address}"),
            HostPattern::One(Host::Name(name)) | HostPattern::Nobody(name) => f.write_str(name),
            HostPattern::Any => f.write_str("*"),
            HostPattern::Below(end) => write!(f, "*{end}"),
        }
    }
}

impl FromStr for Host {
    type Err = ();

    /// Only texts that are written as addresses are read as such. A name that ends in a number is refused, since
    /// some resolvers take it for an address.
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(inner) = text.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|inner| inner.parse().ok());
            return address.map(|address| Host::Address(IpAddr::V6(address))).ok_or(());
        }
        if let Ok(address) = text.parse() {
            return Ok(Host::Address(IpAddr::V4(address)));
        }
        let name = text.to_ascii_lowercase();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let hex = last.strip_prefix("0x").is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit()));
        let number = hex || last.chars().all(|c| c.is_ascii_digit());
        if number || !name.chars().all(fits) || name.starts_with('.') || name.contains("..") {
            return Err(());
        }
        Ok(Host::Name(name))
    }
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port of a URL of this scheme that names none.
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
        let (authority, written) = match rest.find('/') {
            Some(at) => (&rest[..at], &rest[at..]),
            None => (rest, "/*"),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "*")) => (host, None),
            // An address of IPv6 has colons of its own, in brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| bad())?)),
            _ => (authority, Some(scheme.port())),
        };
        let plain = host.strip_prefix("*.").unwrap_or(host);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
        if host != "*" && (plain.is_empty() || !plain.chars().all(fits)) {
            return Err(bad());
        }
        let host = match (host.strip_prefix('*'), plain.parse()) {
            (Some(""), _) => HostPattern::Any,
            (Some(end), Ok(Host::Name(_))) => HostPattern::Below(end.to_ascii_lowercase()),
            (None, Ok(host)) => HostPattern::One(host),
            _ => HostPattern::Nobody(host.to_ascii_lowercase()),
        };
        let (path, query) = match written.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (written, None),
        };
        // A pattern that no request can have is no reason to refuse the whole policy.
        let path = url_path::decode(path).ok();
        Ok(Self {
            scheme,
            host,
            port,
            written: written.to_owned(),
            path,
            query,
            private: false,
            methods: Vec::new(),
        })
    }
}

impl<'de> Deserialize<'de> for HttpGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;

        impl<'de> Visitor<'de> for Given {
            type Value = HttpGrant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, or a table like { url = \"https://host.example/*\", private = true }")
            }

            fn visit_str<E: Error>(self, url: &str) -> Result<HttpGrant, E> {
                url.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HttpGrant, A::Error> {
                let Table { url, private, methods } = Table::deserialize(MapAccessDeserializer::new(map))?;
                let grant: HttpGrant = url.parse().map_err(A::Error::custom)?;
                let methods = methods.map_or(Ok(Vec::new()), checked).map_err(A::Error::custom)?;
                Ok(HttpGrant { private, methods, ..grant })
            }
        }

        deserializer.deserialize_any(Given)
    }
}

impl fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        write!(f, "{}://{}:{port}{}", self.scheme.as_str(), self.host, self.written)?;
        if !self.methods.is_empty() {
            write!(f, " ({})", self.methods.join(", "))?;
        }
        if self.private { f.write_str(" (private)") } else { Ok(()) }
    }
}

/// Methods in the form in which requests have them.
fn checked(methods: Vec<String>) -> Result<Vec<String>, BadMethods> {
    let is_method = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase());
    match methods.iter().find(|text| !is_method(text)) {
        Some(bad) => Err(BadMethods(format!("\"{bad}\" is not a method"))),
        None if methods.is_empty() => Err(BadMethods("no method is allowed".to_owned())),
        None => Ok(methods),
    }
}

/// Whether a query has the form that a pattern asks for, parameter by parameter.
fn covers_query(pattern: &str, query: Option<&str>) -> bool {
    let Some(query) = query else { return pattern == "*" };
    let more = |text: &str| text.matches(['&', ';']).count();
    pattern == "*" || (wildcard(pattern, query) && more(pattern) == more(query))
}

#[cfg(test)]
mod tests;
