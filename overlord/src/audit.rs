//! What was asked of an overlord, and what it decided, for its owner to find later: `audit.jsonl` in its folder.

mod enrolment;
mod refusals;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use audit_log::{AuditError, AuditLog, Settings, entry};
use ledger::JobRecord;
use machine::clock::rfc3339;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use wire::digest::Digest;
use wire::document::redaction;
use wire::identity::{Moment, Peer};
use wire::message::audit::{AuditQuery, Decision};
use wire::message::job::JobId;
use wire::name::{MinionName, OperatorName};
use wire::signing::PublicKey;
use wire::value::method::OneMethod;

pub(crate) use self::enrolment::LetInBy;
use self::refusals::Refusals;
use crate::roles::Deed;

/// The audit log of an overlord.
pub(crate) struct Audit {
    log: AuditLog,
    path: PathBuf,
    /// Told of every entry.
    appended: watch::Sender<()>,
    /// One reads at a time.
    readers: Semaphore,
    /// What roles refuse, by operator and kind of deed.
    denials: Refusals<(OperatorName, String)>,
    /// Peers that were turned away, by event.
    turned_away: Refusals<&'static str>,
}

/// How many refusals of an operator of one kind are written in a minute.
const DENIALS: usize = 20;
/// How many peers that are turned away are written in a minute, of each event.
const TURNED_AWAY: usize = 100;
/// The same, of one host.
const TURNED_AWAY_OF_HOST: usize = 20;

impl Audit {
    /// Opens the log of an overlord's folder.
    pub(crate) fn open(settings: &Settings, path: &Path) -> Result<Self, AuditError> {
        Ok(Self {
            log: AuditLog::open_as(settings, path, "overlord")?,
            path: path.to_owned(),
            appended: watch::Sender::default(),
            readers: Semaphore::new(1),
            denials: Refusals::new(DENIALS, DENIALS),
            turned_away: Refusals::new(TURNED_AWAY, TURNED_AWAY_OF_HOST),
        })
    }

    /// The file that is written.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What changes with every entry.
    pub(crate) fn appended(&self) -> watch::Receiver<()> {
        self.appended.subscribe()
    }

    /// Waits for the turn to read the log.
    pub(crate) async fn reading(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.readers.acquire().await.ok()
    }

    /// A call was allowed, and is about to become a job.
    ///
    /// # Errors
    /// [`AuditError`], where the entry cannot be written.
    pub(crate) fn call(&self, job: &JobRecord, methods: &[OneMethod]) -> Result<(), AuditError> {
        let methods: Vec<_> = methods.iter().map(OneMethod::signature).collect();
        let arguments = redaction::within(&methods, &job.method.module, &job.arguments, MAX_ARGUMENTS);
        self.write(json!({
            "event": "call",
            "job": job.id,
            "operator": job.operator,
            "method": job.method,
            "arguments": arguments,
            "target": job.target,
            "exclude": job.exclude,
            "minions": some(&job.targets),
            "minion_count": job.targets.len(),
            "dry_run": job.dry_run,
            "rerun_of": job.rerun_of,
            "signer": job.mandate.as_ref().map(|mandate| mandate.signer()),
            "decision": "allowed",
        }))
    }

    /// A job is over, with so many parts of each outcome.
    pub(crate) fn outcome(&self, job: JobId, outcomes: &BTreeMap<&'static str, usize>) {
        self.note(json!({ "event": "outcome", "job": job, "counts": outcomes }));
    }

    /// An operator asked for entries of this log.
    pub(crate) fn read(&self, operator: &OperatorName, query: &AuditQuery) {
        let AuditQuery { since, operator: of, method, minion, decision, limit } = query;
        let decision = decision.map(Decision::as_str);
        let query =
            [("operator", of.as_deref()), ("method", method.as_deref()), ("minion", minion.as_deref())];
        let query = query.into_iter().chain([("decision", decision)]);
        let mut query: Map<String, Value> =
            query.filter_map(|(name, glob)| Some((name.to_owned(), glob?.into()))).collect();
        query.extend(since.map(|since| ("since".to_owned(), rfc3339(since).into())));
        query.insert("limit".to_owned(), (*limit).into());
        self.note(json!({
            "event": "audit-read",
            "operator": operator,
            "query": query,
            "decision": "allowed",
        }));
    }

    /// A minion with the key of one that is linked was refused.
    pub(crate) fn second_minion(&self, minion: &MinionName, from: SocketAddr, linked: SocketAddr) {
        self.note(json!({
            "event": "second-minion",
            "minion": minion,
            "from": from.to_string(),
            "linked": linked.to_string(),
            "decision": "denied",
        }));
    }

    /// An operator was refused a deed by its roles. Of many such refusals, only some get an entry each: see
    /// [`summarise`](Self::summarise).
    pub(crate) fn denied(&self, operator: &OperatorName, from: SocketAddr, deed: Deed<'_>, why: &str) {
        let (event, method) = match deed {
            Deed::Call(method) => ("call", Some(method)),
            _ => ("request", None),
        };
        // Which methods there are to be called, the operator chooses.
        let kind = if method.is_some() { "call methods".to_owned() } else { deed.to_string() };
        if !self.denials.is_written((operator.clone(), kind), String::new(), Instant::now()) {
            return;
        }
        self.note(json!({
            "event": event,
            "operator": operator,
            "method": method,
            "from": from.to_string(),
            "asked": deed.to_string(),
            "why": why,
            "decision": "denied",
        }));
    }

    /// Notes how many refusals got no entry of their own: of those that are a while ago, or of all where this is the
    /// last time.
    pub(crate) fn summarise(&self, is_last: bool) {
        let now = (!is_last).then(Instant::now);
        for (event, count) in self.turned_away.summary(now) {
            self.note(json!({
                "event": "denials-left-out", "asked": event, "count": count, "decision": "denied",
            }));
        }
        for ((operator, asked), count) in self.denials.summary(now) {
            self.note(json!({
                "event": "denials-left-out",
                "operator": operator,
                "asked": asked,
                "count": count,
                "decision": "denied",
            }));
        }
    }

    /// Something was decided of an operator by another: `event` says what.
    pub(crate) fn operator(&self, event: &str, operator: &OperatorName, by: &OperatorName, why: &str) {
        self.note(json!({
            "event": event,
            "decision": "allowed",
            "operator": by,
            "of": operator,
            "why": why,
        }));
    }

    /// An operator had jobs forgotten that are over.
    pub(crate) fn purged(&self, jobs: usize, by: &OperatorName, from: SocketAddr) {
        self.note(json!({
            "event": "jobs-purged",
            "operator": by,
            "count": jobs,
            "from": from.to_string(),
            "decision": "allowed",
        }));
    }

    /// An operator is about to change modules: `deed` says how, and `on` which module and where; `signer` is the key
    /// with which the operator has signed it.
    pub(crate) fn modules(
        &self,
        deed: Deed<'_>,
        on: (&str, &str),
        (by, signer): (&OperatorName, Option<PublicKey>),
        from: SocketAddr,
    ) {
        let (module, target) = on;
        self.note(json!({
            "event": "modules",
            "operator": by,
            "asked": deed.to_string(),
            "module": module,
            "target": target,
            "signer": signer,
            "from": from.to_string(),
            "decision": "allowed",
        }));
    }

    /// An operator logged in with a token.
    pub(crate) fn logged_in(&self, operator: &OperatorName, from: SocketAddr, invited_by: &OperatorName) {
        self.note(json!({
            "event": "operator-login",
            "decision": "allowed",
            "operator": operator,
            "from": from.to_string(),
            "invited_by": invited_by,
        }));
    }

    /// The roles were read again.
    pub(crate) fn roles_changed(&self, changes: &[String]) {
        self.note(json!({ "event": "roles-changed", "decision": "allowed", "changes": changes }));
    }

    /// The configuration was read again, and says something else.
    pub(crate) fn configuration_changed(&self, changes: &[String]) {
        self.note(json!({ "event": "configuration-changed", "decision": "allowed", "changes": changes }));
    }

    /// A minion or an operator was given its next certificate.
    pub(crate) fn renewed(&self, peer: &Peer, from: SocketAddr) {
        self.note(json!({
            "event": "renew",
            (peer.side.as_str()): peer.name,
            "from": from.to_string(),
            "key": peer.key.to_string(),
            "valid_until_at": Moment(peer.validity.until).to_string(),
            "decision": "allowed",
        }));
    }

    /// An operator moved to another authority, or would have: `event` says which step that was.
    pub(crate) fn authority(
        &self,
        event: &str,
        (operator, from): (&OperatorName, SocketAddr),
        (step, fingerprint): (&str, Digest),
        refused: Option<&str>,
    ) {
        self.note(json!({
            "event": event,
            "operator": operator,
            "from": from.to_string(),
            "step": step,
            "fingerprint": fingerprint.to_string(),
            "why": refused,
            "decision": if refused.is_none() { "allowed" } else { "denied" },
        }));
    }

    /// Puts on disk what was written.
    pub(crate) fn sync(&self) {
        if let Err(error) = self.log.sync() {
            tracing::error!(%error, "the audit log is not whole");
        }
    }

    /// Writes something that has happened already, and so cannot be refused: where that fails, it is logged.
    fn note(&self, said: Value) {
        if let Err(error) = self.write(said) {
            tracing::error!(%error, "an entry of the audit log is missing");
        }
    }

    fn write(&self, said: Value) -> Result<(), AuditError> {
        self.log.append(&entry(said))?;
        self.appended.send_replace(());
        Ok(())
    }
}

/// The first of the minions: as many as an entry names.
fn some(minions: &[MinionName]) -> &[MinionName] {
    &minions[..minions.len().min(MAX_NAMED)]
}

/// How many minions an entry names. How many there are, it says besides.
const MAX_NAMED: usize = 100;
/// The largest arguments that are shown, in bytes.
const MAX_ARGUMENTS: usize = 16 << 10;
