//! Sockets as `ss` tells of them.

use failure::{Error, read};

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// In the words of `ss`: `LISTEN`, `ESTAB`, `UNCONN`.
    pub state: String,
    /// Its own address; `*` is any.
    pub address: String,
    /// Its own port.
    pub port: u16,
    /// The address and the port of the other end; none where there is none.
    pub peer: Option<(String, u16)>,
    /// Who has it, once for each descriptor.
    pub owners: Vec<Owner>,
}

/// Who has a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The name of the program.
    pub name: String,
    /// The process.
    pub pid: u32,
    /// Its descriptor.
    pub fd: u32,
}

/// What listens. The policies that modules suggest have the same words.
///
/// # Errors
/// Where `ss` cannot be run, or says what cannot be read.
pub fn listening() -> Result<Vec<Socket>, Error> {
    sockets(&read(&["ss", "-H", "-n", "-t", "-u", "-l", "-p"])?.stdout_text())
}

/// All sockets of TCP and UDP. The policies that modules suggest have the same words.
///
/// # Errors
/// Where `ss` cannot be run, or says what cannot be read.
pub fn all() -> Result<Vec<Socket>, Error> {
    sockets(&read(&["ss", "-H", "-n", "-t", "-u", "-a", "-p"])?.stdout_text())
}

fn sockets(text: &str) -> Result<Vec<Socket>, Error> {
    text.lines().filter(|line| !line.trim().is_empty()).map(socket).collect()
}

/// One line: protocol, state, two queues, the own address with its port, that of the other end, and the owners.
fn socket(line: &str) -> Result<Socket, Error> {
    let misread = || Error::Other(format!("`ss` said what cannot be read: {line:?}"));
    let mut words = line.split_whitespace();
    let (protocol, state) = (words.next().ok_or_else(misread)?, words.next().ok_or_else(misread)?);
    let (address, port) = words.nth(2).and_then(end).ok_or_else(misread)?;
    let (far, far_port) = words.next().and_then(end).ok_or_else(misread)?;
    let peer = match far_port {
        "*" => None,
        port => Some((far.to_owned(), port.parse().map_err(|_| misread())?)),
    };
    Ok(Socket {
        protocol: protocol.to_owned(),
        state: state.to_owned(),
        address: address.to_owned(),
        port: port.parse().map_err(|_| misread())?,
        peer,
        owners: owners(line),
    })
}

/// An address and a port.
fn end(word: &str) -> Option<(&str, &str)> {
    let (address, port) = word.rsplit_once(':')?;
    match address.trim_start_matches('[').trim_end_matches(']') {
        "0.0.0.0" | "::" | "*" => Some(("*", port)),
        address => Some((address, port)),
    }
}

/// The owners in `users:(("sshd",pid=812,fd=3),("systemd",pid=1,fd=55))`. A program's name may have any characters.
fn owners(line: &str) -> Vec<Owner> {
    let mut owners: Vec<Owner> = Vec::new();
    let Some((_, mut rest)) = line.split_once("users:((\"") else { return owners };
    while let Some((name, after)) = rest.split_once("\",pid=") {
        let (pid, after) = after.split_once(",fd=").unwrap_or((after, ""));
        let (fd, after) = after.split_once(')').unwrap_or((after, ""));
        if let (Ok(pid), Ok(fd)) = (pid.parse(), fd.parse()) {
            owners.push(Owner { name: name.to_owned(), pid, fd });
        }
        let Some(next) = after.strip_prefix(",(\"") else { break };
        rest = next;
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_socket_with_its_owners() {
        let text = "tcp LISTEN 0 5 127.0.0.1:8099 0.0.0.0:* users:((\"python3\",pid=14779,fd=3))\n\
                    udp UNCONN 0 0 [::]:323 [::]:*\n\
                    tcp ESTAB 0 0 10.0.0.5:22 10.0.0.9:50022 users:((\"sshd\",pid=9,fd=4))\n\
                    tcp LISTEN 0 9 [fe80::1%eth0]:22 [::]:* users:((\"ssh d\",pid=8,fd=3),(\"systemd\",pid=1,fd=5),(\"ssh d\",pid=8,fd=4))\n";
        let found = sockets(text).expect("read");
        let shown: Vec<_> =
            found.iter().map(|one| (one.protocol.as_str(), one.address.as_str(), one.port)).collect();
        assert_eq!(
            shown,
            [
                ("tcp", "127.0.0.1", 8099),
                ("udp", "*", 323),
                ("tcp", "10.0.0.5", 22),
                ("tcp", "fe80::1%eth0", 22)
            ]
        );
        let peers: Vec<_> = found.iter().map(|one| one.peer.clone()).collect();
        assert_eq!(peers, [None, None, Some(("10.0.0.9".to_owned(), 50_022)), None]);
        let owners: Vec<Vec<_>> = found
            .iter()
            .map(|one| one.owners.iter().map(|owner| (owner.name.as_str(), owner.pid, owner.fd)).collect())
            .collect();
        assert_eq!(
            owners,
            [
                vec![("python3", 14779, 3)],
                vec![],
                vec![("sshd", 9, 4)],
                vec![("ssh d", 8, 3), ("systemd", 1, 5), ("ssh d", 8, 4)]
            ]
        );
    }

    #[test]
    fn anything_else_is_an_error_and_no_panic() {
        for line in [
            "tcp",
            "tcp LISTEN 0 5 nonsense *:*",
            "tcp LISTEN 0 5 a:x *:*",
            "tcp LISTEN 0 5 a:70000 *:*",
            "tcp LISTEN 0 5 a:1 b:x",
        ] {
            assert!(sockets(line).is_err(), "{line}");
        }
        assert_eq!(owners("users:((\"a"), []);
    }
}
