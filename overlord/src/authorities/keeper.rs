//! What the daemon does by itself about its authorities: it shows its own certificate, asks minions to renew, and goes on to the
//! next step where everybody has come to the present one.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use wire::digest::Digest;
use wire::identity::{Identity, Moment, Peer, Validity};
use wire::message::authority::{Lack, MoveStep};
use wire::message::link::{Acknowledged, MAX_MESSAGE, MinionRequest};
use wire::message::version::Version;
use wire::name::MinionName;
use wire::transport::endpoint::{self, CLOSE_REFUSED};
use wire::transport::frame::{self, FrameError};

use super::{Held, counted};
use crate::daemon_error::DaemonError;
use crate::doors::alpns;
use crate::folder::{Folder, FolderError};
use crate::services::Services;

/// Keeps the authorities going, and the overlord's own certificate.
pub(crate) struct Keeper {
    pub(crate) folder: Folder,
    pub(crate) services: Arc<Services>,
    pub(crate) endpoint: Endpoint,
    /// As it is shown.
    pub(crate) identity: Identity,
    pub(crate) held: Arc<Held>,
}

impl Keeper {
    /// Does so until the stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut every = interval(LOOK);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut asked, mut warned) = (None, None);
        loop {
            let news = async {
                tokio::select! {
                    _ = every.tick() => {}
                    () = self.services.authorities.news.notified() => {}
                }
            };
            if stop.run_until_cancelled(news).await.is_none() {
                return;
            }
            let held = self.services.authorities.held();
            let is_another = !Arc::ptr_eq(&held, &self.held);
            if is_another || self.identity.validity().is_ok_and(Validity::is_due) {
                self.show(&held);
            }
            if is_another {
                // From here on the handshake refuses them.
                close_strangers(&self.services, &held);
            }
            if is_another || asked.is_none_or(|at: Instant| at.elapsed() >= ASK_AGAIN) {
                asked = Some(Instant::now());
                if let Err(error) = self.services.authorities.vouch_anew().await {
                    tracing::error!(%error, "no authority vouches for the one that is moved to");
                }
                ask_all(&self.services);
            }
            if warned.is_none_or(|at: Instant| at.elapsed() >= WARN_AGAIN) {
                warned = Some(Instant::now());
                warn_of_ends(&held);
            }
            self.go_on(&held).await;
        }
    }

    /// Shows the overlord's own certificate, as the present step has it, to all who come from now on. Those who are connected
    /// stay so.
    fn show(&mut self, held: &Arc<Held>) {
        let shown =
            self.folder.overlord_identity(held.own()).map_err(DaemonError::from).and_then(|identity| {
                let (until, shown) =
                    (identity.validity().map_err(FolderError::from)?.until, held.shown(identity));
                endpoint::show(&self.endpoint, &shown, &held.accepted(), &alpns())?;
                Ok((until, shown))
            });
        match shown {
            Ok((until, shown)) => {
                if !shown.has_certificate_of(&self.identity) {
                    tracing::info!(until = %Moment(until), "renewed the overlord's own certificate");
                }
                (self.identity, self.held) = (shown, held.clone());
            }
            Err(error) => tracing::error!(%error, "the overlord's own certificate cannot be renewed"),
        }
    }

    /// Takes the next step, where nobody has to be waited for.
    async fn go_on(&self, held: &Held) {
        let Services { authorities, .. } = &*self.services;
        if held.step() != MoveStep::Issuing
            || counted(&self.services).missing.iter().any(|one| one.lack == Lack::Certificate)
        {
            return;
        }
        match authorities.serve().await {
            Ok(()) => {
                tracing::info!("everybody has a certificate of the new authority: the overlord shows one too")
            }
            Err(error) => tracing::error!(%error, "the move to the new authority does not go on"),
        }
    }
}

/// Ends the connections of those whose certificates are of an authority that was let go of, and who have no other.
fn close_strangers(services: &Services, held: &Held) {
    let Services { registry, authorities, operators, .. } = services;
    let is_known = |connection: &Connection, key: Option<Digest>| {
        let shown = endpoint::shown(connection);
        let Some(certificate) = shown.first() else { return true };
        let key = key.or_else(|| Peer::of(certificate).ok().map(|peer| peer.key));
        key.is_some_and(|key| held.is_known(certificate, &authorities.holding(&key)))
    };
    let mut connections: Vec<_> =
        operators.connections().into_iter().map(|connection| (connection, None)).collect();
    for minion in registry.statuses(&registry.names()) {
        connections.extend(registry.connection(&minion.name).map(|link| (link, Some(minion.key))));
    }
    let strangers = connections.into_iter().filter(|(connection, key)| !is_known(connection, *key));
    for (connection, _) in strangers {
        let from = connection.remote_address();
        tracing::warn!(%from, "a connection ends whose certificate is of an authority that was let go of");
        connection.close(CLOSE_REFUSED, b"refused");
    }
}

/// Asks all linked minions to renew that do not have what they are to have, so that not all do at once.
fn ask_all(services: &Arc<Services>) {
    for minion in counted(services).missing {
        if let (false, true, Ok(name)) =
            (minion.is_operator, minion.connected, minion.name.parse::<MinionName>())
        {
            ask(services, &name);
        }
    }
}

/// Asks a linked minion to renew, where it does not have what it is to have.
pub(crate) fn ask(services: &Arc<Services>, name: &MinionName) {
    let Services { registry, authorities, .. } = &**services;
    let Some(status) = registry.statuses(std::slice::from_ref(name)).pop() else { return };
    let Some(connection) = registry.connection(name) else { return };
    if authorities.has_moved_with(&status.key, registry.next_key(name))
        || !authorities.held().can_follow(&authorities.holding(&status.key))
        || Version::of(&connection) < Version::Six
    {
        return;
    }
    let (minions, _) = registry.counts();
    let spread = (SPREAD * u32::try_from(minions).unwrap_or(u32::MAX)).min(MOST_SPREAD);
    let in_ms = (fastrand::f64() * spread.as_millis() as f64) as u64;
    let name = name.clone();
    registry.spawn(async move {
        // One that is older than this does not answer, and goes on as it is.
        match tokio::time::timeout(ANSWER, asked(&connection, in_ms)).await {
            Ok(Ok(Acknowledged)) => tracing::debug!(minion = %name, in_ms, "asked to renew"),
            Ok(Err(error)) => tracing::info!(minion = %name, %error, "does not move to another authority"),
            Err(_) => tracing::info!(minion = %name, "does not say whether it moves to another authority"),
        }
    });
}

async fn asked(connection: &Connection, in_ms: u64) -> Result<Acknowledged, FrameError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
    let version = Version::of(connection);
    frame::write_as(version, &mut send, &MinionRequest::Move { in_ms }, MAX_MESSAGE).await?;
    let _ = send.finish();
    frame::read_as(version, &mut receive, MAX_MESSAGE).await
}

/// Says which authorities end soon, and where somebody else has to vouch anew.
fn warn_of_ends(held: &Held) {
    let Moment(now) = Moment::now();
    if held.lacks_endorsement() {
        tracing::warn!(
            "the certificate by which the former root vouches for the next one has ended or ends soon, and only that root's owner can \
             sign another: who has not moved by then stays with the former one. `overlord ca rotate --finish` ends the move; or go \
             back with `--back` and `--finish`, and import the chain again with a new one"
        );
    }
    for authority in held.all() {
        let Ok(validity) = authority.validity() else { continue };
        if validity.until.saturating_sub(now) < SOON_SECS {
            let (fingerprint, until) = (authority.fingerprint(), Moment(validity.until));
            tracing::warn!(%fingerprint, %until, "the authority ends soon: `overlord ca rotate` moves to another");
        }
    }
}

/// How long before its end there are warnings of an authority, in seconds: time enough to have an intermediate signed and to
/// wait for those who are seldom on.
pub(crate) const SOON_SECS: i64 = 90 * 24 * 3600;
/// How often the overlord looks whether something is to be done.
const LOOK: Duration = Duration::from_secs(5);
/// How often those are asked again that do not renew.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// How often it is said that an authority ends.
const WARN_AGAIN: Duration = Duration::from_secs(24 * 3600);
/// Over how long minions renew, for each of them.
const SPREAD: Duration = Duration::from_millis(20);
/// Over how long all do at most.
const MOST_SPREAD: Duration = Duration::from_secs(600);
/// How long a minion may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
