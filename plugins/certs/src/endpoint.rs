//! What a TLS server says.

use std::net::IpAddr;
use std::time::Duration;

use failure::{Error, check_host, of_host};
use minion_sdk::job;
use minion_sdk::process::{Command, Output, Status};

use crate::certificate;
use crate::exports::minion::certs::certs::{Protocol, Server};
use crate::verify::or_install;

/// The longest time that an answer is waited for: the job should still say that there is none.
const MOST_SECONDS: u32 = 50;

/// Shakes hands with a server.
pub(crate) fn ask(
    host: &str,
    port: u16,
    name: Option<&str>,
    start: Option<Protocol>,
    seconds: u32,
) -> Result<Server, Error> {
    check_host(host)?;
    name.map_or(Ok(()), check_host)?;
    if port == 0 || !(1..=MOST_SECONDS).contains(&seconds) {
        return Err(Error::Invalid(format!("ask a port from 1 on, and wait 1 to {MOST_SECONDS} seconds")));
    }
    // No certificate names the interface behind an address: `fe80::1%eth0`.
    let name = name.or_else(|| host.split('%').next()).unwrap_or(host);
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    job::progress(0, 0, "shaking hands");
    let mut argv = vec!["openssl", "s_client", "-showcerts", "-connect", &place];
    match name.parse::<IpAddr>() {
        Ok(_) => argv.extend(["-noservername", "-verify_ip", name]),
        Err(_) => argv.extend(["-servername", name, "-verify_hostname", name]),
    }
    argv.extend(start.map(|start| ["-starttls", word(start)]).iter().flatten());
    let output = Command::new(argv[0])
        .args(argv[1..].iter().copied())
        .env("LC_ALL", "C")
        .timeout(Duration::from_secs(seconds.into()))
        .run()
        .map_err(|error| or_install(of_host(error)))?;
    let text = output.stdout_text();
    let found = certificate::all(text.as_bytes());
    if found.is_empty() {
        return Err(none(&output, &place, seconds));
    }
    let read = |bytes: &Vec<u8>| {
        certificate::read(bytes).map_err(|error| {
            Error::Other(format!("\"{place}\" has a certificate that cannot be read: {error}"))
        })
    };
    let certificates = shown_once(found).iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (protocol, cipher) = agreed(&text);
    let problem = problem(&text);
    Ok(Server {
        trusted: problem.is_none(),
        problem,
        days_left: certificates.iter().map(|certificate| certificate.days_left).min().unwrap_or_default(),
        protocol,
        cipher,
        certificates,
    })
}

/// The chain as it was sent: that of the server is shown once more behind it.
fn shown_once(mut found: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if found.len() > 1 && found.first() == found.last() {
        found.pop();
    }
    found
}

fn word(start: Protocol) -> &'static str {
    match start {
        Protocol::Smtp => "smtp",
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
        Protocol::Ftp => "ftp",
        Protocol::Ldap => "ldap",
        Protocol::Postgres => "postgres",
        Protocol::Mysql => "mysql",
        Protocol::Xmpp => "xmpp",
    }
}

/// Why there is no certificate.
fn none(output: &Output, place: &str, seconds: u32) -> Error {
    let said = output.stderr_text();
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    if output.status == Status::TimedOut {
        return Error::NotFound(format!("nothing at \"{place}\" has shaken hands within {seconds} seconds"));
    }
    if says(&["Connection refused", "errno=111"]) {
        return Error::NotFound(format!("nobody listens at \"{place}\""));
    }
    if says(&["Name or service not known", "nodename nor servname", "No address associated", "BIO_lookup_ex"])
    {
        return Error::NotFound(format!("the host of \"{place}\" has no address"));
    }
    if says(&["errno=113", "errno=101", "No route to host", "Network is unreachable"]) {
        return Error::NotFound(format!("there is no way to \"{place}\""));
    }
    Error::Other(format!(
        "what listens at \"{place}\" speaks no TLS that this host speaks, too: {}",
        failure::tail(&said)
    ))
}

/// What is wrong: `Verify return code: 18 (self-signed certificate)`.
fn problem(text: &str) -> Option<String> {
    let told = text.lines().filter_map(|line| line.trim().strip_prefix("Verify return code: ")).next_back();
    let Some((code, words)) = told.and_then(|told| told.split_once(' ')) else {
        return Some("whether it is trusted was not said".to_owned());
    };
    (code != "0").then(|| words.trim_start_matches('(').trim_end_matches(')').to_owned())
}

/// Version and cipher: `New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384`.
fn agreed(text: &str) -> (String, String) {
    let line = text.lines().find_map(|line| line.split_once(", Cipher is "));
    line.map_or_else(Default::default, |(before, cipher)| {
        let protocol = before.rsplit(", ").next().unwrap_or_default();
        (protocol.to_owned(), cipher.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssl_says_is_told_apart() {
        let text = "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\nVerify return code: 0 (ok)\n";
        assert_eq!(agreed(text), ("TLSv1.3".to_owned(), "TLS_AES_256_GCM_SHA384".to_owned()));
        assert_eq!(problem(text), None);
        let text = "    Verify return code: 62 (hostname mismatch)\n";
        assert_eq!(problem(text).as_deref(), Some("hostname mismatch"));
        assert!(problem("").is_some());
    }
}
