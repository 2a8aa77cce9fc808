//! The overlord daemon: it owns the parts, starts them in order and stops them in order.

use std::net::SocketAddr;
use std::sync::Arc;

use ledger::{LedgerError, OverlordLedger, Retention};
use machine::clock::now_ms;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::transport::endpoint;
use wire::transport::intake::Intake;

use crate::audit::Audit;
use crate::authorities::{Authorities, Keeper};
use crate::catalogue::Catalogue;
use crate::config_in_force::{ConfigInForce, Replaced};
use crate::doors::{self, Doors};
use crate::enrolment::{FORGOTTEN, WaitingHosts};
use crate::folder::{Folder, FolderError};
use crate::jobs::{Jobs, Unfinished};
use crate::operators::Operators;
use crate::outbox::Outbox;
use crate::registry::Registry;
use crate::restored::Gap;
use crate::roles::RoleBook;
use crate::rollout::Rollout;
use crate::services::Services;
use crate::tasks::Tasks;

pub use crate::daemon_error::DaemonError;

/// What the command line says in place of the configuration.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The address to listen on; that of the configuration where nothing is said.
    pub listen: Option<SocketAddr>,
    /// Whoever notifies it wants the configuration and the roles to be read again.
    pub reload: Arc<Notify>,
}

/// Runs an overlord until `stop` is cancelled, and returns when everything is stopped in order. `ready` is told the
/// address once peers can connect.
///
/// # Errors
/// [`DaemonError`], where a part of it cannot be started.
pub async fn serve(
    folder: Folder,
    options: ServeOptions,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), DaemonError> {
    let keeper = open(&folder, &options, &stop).await?;
    let services = keeper.services.clone();
    let Services { config, roles, audit, ledger, waiting, .. } = &*services;
    let unfinished = services.jobs.unfinished().await?;
    folder.note_address(services.address)?;
    let again = Reload { folder, config: config.clone(), roles: roles.clone(), audit: audit.clone() };
    let reload = reload(again, options.reload, stop.clone());
    let purge = purge(ledger.clone(), waiting.clone(), config.clone(), stop.clone());
    let doors = Doors::new(services.clone(), stop.clone()).serve(keeper.endpoint.clone());
    let resumed = resume(&services.jobs, unfinished, stop.clone());
    let kept = keeper.run(stop);
    ready(services.address);

    // Until the stop. Then: 1. the doors let everyone out, 2. changes of modules are given up and jobs leave
    // the rest to the next life, 3. the audit log and the ledger have what was written.
    let (resumed, ..) = tokio::join!(resumed, doors, purge, reload, kept);
    services.operators.stop().await;
    services.registry.stop().await;
    services.rollout.stop().await;
    services.jobs.stop().await;
    audit.sync();
    ledger.close().await;
    Ok(resumed?)
}

/// Goes on with unfinished jobs, or stops the daemon where they cannot be read.
async fn resume(jobs: &Jobs, unfinished: Unfinished, stop: CancellationToken) -> Result<(), LedgerError> {
    match stop.run_until_cancelled(jobs.resume(unfinished)).await {
        Some(Ok(0)) | None => Ok(()),
        Some(Ok(jobs)) => {
            tracing::info!(jobs, "going on with unfinished jobs");
            Ok(())
        }
        Some(Err(error)) => {
            stop.cancel();
            Err(error)
        }
    }
}

/// Opens the parts of the daemon in the order in which they need each other: the ledger, who peers are, the catalogue,
/// the port, jobs. Gives them to the keeper of what the port shows.
async fn open(
    folder: &Folder,
    options: &ServeOptions,
    stop: &CancellationToken,
) -> Result<Keeper, DaemonError> {
    let config = folder.config()?;
    let identity = folder.overlord_identity(folder.authorities()?.own())?;
    let gap = Gap::of(folder).map_err(FolderError::from)?;
    let ledger = OverlordLedger::open(&folder.ledger())?;
    let keys = (folder.dir(), folder.passphrase_file()?);
    let authorities = Authorities::open(keys, config.certificates.lifetimes(), ledger.clone()).await?;
    let audit = Arc::new(Audit::open(&config.audit, &folder.audit())?);
    let roles = RoleBook::open(folder.dir().to_owned(), &config.roles).map_err(FolderError::from)?;
    let tasks = || Tasks::new(stop.child_token());
    let operators = Operators::open(ledger.clone(), folder.operator(), roles.clone(), tasks()).await?;
    let registry = Registry::open(ledger.clone(), tasks()).await?;
    let waiting = Arc::new(WaitingHosts::open(ledger.clone()).await?);
    let catalogue = Catalogue::open(folder.modules(), ledger.clone())
        .map_err(|error| DaemonError::Modules(error.to_string()))?;
    let held = authorities.held();
    let identity = held.shown(identity);
    let listen = options.listen.unwrap_or(config.listen);
    let endpoint = endpoint::listen(listen, &identity, &held.accepted(), &doors::alpns())?;
    let address = endpoint.local_addr().map_err(DaemonError::Address)?;
    let config = ConfigInForce::new(config);
    let jobs = Jobs::new(config.clone(), ledger.clone(), registry.clone(), audit.clone(), stop.child_token())
        .await?;
    let rollout =
        Rollout::new(config.clone(), ledger.clone(), registry.clone(), catalogue.clone(), stop.child_token());
    rollout.prune().await;
    let services = Arc::new(Services {
        config,
        authorities,
        ledger,
        audit,
        registry,
        operators,
        gap,
        roles,
        waiting,
        jobs,
        catalogue,
        rollout,
        intake: Intake::default(),
        outbox: Outbox::default(),
        address,
        started_at: now_ms(),
    });
    Ok(Keeper { folder: folder.clone(), services, endpoint, identity, held })
}

/// What is read again while the daemon runs.
struct Reload {
    folder: Folder,
    config: ConfigInForce,
    roles: RoleBook,
    audit: Arc<Audit>,
}

/// Reads the configuration and the roles again whenever that is wanted.
async fn reload(reload: Reload, wanted: Arc<Notify>, stop: CancellationToken) {
    while stop.run_until_cancelled(wanted.notified()).await.is_some() {
        reload.once();
    }
}

impl Reload {
    fn once(&self) {
        let read = self.folder.config().and_then(|config| Ok((self.roles.reload(&config.roles)?, config)));
        let (changes, config) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "the configuration and the roles cannot be read again: those before go on to hold");
                return;
            }
        };
        tracing::info!(changes = changes.join("; "), "roles read again");
        if !changes.is_empty() {
            self.audit.roles_changed(&changes);
        }
        let Replaced { changes, later } = self.config.replace(config);
        if !changes.is_empty() {
            self.audit.configuration_changed(&changes);
            tracing::info!(changes = changes.join("; "), "the configuration was read again");
        }
        if !later.is_empty() {
            let keys = later.join(", ");
            tracing::warn!(
                keys,
                "these keys of overlord.toml have changed too: they hold once the overlord is started again"
            );
        }
    }
}

/// Drops finished jobs and expired invitations whose time is over, and hosts that wait no longer.
async fn purge(
    ledger: OverlordLedger,
    waiting: Arc<WaitingHosts>,
    config: ConfigInForce,
    stop: CancellationToken,
) {
    let retention = || {
        let config = config.current();
        Retention::of(config.retention.age, config.retention.size.0)
    };
    let mut every = tokio::time::interval(retention().interval());
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        purge_once(&ledger, retention(), now_ms()).await;
        match waiting.forget(FORGOTTEN).await {
            Ok(0) => {}
            Ok(hosts) => tracing::info!(hosts, "forgot hosts that do not ask any more to be let in"),
            Err(error) => tracing::warn!(%error, "cannot forget hosts that wait no longer"),
        }
    }
}

async fn purge_once(ledger: &OverlordLedger, retention: Retention, now: u64) {
    match ledger.purge(retention, now).await {
        Ok(0) => {}
        Ok(jobs) => tracing::info!(jobs, "purged finished jobs whose time was over"),
        Err(error) => tracing::warn!(%error, "cannot purge old jobs"),
    }
    let until = now.saturating_sub(KEEP_EXPIRED_MS);
    if let Err(error) = ledger.purge_operator_invites(until).await {
        tracing::warn!(%error, "cannot purge expired invitations of operators");
    }
    match ledger.purge_invites(until).await {
        Ok(0) => {}
        Ok(invitations) => tracing::info!(invitations, "purged invitations that have expired"),
        Err(error) => tracing::warn!(%error, "cannot purge expired invitations"),
    }
}

/// For how long the log can tell that an invitation has expired, instead of that there is none, in milliseconds.
const KEEP_EXPIRED_MS: u64 = 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use ledger::{Invite, Made};
    use wire::digest::Digest;

    use super::*;

    #[tokio::test]
    async fn invitations_go_a_day_after_they_have_expired() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = OverlordLedger::open(&dir.path().join("ledger")).expect("opens");
        let expired_at = 1_000_000;
        for (secret, expires_at) in [("old", expired_at), ("new", expired_at + 1)] {
            let (name, secret) = ("web1".parse().expect("a name"), Digest::of(secret.as_bytes()));
            let invite = Invite { name, secret, expires_at, used_by: None };
            ledger.put_invite(invite, Made { by: "ann".parse().expect("a name"), at: 0 }).await.expect("put");
        }
        let left = async || ledger.invites().await.expect("reads").into_iter().map(|one| one.expires_at);
        purge_once(&ledger, Retention::default(), expired_at + KEEP_EXPIRED_MS - 1).await;
        assert_eq!(left().await.count(), 2);
        purge_once(&ledger, Retention::default(), expired_at + KEEP_EXPIRED_MS).await;
        assert_eq!(left().await.collect::<Vec<_>>(), [expired_at + 1]);
    }
}
