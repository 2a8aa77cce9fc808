//! The link to the overlord: dialled, kept, and dialled again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ledger::MinionLedger;
use machine::backoff::Backoff;
use quinn::Connection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use machine::clock::now_ms;
use wire::message::instance::Instance;
use wire::message::inventory::Inventory;
use wire::message::link::{ALPNS, Acknowledged, Hello, Notice, Welcome};
use wire::message::version::Version;
use wire::transport::allowance::{Allowance, REQUESTS};
use wire::transport::endpoint::{Dialling, Trust};
use wire::transport::frame::FrameError;
use wire::transport::heartbeat::Heartbeat;
use wire::transport::intake::Intake;
use wire::transport::stream_places::StreamPlaces;

use crate::audit::Audit;
use crate::dial::DialError;
use crate::dialler::{Dialled, Dialler};
use crate::dispatch::Dispatch;
use crate::facts::gathered::Gathered;
use crate::jobs::Jobs;
use crate::membership::{Member, Membership};
use crate::modules::{Modules, tellable};
use crate::notice::notify;
use crate::renewal::Renewal;

/// Whether there is a link to the overlord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The minion is linked.
    Linked {
        /// Since when, in milliseconds since 1970.
        since: u64,
        /// The version of the overlord's software.
        version: String,
    },
    /// The minion is not linked, for this reason.
    Unlinked(String),
}

/// The link, with the parts of the minion that it needs.
pub(crate) struct Link {
    /// Who this minion is, and where its overlord listens.
    pub(crate) membership: Membership,
    /// Told when this minion has become another one by a join, and until when its certificate is good.
    pub(crate) joined: watch::Sender<Member>,
    /// Dials the overlord.
    pub(crate) dialler: Dialler,
    /// Which instance of the minion this is.
    pub(crate) instance: Instance,
    /// The audit log, which is told where another instance has the link.
    pub(crate) audit: Arc<Audit>,
    /// Answers what the overlord asks.
    pub(crate) dispatch: Dispatch,
    /// Is told which outcomes the overlord has.
    pub(crate) jobs: Jobs,
    /// The modules, of which the overlord is told.
    pub(crate) modules: Modules,
    /// The facts of the host, of which the overlord is told.
    pub(crate) facts: watch::Receiver<Gathered>,
    /// The ledger, which knows which outcomes the overlord has not acknowledged.
    pub(crate) ledger: MinionLedger,
    /// Owns the tasks of the overlord's streams.
    pub(crate) streams: TaskTracker,
    /// Ends the link in good order.
    pub(crate) stop: CancellationToken,
    /// Whether there is a link, for everybody who wants to know.
    pub(crate) state: watch::Sender<LinkState>,
    /// How often the overlord wants a sign of life, as far as it has said.
    pub(crate) heartbeat: watch::Sender<Heartbeat>,
}

impl Link {
    /// Keeps a link to the overlord until it is told to stop.
    pub(crate) async fn run(mut self) {
        let (mut backoff, mut said) = (Backoff::new(SHORTEST, LONGEST), String::new());
        loop {
            if self.has_joined_anew() {
                backoff.reset();
                said.clear();
            }
            let heartbeat = *self.heartbeat.borrow();
            let Some(dialled) = self.stop.run_until_cancelled(self.dial(heartbeat)).await else { return };
            let error = match dialled {
                Ok(dialled) => match self.hold(dialled, heartbeat).await {
                    Some(error) => error,
                    None => continue,
                },
                Err(error) => error,
            };
            if let DialError::EnrolledAnew { .. } = &error {
                // Most likely this is by a join in this folder, which has its certificate in a moment.
                let _ = tokio::time::timeout(JOINING, self.membership.superseded()).await;
            }
            if self.membership.joined_anew().is_some() {
                continue;
            }
            let error = error.explained(&self.membership.identity());
            if self.stop.is_cancelled() {
                return;
            }
            let lost = matches!(*self.state.borrow(), LinkState::Linked { .. });
            if lost {
                backoff.reset();
                said.clear();
            }
            if error.is_final() {
                backoff.lengthen(FUTILE);
            }
            let text = error.to_string();
            if said != text {
                let name = &self.membership.member.name;
                tracing::warn!(%name, why = text, "not linked, trying again until it works");
                if let DialError::Second { .. } = &error {
                    self.audit.refused_as_second(&self.membership.member);
                }
            }
            self.state.send_replace(LinkState::Unlinked(text.clone()));
            said = text;
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = self.membership.superseded() => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// Takes over what another `minion join` has left in the folder, if one has.
    fn has_joined_anew(&mut self) -> bool {
        let Some(anew) = self.membership.joined_anew() else { return false };
        let Member { name, overlord, .. } = &anew.member;
        tracing::info!(%name, overlord, "this host has joined anew");
        self.joined.send_replace(anew.member.clone());
        self.membership = anew;
        true
    }

    fn address(&self) -> &str {
        &self.membership.member.overlord
    }

    async fn dial(&self, heartbeat: Heartbeat) -> Result<Dialled, DialError> {
        let identity = self.membership.identity();
        let dialling = Dialling::new(Some(&identity), Trust::Authorities(identity.authorities()), ALPNS)?;
        self.dialler.dial(self.address(), &dialling.with_heartbeat(heartbeat)).await
    }

    /// Uses a connection until it ends, and says why it did; `None` where another one is to take its place at once.
    async fn hold(&self, dialled: Dialled, heartbeat: Heartbeat) -> Option<DialError> {
        let connection = &dialled.connection;
        let ended = tokio::select! {
            () = self.wants_other_heartbeat(heartbeat) => None,
            ended = self.until_broken(connection) => Some(ended),
        };
        dialled.close().await;
        ended
    }

    /// Ends where the overlord wants signs of life much more or less often than a connection gives them, which nothing can change
    /// once it is made: when the next one would be due, so that a fleet that has just come is in by then.
    async fn wants_other_heartbeat(&self, has: Heartbeat) {
        // The sender lives as long as this.
        let _ = self.heartbeat.subscribe().wait_for(|wanted| wanted.is_far_from(has)).await;
        tokio::time::sleep(has.pause()).await;
    }

    /// Uses a connection until it breaks, or is not to be used any more.
    async fn until_broken(&self, connection: &Connection) -> DialError {
        let broken = |cause: String| DialError::Broken { address: self.address().to_owned(), cause };
        tokio::select! {
            error = connection.closed() => DialError::ended(self.address(), &error),
            error = self.serve(connection) => DialError::ended(self.address(), &error),
            Err(error) = self.tell(connection) => match connection.close_reason() {
                Some(reason) => DialError::ended(self.address(), &reason),
                None => broken(error.to_string()),
            },
            () = self.membership.superseded() => DialError::Closed { address: self.address().to_owned() },
            () = self.stop.cancelled() => DialError::Closed { address: self.address().to_owned() },
        }
    }

    /// Answers the overlord's streams, of which the transport lets in only so many at once.
    async fn serve(&self, connection: &Connection) -> quinn::ConnectionError {
        let intake = Intake::default();
        let mut places = StreamPlaces::new(connection.clone(), Allowance::OVERLORD.streams, REQUESTS);
        loop {
            let (send, recv) = match connection.accept_bi().await {
                Ok(stream) => stream,
                Err(error) => return error,
            };
            let (dispatch, version, intake) =
                (self.dispatch.clone(), Version::of(connection), intake.clone());
            // Ends with its stream or its connection; a minion that stops waits for it.
            let open = places.opened();
            self.streams.spawn(async move {
                let _open = open;
                if let Err(error) = dispatch.answer(version, send, recv, &intake).await {
                    tracing::debug!(%error, "a request was not answered to its end");
                }
            });
        }
    }

    /// Says hello, and then tells of the modules and the facts whenever they have changed.
    async fn tell(&self, connection: &Connection) -> Result<Infallible, FrameError> {
        let (changes, mut facts) = (self.modules.changes(), self.facts.clone());
        let hello = Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            modules: self.tellable(),
            unacknowledged: self.unacknowledged().await,
            facts: self.facts_of(&mut facts),
            instance: Some(self.instance),
        };
        let welcome: Welcome = notify(connection, &Notice::Hello(hello)).await?;
        tracing::info!(overlord = self.address(), name = %welcome.name, version = welcome.version, "linked to the overlord");
        self.state.send_replace(LinkState::Linked { since: now_ms(), version: welcome.version });
        if let Some(wanted) = welcome.heartbeat_ms {
            self.heartbeat.send_replace(Heartbeat::told(wanted));
        }
        for job in welcome.settled {
            self.jobs.acknowledged(job).await;
        }
        let renewals = self.renewals(connection, welcome.renew_in_ms);
        tokio::select! {
            ended = self.tell_changes(connection, changes, facts) => ended,
            never = renewals => match never {},
        }
    }

    /// Renews the certificate over this connection, where its overlord does that.
    async fn renewals(&self, connection: &Connection, renew_in_ms: Option<u64>) -> Infallible {
        let Some(renew_in_ms) = renew_in_ms else { return std::future::pending().await };
        let Self { membership, joined: member, audit, dialler, dispatch, .. } = self;
        Renewal { membership, connection, dialler, member, audit, wanted: &dispatch.wanted }
            .run(Duration::from_millis(renew_in_ms))
            .await
    }

    /// Tells of the modules and the facts whenever they have changed.
    async fn tell_changes(
        &self,
        connection: &Connection,
        mut changes: watch::Receiver<()>,
        mut facts: watch::Receiver<Gathered>,
    ) -> Result<Infallible, FrameError> {
        let mut quiet = tokio::time::Instant::now();
        loop {
            // A version goes through many states in a moment: the first is told at once, and the others together.
            let changed = async {
                tokio::time::sleep_until(quiet).await;
                changes.changed().await
            };
            let notice = tokio::select! {
                // It fails only when the modules are gone, and `self` holds them.
                _ = changed => {
                    quiet = tokio::time::Instant::now() + QUIET;
                    Notice::Modules(self.tellable())
                }
                // Where nobody gathers facts any more, the minion is about to stop.
                Ok(()) = facts.changed() => Notice::Facts(self.facts_of(&mut facts)),
            };
            let Acknowledged = notify(connection, &notice).await?;
        }
    }

    /// The facts of now, with this minion's name.
    fn facts_of(&self, facts: &mut watch::Receiver<Gathered>) -> String {
        let gathered = facts.borrow_and_update().clone();
        gathered.document(&self.membership.member.name)
    }

    fn tellable(&self) -> Inventory {
        Inventory::of(self.modules.list().into_iter().map(tellable).collect())
    }

    async fn unacknowledged(&self) -> Vec<wire::message::job::JobId> {
        // Where a receipt that came just now cannot be recorded, its outcome is offered once more.
        let _ = self.ledger.receipts_recorded().await;
        // Those that are not offered now are offered on the next connection.
        self.ledger.unacknowledged(MAX_OFFERED).unwrap_or_else(|error| {
            tracing::error!(%error, "outcomes of earlier jobs cannot be offered to the overlord");
            Vec::new()
        })
    }
}

/// How many unacknowledged outcomes are offered in one greeting.
const MAX_OFFERED: usize = 10_000;
/// How long after one notice of the modules the next one may come.
const QUIET: Duration = Duration::from_millis(100);
/// How long a join may take to keep the certificate that the overlord has made for it.
const JOINING: Duration = Duration::from_secs(5);
/// The shortest and the longest pause before the next attempt, but for what chance adds. A network that is back is noticed
/// within seconds, while attempts that are not answered, which take their time as well, never get dense.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_millis(1500);
/// How long about a minion waits after a refusal that the next attempt would only get again.
const FUTILE: Duration = Duration::from_secs(10);
