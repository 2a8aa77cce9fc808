//! What an operator asks for as a mandate of it, and whether what is asked of a minion is what was signed.

use super::mandated::{MandatedCall, MandatedChange};
use crate::digest::Digest;
use crate::message::call::Start;
use crate::message::catalogue::ModuleRequest;
use crate::message::link::{ModuleCommand, Stage};
use crate::message::operator::Call;
use crate::name::MethodPath;
use crate::value::arguments::Arguments;

/// The error for something that was not signed as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is for {0}")]
pub struct Mismatch(&'static str);

impl MandatedCall {
    /// What has to be signed for this call.
    pub fn of(call: &Call) -> Self {
        Self {
            method: call.method.clone(),
            arguments: digest(&call.arguments),
            timeout_ms: call.timeout_ms,
            dry_run: call.dry_run,
            durable: call.durable,
            queue_ms: call.queue_ms,
            batch: call.batch,
            max_failures: call.max_failures,
        }
    }

    /// Whether it is this call that was signed. It takes time where the arguments are large.
    ///
    /// # Errors
    /// [`Mismatch`], where anything that was signed is another one.
    pub fn is_for(&self, start: &Start) -> Result<(), Mismatch> {
        // The job is the overlord's to name, and the operator is looked at where the key is.
        let Start { job: _, operator: _, method, arguments, timeout_ms, dry_run, durable } = start;
        self.is_for_method(method, arguments)?;
        same(self.timeout_ms == *timeout_ms, "another timeout")?;
        same(self.dry_run == *dry_run, if self.dry_run { "a dry run" } else { "no dry run" })?;
        same(self.durable == *durable, "another durability")
    }

    /// Whether it is this method and these arguments that were signed.
    ///
    /// # Errors
    /// [`Mismatch`], where either is another one.
    pub fn is_for_method(&self, method: &MethodPath, arguments: &Arguments) -> Result<(), Mismatch> {
        same(self.method == *method, "another method")?;
        same(self.arguments == digest(arguments), "other arguments")
    }
}

impl MandatedChange {
    /// What has to be signed for this request; `None` where minions change nothing for it. The version of an
    /// assignment is known by `digest` alone.
    pub fn of(request: &ModuleRequest, digest: Option<Digest>) -> Option<Self> {
        Some(match request {
            ModuleRequest::Push { offer, options, target: _ } => {
                Self::Push { name: offer.name.clone(), digest: offer.digest, downgrade: options.downgrade }
            }
            ModuleRequest::Assign { name, .. } => Self::Assign { name: name.clone(), digest: digest? },
            ModuleRequest::Remove { name, .. } => Self::Remove(name.clone()),
            ModuleRequest::Rollback { name, .. } => Self::Rollback(name.clone()),
            ModuleRequest::Add(_)
            | ModuleRequest::Catalogue(_)
            | ModuleRequest::Unassign { .. }
            | ModuleRequest::Assignments
            | ModuleRequest::CancelPush(_)
            | ModuleRequest::Release(_) => return None,
        })
    }

    /// Whether this command is a step of the change that was signed.
    ///
    /// # Errors
    /// [`Mismatch`], where it is one of another change.
    pub fn is_for(&self, command: &ModuleCommand) -> Result<(), Mismatch> {
        same(self.module() == command.module(), "another module")?;
        match (self, command) {
            (Self::Push { digest, downgrade, .. }, ModuleCommand::Stage(stage)) => {
                let Stage { name: _, size: _, signature: _, digest: staged, downgrade: older } = &**stage;
                same(digest == staged, "another version")?;
                same(*downgrade || !older, "no older version")
            }
            (Self::Assign { digest, .. }, ModuleCommand::Stage(stage)) => {
                same(*digest == stage.digest, "another version")
            }
            (
                Self::Push { digest, .. } | Self::Assign { digest, .. },
                ModuleCommand::Activate { digest: other, .. } | ModuleCommand::Discard { digest: other, .. },
            ) => same(digest == other, "another version"),
            (Self::Remove(_), ModuleCommand::Remove(_)) | (Self::Rollback(_), ModuleCommand::Rollback(_)) => {
                Ok(())
            }
            (Self::Push { .. }, _) => Err(Mismatch("a push")),
            (Self::Assign { .. }, _) => Err(Mismatch("an assignment")),
            (Self::Remove(_), _) => Err(Mismatch("a removal")),
            (Self::Rollback(_), _) => Err(Mismatch("a rollback")),
        }
    }
}

fn same(is_same: bool, signed: &'static str) -> Result<(), Mismatch> {
    if is_same { Ok(()) } else { Err(Mismatch(signed)) }
}

/// The digest of arguments as they were given.
fn digest(arguments: &Arguments) -> Digest {
    let bytes = postcard::to_extend(arguments, DOMAIN.to_vec());
    Digest::of(&bytes.expect("postcard writes all but sequences of unknown length, and arguments have none"))
}

/// Stands before the bytes of arguments, so that their digest is never one of anything else.
const DOMAIN: &[u8] = b"overlord arguments, version 1\0";
