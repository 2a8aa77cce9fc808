//! The store of the made-up host: it has no quota, and obeys the host's dry run.

use super::state;
use crate::kv::Error;

pub(crate) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(state(|state| state.kv.get(key).cloned()))
}

pub(crate) fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    change(key, Some(value))
}

pub(crate) fn compare_and_set(
    key: &str,
    expected: Option<&[u8]>,
    replacement: Option<&[u8]>,
) -> Result<bool, Error> {
    let as_expected = get(key)?.as_deref() == expected;
    if as_expected {
        change(key, replacement)?;
    }
    Ok(as_expected)
}

pub(crate) fn delete(key: &str) -> Result<bool, Error> {
    let was_there = get(key)?.is_some();
    change(key, None)?;
    Ok(was_there)
}

pub(crate) fn list(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    let wanted = |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
    Ok(state(|state| state.kv.keys().filter(wanted).take(limit as usize).cloned().collect()))
}

/// Gives a key a value or takes it away, or records that a dry run would have done so.
fn change(key: &str, value: Option<&[u8]>) -> Result<(), Error> {
    state(|state| {
        if state.dry_run {
            let what = match value {
                Some([_]) => format!("set \"{key}\" to 1 byte"),
                Some(value) => format!("set \"{key}\" to {} bytes", value.len()),
                None => format!("delete \"{key}\""),
            };
            return Err(Error::DryRun(state.record(what)));
        }
        match value {
            Some(value) => state.kv.insert(key.to_owned(), value.to_vec()),
            None => state.kv.remove(key),
        };
        Ok(())
    })
}
