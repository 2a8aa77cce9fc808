//! One write, from the one who asks for it to the one who does it.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::tenant::Tenant;
use crate::write::{Durability, Purpose};

/// Runs a write over a draft, or refuses it. Returns what is to be called once the fate of the batch is known.
type Run = Box<dyn FnOnce(Result<&Draft<'_>, LedgerError>) -> Option<Answer> + Send>;

/// Answers a write with what became of its batch.
pub(crate) type Answer = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;

/// One write on its way to the writer.
pub(crate) struct Request {
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// How durable it has to be before it is answered.
    pub(crate) durability: Durability,
    /// Its place in the line before the writer's thread, where it waits in that.
    pub(crate) place: Option<OwnedSemaphorePermit>,
    run: Run,
}

impl Request {
    /// A request of `tenant` to do `write`, and the place that its answer will come to. An answer that nobody waits for any
    /// longer is dropped; the write stands all the same.
    pub(crate) fn new<T: Send + 'static>(
        tenant: Tenant,
        purpose: Purpose,
        durability: Durability,
        write: impl FnOnce(&Draft<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, LedgerError>>) {
        let (sender, receiver) = oneshot::channel();
        let tell = |answer| drop(sender.send(answer));
        (Self::telling(tenant, purpose, durability, write, tell), receiver)
    }

    /// A request of `tenant` to do `write`, and to `tell` what became of it.
    pub(crate) fn telling<T: Send + 'static>(
        tenant: Tenant,
        purpose: Purpose,
        durability: Durability,
        write: impl FnOnce(&Draft<'_>) -> Result<T, LedgerError> + Send + 'static,
        tell: impl FnOnce(Result<T, LedgerError>) + Send + 'static,
    ) -> Self {
        let run: Run = Box::new(move |draft| match draft.and_then(|draft| draft.apply_as(&tenant, write)) {
            Ok(value) => Some(Box::new(move |fate: Result<(), LedgerError>| tell(fate.map(|()| value)))),
            Err(error) => {
                tell(Err(error));
                None
            }
        });
        Self { purpose, durability, place: None, run }
    }

    /// Runs the write over a draft. Gives what is to be called once the fate of the batch is known; nothing where the write
    /// failed, which is answered already.
    pub(crate) fn run(self, draft: &Draft<'_>) -> Option<Answer> {
        (self.run)(Ok(draft))
    }

    /// Answers that the write is not done, for this reason.
    pub(crate) fn refuse(self, error: LedgerError) {
        (self.run)(Err(error));
    }
}
