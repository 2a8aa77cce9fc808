//! The module `snmp`: what other hosts say by SNMP. What each method does is said in `wit/snmp.wit`.
//!
//! A guest has no sockets, so Net-SNMP's own programs ask, without any MIB: numbers in, numbers out.

mod asking;
mod credentials;
mod output;

use failure::{Error, check_host};

use asking::How;
use exports::minion::snmp::snmp::{Credentials, Entry, Guest, Options, Walked};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:snmp/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq],
});

struct Snmp;

export!(Snmp);

/// How many values are asked for at once, at most.
const MOST_OIDS: usize = 64;

/// How many values are walked over where nobody says, and at most.
const USUAL_ENTRIES: u32 = 1000;
const MOST_ENTRIES: u32 = 100_000;

impl Guest for Snmp {
    fn get(
        host: String,
        oids: Vec<String>,
        credentials: Option<Credentials>,
        options: Option<Options>,
    ) -> Result<Vec<Entry>, Error> {
        check_host(&host)?;
        if !(1..=MOST_OIDS).contains(&oids.len()) {
            return Err(Error::Invalid(format!(
                "{} numbers in `oids`: ask for 1 to {MOST_OIDS}",
                oids.len()
            )));
        }
        oids.iter().try_for_each(|oid| check_oid(oid))?;
        let how = How::of(&host, options.as_ref())?;
        let oids: Vec<&str> = oids.iter().map(String::as_str).collect();
        let text = asking::ask("snmpget", &how, &oids, credentials.as_ref())?.stdout_text();
        output::entries(&text)
    }

    fn walk(
        host: String,
        oid: String,
        credentials: Option<Credentials>,
        options: Option<Options>,
    ) -> Result<Walked, Error> {
        check_host(&host)?;
        check_oid(&oid)?;
        let most = options.as_ref().and_then(|options| options.most).unwrap_or(USUAL_ENTRIES);
        if !(1..=MOST_ENTRIES).contains(&most) {
            return Err(Error::Invalid(format!("{most} values: walk over 1 to {MOST_ENTRIES}")));
        }
        let how = How::of(&host, options.as_ref())?;
        let output = asking::ask("snmpbulkwalk", &how, &[&oid], credentials.as_ref())?;
        let text = output.stdout_text();
        let is_cut = output.stdout_dropped > 0;
        let mut entries = if is_cut { output::whole_entries(&text) } else { output::entries(&text)? };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let complete = !is_cut && entries.len() <= most;
        entries.truncate(most);
        Ok(Walked { entries, complete })
    }
}

/// That a text is the number of something: `.1.3.6.1.2.1.1.5.0`.
fn check_oid(text: &str) -> Result<(), Error> {
    let numbers = text.strip_prefix('.').unwrap_or(text);
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u32>().is_ok()
    };
    if numbers.split('.').all(is_number) && numbers.split('.').count() <= 128 {
        return Ok(());
    }
    Err(Error::Invalid(
        "what is asked for is no number: write it like .1.3.6.1.2.1.1.5.0, without names".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn what_is_no_host_or_no_number_is_never_asked() {
        let host = Host::new();
        for bad in ["", ".", "1..3", "sysName.0", "-1", "1.3 4", "1.4294967296", &"1.".repeat(200)] {
            let refused = Snmp::walk("switch1".to_owned(), bad.to_owned(), None, None);
            assert!(matches!(refused, Err(Error::Invalid(_))), "{bad}");
        }
        for bad in ["", "-v", "a/b", "unix:/x y", "a\0"] {
            assert!(
                matches!(
                    Snmp::get(bad.to_owned(), vec![".1.3".to_owned()], None, None),
                    Err(Error::Invalid(_))
                ),
                "{bad}"
            );
        }
        for oids in [vec![], vec![".1.3".to_owned(); 65]] {
            assert!(matches!(Snmp::get("a".to_owned(), oids, None, None), Err(Error::Invalid(_))));
        }
        assert_eq!(host.ran(), [[""; 0]; 0]);
    }

    #[test]
    fn a_walk_says_whether_it_is_complete() {
        let argv =
            ["snmpbulkwalk", "-m", "", "-OnetUx", "-t", "2", "-r", "1", "--", "udp:switch1:161", ".1.3"];
        let walk = |most, dropped| {
            let text = ".1.3.1 = INTEGER: 1\n.1.3.2 = INTEGER: 2\n.1.3.3 = INTEGER: 3\n";
            let output = Output { stdout_dropped: dropped, ..Output::printed(text, 0) };
            let _host = Host::new().program(&argv, output);
            let options = Options { port: None, timeout_s: None, retries: None, most };
            let walked =
                Snmp::walk("switch1".to_owned(), ".1.3".to_owned(), None, Some(options)).expect("walked");
            (walked.entries.len(), walked.complete)
        };
        assert_eq!((walk(None, 0), walk(Some(3), 0), walk(Some(2), 0)), ((3, true), (3, true), (2, false)));
        // The last line may be cut as well.
        assert_eq!(walk(None, 5), (2, false));
    }
}
