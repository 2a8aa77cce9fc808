//! Who is changing which module: one operator at a time for each name, and for each file.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wire::clock::now_ms;
use wire::digest::Digest;
use wire::name::{ModuleName, OperatorName};
use wire::operator::{Refusal, RefusalKind};

use crate::report::moment::rfc3339;

/// All claims at this moment. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct Claims(Arc<Mutex<Vec<Arc<Holder>>>>);

/// Who holds a claim.
struct Holder {
    name: ModuleName,
    digest: Option<Digest>,
    operator: OperatorName,
    doing: &'static str,
    since: u64,
    /// What others tried meanwhile.
    notes: watch::Sender<Vec<String>>,
}

/// The right to change a module, until it is dropped.
pub(crate) struct Claim {
    claims: Claims,
    holder: Arc<Holder>,
}

impl Claims {
    /// Claims a name, and a file where there is one. Refused while somebody has either; both are told.
    pub(super) fn claim(
        &self,
        name: &ModuleName,
        digest: Option<Digest>,
        operator: &OperatorName,
        doing: &'static str,
    ) -> Result<Claim, Refusal> {
        let mut holders = self.lock();
        let same =
            |holder: &&Arc<Holder>| holder.name == *name || (digest.is_some() && holder.digest == digest);
        if let Some(holder) = holders.iter().find(same) {
            holder.tell(format!("{operator} wanted \"{name}\" {doing} meanwhile, and was refused"));
            return Err(holder.refusal());
        }
        let holder = Arc::new(Holder {
            name: name.clone(),
            digest,
            operator: operator.clone(),
            doing,
            since: now_ms(),
            notes: watch::Sender::default(),
        });
        holders.push(holder.clone());
        Ok(Claim { claims: self.clone(), holder })
    }

    /// The files that are claimed.
    pub(super) fn digests(&self) -> HashSet<Digest> {
        self.lock().iter().filter_map(|holder| holder.digest).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Holder>>> {
        // No code under this lock can panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// The module that is claimed.
    pub(super) fn module(&self) -> &ModuleName {
        &self.holder.name
    }

    /// Follows what others try meanwhile.
    pub(super) fn notes(&self) -> watch::Receiver<Vec<String>> {
        self.holder.notes.subscribe()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.lock().retain(|holder| !Arc::ptr_eq(holder, &self.holder));
    }
}

impl Holder {
    fn tell(&self, note: String) {
        self.notes.send_if_modified(|notes| {
            let fits = notes.len() < MAX_NOTES;
            if fits {
                notes.push(note);
            }
            fits
        });
    }

    fn refusal(&self) -> Refusal {
        let Holder { name, doing, operator, since, .. } = self;
        let message = format!(
            "\"{name}\" is being {doing} by {operator} since {}: wait for its end, and look at the result \
             with `overlord module show {name}`",
            rfc3339(*since)
        );
        Refusal::new(RefusalKind::Busy, message)
    }
}

/// How many attempts of others the holder of a claim is told of.
const MAX_NOTES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ModuleName {
        text.parse().expect("a name")
    }

    fn operator(text: &str) -> OperatorName {
        text.parse().expect("a name")
    }

    #[test]
    fn the_second_operator_is_refused_and_both_are_told() {
        let claims = Claims::default();
        let first = claims.claim(&name("test"), None, &operator("alice"), "pushed").expect("free");
        let refused = claims.claim(&name("test"), None, &operator("bob"), "removed");
        let refusal = refused.err().expect("refused");
        assert_eq!(refusal.kind, RefusalKind::Busy);
        assert!(refusal.message.starts_with("\"test\" is being pushed by alice since 2"), "{refusal}");
        assert_eq!(*first.notes().borrow(), ["bob wanted \"test\" removed meanwhile, and was refused"]);
        drop(first);
        assert!(claims.claim(&name("test"), None, &operator("bob"), "removed").is_ok());
    }

    #[test]
    fn one_file_is_brought_once_whatever_it_is_called() {
        let claims = Claims::default();
        let digest = Some(Digest::of(b"code"));
        let first = claims.claim(&name("a"), digest, &operator("alice"), "pushed").expect("free");
        assert!(claims.claim(&name("b"), digest, &operator("bob"), "pushed").is_err());
        assert!(claims.claim(&name("b"), None, &operator("bob"), "removed").is_ok());
        assert_eq!(claims.digests().len(), 1);
        drop(first);
        assert!(claims.digests().is_empty());
    }
}
