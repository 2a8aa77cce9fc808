//! The configuration that is in force, of which a part is read again while the daemon runs.

use std::sync::{Arc, RwLock};

use machine::lock;

use crate::config::Config;

/// The configuration that is in force. A cheap handle: the parts of the daemon share one.
#[derive(Clone, Debug)]
pub(crate) struct ConfigInForce(Arc<RwLock<Arc<Config>>>);

/// What became of a configuration that was read again, but for its roles.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// What holds from now on, a line each.
    pub(crate) changes: Vec<String>,
    /// The keys that have changed and hold from the next start on.
    pub(crate) later: Vec<&'static str>,
}

impl ConfigInForce {
    /// This configuration, until another replaces it.
    pub(crate) fn new(config: Config) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(config))))
    }

    /// The configuration as it is now.
    pub(crate) fn current(&self) -> Arc<Config> {
        lock::read(&self.0).clone()
    }

    /// Puts into force what of another configuration can be while the daemon runs. The rest stays as it was when it started.
    pub(crate) fn replace(&self, read: Config) -> Replaced {
        let mut held = lock::write(&self.0);
        let Config { listen, audit, certificates, authority, .. } = &**held;
        let later = [
            ("listen", *listen != read.listen),
            ("[audit]", *audit != read.audit),
            ("[certificates]", *certificates != read.certificates),
            ("[authority]", *authority != read.authority),
        ];
        let later = later.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect();
        let (listen, audit, certificates, authority) =
            (*listen, audit.clone(), certificates.clone(), authority.clone());
        let config = Config { listen, audit, certificates, authority, ..read };
        let changes = changes(&held, &config);
        *held = Arc::new(config);
        Replaced { changes, later }
    }
}

/// What differs between two configurations, of what can be put into force while the daemon runs and is no role.
fn changes(before: &Config, after: &Config) -> Vec<String> {
    let shown = |config: &Config| {
        let rules: Vec<String> = config.enrolment.autosign.iter().map(ToString::to_string).collect();
        [
            ("advertise", config.advertise.as_ref().map_or("not there".to_owned(), ToString::to_string)),
            ("confirm-above", config.confirm_above.to_string()),
            ("retention.age", format!("{:?}", config.retention.age)),
            ("retention.size", format!("{:?}", config.retention.size)),
            ("delivery", format!("{:?}", config.delivery)),
            ("staging", format!("{:?}", config.staging)),
            ("enrolment.autosign", if rules.is_empty() { "none".to_owned() } else { rules.join("; ") }),
        ]
    };
    let pairs = shown(before).into_iter().zip(shown(after));
    let differing = pairs.filter(|((_, before), (_, after))| before != after);
    differing.map(|((key, before), (_, after))| format!("{key} is {after} (was {before})")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).expect("a configuration")
    }

    #[test]
    fn what_can_be_is_put_into_force_and_the_rest_is_named_and_stays() {
        let in_force = ConfigInForce::new(config("confirm-above = 7"));
        let shared = in_force.clone();
        assert_eq!(in_force.replace(config("confirm-above = 7")), Replaced::default());
        let read = config(
            "confirm-above = 8\nlisten = \"[::]:7\"\ndelivery = \"5s\"\n[certificates]\nlifetime = \"1h\"\n\
             [[enrolment.autosign]]\nnames = [\"web*\"]\naddresses = [\"10.0.0.0/8\"]",
        );
        let Replaced { changes, later } = in_force.replace(read.clone());
        assert_eq!(
            changes,
            [
                "confirm-above is 8 (was 7)",
                "delivery is 5s (was 60s)",
                "enrolment.autosign is names web* from 10.0.0.0/8 (was none)"
            ]
        );
        assert_eq!(later, ["listen", "[certificates]"]);
        let now = shared.current();
        assert_eq!((now.confirm_above, &now.enrolment), (8, &read.enrolment));
        assert_eq!(
            (now.listen, &now.certificates),
            (Config::default().listen, &Config::default().certificates)
        );
        assert_eq!(in_force.replace(read).later, ["listen", "[certificates]"], "they still wait");
    }
}
