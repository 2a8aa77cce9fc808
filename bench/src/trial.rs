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
    pub(super) programs: &'p Programs,
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
    /// Which of them are loaded.
    pub(super) selection: Selection,
    /// How minions are divided into processes.
    pub(super) layout: Layout,
    /// Makes each minion's folder ready for its first start.
    pub(super) prepare: Prepare,
}

/// Which modules minions load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of the folder that is named, or that come with the programs.
    All,
    /// All of the folder that is named, or else the module `test` alone, so that a start is no matter of compiling the
    /// others.
    Named,
    /// The module `test` alone, in a folder of each minion's own.
    Test,
}

/// How minions are divided into processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Each has its own.
    Processes,
    /// They are a swarm in one.
    Swarm,
}

impl Setup {
    /// So many minions, each in a process, configured as they come.
    pub(super) fn plain(minions: u16, modules: Option<PathBuf>) -> Self {
        Self { minions, modules, selection: Selection::All, layout: Layout::Processes, prepare: |_| Ok(()) }
    }

    /// So many minions of a swarm, with the module `test` or with those of the folder that is named.
    pub(super) fn swarm(minions: u16, modules: Option<PathBuf>) -> Self {
        Self { layout: Layout::Swarm, ..Self::plain(minions, modules).with(Selection::Named) }
    }

    /// The same with these modules.
    pub(super) fn with(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// Finds the programs and, in `dir`, gives them the modules that are wanted.
    fn programs(&self, dir: &Path) -> Result<Programs, BenchError> {
        let programs = Programs::find(self.modules.clone())?;
        match (self.selection, &self.modules) {
            (Selection::All, _) | (Selection::Named, Some(_)) => return Ok(programs),
            (Selection::Named, None) | (Selection::Test, _) => {}
        }
        let (from, to) = (programs.modules().join(TEST), dir.join("modules"));
        std::fs::create_dir(&to)
            .and_then(|()| std::fs::copy(&from, to.join(TEST)))
            .map_err(DevError::system(format!("copy \"{}\"", from.display())))?;
        Ok(Programs::find(Some(to))?.copied())
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
    let dir = tempfile::Builder::new().prefix("overlord-bench-").tempdir();
    let dir = dir.map_err(DevError::system("make a folder for the measurement"))?;
    let programs = setup.programs(dir.path())?;
    let mut fleet = Fleet::new(&programs, dir.path()).prepared(setup.prepare);
    if setup.layout == Layout::Swarm {
        fleet = fleet.in_one_process();
    }
    let worked = {
        let working = async {
            let (folder, _) = fleet.start(setup.minions).await?;
            let client = Client::connect(&ClientConfig::new(folder.clone(), None)?).await?;
            let dir = dir.path();
            work(Trial { fleet: &mut fleet, programs: &programs, folder, client, dir }).await
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

    /// The file of the module `test`.
    pub(super) fn test_module(&self) -> PathBuf {
        self.programs.modules().join(TEST)
    }
}

const TEST: &str = "test.wasm";
