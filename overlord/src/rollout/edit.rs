//! Changes of modules that need no bytes: removing, and going back.

use std::sync::Arc;

use wire::message::catalogue::{Became, ModuleResult};
use wire::message::link::{ModuleAnswer, ModuleCommand};
use wire::name::{MinionName, ModuleName};

use super::asker::Asker;
use super::change::{Change, Following};
use super::installer::{Again, NoAnswer};
use super::reservation::Reservation;
use super::{Rollout, on_each};

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// The module is taken out of service.
    Remove,
    /// The version before comes back.
    Rollback,
}

impl Edit {
    /// What happens to the module, as others are told it.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Edit::Remove => "removed",
            Edit::Rollback => "rolled back",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Edit::Remove => "removal",
            Edit::Rollback => "rollback",
        }
    }

    fn request(self, name: ModuleName) -> ModuleCommand {
        match self {
            Edit::Remove => ModuleCommand::Remove(name),
            Edit::Rollback => ModuleCommand::Rollback(name),
        }
    }
}

impl Rollout {
    /// Changes a module on minions. It goes on whether or not anybody follows it.
    pub(crate) fn edit(
        &self,
        edit: Edit,
        reservation: Reservation,
        name: ModuleName,
        targets: Vec<MinionName>,
        asker: Asker,
    ) -> Following {
        let change = Arc::new(Change::new(reservation, &targets));
        let following = change.follow();
        tracing::info!(operator = %asker.operator, module = %name, minions = targets.len(), change = edit.noun(), "a change begins");
        let (rollout, asker) = (self.clone(), Arc::new(asker));
        self.tasks().spawn(async move {
            let all = on_each(targets, |minion| {
                let (rollout, change) = (rollout.clone(), change.clone());
                let (name, asker) = (name.clone(), asker.clone());
                async move { change.end(rollout.edit_one(edit, &asker, minion, name).await) }
            });
            tokio::select! {
                _ = all => {}
                by = change.reservation().released() => change.give_up(&by),
            }
            change.conclude(edit.noun(), &name);
        });
        following
    }

    async fn edit_one(
        &self,
        edit: Edit,
        asker: &Asker,
        minion: MinionName,
        name: ModuleName,
    ) -> ModuleResult {
        let _locked = self.installer().lock(&minion, &name).await;
        let was = self.installer().in_service(&minion, &name);
        // Not asked again after a broken connection: a second rollback would go back further.
        let answer = self.installer().command(&minion, asker, edit.request(name.clone()), Again::No).await;
        let result = |became, version, before, now, reason| ModuleResult {
            minion: minion.clone(),
            became,
            version,
            before,
            now,
            reason,
        };
        match answer {
            Ok(ModuleAnswer::Done { before, now, version }) => {
                let became = if now.is_some() { Became::Active } else { Became::Removed };
                result(became, version, before, now, self.warning(&minion, &name, now).await)
            }
            Ok(ModuleAnswer::Refused(why)) => result(Became::Failed, None, was, was, Some(why)),
            Err(NoAnswer::NotConnected) => result(Became::NotConnected, None, was, was, None),
            Err(NoAnswer::Lost(why)) => {
                let why = format!("{why}; it may be done: look with `overlord module show {name}`");
                result(Became::Unknown, None, was, None, Some(why))
            }
        }
    }
}
