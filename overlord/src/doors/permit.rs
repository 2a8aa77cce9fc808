//! Whether an operator may do what it asks: the one place at which every request is held against the operator's roles.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ledger::JobRecord;
use wire::message::job::JobId;
use wire::message::operator::{
    JobFilter, JobSummary, OperatorRequest, Refusal, RefusalKind, Target, TargetWarning,
};
use wire::name::{MinionName, ModuleName, OperatorName};

use super::visible_facts::{Known, Since};
use super::wanted::Wanted;
use crate::jobs::{LIST_LIMIT, only};
use crate::registry::Registry;
use crate::roles::{Deed, Held, JobVerb, MinionVerb, On, Verdict};
use crate::services::Services;
use crate::targets::{self, Among, Matching};
use wire::targets::Roster;

/// Decides on the requests of one operator.
pub(super) struct Gate<'a> {
    services: &'a Services,
    operator: &'a OperatorName,
    from: SocketAddr,
    roles: Held,
}

/// What a request that is allowed concerns. Nothing else of what the overlord has is for its answer.
#[derive(Debug)]
pub(super) enum Permit {
    /// Nothing that is narrower than the request itself.
    Plain,
    /// These minions.
    Minions(Matching),
    /// Those of the jobs that the operator may see.
    Jobs(JobsSeen),
    /// This job.
    Job(JobId),
    /// The parts of this job on these minions; on all where nothing is said.
    Parts(JobId, Option<Matching>),
}

/// Which jobs an operator may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobsSeen {
    /// All of them.
    All,
    /// Its own, and those of others that went to minions of its roles alone.
    OfMinions,
    /// Its own.
    Own,
}

impl Permit {
    /// The minions that the request concerns, and what there is to say of its target.
    pub(super) fn minions(self) -> Result<(Vec<MinionName>, Vec<TargetWarning>), Refusal> {
        match self {
            Permit::Minions(Matching { minions, warnings }) => Ok((minions, warnings)),
            _ => Err(misplaced()),
        }
    }

    /// The job that the request concerns.
    pub(super) fn job(self) -> Result<JobId, Refusal> {
        match self {
            Permit::Job(job) => Ok(job),
            _ => Err(misplaced()),
        }
    }

    /// The job that the request concerns, and which of its parts.
    pub(super) fn parts(self) -> Result<(JobId, Option<Matching>), Refusal> {
        match self {
            Permit::Parts(job, parts) => Ok((job, parts)),
            _ => Err(misplaced()),
        }
    }

    /// The jobs that the answer may show.
    pub(super) fn jobs(self) -> Result<JobsSeen, Refusal> {
        match self {
            Permit::Jobs(seen) => Ok(seen),
            _ => Err(misplaced()),
        }
    }
}

/// Whether a target has the name of this minion in it as such.
fn is_written(minion: &MinionName, target: &str) -> bool {
    let mut words = target.split(|c: char| ",;&!()".contains(c) || c.is_whitespace());
    words.any(|word| word.eq_ignore_ascii_case(minion.as_str()))
}

/// What is said where a request is answered by what it was not permitted for, which no request is.
fn misplaced() -> Refusal {
    Refusal::new(RefusalKind::Denied, "this is not what the request was permitted for")
}

impl<'a> Gate<'a> {
    pub(super) fn new(services: &'a Services, operator: &'a OperatorName, from: SocketAddr) -> Self {
        let roles = services.roles.of(operator, services.operators.roles(operator).as_deref());
        Self { services, operator, from, roles }
    }

    /// What a request may be answered with.
    ///
    /// # Errors
    /// A refusal of kind `Denied` where the operator may not do it, which names the rule, and any other where its target
    /// or its job cannot be found.
    pub(super) async fn permit(&self, request: &OperatorRequest) -> Result<Permit, Refusal> {
        let registry = &self.services.registry;
        Ok(match Wanted::by(request) {
            Wanted::Plain(deed) => self.plain(deed, On::Nothing)?,
            Wanted::Everybody(deed) => self.plain(deed, On::Everybody)?,
            Wanted::On { deed, target, narrow } => Permit::Minions(self.on(deed, target, narrow)?),
            Wanted::Later { deed, target } => {
                self.plain(deed, On::Everybody)?;
                Permit::Minions(targets::find(Among::AlsoLater(&registry.roster()), &target, registry)?)
            }
            Wanted::Named { deed, name } => self.plain(deed, On::These(std::slice::from_ref(name)))?,
            Wanted::Matching { deed, glob } => self.matching(deed, glob)?,
            Wanted::Listed(deed) => self.plain(deed, On::Nothing)?,
            Wanted::Seen(target) => Permit::Minions(self.seen(target)?),
            Wanted::AllSeen => {
                let minions = match self.roles.is_for_everybody(Deed::See) {
                    true => registry.known(),
                    false => self.visible(&registry.known())?,
                };
                Permit::Minions(Matching { minions, warnings: Vec::new() })
            }
            Wanted::Jobs => Permit::Jobs(self.jobs_seen()),
            Wanted::Job { verb, job } => Permit::Job(self.job(verb, job).await?),
            Wanted::Parts { verb, job, target } => {
                let job = self.job(verb, job).await?;
                let Some(target) = target else { return Ok(Permit::Parts(job, None)) };
                let among = self.services.jobs.targets(job).await?;
                Permit::Parts(job, Some(targets::find(Among::Job(&among), target, &self.known())?))
            }
            Wanted::Rerun { job } => Permit::Job(self.rerun(job).await?),
            Wanted::Change { deed, module } => self.change(deed, module)?,
            Wanted::Invite(name) => self.invite(name)?,
            Wanted::About(operator) if operator == self.operator => self.plain(Deed::Own, On::Nothing)?,
            Wanted::About(_) => self.plain(Deed::Administer, On::Nothing)?,
        })
    }

    /// Those of the newest jobs that fit and that the operator may see.
    pub(super) async fn jobs(
        &self,
        mut filter: JobFilter,
        limit: usize,
        seen: JobsSeen,
    ) -> Result<Vec<JobSummary>, Refusal> {
        let jobs = &self.services.jobs;
        match seen {
            JobsSeen::All => jobs.list(&filter, limit).await,
            JobsSeen::Own => {
                let of = filter.operator.get_or_insert_with(|| self.operator.clone());
                if of == self.operator { jobs.list(&filter, limit).await } else { Ok(Vec::new()) }
            }
            JobsSeen::OfMinions => {
                let (mut shown, mut covered) = (Vec::new(), BTreeMap::new());
                for job in jobs.list(&filter, LIST_LIMIT).await? {
                    if shown.len() >= limit {
                        break;
                    }
                    if job.operator == *self.operator || self.is_of_minions(job.job, &mut covered).await? {
                        shown.push(job);
                    }
                }
                Ok(shown)
            }
        }
    }

    /// Whether the operator may call a method on all minions of a target, and by which rule.
    pub(super) fn decide(&self, deed: Deed<'_>, on: On<'_>) -> Verdict {
        self.roles.decide(deed, on, &self.services.registry)
    }

    fn plain(&self, deed: Deed<'_>, on: On<'_>) -> Result<Permit, Refusal> {
        self.hold(deed, self.decide(deed, on)).map(|_| Permit::Plain)
    }

    /// The minions of a target, if the deed is allowed on all of them, or those of them on which it is where `narrow`
    /// says so.
    fn on(&self, deed: Deed<'_>, target: &Target, narrow: bool) -> Result<Matching, Refusal> {
        let registry = &self.services.registry;
        // Whoever may not do it anywhere need not hear whom the target means.
        self.plain(deed, On::Nothing)?;
        let mut matching = targets::find(Among::Enrolled(&registry.roster()), target, &self.known())?;
        if self.roles.is_for_everybody(deed) {
            return Ok(matching);
        }
        let verdict = self.decide(deed, On::These(&matching.minions));
        if !narrow || verdict.is_allowed() || verdict.allowed.is_empty() {
            self.hold(deed, verdict)?;
            return Ok(matching);
        }
        let message = format!("left out: {}", verdict.refusal(self.operator, deed));
        matching.warnings.push(TargetWarning::NotPermitted { minions: verdict.denied, message });
        Ok(Matching { minions: verdict.allowed, ..matching })
    }

    /// What the operator's expressions may ask about minions.
    pub(super) fn known(&self) -> Known<'a, Registry> {
        let registry = &self.services.registry;
        let seen = match self.roles.is_for_everybody(Deed::See) {
            true => None,
            false => Some(Roster::new(self.decide(Deed::See, On::These(registry.roster().names())).allowed)),
        };
        Known::new(registry, seen)
    }

    /// Those of these minions that the operator may see, which are all that there are for its expressions.
    fn visible(&self, all: &[MinionName]) -> Result<Vec<MinionName>, Refusal> {
        self.plain(Deed::See, On::Nothing)?;
        Ok(self.decide(Deed::See, On::These(all)).allowed)
    }

    /// Whether the operator may do something with all names that a glob matches, or with the one that it is.
    pub(super) fn covers(&self, deed: Deed<'_>, glob: &str) -> bool {
        match glob.parse() {
            Ok(name) => self.decide(deed, On::These(&[name])).is_allowed(),
            Err(_) => self.decide(deed, On::Matching(glob)).is_allowed(),
        }
    }

    fn matching(&self, deed: Deed<'_>, glob: &str) -> Result<Permit, Refusal> {
        // Globs are kept in lower case, as names are.
        let glob = glob.to_ascii_lowercase();
        match glob.parse() {
            Ok(name) => self.plain(deed, On::These(&[name])),
            Err(_) => self.plain(deed, On::Matching(&glob)),
        }
    }

    /// Those minions of a target that the operator may see.
    fn seen(&self, target: &Target) -> Result<Matching, Refusal> {
        let registry = &self.services.registry;
        let all = registry.roster();
        if self.roles.is_for_everybody(Deed::See) {
            return targets::find(Among::Enrolled(&all), target, registry);
        }
        let refusal = match targets::find(
            Among::Enrolled(&Roster::new(self.visible(all.names())?)),
            target,
            registry,
        ) {
            Ok(matching) => return Ok(matching),
            Err(refusal) => refusal,
        };
        // Where the target names minions that the roles do not show, that is why. What those said of themselves is not
        // asked: a refusal must not tell it.
        match targets::find(Among::Enrolled(&all), target, &()) {
            // A pattern or a test would tell which hidden minions there are: only those that it names are said.
            Ok(hidden) if hidden.minions.iter().all(|minion| is_written(minion, &target.expression)) => {
                self.hold(Deed::See, self.decide(Deed::See, On::These(&hidden.minions)))?;
                Err(refusal)
            }
            Ok(_) | Err(_) => Err(refusal),
        }
    }

    fn jobs_seen(&self) -> JobsSeen {
        let see = Deed::Job(JobVerb::See);
        match () {
            () if self.roles.is_for_everybody(see) => JobsSeen::All,
            () if self.decide(see, On::Nothing).is_allowed() => JobsSeen::OfMinions,
            () => JobsSeen::Own,
        }
    }

    /// The full id of a job with which the operator may do this.
    async fn job(&self, verb: JobVerb, job: &str) -> Result<JobId, Refusal> {
        let mut found = self.services.jobs.beginning_with(job).await?;
        // Who writes a whole id knows it. To others, no ids are told but of jobs that they may see.
        if job.parse::<JobId>().is_err() && self.jobs_seen() != JobsSeen::All {
            let mut shown = Vec::new();
            for id in found {
                if self.of_job(JobVerb::See, id).await?.is_allowed() {
                    shown.push(id);
                }
            }
            found = shown;
        }
        let id = only(job, &found)?;
        self.hold(Deed::Job(verb), self.of_job(verb, id).await?)?;
        Ok(id)
    }

    /// Whether the operator may see a job of another, all of whose minions its roles have to be for. `covered` keeps of
    /// which minions that was found out, as many jobs go to the same.
    async fn is_of_minions(
        &self,
        id: JobId,
        covered: &mut BTreeMap<MinionName, bool>,
    ) -> Result<bool, Refusal> {
        // Whose a job is that has lost its record, nobody knows.
        let Some(record) = self.services.jobs.record(id).await? else { return Ok(false) };
        let registry = &self.services.registry;
        // What is kept is of minions that had their names already.
        if record.targets.iter().any(|name| !registry.had_its_name(name, record.accepted_at)) {
            return Ok(self.decide_by_targets(Deed::Job(JobVerb::See), &record).is_allowed());
        }
        let new: Roster =
            record.targets.iter().filter(|name| !covered.contains_key(*name)).cloned().collect();
        if !new.names().is_empty() {
            let verdict = self.decide(Deed::Job(JobVerb::See), On::These(new.names()));
            covered.extend(verdict.allowed.into_iter().map(|name| (name, true)));
            covered.extend(verdict.denied.into_iter().map(|name| (name, false)));
        }
        Ok(record.targets.iter().all(|name| covered.get(name) == Some(&true)))
    }

    /// Refuses an operator that goes on to hear of a job, where roles that were read again since do not let it see that
    /// any more.
    pub(super) async fn still_sees(&mut self, id: JobId) -> Result<(), Refusal> {
        if self.roles.are_of(&self.services.roles) {
            return Ok(());
        }
        let now = Self::new(self.services, self.operator, self.from);
        now.hold(Deed::Job(JobVerb::See), now.of_job(JobVerb::See, id).await?)?;
        *self = now;
        Ok(())
    }

    /// Refuses an operator that goes on to hear of the audit log, where roles that were read again since do not let it.
    pub(super) fn still_audits(&mut self) -> Result<(), Refusal> {
        if self.roles.are_of(&self.services.roles) {
            return Ok(());
        }
        let now = Self::new(self.services, self.operator, self.from);
        now.plain(Deed::Audit, On::Nothing)?;
        *self = now;
        Ok(())
    }

    async fn of_job(&self, verb: JobVerb, id: JobId) -> Result<Verdict, Refusal> {
        let deed = Deed::Job(verb);
        Ok(match self.services.jobs.record(id).await? {
            Some(record) if record.operator == *self.operator => self.decide(Deed::Own, On::Nothing),
            Some(record) if !self.roles.is_for_everybody(deed) => self.decide_by_targets(deed, &record),
            // Whose a job is that has lost its record, nobody knows.
            Some(_) | None => self.decide(deed, On::Everybody),
        })
    }

    async fn rerun(&self, job: &str) -> Result<JobId, Refusal> {
        let id = self.job(JobVerb::See, job).await?;
        if let Some(record) = self.services.jobs.record(id).await? {
            let targets = Roster::new(record.targets);
            self.plain(Deed::Call(&record.method), On::These(targets.names()))?;
        }
        Ok(id)
    }

    /// Everybody who may push ends its own push. Whoever ends that of another ends it on all minions that it is for.
    fn change(&self, deed: Deed<'_>, module: &ModuleName) -> Result<Permit, Refusal> {
        match self.services.rollout.changer(module) {
            Some((changer, _)) if changer == *self.operator => self.plain(Deed::Own, On::Nothing),
            Some((_, minions)) => {
                // Whoever may end it nowhere need not hear whom it is for.
                self.plain(deed, On::Nothing)?;
                self.plain(deed, On::These(Roster::new(minions).names()))
            }
            None => self.plain(deed, On::Nothing),
        }
    }

    /// Makes sure that whoever gives a name to another host, which takes it from the minion that has it, may remove that.
    fn invite(&self, name: &MinionName) -> Result<Permit, Refusal> {
        let on = On::These(std::slice::from_ref(name));
        self.plain(Deed::Minion(MinionVerb::Invite), on)?;
        match self.services.registry.is_enrolled(name) {
            true => self.plain(Deed::Minion(MinionVerb::Remove), on),
            false => Ok(Permit::Plain),
        }
    }

    /// Whether the roles allow a deed with a job, by the minions that it went to. What a minion says of itself does not decide on
    /// jobs from before it was enrolled: they went to whichever host had the name then.
    fn decide_by_targets(&self, deed: Deed<'_>, record: &JobRecord) -> Verdict {
        let known = Since { registry: &self.services.registry, at: record.accepted_at };
        self.roles.decide(deed, On::These(Roster::new(record.targets.clone()).names()), &known)
    }

    /// Refuses what is not allowed, and notes that.
    fn hold(&self, deed: Deed<'_>, verdict: Verdict) -> Result<Verdict, Refusal> {
        if verdict.is_allowed() {
            return Ok(verdict);
        }
        let mut message = verdict.refusal(self.operator, deed);
        self.services.audit.denied(self.operator, self.from, deed, &message);
        tracing::info!(operator = %self.operator, from = %self.from, why = %message, "denied");
        if let (Deed::Call(_), [_, ..]) = (deed, verdict.allowed.as_slice()) {
            message.push_str("; nothing was called, and --permitted calls it on the others alone");
        }
        Err(Refusal::new(RefusalKind::Denied, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_minion_is_named_to_those_alone_who_wrote_its_name() {
        let minion: MinionName = "db1".parse().expect("a name");
        for (target, expected) in [
            ("db1", true),
            ("DB1", true),
            ("web*,(db1 & os=x)", true),
            ("!db1", true),
            ("db*", false),
            ("db10", false),
            ("~db1", false),
            ("@db1", false),
        ] {
            assert_eq!(is_written(&minion, target), expected, "{target}");
        }
    }
}
