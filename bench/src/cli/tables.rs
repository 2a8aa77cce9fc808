//! Every table of the measurements, with what is hard to show.

use std::time::Duration;

use output::check::{self, Sample};

use super::{report, soak};
use crate::{Floor, Measured, Soak, Spread, Vitals};

#[test]
fn every_table_is_readable_at_any_width_and_whole_in_a_pipe() {
    check::tables(env!("CARGO_MANIFEST_DIR"), |_| samples());
}

fn sample(table: output::Table, whole: &[&str]) -> Sample {
    Sample { table, whole: whole.iter().map(|name| (*name).to_owned()).collect() }
}

fn samples() -> Vec<Sample> {
    let time = Duration::from_secs(100_000);
    let spread = Spread { p50: time, p90: time, p99: time, p99_9: time, max: time };
    let floor = Floor { figures: vec![("p50", 1e8)], rate: Some((1e7, "commit")) };
    let measured = Measured::spread("durable", 1000, 1e7, &spread).with("minions", 10_000).over(floor);
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
        sample(report::table(&[measured]), &["durable"]),
        sample(soak::table(&soak), &["overlord", "soak-minion-0001", "100000000"]),
    ]
}
