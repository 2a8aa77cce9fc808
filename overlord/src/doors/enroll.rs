//! The newcomers' door: a token's secret and a signing request in, a certificate out.

use std::time::Duration;

use machine::clock::now_ms;
use quinn::{Connection, SendStream};
use tokio::time::sleep;
use wire::digest::Digest;
use wire::identity::{Role, SigningRequest};
use wire::message::enroll::{EnrollReply, EnrollRequest, MAX_MESSAGE};
use wire::transport::endpoint::{CLOSE_BUSY, CLOSE_DONE, CLOSE_REFUSED};
use wire::transport::frame::{self, FrameError};

use super::Hall;
use super::connection_limit::Ticket;
use super::refusals::Refused;
use crate::services::Services;

/// One newcomer.
///
/// It needs no certificate, so it stays a stranger all the while: it has one stream, and its share of what
/// its source may hold, for seconds.
pub(super) struct EnrollDoor {
    hall: Hall,
    connection: Connection,
}

/// Why a newcomer does not get in.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Refused(String),
    #[error("enrolment broke off: {0}")]
    Broken(#[from] FrameError),
    #[error("enrolment took too long")]
    Late,
}

impl EnrollDoor {
    pub(super) fn new(hall: Hall, connection: Connection) -> Self {
        Self { hall, connection }
    }

    /// Answers one request and shows the newcomer out.
    pub(super) async fn serve(self, stranger: Ticket) {
        let (guard, from) = (self.hall.guard.clone(), self.connection.remote_address());
        let Some(mut ticket) = guard.newcomers.enter(from) else {
            guard.refusals.note(from, Refused::Enrolment, "too many newcomers are there from its address");
            self.connection.close(CLOSE_BUSY, b"busy");
            return self.hall.linger(stranger).await;
        };
        drop(stranger);
        let placed = tokio::select! {
            placed = ticket.place(TURN) => placed,
            // At the stop, or because it had enough of waiting.
            _ = self.connection.closed() => return,
        };
        if !placed {
            guard.refusals.note(from, Refused::Enrolment, "it was not its turn in time");
            self.connection.close(CLOSE_BUSY, b"busy");
            return;
        }
        let exchanged = tokio::select! {
            exchanged = self.exchange() => exchanged,
            () = ticket.overdue(LEAST_PATIENCE, PATIENCE) => Err(Failed::Late),
        };
        match exchanged {
            Ok(()) => {
                self.shown_out(&ticket).await;
                self.connection.close(CLOSE_DONE, b"");
            }
            Err(failed) => {
                guard.refusals.note(from, Refused::Enrolment, failed);
                self.connection.close(CLOSE_REFUSED, b"refused");
                // So many failures of one host in a second, and no more; those with a good token wait for
                // their turn among them.
                self.hall.stop.run_until_cancelled(sleep(FAILED)).await;
            }
        }
    }

    async fn exchange(&self) -> Result<(), Failed> {
        let accepted = self.connection.accept_bi().await;
        let (mut send, mut receive) = accepted.map_err(|error| FrameError::Io(error.into()))?;
        let request: EnrollRequest = frame::read(&mut receive, MAX_MESSAGE).await?;
        match self.enroll(&request).await {
            Ok(reply) => Ok(answer(&mut send, &reply).await?),
            Err(why) => {
                let from = self.connection.remote_address();
                // The newcomer is to hear it at its leisure; the close that follows a failure would cut it off.
                if self.hall.guard.failures.is_answered(from) {
                    answer(&mut send, &EnrollReply::Refused).await?;
                    let _ = tokio::time::timeout(HEARD, send.stopped()).await;
                }
                Err(Failed::Refused(why))
            }
        }
    }

    /// The answer, or what only the log may say.
    ///
    /// What costs nothing comes first: a newcomer without a token that is good makes the overlord read once, and
    /// neither check its signing request, nor write, nor sign.
    async fn enroll(&self, request: &EnrollRequest) -> Result<EnrollReply, String> {
        let Services { authority, ledger, registry, .. } = &*self.hall.services;
        let secret = Digest::of(&request.secret);
        ledger.invited(&secret, now_ms()).await.map_err(|error| error.to_string())?;
        let signing_request = SigningRequest::from_der(&request.signing_request)
            .map_err(|error| format!("its signing request is no good: {error}"))?;
        let name =
            registry.enroll(&secret, signing_request.key()).await.map_err(|error| error.to_string())?;
        let certificate = authority
            .sign_request(&signing_request, Role::Minion, name.as_str())
            .map_err(|error| format!("cannot sign for \"{name}\": {error}"))?;
        tracing::info!(minion = %name, from = %self.connection.remote_address(), "enrolled");
        Ok(EnrollReply::Enrolled { name, certificate, authority: authority.certificate().to_vec() })
    }

    /// Waits until the newcomer has its answer, and closes.
    async fn shown_out(&self, ticket: &Ticket) {
        tokio::select! {
            _ = self.connection.closed() => {}
            () = ticket.overdue(LEAST_PATIENCE, PATIENCE) => {}
        }
    }
}

async fn answer(send: &mut SendStream, reply: &EnrollReply) -> Result<(), FrameError> {
    frame::write(send, reply, MAX_MESSAGE).await?;
    // Nothing more is said, whether or not the newcomer still listens.
    let _ = send.finish();
    Ok(())
}

/// How long a newcomer waits for its turn.
const TURN: Duration = Duration::from_secs(10);

/// How long a newcomer may take over its one request, and then over its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same, while others wait for its place.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// How long a newcomer that has failed keeps its place.
const FAILED: Duration = Duration::from_millis(250);

/// How long a newcomer that is refused may take to hear it.
const HEARD: Duration = Duration::from_secs(1);
