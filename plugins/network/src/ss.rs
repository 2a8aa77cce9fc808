//! What `ss` says of sockets that listen.

use failure::Error;

use crate::exports::minion::network::network::{Listener, Owner};

pub(crate) fn listeners(text: &str) -> Result<Vec<Listener>, Error> {
    text.lines().filter(|line| !line.trim().is_empty()).map(listener).collect()
}

/// One line: protocol, state, two queues, the own address with its port, that of the other end, and the owners.
fn listener(line: &str) -> Result<Listener, Error> {
    let misread = || Error::Other(format!("`ss` said what cannot be read: {line:?}"));
    let mut words = line.split_whitespace();
    let protocol = words.next().ok_or_else(misread)?;
    let (address, port) = words.nth(3).and_then(|own| own.rsplit_once(':')).ok_or_else(misread)?;
    let address = match address.trim_start_matches('[').trim_end_matches(']') {
        "0.0.0.0" | "::" | "*" => "*",
        address => address,
    };
    Ok(Listener {
        protocol: protocol.to_owned(),
        address: address.to_owned(),
        port: port.parse().map_err(|_| misread())?,
        owners: owners(line),
    })
}

/// The owners in `users:(("sshd",pid=812,fd=3),("systemd",pid=1,fd=55))`. A program's name may have any characters.
fn owners(line: &str) -> Vec<Owner> {
    let mut owners: Vec<Owner> = Vec::new();
    let Some((_, mut rest)) = line.split_once("users:((\"") else { return owners };
    while let Some((name, after)) = rest.split_once("\",pid=") {
        let (pid, after) = after.split_once(',').unwrap_or((after, ""));
        if let Ok(pid) = pid.parse()
            && owners.iter().all(|owner| owner.pid != pid)
        {
            owners.push(Owner { name: name.to_owned(), pid });
        }
        let Some((_, next)) = after.split_once("),(\"") else { break };
        rest = next;
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_listener_with_its_owners() {
        let text = "tcp LISTEN 0 5 127.0.0.1:8099 0.0.0.0:* users:((\"python3\",pid=14779,fd=3))\n\
                    udp UNCONN 0 0 [::]:323 [::]:*\n\
                    tcp LISTEN 0 9 [fe80::1%eth0]:22 [::]:* users:((\"ssh d\",pid=8,fd=3),(\"systemd\",pid=1,fd=5),(\"ssh d\",pid=8,fd=4))\n";
        let found = listeners(text).expect("read");
        let shown: Vec<_> =
            found.iter().map(|one| (one.protocol.as_str(), one.address.as_str(), one.port)).collect();
        assert_eq!(shown, [("tcp", "127.0.0.1", 8099), ("udp", "*", 323), ("tcp", "fe80::1%eth0", 22)]);
        let owners: Vec<Vec<_>> = found
            .iter()
            .map(|one| one.owners.iter().map(|owner| (owner.name.as_str(), owner.pid)).collect())
            .collect();
        assert_eq!(owners, [vec![("python3", 14779)], vec![], vec![("ssh d", 8), ("systemd", 1)]]);
    }

    #[test]
    fn anything_else_is_an_error_and_no_panic() {
        for line in
            ["tcp", "tcp LISTEN 0 5 nonsense *:*", "tcp LISTEN 0 5 a:x *:*", "tcp LISTEN 0 5 a:70000 *:*"]
        {
            assert!(listeners(line).is_err(), "{line}");
        }
        assert_eq!(owners("users:((\"a"), []);
    }
}
