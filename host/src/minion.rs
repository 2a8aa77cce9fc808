//! A minion that has its process for itself: its parts, in the order in which they start and stop.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ledger::MinionLedger;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::name::MinionName;

use crate::audit::Audit;
use crate::config::Config;
use crate::control::{Control, Doors, Reload};
use crate::dialler::Dialler;
use crate::enrolled::{Enrolled, Own};
use crate::folder::Folder;
use crate::link::LinkState;
use crate::membership::Membership;
use crate::modules::Modules;
use crate::shared::{Shared, Sharing};
use crate::start_error::StartError;
use crate::status::Status;

/// A running minion, for programs that embed one as well as for `minion serve`.
pub struct Minion {
    shared: Shared,
    enrolled: Enrolled,
    background: TaskTracker,
    stop: CancellationToken,
    /// The requests to read the configuration again, until [`Minion::reloads`] hands them out.
    reloads: Mutex<Option<mpsc::Receiver<Reload>>>,
}

impl Minion {
    /// Starts the minion of a folder. It is ready for jobs when this returns, and connects to its overlord by
    /// itself.
    ///
    /// # Errors
    /// [`StartError`]: [`StartError::Membership`] where no minion was enrolled in the folder, and
    /// [`StartError::Ledger`] also where another process serves it.
    pub async fn start(folder: &Folder, config: Config) -> Result<Self, StartError> {
        let membership = Membership::read(folder, config.overlord.clone())?;
        // 1. The ledger, which also says that no other process serves this folder.
        let ledger = open_ledger(folder.ledger()).await?;
        let audit = Arc::new(Audit::open_as(&config.audit, &folder.audit())?);
        // 2. The sandbox and what runs in it, on threads of its own: no guest ever delays the link.
        let shared = Shared::start(folder, config, audit.clone(), Dialler::alone(), Sharing::Alone).await?;
        // 3. The jobs and the link, and the socket of the host's owner.
        let own = Own { membership, ledger, audit };
        let enrolled = Enrolled::start(folder, own, &shared).await?;
        let (stop, background) = (CancellationToken::new(), TaskTracker::new());
        let (wishes, reloads) = mpsc::channel(1);
        let (vitals, modules) = (Some(enrolled.vitals.clone()), shared.modules.clone());
        Control::serve(folder, Doors { vitals, modules, reloads: wishes }, &background, &stop);
        Ok(Self { shared, enrolled, background, stop, reloads: Mutex::new(Some(reloads)) })
    }

    /// The name that the overlord gave to the minion.
    pub fn name(&self) -> MinionName {
        self.enrolled.vitals.member.borrow().name.clone()
    }

    /// The address of the minion's overlord, as `host:port`.
    pub fn overlord(&self) -> String {
        self.enrolled.vitals.member.borrow().overlord.clone()
    }

    /// The modules that the minion has.
    pub fn modules(&self) -> &Modules {
        &self.shared.modules
    }

    /// Whether the minion is linked to its overlord, now and after each change of that.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.enrolled.vitals.link.clone()
    }

    /// How the minion is at this moment: what `minion status` shows.
    pub fn status(&self) -> Status {
        self.enrolled.vitals.status()
    }

    /// The requests of this host's owner to read the configuration again, as `minion grant` makes them. Each is to
    /// be answered with what [`reload`](Self::reload) returns, or why the configuration could not be read.
    /// Returned to the first caller only; where nobody calls this, such requests are refused.
    pub fn reloads(&self) -> Option<mpsc::Receiver<Reload>> {
        self.reloads.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    /// Puts the policy, the access list and the labels of a configuration that was read again into force. Returns
    /// what that changes, and what else is new and has to wait for the next start, a line each.
    pub async fn reload(&self, config: Config) -> Vec<String> {
        self.shared.reload(config).await
    }

    /// Stops in good order: when this returns, the ledger has the end of every job that ran. Takes some seconds
    /// where guests do not end by themselves.
    pub async fn stop(self) {
        // 1. The jobs and the link. 2. The owner's socket. 3. What they ran in.
        self.enrolled.stop().await;
        self.stop.cancel();
        self.background.close();
        self.background.wait().await;
        self.shared.stop().await;
    }
}

async fn open_ledger(dir: PathBuf) -> Result<MinionLedger, StartError> {
    let opened = tokio::task::spawn_blocking(move || MinionLedger::open(&dir)).await;
    Ok(opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?)
}
