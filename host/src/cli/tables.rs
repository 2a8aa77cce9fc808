//! Every table of the command line, with what is hard to show.

use clap::Subcommand as _;
use output::check::{self, Sample};
use wire::digest::Digest;
use wire::message::module::{Module, ModuleState, ModuleVersion};

use super::{Command, modules, status};
use crate::status::ModuleStatus;

#[test]
fn every_table_is_readable_at_any_width_and_whole_in_a_pipe() {
    check::tables(env!("CARGO_MANIFEST_DIR"), |_| samples());
}

#[test]
fn every_command_with_a_table_says_how_to_see_all_of_it() {
    let program = Command::augment_subcommands(clap::Command::new("minion"));
    for name in ["modules", "status"] {
        let command = program.find_subcommand(name).expect("a command");
        let full = command.get_arguments().find(|argument| argument.get_id() == "full");
        let help = full.and_then(|full| full.get_long_help()).map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("cut in the middle") && help.contains("a pipe"), "`minion {name}`: {help}");
    }
}

fn samples() -> Vec<Sample> {
    let digest = Digest::of(b"code");
    let failed =
        ModuleState::Failed("サービスを再起動できませんでした: it imports what no policy grants ".repeat(4));
    let version = |code: &[u8], state| ModuleVersion {
        digest: Digest::of(code),
        version: Some(VERSION.into()),
        state,
        since: 1,
        signer: None,
    };
    let module = Module {
        name: MODULE.parse().expect("a name"),
        version: Some(VERSION.into()),
        digest,
        description: Some("Restarts units of systemd, サービス, and says what became of them. ".repeat(4)),
        state: ModuleState::Active,
        methods: wire::value::method::Methods::default(),
        imports: Vec::new(),
        versions: vec![version(b"code", ModuleState::Active), version(b"more", failed)],
    };
    let of_jobs = ModuleStatus {
        name: MODULE.into(),
        version: Some(VERSION.into()),
        digest: digest.to_string(),
        state: "draining".into(),
        jobs: u64::MAX,
        outcomes: [("ok".to_owned(), u64::MAX)].into(),
        cpu_us: 1 << 50,
        peak_memory: u64::MAX,
    };
    let whole = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        Sample { table: modules::table(&[module]), whole: whole(&[MODULE, VERSION, "active", "failed"]) },
        Sample {
            table: status::table(&[of_jobs]),
            whole: whole(&[MODULE, "draining", "18446744073709551615"]),
        },
    ]
}

const MODULE: &str = "a-module-with-a-long-name_2";
const VERSION: &str = "1.22.333-rc.4+build";
