//! Bringing back what was in service before, where nothing is.

use wire::digest::Digest;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::Origin;
use crate::modules::Modules;
use crate::modules::activate::Entered;
use crate::modules::set::Entry;

impl Modules {
    /// Puts the newest kept version that can be into service, where a module has a file and nothing serves. The
    /// file stays what it is. What was `tried` just now is not tried again.
    pub(super) async fn recall(&self, name: &ModuleName, tried: Option<Digest>) {
        let earlier = self.0.set().get(name).map(Entry::earlier).unwrap_or_default();
        for digest in earlier.into_iter().filter(|digest| Some(*digest) != tried) {
            // Again only where the policy became another one in between.
            while self.0.set().get(name).is_some_and(Entry::is_unserved) {
                let prepared = match self.prepare_kept(name, digest, Age::GoneBackTo, Origin::Minion).await {
                    Ok(prepared) => prepared,
                    Err(refusal) => {
                        let reason = refusal.reason;
                        tracing::warn!(module = %name, digest = digest.short(), reason, "a kept version cannot be put into service");
                        break;
                    }
                };
                let named = name.clone();
                let entered = self.step(move |modules| {
                    if !modules.0.set().get(&named).is_some_and(Entry::is_unserved) {
                        return Entered::Done(None);
                    }
                    modules.enter(prepared, None, None, "recalled", Origin::Minion)
                });
                if let Entered::Done(_) = entered.await {
                    return;
                }
            }
        }
    }
}
