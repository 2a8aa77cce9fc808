//! All that an overlord asks of its ledger.

mod enrolment;
mod holdings;
mod jobs;
mod minions;
mod modules;
mod operators;
mod parts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Engine, Reader};
use crate::error::LedgerError;
use crate::keyspace::Side;
use crate::quarantine::{self, SetAside};
use crate::reopenable::Commits;
use crate::storage::Disk;

/// An overlord's ledger: jobs with their parts, outcomes and transitions, the minions that it knows, and the versions
/// of modules that it keeps and assigns.
///
/// This is the whole list of what can be asked, and all that a second engine has to do:
///
/// - jobs: [`accept`](Self::accept), [`job`](Self::job), [`arguments`](Self::arguments), [`state`](Self::state),
///   [`transitions`](Self::transitions), [`history`](Self::history), [`document`](Self::document),
///   [`document_up_to`](Self::document_up_to), [`document_without`](Self::document_without), [`live`](Self::live),
///   [`newest`](Self::newest), [`list`](Self::list), [`by_prefix`](Self::by_prefix), [`purge`](Self::purge)
/// - parts: [`part_moved`](Self::part_moved), [`part_ended`](Self::part_ended),
///   [`part_moved_and_ended`](Self::part_moved_and_ended), [`parts`](Self::parts),
///   [`outcome`](Self::outcome), [`outcomes`](Self::outcomes), [`cancel`](Self::cancel),
///   [`cancelled`](Self::cancelled), [`give_up`](Self::give_up), [`unheard`](Self::unheard),
///   [`is_unheard`](Self::is_unheard)
/// - minions: [`put_minion`](Self::put_minion), [`minion_seen`](Self::minion_seen),
///   [`minion_modules`](Self::minion_modules), [`minion_facts`](Self::minion_facts),
///   [`put_tenures`](Self::put_tenures),
///   [`remove_minion`](Self::remove_minion), [`minion`](Self::minion), [`minions`](Self::minions),
///   [`facts`](Self::facts), [`tenures`](Self::tenures)
/// - certificates of minions: [`put_next_certificate`](Self::put_next_certificate),
///   [`certificate_shown`](Self::certificate_shown), [`certificates`](Self::certificates)
/// - authorities: [`put_holding`](Self::put_holding), [`operator_shown`](Self::operator_shown),
///   [`holdings`](Self::holdings), [`operator_keys`](Self::operator_keys), [`forget_holdings`](Self::forget_holdings)
/// - invitations: [`put_invite`](Self::put_invite), [`invited`](Self::invited), [`redeem`](Self::redeem),
///   [`invites`](Self::invites), [`purge_invites`](Self::purge_invites)
/// - operators: [`put_operator`](Self::put_operator), [`remove_operator`](Self::remove_operator),
///   [`operators`](Self::operators), [`put_operator_invite`](Self::put_operator_invite),
///   [`operator_invited`](Self::operator_invited), [`redeem_operator`](Self::redeem_operator),
///   [`purge_operator_invites`](Self::purge_operator_invites), [`put_renewed_operator`](Self::put_renewed_operator),
///   [`renewed_operators`](Self::renewed_operators)
/// - enrolment: [`invited_by`](Self::invited_by), [`put_glob_invite`](Self::put_glob_invite),
///   [`redeem_glob`](Self::redeem_glob), [`invitations`](Self::invitations), [`withdraw`](Self::withdraw),
///   [`enrol_new`](Self::enrol_new), [`put_waiting`](Self::put_waiting), [`accept_waiting`](Self::accept_waiting),
///   [`waiting`](Self::waiting), [`forget_waiting`](Self::forget_waiting), [`revoke_minion`](Self::revoke_minion),
///   [`unrevoke_minion`](Self::unrevoke_minion), [`revocations`](Self::revocations)
/// - modules: [`keep_module`](Self::keep_module), [`forget_module`](Self::forget_module),
///   [`kept_modules`](Self::kept_modules), [`assign`](Self::assign), [`unassign`](Self::unassign),
///   [`assignments`](Self::assignments), [`assignment_mandate`](Self::assignment_mandate), [`attempted`](Self::attempted), [`attempt`](Self::attempt)
/// - the ledger itself: [`open`](Self::open), [`close`](Self::close), [`storage`](Self::storage),
///   [`commits`](Self::commits), [`set_aside`](Self::set_aside)
///
/// Each operation is atomic: a write is done as a whole or not at all, and sees what all writes before it did; a read
/// sees one moment. Each has to be awaited, reads as well, since nobody but the ledger may know whether what is read is
/// on this host. A write is ready once it is as durable as it says, or as the caller asks: see
/// [`Durability`](crate::Durability).
///
/// All fail with a [`LedgerError`] that says what to do about it, and then nothing was changed. What is damaged counts
/// as absent, and is set aside.
///
/// A cheap handle; the folder is closed when the last one is dropped.
#[derive(Clone)]
pub struct OverlordLedger {
    engine: Arc<Engine>,
}

/// Where a ledger is and what it takes.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The folder.
    pub path: PathBuf,
    /// Bytes that it takes on disk; `None` where that cannot be told at the moment.
    pub bytes: Option<u64>,
    /// How full its disk is.
    pub disk: Disk,
}

/// The ledger itself. An engine has its own way to be opened.
impl OverlordLedger {
    /// Opens the ledger in the folder `dir`, or makes it there. Only one process may have it open.
    ///
    /// Blocks for as long as it takes to read what was written last.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] where another process has it open, [`LedgerError::WrongSide`] where it is a
    /// minion's, [`LedgerError::Newer`] where a newer version wrote it, and [`LedgerError::Damaged`],
    /// [`LedgerError::ReadOnly`] or [`LedgerError::Io`] where it cannot be used.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        Ok(Self { engine: Arc::new(Engine::open(dir, Side::Overlord)?) })
    }

    /// Commits the writes that were asked for and closes the folder. Every later use of any handle fails.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// Where it is, what it takes, and how full its disk is at this moment.
    pub async fn storage(&self) -> Storage {
        let (path, disk) = (self.engine.path().to_owned(), self.engine.disk());
        Storage { path, bytes: self.engine.size().ok(), disk }
    }

    /// What was written since the ledger was opened, and in how many batches.
    pub async fn commits(&self) -> Commits {
        self.engine.commits()
    }

    /// Up to `limit` records that could not be read and were set aside.
    pub async fn set_aside(&self, limit: usize) -> Result<Vec<SetAside>, LedgerError> {
        self.read(|source| Ok(quarantine::list(source, limit))).await
    }

    /// Looks at one moment of the ledger. With this engine that is done on the caller's thread: a read is of few
    /// records, most of them in memory, and takes less time than handing it to another thread.
    async fn read<T, E: From<LedgerError>>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        look(&self.engine.read()?)
    }
}

#[cfg(test)]
impl OverlordLedger {
    /// The engine, for tests of what an operation costs.
    pub(in crate::overlord) fn engine(&self) -> &Engine {
        &self.engine
    }
}
