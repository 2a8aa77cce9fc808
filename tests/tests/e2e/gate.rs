//! Jobs that run until they are let go, whatever the machine is busy with.

use std::fs;
use std::path::PathBuf;

use rig::{Fleet, fixtures_dir};
use tempfile::TempDir;

/// Minions whose jobs wait at a gate of their own.
pub(crate) struct Gated {
    pub(crate) fleet: Fleet,
    folder: TempDir,
}

/// A method that writes down its job and waits at the gate.
const METHOD: [&str; 4] = ["files.append-and-await", "/data/log", "begun", "/data/go"];

impl Gated {
    /// An overlord and connected minions, all gates shut.
    pub(crate) fn start(names: &[&str]) -> Self {
        Self::with(names, "")
    }

    /// The same, with these lines at the beginning of each minion's configuration.
    pub(crate) fn with(names: &[&str], limits: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let modules = folder.path().join("modules");
        fs::create_dir(&modules).expect("made");
        fs::copy(fixtures_dir().join("files.wasm"), modules.join("files.wasm")).expect("copied");
        let mut gated = Self { fleet: Fleet::without_minions(), folder };
        for name in names {
            let data = gated.data(name);
            fs::create_dir(&data).expect("made");
            gated.fleet.enrol(name);
            let policy = format!(
                "{limits}[modules.files]\nfiles = [{{ host = \"{}\", guest = \"/data\", mode = \"rw\" }}]\n\
                 limits = {{ wall = \"10m\", jobs = 1000 }}\n",
                data.display()
            );
            fs::write(gated.fleet.minion_dir(name).join("minion.toml"), policy).expect("written");
            gated.fleet.start_minion_with(name, &modules);
        }
        for name in names {
            gated.fleet.await_connection(name, 1);
        }
        gated
    }

    /// Starts a minion that was taken out, and waits until it is connected.
    pub(crate) fn start_again(&mut self, name: &str) {
        let before = self.fleet.overlord().count(&format!("connected minion={name} "));
        self.fleet.start_minion_with(name, &self.folder.path().join("modules"));
        self.fleet.await_connection(name, before + 1);
    }

    /// Hands in a job for these minions. Returns its id.
    pub(crate) fn submit(&self, arguments: &[&str]) -> String {
        let said = self.fleet.run(&[&["call", "--nowait"], arguments, &METHOD[..]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.out.trim().to_owned()
    }

    /// Opens the gate of a minion.
    pub(crate) fn release(&self, name: &str) {
        fs::write(self.data(name).join("go"), "").expect("written");
    }

    /// Shuts it again.
    pub(crate) fn shut(&self, name: &str) {
        fs::remove_file(self.data(name).join("go")).expect("was open");
    }

    /// What jobs have written down on a minion.
    pub(crate) fn log(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.data(name).join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
