//! Facts of this host: gathered at the start, once a minute, and whenever the modules are others.
//!
//! A fact has a path of names with dots between them (`os`, `os.name`) and a scalar or a list of scalars as
//! its value. They leave here in two forms: for modules by path, for the overlord as one JSON object whose
//! members are the paths. The paths are not nested, as a path that is a fact (`os`) may also be the
//! beginning of others.

pub(crate) mod gathered;
mod host;
mod virtualisation;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use wire::message::module::{Module, ModuleState};

use self::gathered::{Gathered, Paths};
use crate::modules::Modules;
use crate::sandbox;

/// What the owner of a host says about it, by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// What a module that is tried without a daemon reads of this host.
pub(crate) fn of_this_host(labels: &Labels) -> sandbox::Facts {
    let readable = sandbox::Facts::default();
    readable.replace(by_path(&with_labels(host::gather(), labels)));
    readable
}

/// Keeps the facts up to date.
pub(crate) struct Gatherer {
    /// What the owner of the host says about it; gathered again when it changes.
    labels: watch::Receiver<Labels>,
    /// Whose versions are facts.
    modules: Modules,
    /// Where modules read them.
    readable: sandbox::Facts,
    /// What overlords are told.
    gathered: watch::Sender<Gathered>,
}

impl Gatherer {
    /// One that has nothing yet: [`refresh`](Self::refresh) gathers for the first time.
    pub(crate) fn new(labels: watch::Receiver<Labels>, modules: Modules, readable: sandbox::Facts) -> Self {
        Self { labels, modules, readable, gathered: watch::Sender::default() }
    }

    /// The facts that overlords are told; changes when they do.
    pub(crate) fn gathered(&self) -> watch::Receiver<Gathered> {
        self.gathered.subscribe()
    }

    /// Gathers again, and again, until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let (mut changes, mut labels) = (self.modules.changes(), self.labels.clone());
        let gather = async {
            loop {
                // The end of the modules' changes and that of the time are the same reason to look again; `self` holds
                // the modules.
                tokio::select! {
                    _ = changes.changed() => {}
                    Ok(()) = labels.changed() => {}
                    () = tokio::time::sleep(REFRESH) => {}
                }
                self.refresh().await;
            }
        };
        stop.run_until_cancelled(gather).await;
    }

    /// Gathers what is true now.
    pub(crate) async fn refresh(&self) {
        // It reads files, which may block.
        let gathered = match tokio::task::spawn_blocking(host::gather).await {
            Ok(gathered) => gathered,
            Err(error) => return tracing::error!(%error, "facts were not gathered, the former ones stay"),
        };
        let labels = self.labels.borrow().clone();
        let facts = with_labels(with_modules(gathered, &self.modules.list()), &labels);
        self.readable.replace(by_path(&facts));
        self.gathered.send_if_modified(|current| {
            let changed = *current.0 != facts;
            if changed {
                current.0 = facts.into();
            }
            changed
        });
    }
}

/// Adds the version of each module in service as `modules.NAME`.
fn with_modules(mut facts: Paths, modules: &[Module]) -> Paths {
    for module in modules.iter().filter(|module| module.state == ModuleState::Active) {
        let version = module.version.as_deref().unwrap_or("unversioned");
        facts.insert(format!("modules.{}", module.name), version.into());
    }
    facts
}

/// Adds each label below `labels.`, and by its name alone where that says nothing about a gathered fact.
fn with_labels(mut facts: Paths, labels: &Labels) -> Paths {
    for (name, value) in labels {
        facts.insert(format!("labels.{name}"), value.as_str().into());
        let first = name.split('.').next().unwrap_or_default();
        if !GATHERED.contains(&first) {
            facts.insert(name.clone(), value.as_str().into());
        }
    }
    facts
}

/// All facts as modules read them.
fn by_path(facts: &Paths) -> BTreeMap<String, String> {
    facts.iter().map(|(path, fact)| (path.clone(), text(fact))).collect()
}

/// A fact as modules read it: lists as JSON.
fn text(fact: &Json) -> String {
    match fact {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The first names of all gathered facts, which no label takes.
const GATHERED: [&str; 12] = [
    "addresses",
    "arch",
    "cpus",
    "hostname",
    "kernel",
    "labels",
    "mem",
    "minion",
    "modules",
    "os",
    "uptime",
    "virtualisation",
];
/// How old facts may become.
const REFRESH: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::gathered::document;
    use super::*;

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn module(name: &str, version: Option<&str>, state: ModuleState) -> Module {
        Module {
            name: name.parse().expect("a name"),
            version: version.map(str::to_owned),
            digest: Digest::of(&[]),
            description: None,
            state,
            methods: wire::value::method::Methods::default(),
            imports: Vec::new(),
            versions: Vec::new(),
        }
    }

    #[test]
    fn a_label_has_its_own_name_and_never_that_of_a_gathered_fact() {
        let gathered = Paths::from([("os".to_owned(), "debian".into())]);
        let given = labels(&[("role", "db"), ("os", "plan9"), ("mem.total", "0"), ("rack.row", "7")]);
        let facts = with_labels(gathered, &given);
        assert_eq!(facts["role"], "db");
        assert_eq!(facts["labels.role"], "db");
        assert_eq!(facts["rack.row"], "7");
        assert_eq!(facts["os"], "debian");
        assert_eq!(facts["labels.os"], "plan9");
        assert!(!facts.contains_key("mem.total") && facts.contains_key("labels.mem.total"));
    }

    #[test]
    fn no_gathered_fact_can_be_claimed_by_a_label() {
        for path in host::gather().keys() {
            let first = path.split('.').next().expect("a name");
            assert!(GATHERED.contains(&first), "a label could claim \"{path}\"");
        }
    }

    #[test]
    fn modules_in_service_are_facts_with_their_versions() {
        let modules = [
            module("test", Some("1.2.3"), ModuleState::Active),
            module("plain", None, ModuleState::Active),
            module("broken", Some("1.0.0"), ModuleState::Failed("is broken".into())),
        ];
        let facts = with_modules(Paths::new(), &modules);
        assert_eq!(document(facts), r#"{"modules.plain":"unversioned","modules.test":"1.2.3"}"#);
    }

    #[test]
    fn lists_are_json_for_modules_and_text_is_itself() {
        assert_eq!(text(&serde_json::json!(["10.0.0.1", "::1"])), r#"["10.0.0.1","::1"]"#);
        assert_eq!(text(&"debian".into()), "debian");
        assert_eq!(text(&4.into()), "4");
    }
}
