//! A module as its author writes it, tested natively as its author would.

// The generated exports are unsafe functions without documentation.
#![allow(missing_docs, unsafe_code, unreachable_pub)]

use minion_sdk::process::{Command, Output};
use minion_sdk::testing::Host;
use minion_sdk::{job, kv};

use exports::acme::clock::clock::Guest as Clock;
use exports::minion::facts::provider::Guest as Provider;

minion_sdk::module!({
    inline: "
        package acme:clock@0.1.0;

        /// Tells the time.
        interface clock {
            use minion:process/process@0.1.0.{output, error};

            /// Asks the host's own program.
            ask: func() -> result<output, error>;

            /// Wakes a list of people, and says how many it got to.
            wake: func(names: list<string>) -> result<u32, string>;
        }

        world module {
            export clock;
            export minion:facts/provider@0.1.0;

            /// How often it was asked.
            export asked: func() -> result<u64, string>;
        }
    ",
});

struct Module;

export!(Module);

impl Clock for Module {
    // The types of the WIT are those of the SDK.
    fn ask() -> Result<Output, minion_sdk::process::Error> {
        Command::new("date").env("TZ", "UTC").run()
    }

    fn wake(names: Vec<String>) -> Result<u32, String> {
        let mut woken = 0;
        for name in &names {
            if job::cancelled() {
                break;
            }
            job::emit(name)?;
            woken += 1;
        }
        kv::set("asked", [1])?;
        Ok(woken)
    }
}

impl Provider for Module {
    fn facts() -> Result<Vec<(String, String)>, String> {
        Ok(vec![("zone".to_owned(), "UTC".to_owned())])
    }
}

impl Guest for Module {
    fn asked() -> Result<u64, String> {
        Ok(kv::get("asked")?.map_or(0, |value| value[0].into()))
    }
}

#[test]
fn types_of_the_host_s_packages_are_those_of_the_sdk() {
    let _host = Host::new().program(&["date"], Output::printed("noon", 0));
    assert_eq!(Module::ask().map(|output| output.stdout_text()), Ok("noon".to_owned()));
}

#[test]
fn errors_of_the_host_become_errors_of_the_method() {
    let _host = Host::new().dry_run();
    assert_eq!(Module::wake(vec![]), Err("set \"asked\" to 1 byte".to_owned()));
}

#[test]
fn a_method_stops_where_it_is_cancelled() {
    let host = Host::new().cancel_after(1);
    assert_eq!(Module::wake(vec!["Ada".to_owned(), "Grace".to_owned()]), Ok(1));
    assert_eq!(host.emitted(), ["Ada"]);
    assert_eq!(Module::asked(), Ok(1));
}

#[test]
fn interfaces_of_the_host_can_be_exported() {
    assert_eq!(Module::facts(), Ok(vec![("zone".to_owned(), "UTC".to_owned())]));
}
