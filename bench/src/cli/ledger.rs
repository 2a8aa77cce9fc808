//! `overlord bench ledger`

use clap::Args;
use output::{Exit, FullFlag, note};

use super::measured;
use super::report::shown;
use crate::{LedgerOptions, ledger};
use overlord::cli::{CliError, FormatFlag};

/// Measure how fast the overlord's ledger takes jobs and finds them, with few finished jobs in it and with many
///
/// A submission is a durable job with one target, on disk when it is answered; SHARED says how many of them one fsync
/// was for. A look-up finds all that is known of a job. Their floors are the same with a bare database: one batch of as
/// many records with one fsync, and one read, among as many records. Everything is measured with 10,000 finished jobs
/// and then with --jobs; SLOWER compares the two. No daemon runs for this.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench ledger
  overlord bench ledger --jobs 10M --json")]
pub(crate) struct LedgerCommand {
    /// How many finished jobs there are in the end: 10000, 10k, 10M
    #[arg(long, value_name = "N", default_value = "10k", value_parser = number)]
    jobs: u64,
    /// How many times each thing is done
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// How many submissions at once: one number or several, measured one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 8, 64],
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    in_flight: Vec<u16>,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl LedgerCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        // As the daemon does.
        machine::descriptors::raise();
        let jobs = self.jobs;
        let options = LedgerOptions {
            jobs,
            count: self.count,
            at_once: self.in_flight.into_iter().map(usize::from).collect(),
        };
        let mut told = 0;
        let watch = |done: u64| {
            let tenth = done * 10 / jobs.max(1);
            if tenth > told {
                told = tenth;
                note(format_args!("{done} of {jobs} jobs are in the ledger"));
            }
        };
        measured(
            async |signals| ledger(options, signals.next(), watch).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}

/// Reads `10000`, `10k` and `10M`.
fn number(text: &str) -> Result<u64, String> {
    let (digits, times) = match text.char_indices().last() {
        Some((end, 'k' | 'K')) => (&text[..end], 1000),
        Some((end, 'M')) => (&text[..end], 1_000_000),
        _ => (text, 1),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(times));
    let fits = |number: &u64| (1..=1_000_000_000).contains(number);
    number.filter(fits).ok_or_else(|| "write a number from 1 to 1000M, like 10000, 10k or 10M".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_written_short() {
        for (text, read) in [("7", 7), ("10k", 10_000), ("10K", 10_000), ("10M", 10_000_000)] {
            assert_eq!(number(text), Ok(read), "{text}");
        }
        for text in ["", "0", "k", "10G", "-1", "1.5M", "1001M", "99999999999999999999k"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
