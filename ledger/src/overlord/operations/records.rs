//! The records of a job. Each kind has a keyspace of its own, so that adding one never rewrites another.

use serde::{Deserialize, Serialize};
use wire::message::call::Share;
use wire::message::job::{JobId, JobState, MinionState};
use wire::message::operator::Transition;
use wire::message::outcome::Report;
use wire::name::{MethodPath, MinionName, OperatorName};
use wire::signing::mandate::SignedMandate;
use wire::value::arguments::Arguments;

use crate::key;
use crate::keyspace::Keyspace;
use crate::overlord::job::{JobRecord, PartRecord};
use crate::record::Record;

/// What a job record says besides its arguments and targets, which may be large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) accepted_at: u64,
    pub(super) operator: OperatorName,
    pub(super) target: String,
    pub(super) exclude: Option<String>,
    pub(super) method: MethodPath,
    pub(super) timeout_ms: Option<u64>,
    pub(super) queue_until: Option<u64>,
    pub(super) dry_run: bool,
    pub(super) durable: bool,
    pub(super) batch: Option<Share>,
    pub(super) max_failures: Option<Share>,
    pub(super) rerun_of: Option<JobId>,
    pub(super) targets: u32,
}

impl Head {
    /// The head of a job record, and its heavy parts, targets sorted and each once.
    pub(super) fn split(job: JobRecord) -> (Self, StoredArguments, Targets) {
        let mut targets = job.targets;
        targets.sort();
        targets.dedup();
        let head = Self {
            accepted_at: job.accepted_at,
            operator: job.operator,
            target: job.target,
            exclude: job.exclude,
            method: job.method,
            timeout_ms: job.timeout_ms,
            queue_until: job.queue_until,
            dry_run: job.dry_run,
            durable: job.durable,
            batch: job.batch,
            max_failures: job.max_failures,
            rerun_of: job.rerun_of,
            targets: u32::try_from(targets.len()).unwrap_or(u32::MAX),
        };
        (head, StoredArguments(job.arguments), Targets(targets))
    }

    /// The job record of a head and its heavy parts.
    pub(super) fn join(
        self,
        id: JobId,
        arguments: StoredArguments,
        targets: Targets,
        patience: Option<StoredPatience>,
        mandate: Option<StoredMandate>,
    ) -> JobRecord {
        JobRecord {
            id,
            accepted_at: self.accepted_at,
            operator: self.operator,
            target: self.target,
            exclude: self.exclude,
            targets: targets.0,
            method: self.method,
            arguments: arguments.0,
            timeout_ms: self.timeout_ms,
            queue_until: self.queue_until,
            dry_run: self.dry_run,
            durable: self.durable,
            batch: self.batch,
            max_failures: self.max_failures,
            rerun_of: self.rerun_of,
            patience_ms: patience.map(|StoredPatience(ms)| ms),
            mandate: mandate.map(|StoredMandate(mandate)| Box::new(mandate)),
        }
    }
}

/// For how long a minion that is out of touch keeps its place in a batch, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredPatience(pub(super) u64);

/// What the operator has signed of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredMandate(pub(super) SignedMandate);

/// Who gave a part up, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredGivenUp {
    pub(super) operator: OperatorName,
    /// When that was, in milliseconds since 1970.
    pub(super) at: u64,
}

/// What a minion said of its part after that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredLater {
    /// When it was heard, in milliseconds since 1970.
    pub(super) at: u64,
    pub(super) report: Report,
}

/// A job's arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredArguments(pub(super) Arguments);

/// A job's targets, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Targets(pub(super) Vec<MinionName>);

/// How one part of a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredReport(pub(super) Report);

/// One change of a job; its number in the order is in its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredTransition {
    pub(super) at: u64,
    pub(super) job_state: JobState,
    pub(super) part: Option<(MinionName, MinionState)>,
}

impl StoredTransition {
    /// The change with its number in the order.
    pub(super) fn at_place(self, seq: u32) -> Transition {
        Transition { seq, at: self.at, job_state: self.job_state, part: self.part }
    }
}

/// Since when a part of a job is to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredCancel {
    /// When an operator asked for that, in milliseconds since 1970.
    pub(super) at: u64,
}

impl Record for Head {
    const SPACE: Keyspace = Keyspace::Jobs;
}

impl Record for StoredArguments {
    const SPACE: Keyspace = Keyspace::Arguments;
}

impl Record for Targets {
    const SPACE: Keyspace = Keyspace::Targets;
}

impl Record for PartRecord {
    const SPACE: Keyspace = Keyspace::Parts;
}

impl Record for StoredReport {
    const SPACE: Keyspace = Keyspace::Outcomes;
}

impl Record for StoredTransition {
    const SPACE: Keyspace = Keyspace::Transitions;
}

impl Record for StoredCancel {
    const SPACE: Keyspace = Keyspace::Cancels;
}

impl Record for StoredMandate {
    const SPACE: Keyspace = Keyspace::Mandates;
}

impl Record for StoredPatience {
    const SPACE: Keyspace = Keyspace::Patience;
}

impl Record for StoredGivenUp {
    const SPACE: Keyspace = Keyspace::GivenUp;
}

impl Record for StoredLater {
    const SPACE: Keyspace = Keyspace::Later;
}

/// The key of a part in each keyspace of parts.
pub(super) fn part_key(job: JobId, minion: &MinionName) -> Vec<u8> {
    key::of_job(job, minion.as_str().as_bytes())
}

/// The minion that a part's key ends with.
pub(super) fn minion_of(key: &[u8]) -> Option<MinionName> {
    let (_, minion) = key::split_job(key)?;
    std::str::from_utf8(minion).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;
    use wire::message::job::MinionJobId;
    use wire::message::outcome::{Cost, FailureKind, ModuleRef, Outcome};
    use wire::value::Value;
    use wire::value::arguments::Word;

    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn a_job_is_stored_as_format_1_has_it() {
        let job = JobRecord {
            id: JobId::from_bytes([1; 16]),
            accepted_at: 1000,
            operator: "ann".parse().expect("a name"),
            target: "*".into(),
            exclude: Some("db".into()),
            targets: vec!["web1".parse().expect("a name")],
            method: "test.ping".parse().expect("a method"),
            arguments: Arguments::Words(vec![Word::Text("a".into()), Word::File(vec![1])]),
            timeout_ms: Some(5),
            queue_until: None,
            dry_run: true,
            durable: true,
            batch: Some(Share::Percent(10)),
            max_failures: Some(Share::Count(3)),
            rerun_of: Some(JobId::from_bytes([2; 16])),
            patience_ms: Some(15_000),
            mandate: None,
        };
        let (head, arguments, targets) = Head::split(job);
        is_stored_as(
            &head,
            "012e0a0135e80703616e6e012a0102646209746573742e70696e67010500010101010a0100030102\
             02020202020202020202020202020201",
        );
        is_stored_as(&arguments, "01a4497a290002000161010101");
        is_stored_as(&targets, "01230a5abb010477656231");
    }

    #[test]
    fn a_part_is_stored_as_format_1_has_it() {
        let state = Some(MinionState::Running);
        let part = PartRecord { minion_job: Some(MinionJobId::from_bytes([3; 16])), state, changed_at: 7 };
        is_stored_as(&part, "01588b1f210103030303030303030303030303030303010107");
        let part = Some(("web1".parse().expect("a name"), MinionState::Running));
        let transition = StoredTransition { at: 9, job_state: JobState::Partial, part };
        is_stored_as(&transition, "01db80a2f2090101047765623101");
    }

    #[test]
    fn a_wish_to_stop_is_stored_as_format_2_has_it() {
        is_stored_as(&StoredCancel { at: 300 }, "017ca84461ac02");
    }

    #[test]
    fn what_is_known_of_those_out_of_touch_is_stored_as_format_3_has_it() {
        is_stored_as(&StoredPatience(300), "017ca84461ac02");
        is_stored_as(
            &StoredGivenUp { operator: "ann".parse().expect("a name"), at: 300 },
            "0100378ae103616e6eac02",
        );
        let report = Report::without_run(Outcome::failed(FailureKind::Denied, "no"), 8);
        is_stored_as(&StoredLater { at: 300, report }, "01269b3165ac02010b026e6f0000000000000000000008");
    }

    #[test]
    fn an_outcome_is_stored_as_format_1_has_it() {
        let failure = Report::without_run(Outcome::failed(FailureKind::Denied, "no"), 8);
        is_stored_as(&StoredReport(failure), "016ffa8ea7010b026e6f0000000000000000000008");
        let value = Value::Record(vec![
            ("a".into(), Value::List(vec![Value::Signed(-1), Value::Unsigned(2), Value::F64(0.5)])),
            ("b".into(), Value::Option(Some(Box::new(Value::Bytes(vec![1, 2]))))),
            ("c".into(), Value::Variant("v".into(), Some(Box::new(Value::Char('x'))))),
            ("d".into(), Value::Result(Err(Some(Box::new(Value::Flags(vec!["f".into()])))))),
        ]);
        let report = Report {
            outcome: Outcome::Ok(Some(value)),
            module: Some(ModuleRef { version: Some("1.0.0".into()), digest: Digest::of(b"code") }),
            cost: Cost { wall_us: 1, cpu_us: 2, peak_memory: 3, bytes_in: 4, bytes_out: 5 },
            would: vec!["restart nginx".into()],
            ended_at: 8,
        };
        is_stored_as(
            &StoredReport(report),
            "01bf10e98100010a04016108030101020204000000000000e03f01620d010702010201630b017601\
             05017801640e01010f010166010105312e302e305694d08a2e53ffcae0c3103e5ad6f6076abd960e\
             b1f8a56577040bc1028f702b0102030405010d72657374617274206e67696e7808",
        );
    }
}
