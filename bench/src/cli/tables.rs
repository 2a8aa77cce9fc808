//! Every table of the measurements, with what is hard to show.

use std::time::Duration;

use output::check::{self, Sample};

use super::{calls, soak};
use crate::{Calls, Measured, Soak, Spread, Vitals};

#[test]
fn every_table_is_readable_at_any_width_and_whole_in_a_pipe() {
    check::tables(env!("CARGO_MANIFEST_DIR"), |_| samples());
}

fn sample(table: output::Table, whole: &[&str]) -> Sample {
    Sample { table, whole: whole.iter().map(|name| (*name).to_owned()).collect() }
}

fn samples() -> Vec<Sample> {
    let time = Duration::from_secs(100_000);
    let spread = Spread { p50: time, p99: time, max: time };
    let measured = vec![Measured { what: "durable-call", in_flight: 1000, rate: 1e7, spread }];
    let daemons = vec![Vitals { resident: u64::MAX, handles: 1_000_000, children: 7 }; 2];
    let soak = Soak {
        names: vec!["overlord".into(), "soak-minion-0001".into()],
        samples: vec![crate::Sample { jobs: 100_000_000, elapsed: time, rate: 1e7, daemons }],
        not_ok: 0,
        first_not_ok: None,
        disk: Vec::new(),
        growth: Vec::new(),
    };
    vec![
        sample(calls::table(&Calls { minions: 1, measured }), &["durable-call"]),
        sample(soak::table(&soak), &["overlord", "soak-minion-0001", "100000000"]),
    ]
}
