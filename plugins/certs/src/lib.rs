//! The module `certs`: certificates on the host and of TLS servers. What each method does is said in `wit/certs.wit`.
//!
//! No module has sockets, so that `openssl` shakes hands; it also says whom the host trusts. What the certificates say is read
//! here.

mod certificate;
mod endpoint;
mod expiring;
mod files;
mod verify;

use failure::Error;

use exports::minion::certs::certs::{Certificate, Guest, Protocol, Report, Server, Verdict};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:certs/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Certs;

export!(Certs);

impl Guest for Certs {
    fn show(path: String) -> Result<Vec<Certificate>, Error> {
        files::read(&path)
    }

    fn expiring(paths: Vec<String>, days: Option<u32>) -> Result<Report, Error> {
        expiring::of(&paths, days.unwrap_or(30))
    }

    fn verify(path: String, name: Option<String>) -> Result<Verdict, Error> {
        verify::file(&path, name.as_deref())
    }

    fn endpoint(
        host: String,
        port: Option<u16>,
        server_name: Option<String>,
        start: Option<Protocol>,
        timeout_s: Option<u32>,
    ) -> Result<Server, Error> {
        endpoint::ask(&host, port.unwrap_or(443), server_name.as_deref(), start, timeout_s.unwrap_or(10))
    }
}
