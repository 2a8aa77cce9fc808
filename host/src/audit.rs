//! What was done and refused on this host, for its owner: `audit.jsonl` in the minion's folder.
//!
//! There is an entry when a call is decided on, one with its outcome, one for each attempt beyond a grant, one
//! when policy changes, and one when a module does or must not. Values of secret parameters are never written:
//! those whose name, or whose field's name, says that it is one (`password`, `api-token`), and those that the
//! method's documentation marks `(secret)`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use audit_log::{AuditError, AuditLog, Settings, entry};
use serde_json::{Value, json};

use wire::digest::Digest;
use wire::document::redaction::{self, Unshown, by_parameter, counted, cut};
use wire::identity::{Moment, Peer};
use wire::message::call::Start;
use wire::message::job::JobId;
use wire::message::link::ModuleCommand;
use wire::message::outcome::Outcome;
use wire::name::{MethodPath, MinionName, ModuleName, OperatorName};
use wire::signing::PublicKey;
use wire::transport::frame;
use wire::value::method::Signature;

use crate::access::ChangeDenied;
use crate::log_allowance::{Allowance, Minutely};
use crate::mandates::CallDenied;
use crate::membership::Member;
use crate::sandbox::Denial;

/// One change of the modules in service, or of one on its way there.
pub(crate) struct ModuleChange<'a> {
    /// What was done, in a word: `activated`, `removed`.
    pub(crate) what: &'static str,
    /// Who asked for it.
    pub(crate) by: Origin,
    /// The module.
    pub(crate) module: &'a ModuleName,
    /// SHA-256 of the file of the version.
    pub(crate) digest: Option<Digest>,
    /// The version in its metadata.
    pub(crate) version: Option<&'a str>,
    /// SHA-256 of the file of the version that was in service before.
    pub(crate) before: Option<Digest>,
    /// The public key of the signer.
    pub(crate) signer: Option<&'a str>,
    /// Why the change was refused or failed.
    pub(crate) reason: Option<&'a str>,
}

/// Who asked for a change of the modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody changed the modules folder.
    Folder,
    /// The overlord asked for it.
    Overlord,
    /// The minion did it by itself.
    Minion,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Origin::Folder => "folder",
            Origin::Overlord => "overlord",
            Origin::Minion => "minion",
        }
    }
}

impl<'a> ModuleChange<'a> {
    /// A change of which no more is known than what was done to which module.
    pub(crate) fn of(what: &'static str, by: Origin, module: &'a ModuleName) -> Self {
        Self { what, by, module, digest: None, version: None, before: None, signer: None, reason: None }
    }

    /// Writes the change into the minion's log.
    pub(crate) fn log(&self) {
        let (digest, before) =
            (self.digest.map(|digest| digest.short()), self.before.map(|digest| digest.short()));
        tracing::info!(
            module = %self.module,
            version = self.version,
            digest,
            change = self.what,
            by = self.by.as_str(),
            before,
            reason = self.reason,
            "a module is another one"
        );
    }
}

/// The audit log of a minion. Those of a swarm share one file, and each entry says which minion's it is.
pub(crate) struct Audit {
    log: Arc<AuditLog>,
    minion: Option<MinionName>,
    /// The room for what an overlord asks for in vain.
    in_vain: Arc<Minutely>,
}

impl Audit {
    /// Opens the log of a minion's folder, in files of the usual size.
    #[cfg(test)]
    pub(crate) fn open(path: &Path) -> Result<Self, AuditError> {
        Self::open_as(&Settings::default(), path)
    }

    /// Opens the log of a minion's folder.
    pub(crate) fn open_as(settings: &Settings, path: &Path) -> Result<Self, AuditError> {
        let log = AuditLog::open_as(settings, path, "minion")?;
        Ok(Self { log: Arc::new(log), minion: None, in_vain: Arc::default() })
    }

    /// The same log, for what one minion of a swarm does.
    pub(crate) fn of_minion(&self, minion: MinionName) -> Self {
        Self { log: self.log.clone(), minion: Some(minion), in_vain: self.in_vain.clone() }
    }

    /// Writes that a call was allowed or denied, and with which key it is signed where that counts. A call that cannot be
    /// written down must not run.
    ///
    /// # Errors
    /// [`AuditError`], where the entry cannot be written.
    pub(crate) fn call(
        &self,
        start: &Start,
        method: Option<Signature<'_>>,
        decision: &Result<(), CallDenied>,
        signer: Option<PublicKey>,
    ) -> Result<(), AuditError> {
        let mut entry = json!({
            "event": "call",
            "job": start.job,
            "operator": start.operator,
            "method": start.method,
            "arguments": shown(start, method),
            "dry_run": start.dry_run,
            "signer": signer,
            "decision": if decision.is_ok() { "allowed" } else { "denied" },
        });
        if let Err(denied) = decision {
            say_why(&mut entry, denied);
        }
        self.write(entry)
    }

    /// Writes that a call was denied before it was a job: without its arguments, which anybody may have made up, and only
    /// as many a minute as leave room for what was done.
    pub(crate) fn turned_away(&self, start: &Start, denied: &CallDenied, signer: Option<PublicKey>) {
        let mut entry = json!({
            "event": "call",
            "job": start.job,
            "operator": start.operator,
            "method": start.method,
            "dry_run": start.dry_run,
            "signer": signer,
            "decision": "denied",
        });
        say_why(&mut entry, denied);
        self.note_in_vain(entry);
    }

    /// Writes what an overlord was denied, where there is room for it.
    fn note_in_vain(&self, entry: Value) {
        let (has_room, left_out) = self.in_vain.take(Instant::now());
        self.note_left_out(left_out);
        if has_room {
            self.note(entry);
        }
    }

    /// Writes how many denials are not in the log.
    fn note_left_out(&self, entries: u64) {
        if entries > 0 {
            let message = format!("left out {entries} denials, since there were too many in a minute");
            self.note(json!({ "event": "left-out", "entries": entries, "message": message }));
        }
    }

    /// Writes that a job is over.
    pub(crate) fn outcome(&self, job: JobId, outcome: &Outcome) {
        let mut entry = json!({ "event": "outcome", "job": job, "outcome": outcome.kind().as_str() });
        if let Outcome::Failed(failure) = outcome {
            entry["kind"] = failure.kind.as_str().into();
        }
        self.note(entry);
    }

    /// Writes that a job tried something that its grants do not cover, and was not let. Nothing is written for
    /// which the job has no room.
    pub(crate) fn capability(
        &self,
        job: JobId,
        operator: &OperatorName,
        method: &MethodPath,
        denial: &Denial,
        room: &Allowance,
    ) {
        let entry = self.entry(json!({
            "event": "capability-denied",
            "job": job,
            "operator": operator,
            "method": method,
            "capability": denial.capability,
            "attempt": shortened(&denial.attempt),
        }));
        if room.take(entry.len()) {
            self.note_text(&entry);
        }
    }

    /// Writes how many attempts of a job are not in the log, since they would have been more than a job may cause.
    pub(crate) fn left_out(&self, job: JobId, entries: u64) {
        let plural = if entries == 1 { "" } else { "s" };
        self.note(json!({
            "event": "left-out",
            "job": job,
            "entries": entries,
            "message": format!("left out {entries} denied attempt{plural} of this job"),
        }));
    }

    /// Writes that the modules were changed, or that an attempt at that was refused.
    pub(crate) fn module(&self, change: &ModuleChange<'_>) {
        self.note(json!({
            "event": "module",
            "change": change.what,
            "by": change.by.as_str(),
            "module": change.module,
            "digest": change.digest.map(|digest| digest.to_string()),
            "version": change.version.map(shortened),
            "before": change.before.map(|digest| digest.to_string()),
            "signer": change.signer,
            "reason": change.reason.map(|reason| cut(reason, MAX_REASON)),
        }));
    }

    /// Writes that an overlord asked for a change of the modules, on behalf of this operator.
    pub(crate) fn module_command(
        &self,
        operator: &OperatorName,
        command: &ModuleCommand,
        decision: &Result<(), ChangeDenied>,
        signer: Option<PublicKey>,
    ) {
        let digest = match command {
            ModuleCommand::Stage(stage) => Some(stage.digest),
            ModuleCommand::Activate { digest, .. } | ModuleCommand::Discard { digest, .. } => Some(*digest),
            ModuleCommand::Rollback(_) | ModuleCommand::Remove(_) => None,
        };
        let mut entry = json!({
            "event": "module-command",
            "command": command.as_str(),
            "operator": operator,
            "module": command.module(),
            "digest": digest.map(|digest| digest.to_string()),
            "signer": signer,
            "decision": if decision.is_ok() { "allowed" } else { "denied" },
        });
        if let Err(ChangeDenied::Unsigned { why, .. }) = decision {
            entry["why"] = cut(why, MAX_REASON).into();
        }
        match decision {
            Ok(()) => self.note(entry),
            Err(_) => self.note_in_vain(entry),
        }
    }

    /// Writes that the overlord gives the link of this minion to another one that has its key.
    pub(crate) fn refused_as_second(&self, member: &Member) {
        let Member { name, overlord, .. } = member;
        self.note(
            json!({ "event": "second-minion", "minion": name, "overlord": overlord, "decision": "denied" }),
        );
    }

    /// Writes that this minion has its next certificate.
    pub(crate) fn renewed(&self, peer: &Peer) {
        self.note(json!({
            "event": "renew",
            "minion": peer.name,
            "key": peer.key.to_string(),
            "valid_until_at": Moment(peer.validity.until).to_string(),
            "decision": "allowed",
        }));
    }

    /// Writes which authorities of overlords are trusted from now on, by their fingerprints.
    pub(crate) fn authorities_changed(&self, trusted: &[String]) {
        self.note(json!({ "event": "authorities-changed", "trusted": trusted, "decision": "allowed" }));
    }

    /// Writes that the policy was read again, and what that changed.
    pub(crate) fn policy(&self, changes: &[String]) {
        self.note(json!({ "event": "policy", "changes": changes }));
    }

    /// Puts on disk what was written.
    pub(crate) fn sync(&self) {
        self.note_left_out(self.in_vain.left_out());
        if let Err(error) = self.log.sync() {
            tracing::error!(%error, "the audit log is not whole");
        }
    }

    /// Writes something that has happened already, and so cannot be refused: where that fails, it is logged.
    fn note(&self, said: Value) {
        self.note_text(&self.entry(said));
    }

    fn note_text(&self, entry: &str) {
        if let Err(error) = self.log.append(entry) {
            tracing::error!(%error, "the audit log is not whole");
        }
    }

    fn write(&self, said: Value) -> Result<(), AuditError> {
        self.log.append(&self.entry(said))
    }

    /// An entry, with the minion whose it is.
    fn entry(&self, mut said: Value) -> String {
        if let Some(minion) = &self.minion {
            said["minion"] = minion.as_str().into();
        }
        entry(said)
    }
}

/// Adds to the entry of a call why it was denied.
fn say_why(entry: &mut Value, denied: &CallDenied) {
    match denied {
        CallDenied::Unmandated(why) => entry["why"] = cut(&why.to_string(), MAX_REASON).into(),
        CallDenied::Access(denied) => {
            let Some(objection) = denied.objection() else { return };
            entry["rule"] = objection.rule.as_str().into();
            entry["parameters"] = objection.arguments.as_slice().into();
            entry["why"] = cut(&objection.to_string(), MAX_REASON).into();
        }
    }
}

/// The arguments of a call by parameter, as far as they may and need be shown.
fn shown(start: &Start, method: Option<Signature<'_>>) -> Value {
    // Large arguments would cost more to write down than to use.
    if method.is_some() && frame::encode(&start.arguments, MAX_ARGUMENTS).is_err() {
        return format!("(more than {MAX_ARGUMENTS} bytes)").into();
    }
    match by_parameter(method.as_slice(), &start.method.module, &start.arguments) {
        Ok(values) => redaction::shortened(values, MAX_TEXT),
        Err(Unshown::UnknownMethod) => "(of an unknown method)".into(),
        Err(Unshown::Unfit) => format!("({} that do not fit)", counted(&start.arguments)).into(),
    }
}

fn shortened(text: &str) -> String {
    cut(text, MAX_TEXT)
}

/// The most characters of one text that are shown.
const MAX_TEXT: usize = 256;
/// The most characters of a reason.
const MAX_REASON: usize = 2048;
/// The largest arguments that are shown, in bytes.
const MAX_ARGUMENTS: usize = 16 << 10;

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use wire::document::redaction::SECRET;
    use wire::message::v1::{Method, Type};
    use wire::value::arguments::{Arguments, Word};
    use wire::value::method::Methods;

    use super::*;

    fn method() -> Methods {
        let login = Type::Record(vec![("user".into(), Type::String), ("password".into(), Type::String)]);
        Method {
            interface: None,
            name: "set".into(),
            params: vec![
                ("name".into(), Type::String),
                ("api-token".into(), Type::String),
                ("pin".into(), Type::String),
                ("login".into(), login),
            ],
            result: None,
            is_async: false,
            not_callable: None,
            docs: Some("Sets it.\n\n- `pin` (secret): the number".into()),
        }
        .interned()
    }

    fn start(words: &[&str]) -> Start {
        Start {
            job: JobId::new(),
            method: "service.set".parse().unwrap(),
            arguments: Arguments::Words(words.iter().map(|word| Word::Text((*word).into())).collect()),
            operator: "ann".parse().unwrap(),
            timeout_ms: None,
            dry_run: false,
            durable: false,
        }
    }

    #[test]
    fn secrets_never_get_into_the_log() {
        let words = ["web", "hunter2", "hunter2", "{user: \"ann\", password: \"hunter2\"}"];
        let expected = json!({
            "name": "web", "api-token": SECRET, "pin": SECRET, "login": { "user": "ann", "password": SECRET },
        });
        assert_eq!(shown(&start(&words), method().iter().next()), expected);
        for method in [None, method().iter().next()] {
            let text = shown(&start(&["hunter2"]), method).to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn long_texts_are_shortened_and_large_arguments_left_out() {
        let long = "x".repeat(1000);
        let words = [long.as_str(), "", "", "{user: \"\", password: \"\"}"];
        let text = shown(&start(&words), method().iter().next())["name"].to_string();
        assert!(text.contains("x… (1000 bytes)") && text.len() < 300, "{text}");
        let large = "x".repeat(MAX_ARGUMENTS);
        assert_eq!(shown(&start(&[&large]), method().iter().next()), "(more than 16384 bytes)");
    }

    #[test]
    fn every_entry_says_when_and_what_and_the_log_stays_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(&path).unwrap();
        let start = start(&[]);
        audit.call(&start, None, &Ok(()), None).unwrap();
        audit.outcome(start.job, &Outcome::Ok(None));
        let denial = Denial { capability: "process", attempt: "rm -rf /".into() };
        audit.capability(start.job, &start.operator, &start.method, &denial, &Allowance::of_audit());
        audit.policy(&["test: may run \"ls\"".into()]);
        assert_eq!(audit_log::Verified::check(&path).unwrap().entries, 4);
        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(events.iter().all(|entry| entry["time"].is_string()));
        assert_eq!(events[0]["decision"], "allowed");
        assert_eq!(events[1]["outcome"], "ok");
        assert_eq!(events[2]["attempt"], "rm -rf /");
        assert_eq!(events[3]["event"], "policy");
    }
}
