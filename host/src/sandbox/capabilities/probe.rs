//! `minion:probe`: whether ports take connections, as far as policy grants trying them.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout_at;

use self::bindings::minion::probe::probe::{Answer, Error, Host, State};
use super::http::destination::{self, Refusal};
use super::package::Package;
use super::{Capability, Grant, interface};
use crate::policy::{Grants, ProbeGrant, ProbeTarget, Reach};
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::guest::Guest;

/// How many descriptors a look-up and a connection may take.
const DESCRIPTORS: u64 = 2;
/// How long a guest may wait for one port, in milliseconds.
const MAX_TIMEOUT_MS: u32 = 60_000;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    grant: Some(Grant::to_load(r#"probe = ["…:443"]"#, |grants| !grants.probe.is_empty())),
    ..Capability::ours("probe", &[Package::ours("minion:probe", &["probe"])], DryRun::Same, link)
};

interface!(probe, "../wit/probe", "import minion:probe/probe@0.1.0;", imports: { default: async });

impl Host for Guest {
    async fn tcp(&mut self, host: String, port: u16, timeout_ms: u32) -> Result<Answer, Error> {
        if self.job.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let target = ProbeTarget::of(&host, port)
            .ok_or_else(|| Error::Other("the host is neither a name nor an address".into()))?;
        let grant = granted(self, &target)?;
        let held = self.holdings.descriptors.take(DESCRIPTORS);
        let _held = held.map_err(|error| Error::Other(error.of_descriptors()))?;
        let time = Duration::from_millis(timeout_ms.min(MAX_TIMEOUT_MS).into());
        let tried = tokio::select! {
            tried = tried(&host, port, grant.reach(), time) => tried,
            () = self.job.cancel.cancelled() => return Err(Error::Cancelled),
        };
        tried.map_err(|refusal| match refusal {
            Refusal::Failed(_) => Error::NotFound(format!("the host \"{host}\" has no address")),
            Refusal::Prohibited(address) => {
                let remedy = destination::remedy(address, grant.with_private());
                let text = format!("{target} at {address}, which takes {remedy}");
                let reaches = |grant: &ProbeGrant| {
                    grant.allows(&target) && destination::is_within(address, grant.reach())
                };
                let by_level = self
                    .job
                    .denied_unless(&CAPABILITY, text.clone(), |grants| grants.probe.iter().any(reaches));
                Error::Denied(match by_level {
                    Some(command) => format!("{text}: run `{command}` on this host"),
                    None => text,
                })
            }
        })
    }
}

/// The grant that covers a port; of several, the one that reaches furthest.
fn granted(guest: &Guest, target: &ProbeTarget) -> Result<ProbeGrant, Error> {
    let covering = |grants: &Grants| -> Vec<ProbeGrant> {
        grants.probe.iter().filter(|grant| grant.allows(target)).cloned().collect()
    };
    let found = covering(&guest.job.policy.grants).into_iter();
    found.max_by_key(ProbeGrant::reach).ok_or_else(|| {
        let covers = |grants: &Grants| !covering(grants).is_empty();
        Error::Denied(guest.job.advised(&CAPABILITY, &target.to_string(), covers))
    })
}

/// What becomes of the port at each address of the host, one after the other, until one takes a connection.
async fn tried(host: &str, port: u16, reach: Reach, time: Duration) -> Result<Answer, Refusal> {
    let until = tokio::time::Instant::now() + time;
    let Ok(addresses) = timeout_at(until, destination::addresses(host, port, reach)).await else {
        return Ok(Answer { state: State::Silent, address: String::new(), elapsed_us: 0 });
    };
    let (addresses, start) = (addresses?, Instant::now());
    let mut answer = Answer { state: State::Silent, address: String::new(), elapsed_us: 0 };
    for address in addresses {
        let state = state(address, until).await;
        let elapsed_us = start.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
        answer = Answer { state, address: address.ip().to_string(), elapsed_us };
        if state == State::Open {
            break;
        }
    }
    Ok(answer)
}

async fn state(address: SocketAddr, until: tokio::time::Instant) -> State {
    match timeout_at(until, TcpStream::connect(address)).await {
        Err(_) => State::Silent,
        Ok(Ok(_)) => State::Open,
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => State::Refused,
            ErrorKind::TimedOut => State::Silent,
            _ => State::Unreachable,
        },
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_open_as_long_as_somebody_listens() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let time = Duration::from_secs(20);
        let open = tried("127.0.0.1", port, Reach::Private, time).await.ok().unwrap();
        assert_eq!((open.state, open.address.as_str()), (State::Open, "127.0.0.1"));
        drop(listener);
        let closed = tried("127.0.0.1", port, Reach::Private, time).await.ok().unwrap();
        assert_eq!(closed.state, State::Refused);
    }

    #[tokio::test]
    async fn what_a_grant_does_not_reach_is_not_tried() {
        let time = Duration::from_secs(20);
        for (host, reach) in [
            ("127.0.0.1", Reach::Public),
            ("169.254.169.254", Reach::Private),
            ("fd00:ec2::254", Reach::Private),
        ] {
            assert!(matches!(tried(host, 80, reach, time).await, Err(Refusal::Prohibited(_))), "{host}");
        }
    }
}
