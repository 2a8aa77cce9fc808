//! One question, and what is looked for in its answer.

use std::time::Instant;

use failure::Error;
use web::{Answer, End, Method, Request, Stop, Url};

use super::body::Search;

/// How much of a body is read.
const MOST_BYTES: u64 = 8 << 20;
/// How much of it at once.
const PIECE: u64 = 64 << 10;
/// Who asks.
const AGENT: &str = concat!("minion-network/", env!("CARGO_PKG_VERSION"));

/// What came of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) status: Option<u16>,
    /// Where a redirect leads, as it says it.
    pub(super) location: Option<String>,
    /// How much of the body was read.
    pub(super) bytes: u64,
    /// Whether the text is in that.
    pub(super) found: bool,
}

/// Asks for a URL, and reads the answer until then, looking for a text in its body.
///
/// # Errors
/// Where it may not be asked, or its host has no address: that says nothing of the server.
pub(super) fn ask(
    url: &Url,
    method: Method,
    text: Option<&str>,
    until: Instant,
) -> Result<(Received, End), Error> {
    let mut received = Received::default();
    let request = Request { url, method, agent: AGENT, headers: &[] };
    let ended = request.send(until).and_then(|mut answer| {
        received.status = Some(answer.status());
        received.location = answer.location();
        read(&mut answer, text, until, &mut received)
    });
    match ended {
        Ok(end) | Err(Stop::Ended(end)) => Ok((received, end)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Reads the body.
fn read(
    answer: &mut Answer,
    text: Option<&str>,
    until: Instant,
    received: &mut Received,
) -> Result<End, Stop> {
    let mut search = Search::new(text);
    let end = loop {
        if received.bytes == MOST_BYTES {
            break Ok(End::Cut);
        }
        match answer.piece((MOST_BYTES - received.bytes).min(PIECE), until) {
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
