//! The one UDP port and its three doors: newcomers, minions and operators, told apart by ALPN.
//!
//! Until a peer has shown a certificate that a door takes, it is a stranger: all that is held for it is
//! divided by where it comes from, and held for seconds.

mod audit;
mod authority;
mod connection_limit;
mod daemon_status;
mod enroll;
mod enrolment;
mod follow;
mod guard;
mod hall;
mod minion;
mod modules;
mod operator;
mod operators;
mod permit;
mod protocols;
mod refusals;
mod renewal;
mod source;
mod visible_facts;
mod wanted;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint, Incoming};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::identity::{IdentityError, Peer};
use wire::transport::alpn::alpn;
use wire::transport::endpoint::{self, CLOSE_DONE};

use self::connection_limit::Ticket;
use self::enroll::EnrollDoor;
use self::guard::Guard;
use self::hall::Hall;
use self::minion::MinionDoor;
use self::operator::OperatorDoor;
pub(crate) use self::protocols::alpns;
use self::refusals::{Applicant, SUMMARY};
pub(crate) use self::source::Source;
use crate::enrolment::Asked;
use crate::registry::NoMinion;
use crate::services::Services;

/// Lets peers in until it is told to stop.
pub(crate) struct Doors {
    hall: Hall,
    tasks: TaskTracker,
}

impl Doors {
    pub(crate) fn new(services: Arc<Services>, stop: CancellationToken) -> Self {
        Self { hall: Hall { services, guard: Arc::new(Guard::new()), stop }, tasks: TaskTracker::new() }
    }

    /// Accepts connections until the stop. Returns when every one of them has ended.
    pub(crate) async fn serve(self, endpoint: Endpoint) {
        let mut summary = interval(SUMMARY);
        summary.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let incoming = tokio::select! {
                () = self.hall.stop.cancelled() => break,
                _ = summary.tick() => {
                    self.hall.guard.refusals.summarise();
                    self.hall.services.audit.summarise(false);
                    continue;
                }
                incoming = endpoint.accept() => incoming,
            };
            let Some(incoming) = incoming else { break };
            self.admit(incoming);
        }
        // 1. No one new comes in. 2. Those inside are shown out. 3. Their tasks end.
        endpoint.close(CLOSE_DONE, b"the overlord stops");
        self.tasks.close();
        self.tasks.wait().await;
        self.hall.guard.refusals.summarise();
        self.hall.services.audit.summarise(true);
        // 4. The peers hear of it, if they still listen.
        let _ = tokio::time::timeout(GOODBYE, endpoint.wait_idle()).await;
    }

    fn admit(&self, incoming: Incoming) {
        let (guard, from) = (&self.hall.guard, incoming.remote_address());
        if !incoming.remote_address_validated() && guard.wants_proof(from) {
            // It can fail only for one that has proved its address already.
            let _ = incoming.retry();
            return;
        }
        let Some(ticket) = guard.strangers.enter(from) else {
            guard.refusals.note(from, Applicant::Peer, "too many are on their way in from there");
            // Not refused: its next datagram finds room, perhaps.
            return incoming.ignore();
        };
        // Ends with the connection, which the endpoint closes at the stop.
        self.tasks.spawn(self.hall.clone().arrive(incoming, ticket));
    }
}

impl Hall {
    /// Lets a stranger shake hands, once it is its turn, and shows it to its door.
    async fn arrive(self, incoming: Incoming, mut ticket: Ticket) {
        let from = incoming.remote_address();
        if self.stop.run_until_cancelled(ticket.place(TURN)).await != Some(true) {
            return incoming.ignore();
        }
        let connecting = match incoming.accept() {
            Ok(connecting) => connecting,
            // Nothing is held for it.
            Err(error) => return self.guard.refusals.note(from, Applicant::Peer, handshake(&error)),
        };
        let shaken = tokio::select! {
            shaken = connecting => shaken.map_err(|error| handshake(&error)),
            () = ticket.overdue(LEAST_HANDSHAKE, HANDSHAKE) => Err("the handshake took too long".to_owned()),
        };
        match shaken {
            Ok(connection) => self.welcome(connection, ticket).await,
            Err(why) => {
                self.guard.refusals.note(from, Applicant::Peer, why);
                self.linger(ticket).await;
            }
        }
    }

    /// Shows a connection to the door that it asked for.
    async fn welcome(self, connection: Connection, ticket: Ticket) {
        let from = connection.remote_address();
        let peer = match endpoint::peer(&connection) {
            Ok(peer) => peer,
            Err(IdentityError::Untimely { peer, untimely }) => {
                self.services.registry.came_with_outdated(&peer);
                self.audit_refused(&peer, from, &untimely.to_string());
                return self
                    .refuse_untimely(connection, ticket, IdentityError::Untimely { peer, untimely })
                    .await;
            }
            Err(error) => return self.refuse(connection, ticket, error).await,
        };
        let asked = alpn(&connection).unwrap_or_default();
        match (asked.as_slice(), peer) {
            (alpn, _) if wire::message::newcomer::ALPNS.contains(&alpn) => {
                EnrollDoor::new(self, connection).serve(ticket).await;
            }
            (alpn, Some(peer)) if wire::message::link::ALPNS.contains(&alpn) => {
                match MinionDoor::admit(self.services.clone(), connection.clone(), &peer) {
                    Ok(door) => {
                        drop(ticket);
                        door.serve().await;
                    }
                    Err(why) => {
                        self.note_refused(&peer, from, &why);
                        self.wait_where_restored(&peer, from, &why).await;
                        return self.refuse(connection, ticket, why).await;
                    }
                }
            }
            (alpn, Some(peer)) if wire::message::operator::ALPNS.contains(&alpn) => {
                match OperatorDoor::admit(self.services.clone(), &peer, &connection) {
                    Ok(door) => {
                        drop(ticket);
                        door.serve(connection).await;
                    }
                    Err(why) => {
                        self.audit_refused(&peer, from, &why.to_string());
                        return self.refuse(connection, ticket, why).await;
                    }
                }
            }
            (_, None) => return self.refuse(connection, ticket, "it showed no certificate").await,
            (_, Some(_)) => {
                return self.refuse(connection, ticket, "it asked for no door that there is").await;
            }
        }
        tracing::debug!(%from, "connection ended");
    }

    /// Takes note that a minion was refused whose certificate is one of ours.
    fn note_refused(&self, peer: &Peer, from: SocketAddr, why: &NoMinion) {
        if let NoMinion::FormerKey(name) = why {
            self.services.registry.came_with_former_key(name, from);
        }
        self.audit_refused(peer, from, &why.to_string());
    }

    /// Lets a minion wait for an operator whose key is one of those that a folder may not know which was restored from a backup.
    async fn wait_where_restored(&self, peer: &Peer, from: SocketAddr, why: &NoMinion) {
        let Services { gap, waiting, audit, .. } = &*self.services;
        let is_of_gap = gap.is_some_and(|gap| gap.has(peer));
        let is_unknown =
            matches!(why, NoMinion::AnotherKey(_) | NoMinion::FormerKey(_) | NoMinion::NotEnrolled(_));
        let Some(name) = peer.name.parse().ok().filter(|_| is_of_gap && is_unknown) else { return };
        match waiting.ask(&name, peer.key, from).await {
            Ok(Asked::Begins) => {
                let key = peer.key;
                tracing::warn!(
                    minion = %name, %key, %from,
                    "a minion has a key from after the backup that was restored: it waits, see `overlord minion pending`"
                );
                audit.waits(&name, key, from);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(minion = %name, %error, "it cannot be recorded that a minion waits"),
        }
    }
}

/// What the log says of a handshake that failed.
fn handshake(error: &quinn::ConnectionError) -> String {
    format!("the handshake failed: {error}")
}

/// How long a stranger waits for its turn. A dialler has given up by then.
const TURN: Duration = Duration::from_secs(5);

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// How long a handshake may take while others wait for its place.
const LEAST_HANDSHAKE: Duration = Duration::from_millis(500);

/// How long the peers may take to hear that the overlord stops.
const GOODBYE: Duration = Duration::from_secs(1);
