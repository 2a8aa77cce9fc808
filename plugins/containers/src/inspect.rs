//! What is told of a container: both engines use these words.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::exports::minion::containers::containers::{Container, Details, Engine, Mount, State};
use crate::time;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Told {
    id: String,
    name: String,
    #[serde(default)]
    state: Standing,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    network_settings: Network,
    mounts: Option<Vec<Mounted>>,
    created: Option<String>,
    image: Option<String>,
    path: Option<String>,
    args: Option<Vec<String>>,
    restart_count: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Standing {
    status: String,
    pid: i64,
    exit_code: Option<i32>,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(alias = "Healthcheck")]
    health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: Option<String>,
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    restart_policy: Option<Policy>,
    privileged: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Network {
    ports: Option<BTreeMap<String, Option<Vec<Port>>>>,
    networks: Option<BTreeMap<String, Address>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Port {
    host_ip: Option<String>,
    host_port: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    #[serde(rename = "IPAddress", default)]
    v4: String,
    #[serde(rename = "GlobalIPv6Address", default)]
    v6: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mounted {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    destination: String,
    #[serde(rename = "RW", default)]
    writable: bool,
}

impl Told {
    pub(crate) fn container(&self) -> Container {
        let standing = &self.state;
        let state = state(&standing.status);
        let ended = !matches!(state, State::Running | State::Paused | State::Created);
        Container {
            // Docker puts a sign in front of it.
            name: self.name.trim_start_matches('/').to_owned(),
            state,
            image: self.config.image.clone().or_else(|| self.image.clone()).unwrap_or_default(),
            started: time::stamp(standing.started_at.as_deref()),
            finished: time::stamp(standing.finished_at.as_deref()),
            exit: standing.exit_code.filter(|_| ended),
            health: standing
                .health
                .as_ref()
                .and_then(|health| health.status.clone())
                .filter(|it| !matches!(it.as_str(), "" | "none")),
            ports: self.ports(),
            id: self.id.clone(),
        }
    }

    /// All of it.
    pub(crate) fn details(self, engine: Engine) -> Details {
        let container = self.container();
        let networks = self.network_settings.networks.unwrap_or_default();
        let of_network = |(name, Address { v4, v6 }): (String, Address)| {
            [v4, v6]
                .into_iter()
                .filter(|it| !it.is_empty())
                .map(move |it| (it, name.clone()))
                .collect::<Vec<_>>()
        };
        let mount = |it: Mounted| Mount {
            kind: it.kind,
            source: it.source,
            target: it.destination,
            writable: it.writable,
        };
        let policy = self.host_config.restart_policy.and_then(|policy| policy.name);
        let (path, mut command) = (self.path.unwrap_or_default(), self.args.unwrap_or_default());
        // Podman says the program twice.
        if !(engine == Engine::Podman && command.first() == Some(&path)) && !path.is_empty() {
            command.insert(0, path);
        }
        let name = |variable: String| variable.split('=').next().unwrap_or_default().to_owned();
        Details {
            container,
            engine,
            created: time::stamp(self.created.as_deref()),
            image_id: self.image.unwrap_or_default().trim_start_matches("sha256:").to_owned(),
            command,
            environment: self.config.env.unwrap_or_default().into_iter().map(name).collect(),
            labels: self.config.labels.unwrap_or_default().into_iter().collect(),
            mounts: self.mounts.unwrap_or_default().into_iter().map(mount).collect(),
            addresses: networks.into_iter().flat_map(of_network).collect(),
            restart_policy: policy.filter(|it| !it.is_empty()).unwrap_or_else(|| "no".to_owned()),
            restarts: self.restart_count.unwrap_or(0),
            pid: u32::try_from(self.state.pid).ok().filter(|pid| *pid != 0),
            privileged: self.host_config.privileged,
        }
    }

    fn ports(&self) -> Vec<String> {
        let taken = |(inner, outer): (&String, &Option<Vec<Port>>)| {
            let shown = |port: &Port| {
                let address = port.host_ip.as_deref().filter(|it| !it.is_empty()).unwrap_or("0.0.0.0");
                Some(format!("{address}:{}->{inner}", port.host_port.as_deref()?))
            };
            outer.iter().flatten().filter_map(shown).collect::<Vec<_>>()
        };
        self.network_settings.ports.iter().flatten().flat_map(taken).collect()
    }
}

fn state(word: &str) -> State {
    match word {
        "created" | "configured" | "initialized" => State::Created,
        "running" => State::Running,
        "paused" => State::Paused,
        "restarting" => State::Restarting,
        "exited" | "stopped" => State::Exited,
        "removing" => State::Removing,
        "dead" => State::Dead,
        _ => State::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: &str = r#"{"Id": "abc", "Created": "2026-11-26T18:00:00.5Z", "Path": "nginx", "Args": ["-g", "daemon off;"],
        "State": {"Status": "running", "Running": true, "Pid": 42, "ExitCode": 0, "StartedAt": "2026-11-26T19:00:00Z",
        "FinishedAt": "0001-01-01T00:00:00Z", "Health": {"Status": "healthy", "Log": []}}, "Image": "sha256:def", "Name": "/shop",
        "RestartCount": 2, "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "Privileged": true},
        "Mounts": [{"Type": "bind", "Source": "/srv", "Destination": "/data", "Mode": "", "RW": true, "Propagation": "rprivate"}],
        "Config": {"Env": ["DB_PASSWORD=hunter2", "EMPTY"], "Image": "nginx:1", "Labels": {"a": "b"}},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "81/tcp": null},
        "Networks": {"bridge": {"IPAddress": "172.17.0.2", "GlobalIPv6Address": ""}}}}"#;

    #[test]
    fn a_container_is_told_of_without_the_values_of_its_variables() {
        let told: Told = serde_json::from_str(DOCKER).expect("read");
        let details = told.details(Engine::Docker);
        assert!(!format!("{details:?}").contains("hunter2"));
        assert_eq!(details.environment, ["DB_PASSWORD", "EMPTY"]);
        let container = &details.container;
        assert_eq!(
            (container.name.as_str(), container.state, container.image.as_str()),
            ("shop", State::Running, "nginx:1")
        );
        assert_eq!(
            (container.exit, &container.finished, container.health.as_deref()),
            (None, &None, Some("healthy"))
        );
        assert_eq!(container.ports, ["0.0.0.0:8080->80/tcp"]);
        assert_eq!(details.command, ["nginx", "-g", "daemon off;"]);
        assert_eq!(details.addresses, [("172.17.0.2".to_owned(), "bridge".to_owned())]);
        assert_eq!((details.pid, details.restarts, details.restart_policy.as_str()), (Some(42), 2, "always"));
        assert!(details.privileged && details.mounts[0].writable && details.image_id == "def");
    }

    #[test]
    fn what_podman_says_otherwise_means_the_same() {
        let text = r#"{"Id": "abc", "Name": "one", "Path": "/sleep", "Args": ["/sleep", "5"], "State": {"Status": "stopped",
            "Pid": 0, "ExitCode": 137, "Health": {"Status": ""}}, "HostConfig": {"RestartPolicy": {"Name": ""}},
            "Config": {"Env": null, "Labels": null}, "NetworkSettings": {"Ports": {}}, "Mounts": [], "ImageName": "t:1"}"#;
        let details = serde_json::from_str::<Told>(text).expect("read").details(Engine::Podman);
        assert_eq!((details.container.state, details.container.exit), (State::Exited, Some(137)));
        assert_eq!(
            (details.command, details.restart_policy.as_str()),
            (vec!["/sleep".to_owned(), "5".to_owned()], "no")
        );
        assert_eq!((details.container.health, details.pid), (None, None));
    }
}
