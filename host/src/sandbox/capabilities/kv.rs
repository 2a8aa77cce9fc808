//! `minion:kv`: what a module keeps between its jobs, within its quota.

use ledger::{Kv, KvError, Swap};

use self::bindings::minion::kv::kv::{Error, Host};
use super::package::Package;
use super::{Capability, Grant, interface};
use crate::policy::ByteSize;
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::guest::Guest;

/// The longest key, in bytes.
const MAX_KEY: usize = 512;
/// The most keys of one answer.
const MAX_KEYS: u32 = 1_000;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    grant: Some(Grant::to_load(r#"kv = { quota = "1MiB" }"#, |grants| grants.kv.is_some())),
    ..Capability::ours("kv", &[Package::ours("minion:kv", &["kv"])], DryRun::Recorded, link)
};

interface!(kv, "../wit/kv", "import minion:kv/kv@0.1.0;", imports: { default: async });

impl Host for Guest {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, Error> {
        let keyspace = keyspace(self, &key)?;
        keyspace.get(&key).map_err(|error| refused(self, error))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
        let keyspace = keyspace(self, &key)?;
        recorded(self, || format!("set \"{key}\" to {}", ByteSize(value.len() as u64)))?;
        let _held = hold(self, value.len())?;
        keyspace.set(&key, value).await.map_err(|error| refused(self, error))
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        replacement: Option<Vec<u8>>,
    ) -> Result<bool, Error> {
        let keyspace = keyspace(self, &key)?;
        recorded(self, || format!("set or delete \"{key}\" if it is as expected"))?;
        let length = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        let _held = hold(self, length(&expected) + length(&replacement))?;
        let swap = keyspace.compare_and_set(&key, expected, replacement).await;
        swap.map(|swap| swap == Swap::Done).map_err(|error| refused(self, error))
    }

    async fn delete(&mut self, key: String) -> Result<bool, Error> {
        let keyspace = keyspace(self, &key)?;
        recorded(self, || format!("delete \"{key}\""))?;
        delete(&keyspace, &key).await.map_err(|error| refused(self, error))
    }

    async fn list(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let keyspace = keyspace(self, "any")?;
        let limit = limit.clamp(1, MAX_KEYS) as usize;
        let listed = keyspace.list_after(&prefix, after.as_deref().unwrap_or_default(), limit);
        listed.map_err(|error| refused(self, error))
    }
}

/// The keyspace of the module, where it has one and the job may still use it.
///
/// # Errors
/// [`Error::Denied`] where policy grants none, and [`Error::Cancelled`] once the job is being cancelled.
fn keyspace(guest: &Guest, key: &str) -> Result<Kv, Error> {
    if guest.job.cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(Error::Other(format!("a key has 1 to {MAX_KEY} bytes, and this one has {}", key.len())));
    }
    guest.kv.clone().ok_or_else(|| Error::Other("there is no ledger here to keep anything in".into()))
}

/// Takes memory for a value on its way into the ledger.
fn hold(guest: &Guest, bytes: usize) -> Result<Hold, Error> {
    guest.holdings.memory.take(bytes as u64).map_err(|error| Error::Other(error.of_memory()))
}

/// In a dry run, records the change and refuses it with the record.
fn recorded(guest: &Guest, change: impl FnOnce() -> String) -> Result<(), Error> {
    guest.unless_dry(&CAPABILITY, || format!("kv: {}", change())).map_err(Error::DryRun)
}

/// Deletes a key, and returns whether this call deleted it and not another one in between.
async fn delete(keyspace: &Kv, key: &str) -> Result<bool, KvError> {
    while let Some(current) = keyspace.get(key)? {
        if keyspace.compare_and_set(key, Some(current), None).await? == Swap::Done {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The error as the module sees it. One for lack of quota also goes to the audit log.
fn refused(guest: &Guest, error: KvError) -> Error {
    match error {
        KvError::Quota { .. } => {
            guest.job.denied(&CAPABILITY, error.to_string());
            Error::Denied(error.to_string())
        }
        KvError::Key { .. } | KvError::Ledger(_) => Error::Other(error.to_string()),
    }
}
