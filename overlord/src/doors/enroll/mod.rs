//! The newcomers' door: a token's secret and a signing request in, a certificate out.

mod minion;
mod operator;
mod waiting;

use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream};
use tokio::time::sleep;
use wire::message::enroll::{EnrollReply, EnrollRequest};
use wire::message::newcomer::{MAX_MESSAGE, Newcomer, NewcomerReply};
use wire::transport::alpn::alpn;
use wire::transport::endpoint::{CLOSE_BUSY, CLOSE_DONE, CLOSE_REFUSED};
use wire::transport::frame::{self, FrameError};

use super::connection_limit::Ticket;
use super::hall::Hall;
use super::refusals::Applicant;

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

/// A newcomer that does not get in.
struct TurnedAway {
    /// What it is told, unless it or its neighbours have failed too often.
    reply: Box<NewcomerReply>,
    /// What the log says.
    why: String,
}

impl EnrollDoor {
    pub(super) fn new(hall: Hall, connection: Connection) -> Self {
        Self { hall, connection }
    }

    /// Answers one request and shows the newcomer out.
    pub(super) async fn serve(self, stranger: Ticket) {
        let (guard, from) = (self.hall.guard.clone(), self.connection.remote_address());
        let Some(mut ticket) = guard.newcomers.enter(from) else {
            guard.refusals.note(from, Applicant::Newcomer, "too many newcomers are there from its address");
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
            guard.refusals.note(from, Applicant::Newcomer, "it was not its turn in time");
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
                guard.refusals.note(from, Applicant::Newcomer, failed);
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
        let form = Form::of(&self.connection);
        let newcomer = form.read(&mut receive).await?;
        match self.admit(newcomer).await {
            Ok(reply) => Ok(form.answer(&mut send, reply).await?),
            Err(TurnedAway { reply, why }) => {
                let from = self.connection.remote_address();
                // The newcomer is to hear it at its leisure; the close that follows a failure would cut it off.
                if self.hall.guard.failures.is_answered(from) {
                    self.hall.services.audit.newcomer_refused(from, &why);
                    form.answer(&mut send, *reply).await?;
                    let _ = tokio::time::timeout(HEARD, send.stopped()).await;
                }
                Err(Failed::Refused(why))
            }
        }
    }

    /// The answer to a newcomer.
    ///
    /// What costs nothing comes first: a newcomer without a token that is good makes the overlord read once, and
    /// neither check its signing request, nor write, nor sign. One that waits makes it check the request, and write once.
    async fn admit(&self, newcomer: Newcomer) -> Result<NewcomerReply, TurnedAway> {
        match newcomer {
            Newcomer::Minion { secret, name, signing_request } => {
                self.minion(&secret, name.as_ref(), &signing_request).await
            }
            Newcomer::Waiting { name, signing_request } => self.without_token(name, &signing_request).await,
            Newcomer::Operator { secret, signing_request } => self.operator(&secret, &signing_request).await,
        }
    }

    /// Waits until the newcomer has its answer, and closes.
    async fn shown_out(&self, ticket: &Ticket) {
        tokio::select! {
            _ = self.connection.closed() => {}
            () = ticket.overdue(LEAST_PATIENCE, PATIENCE) => {}
        }
    }
}

impl TurnedAway {
    /// A newcomer that is told nothing but that it is refused.
    fn refused(why: impl ToString) -> Self {
        Self { reply: Box::new(NewcomerReply::Refused), why: why.to_string() }
    }
}

/// In which form a newcomer speaks.
#[derive(Clone, Copy)]
enum Form {
    /// `enroll/1`.
    Older,
    /// `enroll/2`.
    Newest,
}

impl Form {
    fn of(connection: &Connection) -> Self {
        match alpn(connection).as_deref() {
            Some(wire::message::enroll::ALPN) => Form::Older,
            _ => Form::Newest,
        }
    }

    async fn read(self, receive: &mut RecvStream) -> Result<Newcomer, FrameError> {
        match self {
            Form::Older => frame::read::<EnrollRequest>(receive, MAX_MESSAGE).await.map(Newcomer::from),
            Form::Newest => frame::read(receive, MAX_MESSAGE).await,
        }
    }

    async fn answer(self, send: &mut SendStream, reply: NewcomerReply) -> Result<(), FrameError> {
        match self {
            Form::Older => frame::write(send, &EnrollReply::from(reply), MAX_MESSAGE).await?,
            Form::Newest => frame::write(send, &reply, MAX_MESSAGE).await?,
        }
        // Nothing more is said, whether or not the newcomer still listens.
        let _ = send.finish();
        Ok(())
    }
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
