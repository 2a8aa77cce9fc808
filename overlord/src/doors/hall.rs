//! What a peer finds behind the port, and how it is shown out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, VarInt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use wire::identity::{IdentityError, Peer};
use wire::transport::endpoint::{CLOSE_REFUSED, CLOSE_UNTIMELY};

use super::connection_limit::Ticket;
use super::guard::Guard;
use super::refusals::Applicant;
use crate::registry::since_three;
use crate::services::Services;

/// What a peer finds behind the port.
#[derive(Clone)]
pub(super) struct Hall {
    pub(super) services: Arc<Services>,
    pub(super) guard: Arc<Guard>,
    pub(super) stop: CancellationToken,
}

impl Hall {
    /// Writes down that a peer was refused whose certificate is one of ours, the first time in a while.
    pub(super) fn audit_refused(&self, peer: &Peer, from: SocketAddr, why: &str) {
        let Peer { side, name, .. } = peer;
        if self.guard.is_news(&format!("{side} {name} {why}")) {
            self.services.audit.peer_refused(*side, name, from, why);
        }
    }

    /// Shows a peer out. It learns nothing but that it is refused; the log says why.
    pub(super) async fn refuse(&self, connection: Connection, ticket: Ticket, why: impl std::fmt::Display) {
        self.turn_away(connection, ticket, CLOSE_REFUSED, why).await;
    }

    /// Shows a peer out whose certificate the authority has signed: it may know that the time of that is not now.
    pub(super) async fn refuse_untimely(&self, connection: Connection, ticket: Ticket, why: IdentityError) {
        let code = since_three(&connection, CLOSE_UNTIMELY, CLOSE_REFUSED);
        self.turn_away(connection, ticket, code, why).await;
    }

    async fn turn_away(
        &self,
        connection: Connection,
        ticket: Ticket,
        code: VarInt,
        why: impl std::fmt::Display,
    ) {
        self.guard.refusals.note(connection.remote_address(), Applicant::Peer, why);
        connection.close(code, b"refused");
        drop(connection);
        self.linger(ticket).await;
    }

    /// Keeps the share of a stranger that has failed for as long as QUIC holds its connection, so that
    /// nobody gets more by failing faster.
    pub(super) async fn linger(&self, ticket: Ticket) {
        self.stop.run_until_cancelled(sleep(LINGER)).await;
        drop(ticket);
    }
}

/// How long QUIC remembers a connection that failed.
const LINGER: Duration = Duration::from_secs(1);
