//! The programs that are asked, and which of them.

use failure::{Error, Failure, Package, or_install};
use minion_sdk::process::Output;
use serde::de::DeserializeOwned;

use crate::exports::minion::containers::containers::Engine;

const PACKAGES: [Package; 2] = [
    Package { program: "docker", apt: "docker.io", dnf: "moby-engine" },
    Package { program: "podman", apt: "podman", dnf: "podman" },
];

/// How many things are asked about at once: what is said of all of them must not be more than the host keeps.
const AT_ONCE: usize = 16;

/// How the service of Podman is asked, which lives on where the minion's own programs end with the job.
const SERVICE: [&str; 2] = ["--remote", "--url=unix:///run/podman/podman.sock"];

/// What answers for the containers of this host.
pub(crate) struct Host {
    pub(crate) engine: Engine,
}

impl Host {
    /// That of the engine that is asked for, or the first that answers.
    ///
    /// # Errors
    /// Where none is there.
    pub(crate) fn of(engine: Option<Engine>) -> Result<Self, Error> {
        if let Some(engine) = engine {
            return Ok(Self { engine });
        }
        // Podman under the name of Docker does not know what is asked for, and is asked by its own.
        let docker = Self { engine: Engine::Docker };
        let why = match docker.read(&["version", "--format={{.Server.MinAPIVersion}}"]) {
            Ok(_) => return Ok(docker),
            Err(error @ (Error::Failed(_) | Error::Unsupported(_))) => error,
            Err(error) => return Err(error),
        };
        let podman = Self { engine: Engine::Podman };
        match (podman.read(&["ps", "--all", "--quiet", "--no-trunc"]), why) {
            (Ok(_), _) => Ok(podman),
            (Err(Error::Unsupported(_)), why @ Error::Failed(_)) => Err(why),
            (Err(Error::Unsupported(text)), _) => {
                Err(Error::Unsupported(format!("this host has neither Docker nor Podman ({text})")))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn program(&self) -> &'static str {
        match self.engine {
            Engine::Docker => "docker",
            Engine::Podman => "podman",
        }
    }

    fn argv<'a>(&self, words: &[&'a str]) -> Vec<&'a str> {
        [&[self.program()], words].concat()
    }

    /// Runs what only reads, to its good end.
    pub(crate) fn read(&self, words: &[&str]) -> Result<Output, Error> {
        failure::read(&self.argv(words)).map_err(|error| self.named(error))
    }

    /// What that prints.
    pub(crate) fn text(&self, words: &[&str]) -> Result<String, Error> {
        Ok(self.read(words)?.stdout_text())
    }

    /// What is told of these. One that is gone by now is left out.
    pub(crate) fn inspect<T: DeserializeOwned>(
        &self,
        words: &[&str],
        names: &[&str],
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        for some in names.chunks(AT_ONCE) {
            found.extend(self.inspect_some::<T>(words, some)?);
        }
        Ok(found)
    }

    fn inspect_some<T: DeserializeOwned>(&self, words: &[&str], names: &[&str]) -> Result<Vec<T>, Error> {
        let argv = self.argv(&[words, &["--"], names].concat());
        let output = failure::run(&argv).map_err(|error| self.named(error))?;
        let is_gone = || output.stderr_text().to_ascii_lowercase().contains("no such");
        if !output.success() && !is_gone() {
            return Err(failure::failed(&argv, &output));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Error::Other(format!("`{}` said what cannot be read: {error}", self.program())))
    }

    /// Changes something that needs no process of ours to live on.
    pub(crate) fn change(&self, words: &[&str]) -> Result<(), Error> {
        failure::change(&self.argv(words)).map_err(|error| self.named(error)).map(|_| ())
    }

    /// Begins what is to live on when the job has ended.
    pub(crate) fn begin(&self, words: &[&str]) -> Result<(), Error> {
        let argv = match self.engine {
            Engine::Docker => self.argv(words),
            Engine::Podman => self.argv(&[&SERVICE, words].concat()),
        };
        match failure::change(&argv) {
            Err(Error::Failed(Failure { stderr, .. })) if stderr.contains("onnect to Podman") => {
                Err(Error::Unsupported(
                    "the service of Podman does not run on this host, and what the minion starts ends with its job: \
                     `systemctl enable --now podman.socket` starts it"
                        .to_owned(),
                ))
            }
            result => result.map_err(|error| self.named(error)).map(|_| ()),
        }
    }

    /// The same error with what it means.
    fn named(&self, error: Error) -> Error {
        match error {
            Error::Failed(Failure { stderr, .. })
                if stderr.to_ascii_lowercase().contains("no such container") =>
            {
                Error::NotFound(stderr)
            }
            error => or_install(error, self.program(), &PACKAGES),
        }
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::testing::Host as Fake;

    use super::*;

    const VERSION: [&str; 3] = ["docker", "version", "--format={{.Server.MinAPIVersion}}"];
    const PS: [&str; 5] = ["podman", "ps", "--all", "--quiet", "--no-trunc"];

    fn failed(why: &str) -> Output {
        Output { stderr: why.as_bytes().to_vec(), ..Output::printed("", 1) }
    }

    #[test]
    fn the_engine_that_answers_is_asked() {
        let without_docker = || Fake::new().missing("docker");
        let found = |host: Fake| {
            let found = Host::of(None).map(|host| host.engine);
            drop(host);
            found
        };
        assert_eq!(found(Fake::new().program(&VERSION, Output::printed("1.24\n", 0))), Ok(Engine::Docker));
        let both =
            Fake::new().program(&VERSION, failed("Cannot connect\n")).program(&PS, Output::printed("", 0));
        assert_eq!(found(both), Ok(Engine::Podman));
        assert_eq!(found(without_docker().program(&PS, Output::printed("", 0))), Ok(Engine::Podman));
        let idle = found(
            Fake::new().missing("podman").program(&VERSION, failed("Cannot connect to the Docker daemon\n")),
        );
        assert!(matches!(idle, Err(Error::Failed(why)) if why.stderr.contains("Docker daemon")));
        assert!(
            matches!(found(without_docker().missing("podman")), Err(Error::Unsupported(why)) if why.contains("neither"))
        );
    }

    #[test]
    fn one_that_is_gone_is_left_out_and_nonsense_is_an_error() {
        let argv = ["docker", "inspect", "--type=container", "--", "a", "b"];
        let inspect = |output| -> Result<Vec<serde_json::Value>, Error> {
            let _host = Fake::new().program(&argv, output);
            Host { engine: Engine::Docker }.inspect(&["inspect", "--type=container"], &["a", "b"])
        };
        let gone = Output { stderr: b"Error: No such container: b\n".to_vec(), ..Output::printed("[{}]", 1) };
        assert_eq!(inspect(gone).map(|found| found.len()), Ok(1));
        assert!(matches!(inspect(failed("permission denied\n")), Err(Error::Failed(_))));
        assert!(matches!(inspect(Output::printed("{", 0)), Err(Error::Other(_))));
    }

    #[test]
    fn many_are_asked_about_in_parts() {
        let names: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let host = names.chunks(AT_ONCE).fold(Fake::new(), |host, some| {
            let argv = [&["podman", "image", "inspect", "--"], some].concat();
            host.program(&argv, Output::printed(&format!("[{}]", vec!["{}"; some.len()].join(",")), 0))
        });
        let found =
            Host { engine: Engine::Podman }.inspect::<serde_json::Value>(&["image", "inspect"], &names);
        assert_eq!((found.map(|found| found.len()), host.ran().len()), (Ok(40), 3));
    }
}
