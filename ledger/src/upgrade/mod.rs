//! Bringing a folder of an older format up to the current one, when it is opened.
//!
//! There is one step for each format. Before the first one, the folder is marked as one of the current format
//! whose upgrade has begun: versions that know only the old format do not open it, and an upgrade that was killed
//! begins again. A step leaves alone what it has done before, because a record whose encoding has changed has
//! another [`Record::VERSION`].

mod steps;

use self::steps::commit;
use crate::error::LedgerError;
use crate::format::{self, CURRENT, Format};
use crate::keyspace::Side;
use crate::storage::Store;

/// The steps, in order.
const UPGRADES: &[Upgrade] =
    &[Upgrade { from: 1, run: steps::from_1 }, Upgrade { from: 2, run: steps::from_2 }];

/// What brings the records of one format into the shape of the next.
struct Upgrade {
    from: u32,
    run: fn(&Store, Side) -> Result<(), LedgerError>,
}

/// Brings the folder up to the current format; does nothing where it has that already.
pub(crate) fn upgrade(store: &Store, side: Side) -> Result<(), LedgerError> {
    take(store, side, UPGRADES)
}

fn take(store: &Store, side: Side, steps: &[Upgrade]) -> Result<(), LedgerError> {
    let Some(format) = store.format(format::KEYS)? else { return Ok(()) };
    let from = match store.format(format::UPGRADE_KEYS)? {
        Some(begun) => begun.version(),
        None if format.version() == CURRENT => return Ok(()),
        None => {
            commit(store, [format.put(format::UPGRADE_KEYS), Format::current(side).put(format::KEYS)])?;
            format.version()
        }
    };
    for step in steps.iter().filter(|step| (from..CURRENT).contains(&step.from)) {
        (step.run)(store, side)?;
    }
    commit(store, [Format::remove(format::UPGRADE_KEYS)])?;
    tracing::info!(ledger = %store.path().display(), from, to = CURRENT, "upgraded the ledger");
    Ok(())
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::steps::rewrite;
    use super::*;
    use crate::draft::Draft;
    use crate::key::Span;
    use crate::keyspace::Keyspace;
    use crate::read::Read as _;
    use crate::record::Record;
    use crate::storage::Changes;

    #[derive(Serialize, Deserialize)]
    struct Old(u64);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New(u64, String);

    impl Record for Old {
        const SPACE: Keyspace = Keyspace::Later;
    }

    impl Record for New {
        const SPACE: Keyspace = Keyspace::Later;
        const VERSION: u8 = 2;
    }

    impl From<Old> for New {
        fn from(Old(number): Old) -> Self {
            New(number, "made of an old one".to_owned())
        }
    }

    const NUMBERS: u64 = 100;

    /// A folder of the format before the current one, with records of it.
    fn older(path: &std::path::Path) -> Store {
        let store = Store::open(path, Side::Overlord).unwrap();
        let rows = (0..NUMBERS).map(|number| {
            let key = number.to_be_bytes();
            ((Keyspace::Later, key.to_vec()), Some(Old(number).encode(&key)))
        });
        commit(&store, [rows.collect(), Format::of(Side::Overlord, CURRENT - 1).put(format::KEYS)]).unwrap();
        store
    }

    fn numbers(store: &Store) -> Vec<New> {
        let rows = store.scan(Keyspace::Later, Span::all());
        rows.map(|(key, bytes)| New::decode(&key, &bytes).unwrap()).collect()
    }

    fn whole(store: &Store, _: Side) -> Result<(), LedgerError> {
        rewrite::<Old, New>(store)
    }

    /// Ends as a kill in the middle would.
    fn half(store: &Store, _: Side) -> Result<(), LedgerError> {
        let draft = Draft::new(store);
        for number in 0..NUMBERS / 2 {
            let again = New(number, "of the first attempt".to_owned());
            draft.apply(|draft| Ok(draft.put_record(number.to_be_bytes().to_vec(), &again)))?;
        }
        commit(store, [draft.into_changes()])?;
        Err(LedgerError::Closed { path: store.path().to_owned() })
    }

    #[test]
    fn an_upgrade_that_was_killed_goes_on_and_does_nothing_twice() {
        let folder = crate::scratch::folder();
        let store = older(folder.path());
        let from = CURRENT - 1;
        take(&store, Side::Overlord, &[Upgrade { from, run: half }]).unwrap_err();
        drop(store);

        let store = Store::open(folder.path(), Side::Overlord).unwrap();
        let format = store.format(format::KEYS).unwrap().unwrap();
        assert_eq!(format.version(), CURRENT, "an older version would open what is half done");
        take(&store, Side::Overlord, &[Upgrade { from, run: whole }]).unwrap();
        let made = |text: &str| numbers(&store).iter().filter(|New(_, of)| of == text).count() as u64;
        assert_eq!(made("of the first attempt"), NUMBERS / 2);
        assert_eq!(made("made of an old one"), NUMBERS / 2);
        drop(store);

        let store = Store::open(folder.path(), Side::Overlord).unwrap();
        take(&store, Side::Overlord, &[Upgrade { from, run: half }]).unwrap();
    }

    #[test]
    fn only_the_steps_from_the_format_of_the_folder_on_are_taken() {
        let folder = crate::scratch::folder();
        let store = older(folder.path());
        let steps = [Upgrade { from: CURRENT, run: half }, Upgrade { from: CURRENT - 1, run: whole }];
        let before = store.batch().unwrap();
        take(&store, Side::Overlord, &steps).unwrap();
        assert_eq!(numbers(&store).len() as u64, NUMBERS);
        assert_eq!(store.batch().unwrap(), before + 3, "its beginning, all records together, and its end");
        // A folder that has the current format is not even written to.
        take(&store, Side::Overlord, &steps).unwrap();
        assert_eq!(store.batch().unwrap(), before + 3);
    }

    #[test]
    fn a_record_that_is_damaged_does_not_stop_the_upgrade() {
        let folder = crate::scratch::folder();
        let store = older(folder.path());
        let place = (Keyspace::Later, b"nonsense".to_vec());
        commit(&store, [Changes::from([(place, Some(b"nonsense".as_slice().into()))])]).unwrap();
        take(&store, Side::Overlord, &[Upgrade { from: CURRENT - 1, run: whole }]).unwrap();
        let draft = Draft::new(&store);
        assert_eq!(draft.records::<New>(Span::all()).count() as u64, NUMBERS);
    }
}
