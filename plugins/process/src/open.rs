//! What a process holds open.

use failure::{Error, Failure, failed, run};
use minion_sdk::process::Status;

use crate::exports::minion::processes::process::{Endpoint, OpenFile, Socket};

/// How descriptors are listed: links in quotes, as C writes them. The policy that the module suggests has the same words.
const LIST: [&str; 6] = ["ls", "-l", "-n", "--quoting-style=c", "--time-style=+", "--"];

/// What files a process holds open.
pub(crate) fn files(pid: u32) -> Result<Vec<OpenFile>, Error> {
    let folder = format!("/proc/{pid}/fd");
    let argv = [&LIST[..], &[&folder]].concat();
    let output = run(&argv)?;
    // It says 1 where some of them were closed in this moment.
    if !output.success() && output.status != Status::Exited(1) {
        return Err(match failed(&argv, &output) {
            Error::Failed(Failure { stderr, .. }) if stderr.contains("Permission denied") => {
                Error::Denied(format!("the minion's user may not look at the files of process {pid}"))
            }
            // It ended by itself in this moment.
            Error::Failed(Failure { stderr, .. }) if stderr.contains("No such file") => no_process(pid),
            error => error,
        });
    }
    if output.stdout_dropped > 0 {
        return Err(Error::Other(format!("process {pid} has more open files than fit into an answer")));
    }
    let text = output.stdout_text();
    // What was closed while it was listed is there without what it led to.
    let lines = text.lines().filter(|line| line.starts_with('l') && line.contains("\" -> \""));
    let mut found: Vec<OpenFile> = lines.map(file).collect::<Result<_, _>>()?;
    found.sort_by_key(|file| file.fd);
    Ok(found)
}

/// A line: what may be done with it, numbers, and where the link leads.
fn file(line: &str) -> Result<OpenFile, Error> {
    let misread = || Error::Other(format!("`ls` said what cannot be read: {line:?}"));
    let (_, named) = line.split_once('"').ok_or_else(misread)?;
    let (fd, target) = named.split_once("\" -> \"").ok_or_else(misread)?;
    let target = target.strip_suffix('"').ok_or_else(misread)?;
    // The link may be read, written or both as the file itself.
    let access = match line.get(1..3) {
        Some("r-") => "read",
        Some("-w") => "write",
        Some("rw") => "both",
        _ => return Err(misread()),
    };
    Ok(OpenFile { fd: fd.parse().map_err(|_| misread())?, access: access.to_owned(), target: plain(target) })
}

/// A text without the escapes of C.
fn plain(quoted: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), quoted.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let (b'\\', Some((escaped, after))) = (*first, rest.split_first()) else {
            bytes.push(*first);
            continue;
        };
        let digits = rest.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
        if digits > 0 {
            let octal = rest[..digits].iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
            bytes.push(u8::try_from(octal).unwrap_or(b'?'));
            rest = &rest[digits..];
            continue;
        }
        bytes.push(match escaped {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            other => *other,
        });
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What sockets a process holds open.
pub(crate) fn sockets(pid: u32) -> Result<Vec<Socket>, Error> {
    let mut found: Vec<Socket> = sockets::all()?.iter().flat_map(|socket| held(socket, pid)).collect();
    found.sort_by_key(|socket| socket.fd);
    Ok(found)
}

/// A socket by each descriptor that the process has of it.
fn held(socket: &sockets::Socket, pid: u32) -> Vec<Socket> {
    let own = socket.owners.iter().filter(|owner| owner.pid == pid);
    own.map(|owner| Socket {
        fd: owner.fd,
        protocol: socket.protocol.clone(),
        state: state(&socket.state),
        address: socket.address.clone(),
        port: socket.port,
        peer: socket.peer.clone().map(|(address, port)| Endpoint { address, port }),
    })
    .collect()
}

fn state(word: &str) -> String {
    match word {
        "LISTEN" => "listening".to_owned(),
        "ESTAB" => "established".to_owned(),
        "UNCONN" => "unconnected".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

/// The error for an id that no process has.
pub(crate) fn no_process(pid: u32) -> Error {
    Error::NotFound(format!("no process has the id {pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_told_with_all_of_its_path() {
        let line = r#"l-wx------ 1 0 0 64  "12" -> "/srv/a \"b\"\nc\\d \303\244 (deleted)""#;
        let target = "/srv/a \"b\"\nc\\d ä (deleted)".to_owned();
        assert_eq!(file(line), Ok(OpenFile { fd: 12, access: "write".into(), target }));
        for nonsense in
            ["", "l", "lr-x 1 \"12\"", "lr-x 1 \"x\" -> \"/\"", "l??? 1 \"1\" -> \"/\"", "lr-x \"1\" -> \"/"]
        {
            assert!(file(nonsense).is_err(), "{nonsense}");
        }
        assert_eq!((plain("\\"), plain("a\\777")), ("\\".to_owned(), "a?".to_owned()));
    }
}
