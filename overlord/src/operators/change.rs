//! Changes of operators: who is invited, comes in, and has to go.
//!
//! A change is done to its end also where whoever asked for it goes away, so that the ledger and memory say the same. It
//! may wait for others, so who asks for it is looked at again when its turn has come: an administrator who was shut out
//! meanwhile changes nothing.

use std::collections::BTreeMap;

use ledger::{LedgerError, OperatorInvite, OperatorInviteError, OperatorRecord, Renewed};
use machine::clock::now_ms;
use tokio::task::JoinError;
use wire::digest::Digest;
use wire::identity::Validity;
use wire::message::operators::OperatorStanding;
use wire::name::{OperatorName, RoleName};

use super::{Entry, Operators, close};

/// Why operators are not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("operator \"{0}\" may not administer the overlord any more")]
    NoAdministrator(OperatorName),
    #[error("the overlord's ledger: {0}")]
    Ledger(#[from] LedgerError),
    #[error("the change broke off: {0}")]
    Broken(#[from] JoinError),
}

/// Why a token lets nobody in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error(transparent)]
    Token(#[from] OperatorInviteError),
    #[error("the login broke off: {0}")]
    Broken(#[from] JoinError),
}

/// What was done to an operator by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// This is recorded, or was where it is forgotten.
    Operator(Box<OperatorRecord>),
    /// Nobody has the name; the tokens that were made for it are good no more.
    Tokens,
    /// Nobody has the name, nor was a token for it out.
    Nothing,
}

impl Operators {
    /// Records a token, which an administrator makes.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing has changed.
    pub(crate) async fn invite(&self, invite: OperatorInvite) -> Result<(), ChangeError> {
        let by = invite.by.clone();
        self.whole(by, |all| async move { Ok(all.0.ledger.put_operator_invite(invite).await?) }).await
    }

    /// The token of `secret`, where it lets an operator in now. Costs a read.
    ///
    /// # Errors
    /// [`OperatorInviteError`], which says why it lets nobody in.
    pub(crate) async fn invited(&self, secret: &Digest) -> Result<OperatorInvite, OperatorInviteError> {
        let invite = self.0.ledger.operator_invited(secret, now_ms()).await?;
        match self.is_administrator(&invite.by) {
            true => Ok(invite),
            false => Err(OperatorInviteError::InviterGone(invite.name)),
        }
    }

    /// Lets an operator log in with the token of `secret` and this key, whose certificate is good for that
    /// time. One who
    /// had the name before loses it, and its connections.
    ///
    /// # Errors
    /// [`LoginError`], which says why the token lets nobody in.
    pub(crate) async fn log_in(
        &self,
        secret: &Digest,
        key: Digest,
        validity: Validity,
    ) -> Result<OperatorRecord, LoginError> {
        let (all, secret) = (self.clone(), *secret);
        let work = self.0.tasks.spawn_whole(async move {
            let _changing = all.0.changes.lock().await;
            all.invited(&secret).await?;
            let valid = (validity.from, validity.until);
            let record = all.0.ledger.redeem_operator(&secret, key, valid, now_ms()).await?;
            all.enter(&record, key);
            Ok(record)
        });
        work.await?
    }

    /// Enters an operator who has logged in, in place of one with another key.
    fn enter(&self, record: &OperatorRecord, key: Digest) {
        let former = {
            let mut operators = self.lock();
            let before = operators.get(&record.name).is_some_and(|entry| entry.record.key == Some(key));
            match operators.get_mut(&record.name) {
                Some(entry) if before => {
                    entry.record = record.clone();
                    None
                }
                _ => {
                    let entry = Entry { renewed: Some(Renewed::default()), ..Entry::new(record.clone()) };
                    operators.insert(record.name.clone(), entry)
                }
            }
        };
        former.into_iter().for_each(Entry::close);
    }

    /// Sets whether an operator may connect, as an administrator wants it. Where it may not any more, its connections
    /// end at once, and the tokens that were made for it are forgotten. One that is revoked already stays so as it was
    /// done first.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing has changed.
    pub(crate) async fn set_standing(
        &self,
        name: &OperatorName,
        standing: OperatorStanding,
        by: &OperatorName,
    ) -> Result<Changed, ChangeError> {
        let name = name.clone();
        let work = |all: Self| async move {
            let Some(mut changed) = all.entry(&name) else {
                return match standing {
                    OperatorStanding::Active => Ok(Changed::Nothing),
                    OperatorStanding::Revoked { .. } => all.forget(&name).await,
                };
            };
            if changed.record.standing == OperatorStanding::Active {
                // Where it is let in again, that is for whoever has its last certificate.
                changed.keep_the_last();
            }
            if changed.record.standing == OperatorStanding::Active || standing == OperatorStanding::Active {
                changed.record.standing = standing;
            }
            let Entry { record, renewed, .. } = changed;
            match renewed.clone() {
                Some(renewed) => all.0.ledger.put_renewed_operator(record.clone(), renewed).await?,
                None => all.0.ledger.put_operator(record.clone()).await?,
            }
            let ended = all.lock().get_mut(&name).map(|entry| {
                (entry.record, entry.renewed) = (record.clone(), renewed);
                let stays = record.standing == OperatorStanding::Active;
                if stays { BTreeMap::new() } else { std::mem::take(&mut entry.connections) }
            });
            ended.iter().flat_map(BTreeMap::values).for_each(close);
            Ok(Changed::Operator(Box::new(record)))
        };
        self.whole(by.clone(), work).await
    }

    /// Gives an operator these roles, in place of those that it was given by name before, as an administrator wants it. They hold
    /// from its next request on.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing has changed.
    pub(crate) async fn set_roles(
        &self,
        name: &OperatorName,
        roles: Vec<RoleName>,
        by: &OperatorName,
    ) -> Result<Changed, ChangeError> {
        let name = name.clone();
        let work = |all: Self| async move {
            let Some(Entry { mut record, .. }) = all.entry(&name) else { return Ok(Changed::Nothing) };
            record.roles = roles;
            all.0.ledger.put_operator(record.clone()).await?;
            if let Some(entry) = all.lock().get_mut(&name) {
                entry.record.roles = record.roles.clone();
            }
            Ok(Changed::Operator(Box::new(record)))
        };
        self.whole(by.clone(), work).await
    }

    /// Forgets an operator and its tokens, as an administrator wants it, and ends its connections.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing has changed.
    pub(crate) async fn remove(
        &self,
        name: &OperatorName,
        by: &OperatorName,
    ) -> Result<Changed, ChangeError> {
        let name = name.clone();
        self.whole(by.clone(), |all| async move { all.forget(&name).await }).await
    }

    async fn forget(&self, name: &OperatorName) -> Result<Changed, ChangeError> {
        let is_known = self.0.ledger.remove_operator(name).await?;
        let entry = self.lock().remove(name);
        Ok(match entry {
            Some(entry) => {
                let record = entry.record.clone();
                entry.close();
                Changed::Operator(Box::new(record))
            }
            None if is_known => Changed::Tokens,
            None => Changed::Nothing,
        })
    }

    /// Does a change to its end when its turn has come, if `by` is an administrator then.
    async fn whole<T, F>(
        &self,
        by: OperatorName,
        work: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<T, ChangeError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ChangeError>> + Send,
    {
        let all = self.clone();
        let work = self.0.tasks.spawn_whole(async move {
            let _changing = all.0.changes.lock().await;
            if !all.is_administrator(&by) {
                return Err(ChangeError::NoAdministrator(by));
            }
            work(all.clone()).await
        });
        work.await?
    }
}

#[cfg(test)]
mod tests {
    use ledger::OverlordLedger;
    use tokio_util::sync::CancellationToken;
    use wire::message::operators::OperatorKind;

    use super::super::tests::operator;
    use super::*;
    use crate::roles::{RoleBook, Rules, admin};
    use crate::tasks::Tasks;

    fn name(name: &str) -> OperatorName {
        name.parse().expect("a name")
    }

    fn revoked() -> OperatorStanding {
        OperatorStanding::Revoked { at: 1, by: name("ann"), why: String::new() }
    }

    fn token(secret: &str, who: &str, by: &str) -> OperatorInvite {
        OperatorInvite {
            secret: Digest::of(secret.as_bytes()),
            name: name(who),
            kind: OperatorKind::Person,
            roles: vec![admin()],
            lifetime_ms: None,
            expires_at: u64::MAX,
            by: name(by),
            used_by: None,
        }
    }

    struct Rig {
        operators: Operators,
        roles: RoleBook,
        ledger: OverlordLedger,
        folder: tempfile::TempDir,
    }

    impl Rig {
        /// The administrators ann and eve, eve by a pattern of the configuration, and bob, who is none.
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let ledger = OverlordLedger::open(&folder.path().join("ledger")).expect("opens");
            for (who, roles) in [("ann", vec![admin()]), ("eve", Vec::new()), ("bob", Vec::new())] {
                let record = OperatorRecord { roles, ..operator(who) };
                ledger.put_operator(record).await.expect("written");
            }
            std::fs::create_dir(folder.path().join("roles.d")).expect("made");
            let roles = RoleBook::open(folder.path().to_owned(), &Rules::new()).expect("loads");
            let tasks = Tasks::new(CancellationToken::new());
            let operators = Operators::open(ledger.clone(), None, roles.clone(), tasks).await.expect("opens");
            let rig = Self { operators, roles, ledger, folder };
            rig.administrators("eve");
            rig
        }

        fn administrators(&self, pattern: &str) {
            let file = self.folder.path().join("roles.d/admin.toml");
            std::fs::write(file, format!("[roles.admin]\noperators = ['{pattern}']")).expect("written");
            self.roles.reload(&Rules::new()).expect("loads");
        }

        async fn log_in(&self, secret: &str) -> Result<OperatorRecord, LoginError> {
            let validity = Validity { from: 0, until: i64::MAX };
            self.operators.log_in(&Digest::of(secret.as_bytes()), Digest::of(b"key"), validity).await
        }
    }

    #[tokio::test]
    async fn a_change_that_waited_is_not_made_for_who_was_shut_out_meanwhile() {
        let rig = Rig::new().await;
        let (by, ann) = (name("eve"), name("ann"));
        let turn = rig.operators.0.changes.lock().await;
        let (active, gone) = (rig.operators.clone(), rig.operators.clone());
        let waiting = async {
            tokio::join!(
                active.set_standing(&by, OperatorStanding::Active, &by),
                gone.remove(&ann, &by),
                gone.invite(token("one", "mallory", "eve")),
            )
        };
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        let revoke = OperatorRecord { standing: revoked(), ..operator("eve") };
        rig.operators.lock().get_mut(&by).expect("known").record = revoke;
        drop(turn);
        let (active, gone, invited) = waiting.await;
        assert!(matches!(active, Err(ChangeError::NoAdministrator(_))), "{active:?}");
        assert!(matches!(gone, Err(ChangeError::NoAdministrator(_))), "{gone:?}");
        assert!(matches!(invited, Err(ChangeError::NoAdministrator(_))), "{invited:?}");
        assert!(rig.operators.roles(&by).is_none() && rig.operators.find(&ann).is_some());
    }

    #[tokio::test]
    async fn the_tokens_of_who_is_no_administrator_any_more_let_nobody_in() {
        let rig = Rig::new().await;
        rig.operators.invite(token("one", "carl", "eve")).await.expect("recorded");
        rig.operators.invite(token("two", "mallory", "eve")).await.expect("recorded");
        rig.log_in("one").await.expect("lets in");
        rig.administrators("nobody");
        rig.log_in("two").await.expect_err("let in by one who is no administrator");
        rig.operators.invite(token("three", "mallory", "eve")).await.expect_err("recorded");
        rig.operators.invite(token("three", "mallory", "bob")).await.expect_err("recorded");
    }

    #[tokio::test]
    async fn tokens_are_taken_back_of_a_name_that_never_logged_in() {
        let rig = Rig::new().await;
        let (ann, carl) = (name("ann"), name("carl"));
        rig.operators.invite(token("one", "carl", "ann")).await.expect("recorded");
        let taken = rig.operators.set_standing(&carl, revoked(), &ann).await.expect("changes");
        assert_eq!(taken, Changed::Tokens);
        rig.log_in("one").await.expect_err("the token lets in");
        rig.operators.invite(token("two", "carl", "ann")).await.expect("recorded");
        assert_eq!(rig.operators.remove(&carl, &ann).await.expect("changes"), Changed::Tokens);
        assert_eq!(rig.operators.remove(&carl, &ann).await.expect("changes"), Changed::Nothing);
        rig.log_in("two").await.expect_err("the token lets in");
    }

    #[tokio::test]
    async fn a_change_is_whole_where_whoever_asked_for_it_goes_away() {
        let rig = Rig::new().await;
        let (ann, bob) = (name("ann"), name("bob"));
        let turn = rig.operators.0.changes.lock().await;
        {
            let asked = rig.operators.set_standing(&bob, revoked(), &ann);
            tokio::pin!(asked);
            assert!(futures::poll!(&mut asked).is_pending());
        }
        drop(turn);
        rig.operators.stop().await;
        assert!(rig.operators.roles(&bob).is_none(), "it is active in memory");
        let recorded = rig.ledger.operators().await.expect("reads");
        let recorded = recorded.into_iter().find(|one| one.name == bob).expect("is recorded");
        assert_eq!(recorded.standing, revoked());
    }
}
