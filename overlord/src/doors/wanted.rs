//! What each request of an operator wants, in the words of roles. Every request is here: one that is missing does not
//! compile.

use wire::message::authority::AuthorityRequest;
use wire::message::catalogue::ModuleRequest;
use wire::message::enrolment::EnrolmentRequest;
use wire::message::operator::{OperatorRequest, Target};
use wire::message::operators::OperatorsRequest;
use wire::name::{MinionName, ModuleName, OperatorName};

use crate::roles::{Deed, JobVerb, MinionVerb, ModuleVerb};

/// What a request wants.
#[derive(Debug)]
pub(super) enum Wanted<'a> {
    /// To do what concerns no minion.
    Plain(Deed<'a>),
    /// To do what concerns all minions, also those that enrol later.
    Everybody(Deed<'a>),
    /// To do something on all minions of a target; on those of them alone where it is allowed, where `narrow` says so.
    On { deed: Deed<'a>, target: &'a Target, narrow: bool },
    /// To do something on minions of an expression, now and later.
    Later { deed: Deed<'a>, target: Target },
    /// To do something with the minion of this name, enrolled or not.
    Named { deed: Deed<'a>, name: &'a MinionName },
    /// To make a token for this name, which takes it from whoever has it.
    Invite(&'a MinionName),
    /// To do something with all names that a glob matches.
    Matching { deed: Deed<'a>, glob: &'a str },
    /// To do something with those tokens, or hosts that wait, for whose names it may do so.
    Listed(Deed<'a>),
    /// To see those minions of a target that it may see.
    Seen(&'a Target),
    /// To see all minions that it may see.
    AllSeen,
    /// To see those jobs that fit and that it may see.
    Jobs,
    /// To do this with a job.
    Job { verb: JobVerb, job: &'a str },
    /// To do this with the parts of a job that a target means.
    Parts { verb: JobVerb, job: &'a str, target: Option<&'a Target> },
    /// To make the call of a job once more.
    Rerun { job: &'a str },
    /// To end the change of a module.
    Change { deed: Deed<'a>, module: &'a ModuleName },
    /// To know of an operator, which may be itself.
    About(&'a OperatorName),
}

impl<'a> Wanted<'a> {
    /// What a request wants.
    pub(super) fn by(request: &'a OperatorRequest) -> Self {
        match request {
            OperatorRequest::Call { call, .. } => {
                Wanted::On { deed: Deed::Call(&call.method), target: &call.target, narrow: call.permitted }
            }
            OperatorRequest::Method { target, .. }
            | OperatorRequest::Ping(target)
            | OperatorRequest::Targets(target)
            | OperatorRequest::Modules { target, .. }
            | OperatorRequest::Facts(target) => Wanted::Seen(target),
            OperatorRequest::Minions => Wanted::AllSeen,
            OperatorRequest::Invite { name, .. } => Wanted::Invite(name),
            OperatorRequest::Jobs { .. } => Wanted::Jobs,
            OperatorRequest::Job(job)
            | OperatorRequest::History(job)
            | OperatorRequest::Mandate(job)
            | OperatorRequest::Attach { job, .. } => Wanted::Job { verb: JobVerb::See, job },
            OperatorRequest::Cancel { job, target } | OperatorRequest::GiveUp { job, target } => {
                Wanted::Parts { verb: JobVerb::Cancel, job, target: target.as_ref() }
            }
            OperatorRequest::Rerun { job, .. } => Wanted::Rerun { job },
            // It forgets jobs of all minions.
            OperatorRequest::Purge { .. } => Wanted::Everybody(Deed::Job(JobVerb::Purge)),
            OperatorRequest::Status => Wanted::Plain(Deed::Look),
            OperatorRequest::Audit { .. } => Wanted::Plain(Deed::Audit),
            OperatorRequest::Renew(_) => Wanted::Plain(Deed::Own),
            OperatorRequest::Authority(request) => match **request {
                AuthorityRequest::Renew(_) => Wanted::Plain(Deed::Own),
                _ => Wanted::Plain(Deed::Administer),
            },
            OperatorRequest::Module(request, _) => Self::of_modules(request),
            OperatorRequest::Operators(request) => Self::of_operators(request),
            OperatorRequest::Enrolment(request) => Self::of_enrolment(request),
        }
    }

    fn of_modules(request: &'a ModuleRequest) -> Self {
        let on = |verb, target| Wanted::On { deed: Deed::Module(verb), target, narrow: false };
        match request {
            ModuleRequest::Add(_) => Wanted::Plain(Deed::Module(ModuleVerb::Push)),
            ModuleRequest::Push { target, .. } => on(ModuleVerb::Push, target),
            ModuleRequest::Remove { target, .. } => on(ModuleVerb::Remove, target),
            ModuleRequest::Rollback { target, .. } => on(ModuleVerb::Rollback, target),
            ModuleRequest::Catalogue(_) | ModuleRequest::Assignments => Wanted::Plain(Deed::Look),
            ModuleRequest::Assign { expression, lenience, .. } => Wanted::Later {
                deed: Deed::Module(ModuleVerb::Assign),
                target: Target { lenience: *lenience, ..Target::of(expression.clone()) },
            },
            ModuleRequest::Unassign { .. } => Wanted::Everybody(Deed::Module(ModuleVerb::Assign)),
            ModuleRequest::CancelPush(module) | ModuleRequest::Release(module) => {
                Wanted::Change { deed: Deed::Module(ModuleVerb::Release), module }
            }
        }
    }

    fn of_enrolment(request: &'a EnrolmentRequest) -> Self {
        let named = |verb, name| Wanted::Named { deed: Deed::Minion(verb), name };
        match request {
            EnrolmentRequest::Invite { glob, .. } => {
                Wanted::Matching { deed: Deed::Minion(MinionVerb::Invite), glob }
            }
            EnrolmentRequest::Invitations | EnrolmentRequest::Uninvite(_) => {
                Wanted::Listed(Deed::Minion(MinionVerb::Invite))
            }
            EnrolmentRequest::Pending => Wanted::Listed(Deed::Minion(MinionVerb::Accept)),
            EnrolmentRequest::Accept { name, .. } | EnrolmentRequest::Reject { name, .. } => {
                named(MinionVerb::Accept, name)
            }
            EnrolmentRequest::Revoke { name, .. } | EnrolmentRequest::Unrevoke(name) => {
                named(MinionVerb::Revoke, name)
            }
            EnrolmentRequest::Remove(name) => named(MinionVerb::Remove, name),
        }
    }

    fn of_operators(request: &'a OperatorsRequest) -> Self {
        match request {
            OperatorsRequest::Whoami => Wanted::Plain(Deed::Own),
            OperatorsRequest::Show(operator) | OperatorsRequest::Can { operator, .. } => {
                Wanted::About(operator)
            }
            OperatorsRequest::Invite(_)
            | OperatorsRequest::List
            | OperatorsRequest::Revoke { .. }
            | OperatorsRequest::Unrevoke(_)
            | OperatorsRequest::Remove(_)
            | OperatorsRequest::Roles { .. } => Wanted::Plain(Deed::Administer),
        }
    }
}
