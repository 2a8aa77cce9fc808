//! What a client has to know before it dials.

use std::time::Duration;

use super::ClientError;
use crate::folder::{Folder, dialable};

/// Which overlord to dial, and with whose identity.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The folder with `operator.key`, `operator.pem` and `authority.pem`.
    pub folder: Folder,
    /// The address that the overlord listens on: `host:port`; without a port it is 51234.
    pub address: String,
    /// How long to wait for a connection. Default: 5 seconds.
    pub patience: Duration,
}

impl ClientConfig {
    /// The configuration for the identity of `folder`, or of its context that is in use. Without an `address` its overlord is
    /// dialled, at the address that it noted when it started last, or else at the one in its configuration.
    ///
    /// # Errors
    /// [`ClientError::Folder`] where that configuration is needed and cannot be read, or the context in use is gone.
    pub fn new(folder: Folder, address: Option<String>) -> Result<Self, ClientError> {
        let folder = folder.current()?;
        let address = match address.filter(|address| !address.is_empty()).or_else(|| folder.noted_address()) {
            Some(address) => address,
            None => dialable(folder.config()?.listen).to_string(),
        };
        Ok(Self { folder, address, patience: Duration::from_secs(5) })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::InitOptions;

    pub(in crate::client) fn folder(listen: &str) -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path());
        let options =
            InitOptions { listen: Some(listen.parse().expect("an address")), ..InitOptions::default() };
        folder.init(&options).expect("made");
        (dir, folder)
    }

    fn address(folder: &Folder, named: Option<&str>) -> String {
        ClientConfig::new(folder.clone(), named.map(str::to_owned)).expect("found").address
    }

    #[test]
    fn a_named_address_comes_before_the_noted_one_and_that_before_the_configured_one() {
        let (_dir, folder) = folder("0.0.0.0:7001");
        assert_eq!(address(&folder, None), "127.0.0.1:7001");
        folder.note_address(([127, 0, 0, 1], 7002).into()).expect("noted");
        assert_eq!(address(&folder, None), "127.0.0.1:7002");
        assert_eq!(address(&folder, Some("")), "127.0.0.1:7002");
        assert_eq!(address(&folder, Some("overlord.example:7003")), "overlord.example:7003");
    }

    #[test]
    fn a_folder_without_a_configuration_means_the_usual_port_of_this_host() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(address(&Folder::at(dir.path()), None), "127.0.0.1:51234");
    }
}
