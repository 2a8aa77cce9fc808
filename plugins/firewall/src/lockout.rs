//! Whether rules would lock somebody out.

use std::net::IpAddr;

use failure::Error;
use sockets::Socket;

use crate::rule::{network, words};
use crate::{Action, Direction, Protocol, Rule};

/// The port of SSH where nothing else is known.
const SSH: u16 = 22;

/// That a change of the rules locks nobody out: with the new ones somebody can still come in over SSH, also from where somebody
/// has come in now, and nothing stops the datagrams by which the minion reaches its overlord. What was so before is no reason.
pub(crate) fn check(before: &[Rule], after: &[Rule]) -> Result<(), Error> {
    if !after.iter().any(stops) {
        return Ok(());
    }
    let sockets = sockets::all()?;
    match found(after, &sockets) {
        Some(why) if found(before, &sockets).as_ref() != Some(&why) => {
            Err(Error::Denied(format!("{why}: accept what must pass first, or wish it with `force`")))
        }
        _ => Ok(()),
    }
}

/// Who would be locked out by rules, and by which of them.
fn found(rules: &[Rule], sockets: &[Socket]) -> Option<String> {
    let stops_datagrams =
        |rule: &&Rule| stops(rule) && rule.direction == Direction::Output && is_of(rule, Protocol::Udp);
    if let Some(rule) = rules.iter().find(stops_datagrams) {
        return Some(format!(
            "\"{}\" may be about what the minion sends to its overlord, which are datagrams of udp",
            words(rule)
        ));
    }
    let ports = ports(sockets);
    let all = ports.iter().find_map(|port| {
        let rule = stops_all(rules, *port)?;
        Some(format!("with \"{}\" nobody could come in over SSH, on port {port}", words(rule)))
    });
    all.or_else(|| {
        peers(sockets, &ports).into_iter().find_map(|(address, port)| {
            let rule = stops_one(rules, address, port)?;
            let words = words(rule);
            Some(format!(
                "with \"{words}\" nobody could come in over SSH from {address}, from where somebody has now"
            ))
        })
    })
}

/// Where SSH listens.
fn ports(sockets: &[Socket]) -> Vec<u16> {
    let is_ssh = |socket: &&Socket| {
        socket.state == "LISTEN"
            && socket.owners.iter().any(|owner| matches!(owner.name.as_str(), "sshd" | "dropbear"))
    };
    let mut ports: Vec<u16> = sockets.iter().filter(is_ssh).map(|socket| socket.port).chain([SSH]).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// From where somebody has come in, and on which port.
fn peers(sockets: &[Socket], ports: &[u16]) -> Vec<(IpAddr, u16)> {
    let is_in = |socket: &&Socket| socket.state == "ESTAB" && ports.contains(&socket.port);
    let peer = |socket: &Socket| {
        let (address, _) = socket.peer.as_ref()?;
        let address: IpAddr = address.split('%').next()?.parse().ok()?;
        // What listens for both kinds has those of IPv4 like this.
        let plain = match address {
            IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
            four => four,
        };
        (!plain.is_loopback()).then_some((plain, socket.port))
    };
    sockets.iter().filter(is_in).filter_map(peer).collect()
}

fn stops(rule: &Rule) -> bool {
    rule.action != Action::Accept
}

fn is_of(rule: &Rule, protocol: Protocol) -> bool {
    rule.protocol.is_none_or(|of| of == protocol)
}

/// Whether a rule is about those who come to a port of the host, from somewhere.
fn is_about(rule: &Rule, port: u16) -> bool {
    rule.direction == Direction::Input && is_of(rule, Protocol::Tcp) && rule.port.is_none_or(|of| of == port)
}

/// The rule that stops all who come to a port, where none lets anybody in.
fn stops_all(rules: &[Rule], port: u16) -> Option<&Rule> {
    let mut about = rules.iter().filter(|rule| is_about(rule, port));
    if rules.iter().any(|rule| is_about(rule, port) && !stops(rule)) {
        return None;
    }
    about.find(|rule| stops(rule) && network(rule).is_none_or(|network| network.is_wide()))
}

/// The rule that stops those from an address, where none lets them in.
fn stops_one(rules: &[Rule], address: IpAddr, port: u16) -> Option<&Rule> {
    let is_about =
        |rule: &&Rule| is_about(rule, port) && network(rule).is_none_or(|network| network.has(address));
    if rules.iter().filter(is_about).any(|rule| !stops(rule)) {
        return None;
    }
    rules.iter().filter(is_about).find(|rule| stops(rule))
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;
    use crate::rule::tests::rule;

    #[test]
    fn what_stops_ssh_or_the_minion_is_found() {
        let sockets = "tcp LISTEN 0 9 0.0.0.0:2222 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))\n\
                       tcp ESTAB 0 0 10.0.0.5:2222 10.0.0.9:50022 users:((\"sshd\",pid=9,fd=4))\n\
                       tcp ESTAB 0 0 [::ffff:10.0.0.5]:2222 [::ffff:192.0.2.1]:5002 users:((\"sshd\",pid=9,fd=4))\n\
                       tcp ESTAB 0 0 10.0.0.5:5000 10.9.9.9:22 users:((\"ssh\",pid=9,fd=4))\n";
        let ss = ["ss", "-H", "-n", "-t", "-u", "-a", "-p"];
        let _host = Host::new().program(&ss, Output::printed(sockets, 0));
        for (rules, is_locked_out) in [
            (&["input drop tcp 80 any"][..], false),
            (&["input drop udp any any"], false),
            (&["input drop icmp any any"], false),
            (&["input drop tcp 22 any"], true),
            (&["input drop tcp 2222 any"], true),
            (&["input reject any any any"], true),
            (&["input drop tcp any 0.0.0.0/1"], true),
            (&["input drop any any 10.0.0.9"], true),
            (&["input drop tcp 2222 192.0.2.0/24"], true),
            (&["input drop any any 10.9.9.9"], false),
            (&["input drop any any 203.0.113.7"], false),
            // Those who are in must be let in, each of them.
            (&["input drop tcp 2222 any", "input accept tcp 2222 10.0.0.0/8"], true),
            (
                &[
                    "input drop tcp 2222 any",
                    "input accept tcp 2222 10.0.0.0/8",
                    "input accept tcp any 192.0.2.1",
                ],
                false,
            ),
            (&["input drop any any any", "input accept udp any any"], true),
            (&["output drop tcp 25 any"], false),
            (&["output drop udp 123 10.0.0.1"], true),
            (&["output drop any any 10.0.0.1"], true),
            (&["output accept any any any", "input accept any any any"], false),
        ] {
            let made: Vec<Rule> = rules.iter().map(|text| rule(text)).collect();
            let checked = check(&[], &made);
            assert_eq!(matches!(checked, Err(Error::Denied(_))), is_locked_out, "{rules:?}: {checked:?}");
        }
        // What was wished once is not in the way of everything else.
        let forced = [rule("output drop udp 123 any")];
        let more = [forced[0].clone(), rule("input drop tcp 80 any")];
        assert_eq!(check(&forced, &more), Ok(()));
    }
}
