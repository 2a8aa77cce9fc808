//! The daemons that are measured.

use std::path::{Path, PathBuf};
use std::pin::pin;

use super::error::BenchError;
use super::vitals::Vitals;
use overlord::client::{Client, ClientConfig};
use overlord::dev::{DevError, Fleet, Prepare, Programs};
use overlord::folder::Folder;

/// Running daemons, and a connection to their overlord.
pub(super) struct Trial<'t, 'p> {
    pub(super) fleet: &'t mut Fleet<'p>,
    pub(super) folder: Folder,
    pub(super) client: Client,
    pub(super) dir: &'t Path,
}

/// What to run.
pub(super) struct Setup {
    /// How many minions.
    pub(super) minions: u16,
    /// The folder of modules; the usual ones where nothing is said.
    pub(super) modules: Option<PathBuf>,
    /// Makes each minion's folder ready for its first start.
    pub(super) prepare: Prepare,
}

impl Setup {
    /// So many minions, configured as they come.
    pub(super) fn plain(minions: u16, modules: Option<PathBuf>) -> Self {
        Self { minions, modules, prepare: |_| Ok(()) }
    }
}

/// Starts an overlord and minions, does `work` with them unless `stop` comes first, and leaves nothing behind.
/// `None` where it was stopped. What `after` finds in the folder of the stopped daemons is the result.
pub(super) async fn with_trial<W, T>(
    setup: Setup,
    stop: impl Future<Output = ()>,
    work: impl AsyncFnOnce(Trial<'_, '_>) -> Result<W, BenchError>,
    after: impl AsyncFnOnce(W, &Path) -> Result<T, BenchError>,
) -> Result<Option<T>, BenchError> {
    let programs = Programs::find(setup.modules)?;
    let dir = tempfile::Builder::new().prefix("overlord-bench-").tempdir();
    let dir = dir.map_err(DevError::system("make a folder for the measurement"))?;
    let mut fleet = Fleet::new(&programs, dir.path()).prepared(setup.prepare);
    let worked = {
        let working = async {
            let (folder, _) = fleet.start(setup.minions).await?;
            let client = Client::connect(&ClientConfig::new(folder.clone(), None)?).await?;
            work(Trial { fleet: &mut fleet, folder, client, dir: dir.path() }).await
        };
        let (working, stop) = (pin!(working), pin!(stop));
        tokio::select! {
            worked = working => worked.map(Some),
            () = stop => Ok(None),
        }
    };
    // 1. The daemons stop. 2. What they left is looked at. 3. Their folder goes.
    fleet.stop().await;
    let ended = match worked {
        Ok(Some(worked)) => after(worked, dir.path()).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    let removed = dir.close().map_err(DevError::system("remove the folder of the measurement"));
    let ended = ended?;
    removed?;
    Ok(ended)
}

impl Trial<'_, '_> {
    /// The names of the daemons, the overlord first.
    pub(super) fn names(&self) -> Vec<String> {
        self.fleet.processes().into_iter().map(|(name, _)| name).collect()
    }

    /// What each daemon takes at this moment, the overlord first.
    pub(super) fn vitals(&self) -> Result<Vec<Vitals>, BenchError> {
        let look =
            |(name, process)| Vitals::of(process).map_err(|source| BenchError::Process { name, source });
        self.fleet.processes().into_iter().map(look).collect()
    }
}
