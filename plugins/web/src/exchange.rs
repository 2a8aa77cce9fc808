//! One request, and as much of its answer as comes in time.

use std::time::{Duration, Instant};

use failure::Error;
use minion_sdk::job;
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self, ErrorCode, Fields, IncomingBody, IncomingResponse, OutgoingRequest, Scheme, StatusCode,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, StreamError};

use crate::url::Url;

/// The longest time after which it is looked whether the job is cancelled.
const TICK: Duration = Duration::from_millis(500);
/// The statuses by which a server leads elsewhere.
const REDIRECTS: [StatusCode; 5] = [301, 302, 303, 307, 308];

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// What is there.
    Get,
    /// What is known of it.
    Head,
}

/// How an answer ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// All of it came.
    Whole,
    /// More came than is read.
    Cut,
    /// Nobody listens at that port.
    Refused,
    /// There is no way to the host.
    Unreachable,
    /// The time was up before.
    Late,
    /// The certificate is not to be trusted.
    Untrusted,
    /// There is no TLS, and why.
    TlsFailed(String),
    /// It was none, or not all of one, and why.
    Broken(String),
}

impl End {
    /// Why it is not whole, in words; none where as much of it came as was wished.
    pub fn words(&self) -> Option<String> {
        let words = match self {
            End::Whole | End::Cut => return None,
            End::Refused => "nobody listens at that port",
            End::Unreachable => "there is no way to the host",
            End::Late => "no whole answer came in time",
            End::Untrusted => {
                "its certificate is for another name or another time, or signed by nobody whom browsers trust"
            }
            End::TlsFailed(words) | End::Broken(words) => words,
        };
        Some(words.to_owned())
    }
}

/// Why there is no more to say of a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// It may not be asked, has no address, or the job is cancelled: that says nothing of the server.
    Failed(Error),
    /// The answer ends with it.
    Ended(End),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where it goes.
    pub url: &'a Url,
    /// What is asked for.
    pub method: Method,
    /// Who asks, as `NAME/VERSION`.
    pub agent: &'a str,
    /// Headers besides those that each request has.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Request<'_> {
    /// Sends it, and waits for the head of its answer until then.
    ///
    /// # Errors
    /// Where there is none.
    pub fn send(&self, until: Instant) -> Result<Answer, Stop> {
        let url = self.url;
        let pending = outgoing_handler::handle(self.outgoing()?, None).map_err(|code| told(code, url))?;
        wait(&pending.subscribe(), until)?;
        let answer = pending.get().and_then(Result::ok);
        let response = answer
            .ok_or_else(|| Error::Other("the host gave no answer".to_owned()))?
            .map_err(|code| told(code, url))?;
        Ok(Answer { response, url: url.clone(), body: None })
    }

    fn outgoing(&self) -> Result<OutgoingRequest, Error> {
        let always = [("user-agent", self.agent), ("accept", "*/*"), ("accept-encoding", "identity")];
        let fields: Vec<_> = always
            .iter()
            .chain(self.headers)
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        let fields = Fields::from_list(&fields)
            .map_err(|error| Error::Other(format!("a header is refused: {error}")))?;
        let request = OutgoingRequest::new(fields);
        let method = match self.method {
            Method::Get => types::Method::Get,
            Method::Head => types::Method::Head,
        };
        let url = self.url;
        let scheme = if url.is_https() { Scheme::Https } else { Scheme::Http };
        let set = request
            .set_method(&method)
            .and_then(|()| request.set_scheme(Some(&scheme)))
            .and_then(|()| request.set_authority(Some(url.authority())))
            .and_then(|()| request.set_path_with_query(Some(&url.path_and_query())));
        set.map_err(|()| Error::Invalid(format!("`url`: no request can be sent for {url}")))?;
        Ok(request)
    }
}

/// The answer of a server, whose body is read piece by piece.
#[derive(Debug)]
pub struct Answer {
    /// Goes before what it belongs to.
    body: Option<(InputStream, IncomingBody)>,
    response: IncomingResponse,
    url: Url,
}

impl Answer {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<String> {
        let value = self.response.headers().get(name).into_iter().next()?;
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    /// Where a redirect leads, as it says it.
    pub fn location(&self) -> Option<String> {
        REDIRECTS.contains(&self.status()).then(|| self.header("location")).flatten()
    }

    /// The next piece of its body, of so many bytes at most; none is the end.
    ///
    /// # Errors
    /// Where it does not come until then.
    pub fn piece(&mut self, most: u64, until: Instant) -> Result<Option<Vec<u8>>, Stop> {
        let body = match self.body.take() {
            Some(body) => body,
            None => {
                let gone = |()| Error::Other("the body of the answer is gone".to_owned());
                let body = self.response.consume().map_err(gone)?;
                (body.stream().map_err(gone)?, body)
            }
        };
        let (stream, _) = self.body.insert(body);
        loop {
            match stream.read(most) {
                Ok(piece) if piece.is_empty() => wait(&stream.subscribe(), until)?,
                Ok(piece) => return Ok(Some(piece)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    let broken = || Stop::Ended(End::Broken("the answer broke off".to_owned()));
                    return Err(
                        types::http_error_code(&error).map_or_else(broken, |code| told(code, &self.url))
                    );
                }
            }
        }
    }
}

/// Waits for something, but not for ever.
fn wait(something: &Pollable, until: Instant) -> Result<(), Stop> {
    loop {
        if job::cancelled() {
            return Err(Stop::Failed(Error::Cancelled));
        }
        if something.ready() {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Stop::Ended(End::Late));
        }
        let tick = u64::try_from(left.min(TICK).as_nanos()).unwrap_or(u64::MAX);
        poll(&[something, &monotonic_clock::subscribe_duration(tick)]);
    }
}

/// What it says of a server, or of this host, that there is no answer.
fn told(code: ErrorCode, url: &Url) -> Stop {
    let broken = |words: &str| Stop::Ended(End::Broken(words.to_owned()));
    let tls = |words: String| Stop::Ended(End::TlsFailed(words));
    match code {
        ErrorCode::HttpRequestDenied => Stop::Failed(Error::Denied(format!(
            "the minion's policy does not let this module ask for {url}; its audit log says why"
        ))),
        ErrorCode::DestinationIpProhibited => Stop::Failed(Error::Denied(format!(
            "{} has an address that the minion's policy does not let this module reach; its audit log says what that \
             takes",
            url.host()
        ))),
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            Stop::Failed(Error::NotFound(format!("the host \"{}\" has no address", url.host())))
        }
        ErrorCode::ConnectionRefused => Stop::Ended(End::Refused),
        ErrorCode::DestinationIpUnroutable | ErrorCode::DestinationUnavailable => {
            Stop::Ended(End::Unreachable)
        }
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => Stop::Ended(End::Late),
        ErrorCode::TlsCertificateError => Stop::Ended(End::Untrusted),
        ErrorCode::TlsProtocolError => tls("no TLS can be agreed on with what listens there".to_owned()),
        ErrorCode::TlsAlertReceived(alert) => {
            let words = alert.alert_message.unwrap_or_else(|| "an alert without a name".to_owned());
            tls(format!("what listens there refuses our TLS: {words}"))
        }
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => broken("the answer broke off"),
        ErrorCode::HttpProtocolError => broken("what came is no answer of a web server"),
        // The host ends what waits where the job is to end.
        ErrorCode::InternalError(_) if job::cancelled() => Stop::Failed(Error::Cancelled),
        other => Stop::Failed(Error::Other(format!("{url} cannot be asked for: {other}"))),
    }
}
