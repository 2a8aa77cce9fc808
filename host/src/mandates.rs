//! What operators have signed, on a minion that wants that: whether it is for this host, for what is asked, for now, and for
//! the first time.
//!
//! An overlord carries what operators sign and can sign nothing itself. So everything that is checked here comes from the
//! signed bytes, from the files of this host's owner and from this host: nothing from the overlord.

use std::sync::Arc;

use ledger::{LedgerError, MinionLedger, Precedence, Spent};
use serde_json::Value as Json;
use tokio::sync::watch;

use machine::clock::{now_ms, rfc3339};
use wire::identity::Moment;
use wire::message::call::Start;
use wire::message::job::JobId;
use wire::message::link::ModuleCommand;
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::signing::PublicKey;
use wire::signing::mandate::{BadMandate, Mandate, Mandated, Mismatch, Nonce, SignedMandate};
use wire::targets::{Expression, Lookup, Roster, TargetError, resolve};

use crate::access::{Access, AccessInForce, Denied, Untrusted};
use crate::facts::gathered::Gathered;
use crate::membership::Member;

/// What checks signatures. Clones share the parts that it asks.
#[derive(Clone)]
pub(crate) struct Mandates {
    pub(crate) access: AccessInForce,
    /// Knows what was made already.
    pub(crate) ledger: MinionLedger,
    /// Who this minion is, and of whom.
    pub(crate) member: watch::Receiver<Member>,
    /// The facts of this host, against which targets are held.
    pub(crate) facts: watch::Receiver<Gathered>,
}

/// What came of looking at a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// By which key it is signed, where that counts.
    pub(crate) signer: Option<PublicKey>,
    /// What is used up once it is done; `None` where no signature is wanted, or it was used up before.
    once: Option<Once>,
}

/// What says of something signed that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Once {
    nonce: Nonce,
    made_at: u64,
    until: u64,
}

/// Why something is not done that should be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unmandated {
    /// It came without a signature.
    #[error(
        "this minion does only what operators have signed, and this is not: make a key with `overlord key operator`, and \
         where there is one, bring overlord and command line to the version of this minion (jobs of others are run again \
         unsigned, and versions assigned unless by their whole digest)"
    )]
    Unsigned,
    /// It is signed, and that does not count.
    #[error("the signature of \"{operator}\" does not count: {why}")]
    Untrusted {
        /// In whose name it is signed.
        operator: OperatorName,
        /// Why it does not count.
        why: Untrusted,
    },
    /// What was signed cannot be read, or was not signed.
    #[error(transparent)]
    Bad(#[from] BadMandate),
    /// The overlord says that it is another operator's.
    #[error("the overlord says that this is of \"{said}\", and it is signed by \"{signed}\"")]
    Operator {
        /// Who it is, as the overlord says.
        said: OperatorName,
        /// Who has signed it.
        signed: OperatorName,
    },
    /// It is for the minions of another overlord.
    #[error("it is signed for the minions of another overlord")]
    Fleet,
    /// It is not the time for it.
    #[error(
        "it is signed from {} until {}, and this host's clock says {}: set both clocks, or sign it anew; [access] in \
         minion.toml lets clocks differ by {}",
        rfc3339(*.from), rfc3339(*.until), rfc3339(*.now), humantime::format_duration(*.window)
    )]
    Untimely {
        /// When it was signed.
        from: u64,
        /// Until when it is good.
        until: u64,
        /// What time it is.
        now: u64,
        /// By how much clocks may differ.
        window: std::time::Duration,
    },
    /// It is for other minions.
    #[error(
        "it is signed for the minions of {target}, and \"{minion}\" is none of them by its name and its facts"
    )]
    Target {
        /// Which minions it is for.
        target: String,
        /// This one.
        minion: MinionName,
    },
    /// Whether it is for this one depends on facts that there are not.
    #[error(
        "it is signed for the minions of {target}, and whether \"{minion}\" is one of them depends on facts that were not \
         gathered: its log says why"
    )]
    Factless {
        /// Which minions it is for.
        target: String,
        /// This one.
        minion: MinionName,
    },
    /// Which minions it is for cannot be told.
    #[error("it cannot be told which minions it is signed for: {0}")]
    Expression(#[from] TargetError),
    /// Something else was signed.
    #[error(transparent)]
    Other(#[from] Mismatch),
    /// It is a signature of another kind of thing.
    #[error("the signature is for {0}")]
    Kind(&'static str),
    /// It was made already.
    #[error("what is signed is done once, and it was by job {0}: sign it anew")]
    Spent(JobId),
    /// It may have been made already.
    #[error("it is as old as others of which this minion knows no more whether they were made: sign it anew")]
    Forgotten,
    /// The change of the module was made already.
    #[error("what is signed is done once, and this change of \"{0}\" was: sign it anew")]
    Changed(ModuleName),
    /// A change of the module was made that was signed later.
    #[error("a change of \"{module}\" was made that was signed later, at {}: sign this one anew", rfc3339(*.later))]
    Overtaken {
        /// The module.
        module: ModuleName,
        /// When the later one was signed.
        later: u64,
    },
    /// It cannot be recorded that it is made.
    #[error("the minion cannot record that this was done, so it does not do it: {0}")]
    NotRecorded(LedgerError),
}

/// Why a call is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallDenied {
    /// The access list does not allow it.
    #[error(transparent)]
    Access(#[from] Denied),
    /// It is not signed, and has to be.
    #[error(transparent)]
    Unmandated(#[from] Unmandated),
}

impl Mandates {
    /// Whether anything is to be asked here of calls at all.
    pub(crate) fn are_looked_at(&self) -> bool {
        let access = self.access.current();
        access.wants_signatures() || access.knows_signers()
    }

    /// Whether a call may be made as far as signatures go. Uses nothing up: that is for [`Mandates::spend`], once all else
    /// allows the call.
    ///
    /// It takes time where the arguments are large.
    ///
    /// # Errors
    /// [`Unmandated`], where this minion wants a signature for it and there is none that counts.
    pub(crate) fn check_call(
        &self,
        start: &Start,
        signed: Option<&SignedMandate>,
    ) -> Result<Checked, Unmandated> {
        let access = self.access.current();
        let checked = self.mandate(&access, signed, &start.operator).and_then(|mandate| {
            match &mandate.mandated {
                Mandated::Call(call) => call.is_for(start)?,
                Mandated::Change(_) => return Err(Unmandated::Kind("a change of a module")),
            }
            Ok(mandate)
        });
        Ok(Checked::of(&access, signed, wanted(&access, signed, checked)?))
    }

    /// Whether a call which was looked at was not made yet, as far as it is remembered.
    ///
    /// # Errors
    /// [`Unmandated`], where it was, or that cannot be read.
    pub(crate) fn is_unspent(&self, checked: Checked) -> Result<(), Unmandated> {
        let Some(Once { nonce, until, .. }) = checked.once else { return Ok(()) };
        match self.ledger.spent_by(nonce, until).map_err(Unmandated::NotRecorded)? {
            None => Ok(()),
            Some(job) => Err(Unmandated::Spent(job)),
        }
    }

    /// Notes that a call which was looked at is made by this job, and by no other one.
    ///
    /// # Errors
    /// [`Unmandated`], where it was made already, or that cannot be noted.
    pub(crate) async fn spend(&self, checked: Checked, job: JobId) -> Result<(), Unmandated> {
        let Some(Once { nonce, until, .. }) = checked.once else { return Ok(()) };
        match self.ledger.spend(nonce, until, job).await.map_err(Unmandated::NotRecorded)? {
            Spent::New => Ok(()),
            Spent::Before(job) => Err(Unmandated::Spent(job)),
            Spent::Forgotten => Err(Unmandated::Forgotten),
        }
    }

    /// The same of a call that was looked at before, by an access list that was read again since. What it is for is not
    /// looked at again where that list wanted signatures too.
    ///
    /// # Errors
    /// [`Unmandated`], where this minion wants a signature now and there is none that counts.
    pub(crate) fn still_count(
        &self,
        before: Checked,
        start: &Start,
        signed: Option<&SignedMandate>,
    ) -> Result<Checked, Unmandated> {
        let access = self.access.current();
        if before.once.is_none() {
            return self.check_call(start, signed);
        }
        let checked = signed.ok_or(Unmandated::Unsigned).and_then(|signed| self.signer(&access, signed));
        let is_counted = wanted(&access, signed, checked)?.is_some();
        Ok(Checked { signer: signed.filter(|_| is_counted).map(SignedMandate::signer), once: None })
    }

    /// What was signed, where the key is trusted.
    fn signer(&self, access: &Access, signed: &SignedMandate) -> Result<Mandate, Unmandated> {
        let mandate = signed.verify()?;
        match access.check_signer(signed, &mandate.operator, Moment::now()) {
            Ok(()) => Ok(mandate),
            Err(why) => Err(Unmandated::Untrusted { operator: mandate.operator, why }),
        }
    }

    /// Whether a step of a change of a module may be made as far as signatures go. Notes nothing: that is for
    /// [`Mandates::take_precedence`], once all else allows the change.
    ///
    /// # Errors
    /// [`Unmandated`], where this minion wants a signature for it and there is none that counts.
    pub(crate) fn check_change(
        &self,
        operator: &OperatorName,
        command: &ModuleCommand,
        signed: Option<&SignedMandate>,
    ) -> Result<Checked, Unmandated> {
        // To forget what is not in service changes nothing, and an overlord could as well not have brought it.
        if matches!(command, ModuleCommand::Discard { .. }) {
            return Ok(Checked::default());
        }
        let access = self.access.current();
        let checked = self.mandate(&access, signed, operator).and_then(|mandate| {
            match &mandate.mandated {
                Mandated::Change(change) => change.is_for(command)?,
                Mandated::Call(_) => return Err(Unmandated::Kind("a call")),
            }
            Ok(mandate)
        });
        Ok(Checked::of(&access, signed, wanted(&access, signed, checked)?))
    }

    /// Notes that a change which was looked at is the last one of its module, where it is.
    ///
    /// # Errors
    /// [`Unmandated`], where a later one was made, or that cannot be noted.
    pub(crate) async fn take_precedence(
        &self,
        checked: Checked,
        command: &ModuleCommand,
    ) -> Result<(), Unmandated> {
        let Some(Once { made_at, nonce, .. }) = checked.once else { return Ok(()) };
        let module = command.module();
        let precedence = match command {
            // Nothing is in service by it yet.
            ModuleCommand::Stage(_) => self.ledger.signed_precedence(module, made_at, nonce),
            _ => self.ledger.change_signed(module, made_at, nonce).await,
        };
        // A version may be put into service again that is wanted there. A rollback would go back further each time.
        let is_repeatable = matches!(command, ModuleCommand::Stage(_) | ModuleCommand::Activate { .. });
        match precedence.map_err(Unmandated::NotRecorded)? {
            Precedence::Newest => Ok(()),
            Precedence::Same if is_repeatable => Ok(()),
            Precedence::Same => Err(Unmandated::Changed(module.clone())),
            Precedence::Older(later) => Err(Unmandated::Overtaken { module: module.clone(), later }),
        }
    }

    /// What was signed, where it counts here and now; whether it is what is asked for, is looked at next.
    fn mandate(
        &self,
        access: &Access,
        signed: Option<&SignedMandate>,
        said: &OperatorName,
    ) -> Result<Mandate, Unmandated> {
        let mandate = self.signer(access, signed.ok_or(Unmandated::Unsigned)?)?;
        let (now, operator) = (now_ms(), &mandate.operator);
        if operator != said {
            return Err(Unmandated::Operator { said: said.clone(), signed: operator.clone() });
        }
        let member = self.member.borrow().clone();
        if !member.authorities.contains(&mandate.authority) {
            return Err(Unmandated::Fleet);
        }
        let window = access.window();
        let differ = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let (from, until) = (mandate.made_at, mandate.until);
        if now.saturating_add(differ) < from || until.saturating_add(differ) < now {
            return Err(Unmandated::Untimely { from, until, now, window });
        }
        self.check_target(&mandate, member.name)?;
        Ok(mandate)
    }

    /// Whether this minion is one of those that are meant. Facts that were never gathered are none that differ.
    fn check_target(&self, mandate: &Mandate, minion: MinionName) -> Result<(), Unmandated> {
        let facts = Own(self.facts.borrow().object(&minion).map(Arc::new));
        let target = mandate.target();
        let roster = Roster::new(vec![minion.clone()]);
        let matched = resolve(&target, &roster, &facts)?;
        if !matched.minions.is_empty() {
            return Ok(());
        }
        let exclude = target.exclude.map(|exclude| format!(" without those of \"{exclude}\""));
        let target = format!("\"{}\"{}", target.expression, exclude.unwrap_or_default());
        let target = wire::document::redaction::cut(&target, MAX_TARGET);
        match matched.undecided.is_empty() && matched.unheard.is_empty() {
            true => Err(Unmandated::Target { target, minion }),
            false => Err(Unmandated::Factless { target, minion }),
        }
    }
}

impl Checked {
    /// What comes of something that was `signed`, where it counts.
    fn of(access: &Access, signed: Option<&SignedMandate>, counts: Option<Mandate>) -> Self {
        let Some(Mandate { nonce, made_at, until, .. }) = counts else { return Self::default() };
        let once = access.wants_signatures().then_some(Once { nonce, made_at, until });
        Self { signer: signed.map(SignedMandate::signer), once }
    }
}

/// What was signed, where it is wanted and counts. Where none is wanted, one that does not count is as good as none.
fn wanted(
    access: &Access,
    signed: Option<&SignedMandate>,
    checked: Result<Mandate, Unmandated>,
) -> Result<Option<Mandate>, Unmandated> {
    match checked {
        Ok(mandate) => Ok(Some(mandate)),
        Err(why) if access.wants_signatures() => Err(why),
        Err(why) => {
            if signed.is_some() && access.knows_signers() {
                tracing::info!(%why, "what an operator has signed would not count");
            }
            Ok(None)
        }
    }
}

/// What this host knows of itself. There are no groups.
struct Own(Option<Arc<Json>>);

impl Lookup for Own {
    fn group(&self, _: &str) -> Option<Arc<Expression>> {
        None
    }

    fn facts(&self, _: &MinionName) -> Option<Arc<Json>> {
        self.0.clone()
    }
}

/// The most characters of a target that are told.
const MAX_TARGET: usize = 200;

#[cfg(test)]
mod tests;
