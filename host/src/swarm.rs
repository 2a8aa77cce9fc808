//! Many minions in one process, to try an overlord with a fleet that is not there.
//!
//! Each has an identity, a link, jobs and a place in the ledger of its own. They share the host, and with it what
//! `Shared` holds: one modules folder, one sandbox, one configuration.

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use ledger::{LedgerError, SwarmLedger};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::name::{BadName, MinionName};

use crate::audit::Audit;
use crate::config::Config;
use crate::control::{Control, Doors, Reload};
use crate::dialler::Dialler;
use crate::enroll::{JoinError, JoinEvent, Joining, join};
use crate::enrolled::{Enrolled, Own};
use crate::folder::Folder;
use crate::link::LinkState;
use crate::membership::Membership;
use crate::modules::Modules;
use crate::shared::{Shared, Sharing};
use crate::start_error::StartError;

/// Which minions a swarm has: those whose names are one prefix and the numbers from 1 on.
#[derive(Clone, Debug)]
pub struct Roster {
    folder: Folder,
    names: Vec<MinionName>,
}

impl Roster {
    /// So many minions, each with a folder of its own within the swarm's.
    ///
    /// # Errors
    /// [`BadName`], where the prefix makes no names of minions.
    pub fn new(folder: Folder, prefix: &str, count: u32) -> Result<Self, BadName> {
        let names = (1..=count).map(|number| format!("{prefix}{number}").parse());
        Ok(Self { folder, names: names.collect::<Result<_, _>>()? })
    }

    /// The names of all.
    pub fn names(&self) -> &[MinionName] {
        &self.names
    }

    /// Those that no overlord has let in yet.
    pub fn missing(&self) -> Vec<MinionName> {
        let is_missing = |name: &&MinionName| self.folder.of_minion(name).identity().is_err();
        self.names.iter().filter(is_missing).cloned().collect()
    }

    /// Has an overlord let these in, a few at once, and stops at the first that it does not. `joined` hears of each.
    ///
    /// # Errors
    /// [`JoinError`], of the first. Those that were let in before stay so.
    pub async fn enrol(
        &self,
        names: Vec<MinionName>,
        joining: &Joining,
        mut joined: impl FnMut(&MinionName),
    ) -> Result<(), JoinError> {
        let one = |name: MinionName| async move {
            let joining = Joining { name: Some(name.clone()), is_named: true, ..joining.clone() };
            let waits = |event: JoinEvent<'_>| {
                if let JoinEvent::Waits { name, .. } = event {
                    tracing::warn!(%name, "waits until an operator accepts it");
                }
            };
            join(&self.folder.of_minion(&name), &joining, waits).await.map(|_| name)
        };
        let mut joins = futures::stream::iter(names).map(one).buffer_unordered(JOINING);
        while let Some(name) = joins.next().await {
            joined(&name?);
        }
        Ok(())
    }
}

/// A running swarm.
pub struct Swarm {
    shared: Shared,
    ledger: SwarmLedger,
    minions: Vec<Enrolled>,
    background: TaskTracker,
    stop: CancellationToken,
    reloads: Mutex<Option<mpsc::Receiver<Reload>>>,
}

impl Swarm {
    /// Starts all minions of a roster, which must be enrolled. They connect by themselves.
    ///
    /// # Errors
    /// As [`Minion::start`](crate::Minion::start), of the first that does not start.
    pub async fn start(roster: &Roster, config: Config) -> Result<Self, StartError> {
        let folder = &roster.folder;
        // 1. The ledger of all, which also says that no other process serves this folder.
        let ledger = open_ledger(folder).await?;
        let audit = Arc::new(Audit::open_as(&config.audit, &folder.audit())?);
        // 2. What they share. 3. The minions themselves: many at once, since each waits for the disk.
        let sharing = Sharing::Swarm(roster.names.len());
        let shared = Shared::start(folder, config, audit, Dialler::shared(), sharing).await?;
        let start = |name: &MinionName| {
            let (folder, name) = (folder.of_minion(name), name.clone());
            let (ledger, shared) = (&ledger, &shared);
            async move {
                let membership = Membership::read(&folder, shared.overlord())?.among(roster.names.len());
                let audit = Arc::new(shared.audit.of_minion(name.clone()));
                Enrolled::start(&folder, Own { membership, ledger: ledger.minion(&name), audit }, shared)
                    .await
            }
        };
        let starting: Vec<_> = roster.names.iter().map(start).collect();
        let started: Vec<_> = futures::stream::iter(starting).buffered(STARTING).collect().await;
        let minions = started.into_iter().collect::<Result<Vec<_>, _>>()?;
        // 4. The socket of the host's owner, for grants.
        let (stop, background) = (CancellationToken::new(), TaskTracker::new());
        let (wishes, reloads) = mpsc::channel(1);
        let doors = Doors { vitals: None, modules: shared.modules.clone(), reloads: wishes };
        Control::serve(folder, doors, &background, &stop);
        Ok(Self { shared, ledger, minions, background, stop, reloads: Mutex::new(Some(reloads)) })
    }

    /// How many minions are linked to their overlord at this moment.
    pub fn linked(&self) -> usize {
        let is_linked = |minion: &&Enrolled| matches!(*minion.vitals.link.borrow(), LinkState::Linked { .. });
        self.minions.iter().filter(is_linked).count()
    }

    /// The address of the overlord of the first minion, as `host:port`.
    pub fn overlord(&self) -> Option<String> {
        self.minions.first().map(|minion| minion.vitals.member.borrow().overlord.clone())
    }

    /// The modules of all.
    pub fn modules(&self) -> &Modules {
        &self.shared.modules
    }

    /// The requests of this host's owner to read the configuration again, as
    /// [`Minion::reloads`](crate::Minion::reloads).
    pub fn reloads(&self) -> Option<mpsc::Receiver<Reload>> {
        machine::lock::hold(&self.reloads).take()
    }

    /// Puts a configuration that was read again into force for all, as [`Minion::reload`](crate::Minion::reload).
    pub async fn reload(&self, config: Config) -> Vec<String> {
        self.shared.reload(config).await
    }

    /// Stops in good order: when this returns, the ledger has the end of every job that ran.
    pub async fn stop(self) {
        // 1. All minions at once: each waits for the ends of its jobs. 2. The owner's socket. 3. What they ran in.
        futures::future::join_all(self.minions.into_iter().map(Enrolled::stop)).await;
        self.stop.cancel();
        self.background.close();
        self.background.wait().await;
        self.shared.stop().await;
        // 4. What was written is on disk, and the folder free for the next one.
        self.ledger.close().await;
    }
}

async fn open_ledger(folder: &Folder) -> Result<SwarmLedger, LedgerError> {
    let dir = folder.ledger();
    let opened = tokio::task::spawn_blocking(move || SwarmLedger::open(&dir)).await;
    opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// How many join at once. An overlord serves four newcomers of one host at a time and lets 32 wait; each also takes a moment
/// to say goodbye.
const JOINING: usize = 16;
/// How many start at once, so that they share what the disk does for each.
const STARTING: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_counts_from_one_and_is_refused_where_it_makes_no_names() {
        let dir = tempfile::tempdir().expect("a folder");
        let roster = Roster::new(Folder::at(dir.path()), "web", 3).expect("names");
        let names: Vec<&str> = roster.names().iter().map(MinionName::as_str).collect();
        assert_eq!(names, ["web1", "web2", "web3"]);
        assert_eq!(roster.missing().len(), 3);
        assert!(Roster::new(Folder::at(dir.path()), "no name ", 3).is_err());
    }
}
