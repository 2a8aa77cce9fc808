//! One request, and as much of its answer as comes in time.

use std::time::{Duration, Instant};

use failure::Error;
use minion_sdk::job;
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self, ErrorCode, Fields, IncomingResponse, Method, OutgoingRequest, Scheme, StatusCode,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, StreamError};

use super::body::Search;
use super::url::Url;
use crate::exports::minion::network::network::HttpMethod;

/// How much of a body is read.
const MOST_BYTES: u64 = 8 << 20;
/// How much of it at once.
const PIECE: u64 = 64 << 10;
/// The longest time after which it is looked whether the job is cancelled.
const TICK: Duration = Duration::from_millis(500);
/// The statuses by which a server leads elsewhere.
const REDIRECTS: [StatusCode; 5] = [301, 302, 303, 307, 308];

/// What came of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) status: Option<StatusCode>,
    /// Where a redirect leads, as it says it.
    pub(super) location: Option<String>,
    /// How much of the body was read.
    pub(super) bytes: u64,
    /// Whether the text is in that.
    pub(super) found: bool,
}

/// How an answer ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All of it came.
    Whole,
    /// More came than is read.
    Cut,
    Refused,
    Unreachable,
    /// The time was up before.
    Late,
    Untrusted,
    /// There is no TLS, and why.
    TlsFailed(String),
    /// It was none, or not all of one, and why.
    Broken(String),
}

/// Why there is nothing to say of a server.
enum Stop {
    /// The method ends with it.
    Failed(Error),
    /// The answer ends with it.
    Ended(End),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// Asks for a URL, and reads the answer until then, looking for a text in its body.
///
/// # Errors
/// Where it may not be asked, or its host has no address: that says nothing of the server.
pub(super) fn ask(
    url: &Url,
    method: HttpMethod,
    text: Option<&str>,
    until: Instant,
) -> Result<(Received, End), Error> {
    let mut received = Received::default();
    let ended = respond(url, method, until).and_then(|response| {
        received.status = Some(response.status());
        received.location = location(&response);
        read(&response, text, until, &mut received, url)
    });
    match ended {
        Ok(end) | Err(Stop::Ended(end)) => Ok((received, end)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Sends a request, and waits for the head of its answer.
fn respond(url: &Url, method: HttpMethod, until: Instant) -> Result<IncomingResponse, Stop> {
    let pending = outgoing_handler::handle(request(url, method)?, None).map_err(|code| told(code, url))?;
    wait(&pending.subscribe(), until)?;
    let answer = pending.get().and_then(Result::ok);
    answer.ok_or_else(|| Error::Other("the host gave no answer".to_owned()))?.map_err(|code| told(code, url))
}

fn request(url: &Url, method: HttpMethod) -> Result<OutgoingRequest, Error> {
    let agent = concat!("minion-network/", env!("CARGO_PKG_VERSION"));
    let fields = [("user-agent", agent), ("accept", "*/*"), ("accept-encoding", "identity")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let fields =
        Fields::from_list(&fields).map_err(|error| Error::Other(format!("a header is refused: {error}")))?;
    let request = OutgoingRequest::new(fields);
    let method = match method {
        HttpMethod::Get => Method::Get,
        HttpMethod::Head => Method::Head,
    };
    let scheme = if url.is_https() { Scheme::Https } else { Scheme::Http };
    let set = request
        .set_method(&method)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(url.authority())))
        .and_then(|()| request.set_path_with_query(Some(&url.path_and_query())));
    set.map_err(|()| Error::Invalid(format!("`url`: no request can be sent for {url}")))?;
    Ok(request)
}

/// Where a redirect leads, as it says it.
fn location(response: &IncomingResponse) -> Option<String> {
    if !REDIRECTS.contains(&response.status()) {
        return None;
    }
    let value = response.headers().get("location").into_iter().next()?;
    Some(String::from_utf8_lossy(&value).into_owned())
}

/// Reads the body.
fn read(
    response: &IncomingResponse,
    text: Option<&str>,
    until: Instant,
    received: &mut Received,
    url: &Url,
) -> Result<End, Stop> {
    let gone = |()| Error::Other("the body of the answer is gone".to_owned());
    let body = response.consume().map_err(gone)?;
    let stream = body.stream().map_err(gone)?;
    let mut search = Search::new(text);
    let end = loop {
        if received.bytes == MOST_BYTES {
            break Ok(End::Cut);
        }
        match piece(&stream, (MOST_BYTES - received.bytes).min(PIECE), until, url) {
            Ok(Some(piece)) => {
                received.bytes += piece.len() as u64;
                search.part(&piece);
            }
            Ok(None) => break Ok(End::Whole),
            Err(stop) => break Err(stop),
        }
    };
    received.found = search.found();
    end
}

/// The next piece of a body; none is its end.
fn piece(stream: &InputStream, most: u64, until: Instant, url: &Url) -> Result<Option<Vec<u8>>, Stop> {
    loop {
        match stream.read(most) {
            Ok(piece) if piece.is_empty() => wait(&stream.subscribe(), until)?,
            Ok(piece) => return Ok(Some(piece)),
            Err(StreamError::Closed) => return Ok(None),
            Err(StreamError::LastOperationFailed(error)) => {
                let broken = || Stop::Ended(End::Broken("the answer broke off".to_owned()));
                return Err(types::http_error_code(&error).map_or_else(broken, |code| told(code, url)));
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
