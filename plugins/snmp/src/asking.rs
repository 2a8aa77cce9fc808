//! The programs that ask, and what it means where they get no answer.

use failure::{Error, Failure, Package, or_install};
use minion_sdk::job;
use minion_sdk::process::{Command, Output};

use crate::credentials::Kept;
use crate::exports::minion::snmp::snmp::{Credentials, Options};

const PACKAGES: [Package; 2] = [
    Package { program: "snmpget", apt: "snmp", dnf: "net-snmp-utils" },
    Package { program: "snmpbulkwalk", apt: "snmp", dnf: "net-snmp-utils" },
];

/// The longest that an answer is waited for, and how often it is asked for again at most.
const MOST_SECONDS: u32 = 20;
const MOST_RETRIES: u32 = 5;

/// Whom to ask, and how.
#[derive(Debug)]
pub(crate) struct How {
    agent: String,
    seconds: String,
    retries: String,
}

impl How {
    pub(crate) fn of(host: &str, options: Option<&Options>) -> Result<Self, Error> {
        let port = options.and_then(|options| options.port).unwrap_or(161);
        let seconds = options.and_then(|options| options.timeout_s).unwrap_or(2);
        let retries = options.and_then(|options| options.retries).unwrap_or(1);
        if !(1..=MOST_SECONDS).contains(&seconds) {
            return Err(Error::Invalid(format!("{seconds} seconds: wait 1 to {MOST_SECONDS}")));
        }
        if retries > MOST_RETRIES {
            return Err(Error::Invalid(format!(
                "{retries} times again: ask {MOST_RETRIES} times again at most"
            )));
        }
        // A colon is in addresses of IPv6 alone.
        let agent = match host.contains(':') {
            true => format!("udp6:[{host}]:{port}"),
            false => format!("udp:{host}:{port}"),
        };
        Ok(Self { agent, seconds: seconds.to_string(), retries: retries.to_string() })
    }
}

/// Asks, with these credentials where there are some.
pub(crate) fn ask(
    program: &str,
    how: &How,
    oids: &[&str],
    credentials: Option<&Credentials>,
) -> Result<Output, Error> {
    let kept = credentials.map(Kept::write).transpose()?;
    job::progress(0, 0, &format!("asking {}", how.agent));
    let rest = ["-m", "", "-OnetUx", "-t", &how.seconds, "-r", &how.retries, "--", &how.agent];
    let argv = [&[program], &rest[..], oids].concat();
    let mut command = Command::new(program).args(argv.iter().skip(1).copied());
    if let Some(kept) = &kept {
        command = command.env("SNMPCONFPATH", kept.folder()).env("SNMP_PERSISTENT_DIR", kept.folder());
    }
    let answered = command.run();
    let removed = kept.map_or(Ok(()), Kept::remove);
    let output = answered.map_err(failure::of_host).map_err(|error| or_install(error, program, &PACKAGES))?;
    removed?;
    if output.success() { Ok(output) } else { Err(unanswered(how, failure::failed(&argv, &output))) }
}

/// What it means that there is no answer.
fn unanswered(how: &How, error: Error) -> Error {
    let Error::Failed(Failure { stderr, .. }) = &error else { return error };
    let says = |text: &str| stderr.contains(text);
    if says("Timeout: No Response") {
        return Error::NotFound(format!(
            "nothing at {} answers: it is down, it is no agent of SNMP, or it does not know the credentials",
            how.agent
        ));
    }
    if says("Unknown host") {
        return Error::NotFound(stderr.clone());
    }
    let refusals = [
        "Authentication failure",
        "Unknown user name",
        "authorizationError",
        "Unsupported security level",
        "Decryption error",
    ];
    if refusals.iter().any(|refusal| says(refusal)) {
        return Error::Denied(stderr.clone());
    }
    if says("No community name specified") || says("No securityName specified") {
        return Error::Invalid(
            "there are no `credentials`, and this host has none in /etc/snmp/snmp.conf: give some, or set `defVersion` and `defCommunity` there"
                .to_owned(),
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn an_address_of_six_has_brackets_and_times_have_bounds() {
        let of = |host: &str| How::of(host, None).map(|how| how.agent);
        assert_eq!(of("db1"), Ok("udp:db1:161".to_owned()));
        assert_eq!(of("fe80::1"), Ok("udp6:[fe80::1]:161".to_owned()));
        let options = |timeout_s, retries| Options { port: Some(1), timeout_s, retries, most: None };
        for bad in [options(Some(0), None), options(Some(21), None), options(None, Some(6))] {
            assert!(matches!(How::of("db1", Some(&bad)), Err(Error::Invalid(_))));
        }
    }

    #[test]
    fn no_answer_is_a_case_of_its_own() {
        let argv = ["snmpget", "-m", "", "-OnetUx", "-t", "2", "-r", "1", "--", "udp:db1:161", ".1.3"];
        let asked = |errors: &str| {
            let output = Output { stderr: errors.as_bytes().to_vec(), ..Output::printed("", 1) };
            let _host = Host::new().program(&argv, output);
            ask("snmpget", &How::of("db1", None).expect("fit"), &[".1.3"], None).expect_err("failed")
        };
        assert!(
            matches!(asked("Timeout: No Response from udp:db1:161.\n"), Error::NotFound(why) if why.contains("db1"))
        );
        assert!(matches!(asked("snmpget: Unknown host (db1)\n"), Error::NotFound(_)));
        assert!(matches!(
            asked("snmpget: Authentication failure (incorrect password, community or key)\n"),
            Error::Denied(_)
        ));
        assert!(matches!(asked("No community name specified.\nUSAGE: …\n"), Error::Invalid(_)));
        assert!(matches!(asked("broken\n"), Error::Failed(_)));
        let _host = Host::new().missing("snmpget");
        let none = ask("snmpget", &How::of("db1", None).expect("fit"), &[".1.3"], None);
        assert!(matches!(none, Err(Error::Unsupported(why)) if why.contains("install the package \"snmp\"")));
    }
}
