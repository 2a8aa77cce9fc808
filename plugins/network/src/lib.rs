//! The module `network`: what the host is connected to. What each method does is said in `wit/network.wit`.
//!
//! It reads what `ip` and `ss` print: the kernel's own tables are beyond a guest's reach.

mod http;
mod ip;
mod ping;
mod programs;
mod traceroute;

use std::collections::BTreeMap;
use std::time::Duration;

use failure::{Error, Failure, check_host};
use minion_sdk::job;
use minion_sdk::probe::{self, State};

use programs::text;

use exports::minion::network::network::{
    Echoes, Guest, Hop, HttpAnswer, HttpOptions, Interface, Listener, Owner, PortAnswer, Route,
};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:network/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq],
});

struct Network;

export!(Network);

/// The most steps of a way that are asked for.
const MOST_HOPS: u32 = 30;

/// The longest time that a port is waited for.
const MOST_SECONDS: u32 = 60;

/// The most echo requests of one call.
const MOST_ECHOES: u32 = 10;

impl Guest for Network {
    fn interfaces() -> Result<Vec<Interface>, Error> {
        ip::interfaces(&text(&["ip", "-json", "address", "show"])?)
    }

    fn routes() -> Result<Vec<Route>, Error> {
        let mut routes = ip::routes(&text(&["ip", "-json", "-4", "route", "show"])?)?;
        routes.extend(ip::routes(&text(&["ip", "-json", "-6", "route", "show"])?)?);
        Ok(routes)
    }

    fn listening(port: Option<u16>) -> Result<Vec<Listener>, Error> {
        let sockets = sockets::listening().map_err(|error| programs::or_install(error, "ss"))?;
        let mut found = listeners(sockets);
        found.retain(|one| port.is_none_or(|port| one.port == port));
        Ok(found)
    }

    fn resolve(name: String) -> Result<Vec<String>, Error> {
        check_host(&name)?;
        let text = match text(&["getent", "ahosts", "--", &name]) {
            // What `getent` says where there is no such entry.
            Err(Error::Failed(Failure { exit: Some(2), .. })) => {
                return Err(Error::NotFound(format!("no host has the name \"{name}\"")));
            }
            text => text?,
        };
        let mut addresses: Vec<String> =
            text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }

    fn port_open(host: String, port: u16, timeout_s: Option<u32>) -> Result<PortAnswer, Error> {
        check_host(&host)?;
        let seconds = timeout_s.unwrap_or(5);
        if !(1..=MOST_SECONDS).contains(&seconds) {
            return Err(Error::Invalid(format!("{seconds} seconds: wait 1 to {MOST_SECONDS}")));
        }
        let answer = probe::tcp(&host, port, Duration::from_secs(seconds.into())).map_err(of_probe)?;
        Ok(PortAnswer {
            open: answer.state == State::Open,
            state: word(answer.state).to_owned(),
            address: answer.address,
            elapsed_ms: Duration::from_micros(answer.elapsed_us).as_secs_f64() * 1000.0,
        })
    }

    fn http_check(url: String, options: Option<HttpOptions>) -> Result<HttpAnswer, Error> {
        http::check(&url, options)
    }

    fn traceroute(host: String, most: Option<u32>) -> Result<Vec<Hop>, Error> {
        check_host(&host)?;
        let most = most.unwrap_or(15);
        if !(1..=MOST_HOPS).contains(&most) {
            return Err(Error::Invalid(format!("{most} steps: ask for 1 to {MOST_HOPS}")));
        }
        job::progress(0, 0, &format!("asking for the way to {host}"));
        let most = most.to_string();
        traceroute::hops(&text(&["traceroute", "-n", "-q", "1", "-w", "2", "-m", &most, "--", &host])?)
    }

    fn ping(host: String, count: Option<u32>) -> Result<Echoes, Error> {
        check_host(&host)?;
        let count = count.unwrap_or(3);
        if !(1..=MOST_ECHOES).contains(&count) {
            return Err(Error::Invalid(format!("{count} requests: send 1 to {MOST_ECHOES}")));
        }
        let argv = ["ping", "-n", "-q", "-c", &count.to_string(), "-W", "2", "--", &host];
        match programs::run(&argv)? {
            // 1 says that none came back, and what is said is the same.
            output if output.success() || output.status == minion_sdk::process::Status::Exited(1) => {
                ping::echoes(&output.stdout_text())
            }
            output => Err(failure::failed(&argv, &output)),
        }
    }
}

/// The sockets that listen, by port, with each of their owners once. Any address of IPv4 and any of IPv6 are both `*`, and one
/// listener.
fn listeners(sockets: Vec<sockets::Socket>) -> Vec<Listener> {
    let mut found: BTreeMap<(u16, String, String), BTreeMap<u32, String>> = BTreeMap::new();
    for socket in sockets {
        let owners = socket.owners.into_iter().map(|sockets::Owner { name, pid, .. }| (pid, name));
        found.entry((socket.port, socket.protocol, socket.address)).or_default().extend(owners);
    }
    let shown =
        |((port, protocol, address), owners): ((u16, String, String), BTreeMap<u32, String>)| Listener {
            port,
            protocol,
            address,
            owners: owners.into_iter().map(|(pid, name)| Owner { name, pid }).collect(),
        };
    found.into_iter().map(shown).collect()
}

fn of_probe(error: probe::Error) -> Error {
    match error {
        probe::Error::Denied(text) => Error::Denied(text),
        probe::Error::Cancelled => Error::Cancelled,
        probe::Error::NotFound(text) => Error::NotFound(text),
        probe::Error::Other(text) => Error::Other(text),
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Refused => "refused",
        State::Unreachable => "unreachable",
        State::Silent => "silent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_on_any_address_is_there_once_and_so_are_its_owners() {
        let socket = |protocol: &str, address: &str, pids: &[u32]| sockets::Socket {
            protocol: protocol.into(),
            state: "LISTEN".into(),
            address: address.into(),
            port: 80,
            peer: None,
            owners: pids
                .iter()
                .map(|pid| sockets::Owner { name: "nginx".into(), pid: *pid, fd: 6 })
                .collect(),
        };
        let found = listeners(vec![
            socket("tcp", "*", &[332, 330]),
            socket("tcp", "*", &[332, 331, 330, 330]),
            socket("udp", "*", &[7]),
            socket("tcp", "10.0.0.1", &[]),
        ]);
        let pids = |one: &Listener| one.owners.iter().map(|owner| owner.pid).collect::<Vec<_>>();
        let told: Vec<_> =
            found.iter().map(|one| (one.protocol.as_str(), one.address.as_str(), pids(one))).collect();
        assert_eq!(
            told,
            [("tcp", "*", vec![330, 331, 332]), ("tcp", "10.0.0.1", vec![]), ("udp", "*", vec![7])]
        );
    }
}
