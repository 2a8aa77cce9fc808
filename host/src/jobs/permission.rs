//! Whether a call may be made: what its signature and the access list say, before it is accepted and when it has its turn.
//!
//! They are steps of a [`Task`], so this file and that one name each other.

use std::sync::Arc;

use wire::message::call::Start;
use wire::message::outcome::{FailureKind, Report};
use wire::signing::PublicKey;

use crate::access::{Access, Asked, Denied};
use crate::jobs::task::{Task, broken, never_ran, not_recorded};
use crate::mandates::{CallDenied, Checked, Unmandated};
use crate::modules::NoModule;
use crate::sandbox::LoadedModule;

/// What was found of a call before it was accepted.
pub(super) struct Found {
    /// The access list that was asked.
    pub(super) access: Arc<Access>,
    /// The module that is called.
    pub(super) module: Result<Arc<LoadedModule>, NoModule>,
    /// How the call is signed.
    pub(super) checked: Result<Checked, Unmandated>,
}

impl Task {
    /// Looks at the call, and changes nothing. `None` where there is nobody left to look at it.
    pub(super) async fn look(&self) -> Option<Found> {
        let module = self.jobs.modules.active(&self.start.method.module);
        let access = self.jobs.access.current();
        let checked = self.check_mandate(None).await?;
        Some(Found { access, module, checked })
    }

    /// Whether the call may be made as far as can be told without waiting: no signature is used up by it, and the access list
    /// allows it without a look at its arguments.
    pub(super) fn is_allowed_at_once(&self, found: &Found) -> bool {
        let Found { access, module, checked } = found;
        let asked = asked(&self.start, module.as_ref().ok());
        let is_unsigned = checked.as_ref().is_ok_and(|checked| checked.signer.is_none());
        is_unsigned && module.is_ok() && !access.looks_at_arguments(&asked) && access.check(&asked).is_ok()
    }

    /// What a call gets that is not even accepted: where signatures are wanted, one that is denied, unless it was accepted
    /// before. An overlord could fill the disk with what nobody has signed, or has signed once.
    pub(super) async fn turned_away(&self, found: &Found) -> Option<Report> {
        if !found.access.wants_signatures() {
            return None;
        }
        let denied = self.denied_early(found).await?;
        match self.jobs.ledger.job(&self.start.job) {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(error) => return Some(never_ran(FailureKind::NotRecorded, not_recorded(&error))),
        }
        let signer = found.checked.as_ref().ok().and_then(|checked| checked.signer);
        self.jobs.audit.turned_away(&self.start, &denied, signer);
        Some(denial(&denied))
    }

    /// Why the call is denied, as far as that can be told without a change of anything.
    async fn denied_early(&self, found: &Found) -> Option<CallDenied> {
        let checked = match &found.checked {
            Ok(checked) => *checked,
            Err(why) => return Some(why.clone().into()),
        };
        if let Err(denied) = self.decide(&found.access, found.module.as_ref().ok()).await? {
            return Some(denied.into());
        }
        self.jobs.mandates.is_unspent(checked).err().map(CallDenied::from)
    }

    /// Decides on the call, once its signature was `checked`, and writes the decision into the audit log.
    pub(super) async fn permit(
        &self,
        access: &Arc<Access>,
        module: Option<&Arc<LoadedModule>>,
        checked: Result<Checked, Unmandated>,
    ) -> Result<(), Box<Report>> {
        let signer = checked.as_ref().ok().and_then(|checked| checked.signer);
        let decision = self.judge(access, module, checked).await.ok_or_else(|| Box::new(broken()))?;
        self.record(module, decision, signer)
    }

    /// What signature and access list say of the call. Its signature is used up where both allow it, and only then: what
    /// the list denies is not made. `None` where there is nobody left to ask.
    async fn judge(
        &self,
        access: &Arc<Access>,
        module: Option<&Arc<LoadedModule>>,
        checked: Result<Checked, Unmandated>,
    ) -> Option<Result<(), CallDenied>> {
        let checked = match checked {
            Ok(checked) => checked,
            Err(unmandated) => return Some(Err(unmandated.into())),
        };
        if let Err(denied) = self.decide(access, module).await? {
            return Some(Err(denied.into()));
        }
        Some(self.jobs.mandates.spend(checked, self.start.job).await.map_err(CallDenied::from))
    }

    /// Writes what was decided on the call into the audit log.
    fn record(
        &self,
        module: Option<&Arc<LoadedModule>>,
        decision: Result<(), CallDenied>,
        signer: Option<PublicKey>,
    ) -> Result<(), Box<Report>> {
        let start = &self.start;
        let method = module.and_then(|module| module.method(&start.method.method).ok());
        self.jobs.audit.call(start, method, &decision, signer).map_err(|error| {
            tracing::error!(job = %start.job, %error, "a job is not started");
            Box::new(never_ran(FailureKind::NotRecorded, not_recorded(&error)))
        })?;
        decision.map_err(|denied| Box::new(denial(&denied)))
    }

    /// How the call is signed, where that is looked at, and for what it counted `before`, where it was let in already;
    /// `None` where there is nobody left to look at it.
    async fn check_mandate(&self, before: Option<Checked>) -> Option<Result<Checked, Unmandated>> {
        let mandates = self.jobs.mandates.clone();
        if !mandates.are_looked_at() {
            return Some(Ok(Checked::default()));
        }
        // Arguments may be large, and their digest must not delay the link.
        let (start, mandate) = (self.start.clone(), self.mandate.clone());
        let check = async move {
            match before {
                None => mandates.check_call(&start, mandate.as_deref()),
                Some(before) => mandates.still_count(before, &start, mandate.as_deref()),
            }
        };
        let checked = self.jobs.guests.spawn(check).await;
        checked.inspect_err(|error| tracing::error!(%error, "a signature could not be looked at")).ok()
    }

    /// Decides anew on a call whose turn has come, where there is another access list than the one that let it in. What is
    /// denied then is in the audit log.
    pub(super) async fn still_permitted(
        &self,
        (then, before): (&Arc<Access>, Checked),
        module: &Arc<LoadedModule>,
    ) -> Result<(), Box<Report>> {
        let now = self.jobs.access.current();
        if Arc::ptr_eq(then, &now) {
            return Ok(());
        }
        let broken = || Box::new(broken());
        let checked = self.check_mandate(Some(before)).await.ok_or_else(broken)?;
        let signer = checked.as_ref().ok().and_then(|checked| checked.signer);
        match self.judge(&now, Some(module), checked).await.ok_or_else(broken)? {
            Ok(()) => Ok(()),
            denied => self.record(Some(module), denied, signer),
        }
    }

    /// What an access list says of the call; `None` where there is nobody left to ask it.
    async fn decide(
        &self,
        access: &Arc<Access>,
        module: Option<&Arc<LoadedModule>>,
    ) -> Option<Result<(), Denied>> {
        if !access.looks_at_arguments(&asked(&self.start, module)) {
            return Some(access.check(&asked(&self.start, module)));
        }
        // Arguments may be large, and reading them must not delay the link.
        let (start, module, access) = (self.start.clone(), module.cloned(), access.clone());
        let decision =
            self.jobs.guests.spawn(async move { access.check(&asked(&start, module.as_ref())) }).await;
        decision.inspect_err(|error| tracing::error!(%error, "the access list could not be asked")).ok()
    }
}

/// What a denied call ends with.
fn denial(denied: &CallDenied) -> Report {
    let kind = match denied {
        CallDenied::Unmandated(Unmandated::NotRecorded(_)) => FailureKind::NotRecorded,
        _ => FailureKind::Denied,
    };
    never_ran(kind, denied.to_string())
}

/// A call as the access list is asked about it.
fn asked<'a>(start: &'a Start, module: Option<&'a Arc<LoadedModule>>) -> Asked<'a> {
    let method = module.and_then(|module| module.method(&start.method.method).ok());
    let is_alone = module.is_some_and(|module| module.method(start.method.function()).is_ok());
    Asked::new(&start.operator, &start.method, method, is_alone, &start.arguments)
}
