//! All that a ledger holds, as text. Only what every format has: a field that a later one adds is not listed, and
//! neither is one that nothing reads any more.

use std::fmt::Write as _;

use ledger::{JobRecord, MinionJob, MinionLedger, MinionRecord, OverlordLedger};
use wire::message::job::{JobId, JobState};
use wire::message::module::Module;
use wire::message::operator::JobFilter;
use wire::message::outcome::Report;
use wire::value::method::Method;

const ALL: usize = 1000;

/// The modules whose values are listed.
pub(crate) const KEEPERS: [&str; 2] = ["service", "backup"];

pub(crate) async fn overlord(ledger: &OverlordLedger) -> String {
    let mut text = String::new();
    for minion in ledger.minions().await.unwrap() {
        text += &minion_record(&minion);
    }
    for invite in ledger.invites().await.unwrap() {
        let ledger::Invite { name, secret, expires_at, used_by } = invite;
        writeln!(text, "invite {name}: {secret} until {expires_at}, used by {used_by:?}").unwrap();
    }
    writeln!(text, "live: {}", ids(ledger.live().await.unwrap())).unwrap();
    for state in [JobState::Running, JobState::Partial, JobState::Finished, JobState::RemoteError] {
        writeln!(
            text,
            "{state}: {}",
            found(ledger, &JobFilter { state: Some(state), ..JobFilter::default() }).await
        )
        .unwrap();
    }
    for operator in ["ann", "bob"] {
        let filter = JobFilter { operator: Some(operator.parse().unwrap()), ..JobFilter::default() };
        writeln!(text, "of {operator}: {}", found(ledger, &filter).await).unwrap();
    }
    for module in ["test", "service"] {
        let filter = JobFilter { module: Some(module.parse().unwrap()), ..JobFilter::default() };
        writeln!(text, "of module {module}: {}", found(ledger, &filter).await).unwrap();
    }
    let target = JobFilter { target: Some("web1".parse().unwrap()), ..JobFilter::default() };
    writeln!(text, "for web1: {}", found(ledger, &target).await).unwrap();
    for summary in ledger.list(&JobFilter::default(), ALL).await.unwrap() {
        text += &overlord_job(ledger, summary.job).await;
    }
    writeln!(text, "set aside: {:?}", ledger.set_aside(ALL).await.unwrap()).unwrap();
    text
}

pub(crate) fn minion(ledger: &MinionLedger) -> String {
    let mut text = String::new();
    for job in ledger.recent(ALL).unwrap() {
        let MinionJob {
            job,
            minion_job,
            start,
            state,
            accepted_at,
            started_at,
            ended_at,
            report,
            acknowledged,
        } = job;
        writeln!(text, "job {job}: {minion_job} {state:?}, acknowledged: {acknowledged}").unwrap();
        writeln!(text, "  accepted {accepted_at}, started {started_at:?}, ended {ended_at:?}").unwrap();
        writeln!(text, "  {start:?}").unwrap();
        text += &report.as_ref().map(report_line).unwrap_or_default();
    }
    writeln!(text, "unfinished: {}", ids(ledger.unfinished().unwrap())).unwrap();
    writeln!(text, "unacknowledged: {}", ids(ledger.unacknowledged(ALL).unwrap())).unwrap();
    for module in KEEPERS {
        let kv = ledger.kv(module.parse().unwrap(), u64::MAX);
        writeln!(text, "{module} keeps {} bytes", kv.usage().unwrap()).unwrap();
        for key in kv.list("", ALL).unwrap() {
            let value = kv.get(&key).unwrap().unwrap();
            writeln!(text, "  {key}: {} bytes, {}", value.len(), wire::digest::Digest::of(&value)).unwrap();
        }
    }
    writeln!(text, "set aside: {:?}", ledger.set_aside(ALL).unwrap()).unwrap();
    text
}

fn minion_record(minion: &MinionRecord) -> String {
    let MinionRecord { name, key, enrolled_at, status, last_seen, version, modules } = minion;
    let mut text = format!("minion {name}: {key} enrolled {enrolled_at}, {status:?}\n");
    writeln!(text, "  seen {last_seen:?} with {version:?}").unwrap();
    if modules.left_out > 0 {
        writeln!(text, "  {} modules left out", modules.left_out).unwrap();
    }
    for module in &modules.modules {
        let Module { name, version, digest, description, state, methods, imports, .. } = module;
        writeln!(text, "  module {name} {version:?} {digest} {description:?} {state:?}").unwrap();
        writeln!(text, "    imports {imports:?}").unwrap();
        for signature in methods.iter() {
            let Method { interface, name, is_async, not_callable, docs, .. } = signature.method();
            let params: Vec<String> = signature.params().map(|(name, ty)| format!("{name}: {ty}")).collect();
            let result = signature.result().map(|ty| ty.to_string());
            writeln!(text, "    {interface:?} {name}({}) -> {result:?}", params.join(", ")).unwrap();
            writeln!(text, "      async: {is_async}, not callable: {not_callable:?}, docs: {docs:?}")
                .unwrap();
        }
        for ty in methods.types().iter().filter(|ty| ty.name().is_some()) {
            writeln!(text, "    {}", ty.definition_text()).unwrap();
        }
    }
    text
}

async fn overlord_job(ledger: &OverlordLedger, id: JobId) -> String {
    let mut text = String::new();
    let JobRecord {
        id,
        accepted_at,
        operator,
        target,
        exclude,
        targets,
        method,
        arguments,
        timeout_ms,
        queue_until,
        dry_run,
        durable,
        batch,
        max_failures,
        rerun_of,
        ..
    } = ledger.job(id).await.unwrap().unwrap();
    writeln!(text, "job {id}: {:?}", ledger.state(id).await.unwrap().unwrap()).unwrap();
    writeln!(text, "  accepted {accepted_at} of {operator} for {target:?} but {exclude:?}").unwrap();
    writeln!(text, "  {method} {arguments:?}").unwrap();
    writeln!(text, "  timeout {timeout_ms:?}, until {queue_until:?}, dry {dry_run}, durable {durable}")
        .unwrap();
    writeln!(text, "  batch {batch:?}, failures {max_failures:?}, again {rerun_of:?}").unwrap();
    writeln!(text, "  targets {}", targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        .unwrap();
    let document = ledger.document(id).await.unwrap().unwrap();
    assert_eq!(document.parts.len(), targets.len());
    for part in document.parts {
        writeln!(text, "  part {}: {:?} {:?}", part.minion, part.minion_job, part.state).unwrap();
        text += &part.report.as_ref().map(report_line).unwrap_or_default();
    }
    for (minion, part) in ledger.parts(id).await.unwrap() {
        writeln!(text, "  {minion} changed {}", part.changed_at).unwrap();
    }
    for minion in ledger.cancelled(id).await.unwrap() {
        writeln!(text, "  {minion} is to stop").unwrap();
    }
    for step in ledger.history(id).await.unwrap().unwrap().transitions {
        writeln!(text, "  step {} at {}: {} {:?}", step.seq, step.at, step.job_state, step.part).unwrap();
    }
    text
}

fn report_line(report: &Report) -> String {
    let Report { outcome, module, cost, would, ended_at, .. } = report;
    format!("    {outcome:?}\n    {module:?} {cost:?} would {would:?}, ended {ended_at}\n")
}

async fn found(ledger: &OverlordLedger, filter: &JobFilter) -> String {
    ids(ledger.list(filter, ALL).await.unwrap().into_iter().map(|summary| summary.job))
}

fn ids(ids: impl IntoIterator<Item = JobId>) -> String {
    ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(" ")
}
