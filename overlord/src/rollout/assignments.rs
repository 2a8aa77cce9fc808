//! Assignments: which version of a module minions are to have, now and whenever they connect.

use std::collections::{BTreeMap, HashSet};

use ledger::{LedgerError, OverlordLedger};
use machine::clock::now_ms;
use wire::digest::Digest;
use wire::message::catalogue::{Assignment, AssignmentStatus, KeptModule};
use wire::message::operator::{Refusal, RefusalKind, Target};
use wire::name::{MinionName, ModuleName, OperatorName};

use super::asker::Asker;
use crate::catalogue::Catalogue;
use crate::refusals::unavailable;
use crate::registry::Registry;
use wire::targets::{self, Expression, Roster, TargetError, Truth};

/// An assignment that was recorded.
pub(crate) struct Assigned {
    /// What it says.
    pub(crate) assignment: Assignment,
    /// The minions that match.
    pub(crate) minions: Vec<MinionName>,
    /// Those of them that are connected.
    pub(crate) connected: Vec<MinionName>,
}

/// Which versions are assigned, and to whom. A cheap handle.
#[derive(Clone)]
pub(super) struct Assignments {
    ledger: OverlordLedger,
    registry: Registry,
    catalogue: Catalogue,
}

impl Assignments {
    pub(super) fn new(ledger: OverlordLedger, registry: Registry, catalogue: Catalogue) -> Self {
        Self { ledger, registry, catalogue }
    }

    /// Records an assignment. Gives it with the minions that match and those that are connected, as they are once it
    /// is recorded.
    pub(super) async fn assign(
        &self,
        expression: String,
        module: KeptModule,
        Asker { operator, mandate }: Asker,
    ) -> Result<Assigned, Refusal> {
        check_length(&expression)?;
        let assignment = Assignment {
            expression,
            name: module.name,
            digest: module.digest,
            version: module.version,
            assigned_by: operator.clone(),
            assigned_at: now_ms(),
            place: 0,
        };
        let assignment = self.catalogue.assign(assignment, mandate.map(|mandate| *mandate)).await?;
        // Only now: one that connects from here on finds the assignment itself.
        let minions = self.meant(&assignment.expression)?;
        let is_connected = |minion: &&MinionName| self.registry.connection(minion).is_some();
        let connected: Vec<MinionName> = minions.iter().filter(is_connected).cloned().collect();
        let Assignment { expression, name, digest, .. } = &assignment;
        let (digest, minions_now) = (digest.short(), connected.len());
        tracing::info!(%operator, module = %name, digest, expression, minions_now, "assigned");
        Ok(Assigned { assignment, minions, connected })
    }

    /// Takes an assignment back. Gives it with the older ones that hold in its place from then on.
    pub(super) async fn unassign(
        &self,
        name: &ModuleName,
        expression: &str,
        operator: &OperatorName,
    ) -> Result<(Assignment, Vec<Assignment>), Refusal> {
        check_length(expression)?;
        let found = self.ledger.unassign(name, expression).await.map_err(unavailable)?;
        let Some(assignment) = found else {
            let message =
                format!("\"{name}\" is not assigned to \"{expression}\": see `overlord module assignments`");
            return Err(Refusal::new(RefusalKind::NotFound, message));
        };
        tracing::info!(%operator, module = %name, expression, "no longer assigned");
        let instead = self.instead_of(&assignment).await.map_err(unavailable)?;
        Ok((assignment, instead))
    }

    /// The assignments that hold where this one, which was taken back, held.
    async fn instead_of(&self, gone: &Assignment) -> Result<Vec<Assignment>, LedgerError> {
        // One that cannot be followed any more meant nobody.
        let meant = |one: &Assignment| self.meant(&one.expression).unwrap_or_default();
        let mut left: HashSet<MinionName> = meant(gone).into_iter().collect();
        let mut instead = Vec::new();
        // The newest come first, and have what they match.
        for one in self.ledger.assignments().await?.into_iter().filter(|one| one.name == gone.name) {
            let before = left.len();
            for minion in meant(&one) {
                left.remove(&minion);
            }
            if left.len() < before && one.place < gone.place {
                instead.push(one);
            }
        }
        Ok(instead)
    }

    /// The minions that an expression means at this moment; it may be nobody.
    fn meant(&self, expression: &str) -> Result<Vec<MinionName>, Refusal> {
        Ok(self.known(expression, &self.registry.roster())?)
    }

    /// Those that an expression is known to mean. One whose facts were never heard is looked at when it connects.
    fn known(&self, expression: &str, roster: &Roster) -> Result<Vec<MinionName>, TargetError> {
        Ok(targets::resolve(&Target::of(expression), roster, &self.registry)?.minions)
    }

    /// All assignments, and how they stand.
    pub(super) async fn statuses(&self) -> Result<Vec<AssignmentStatus>, LedgerError> {
        let roster = self.registry.roster();
        let (mut statuses, mut taken) = (Vec::new(), HashSet::<(ModuleName, MinionName)>::new());
        // Of each name the newest comes first, and has what it matches.
        for assignment in self.ledger.assignments().await? {
            let mut status =
                AssignmentStatus { assignment, minions: 0, active: 0, failures: Vec::new(), error: None };
            match self.known(&status.assignment.expression, &roster) {
                Ok(minions) => {
                    for minion in minions {
                        if taken.insert((status.assignment.name.clone(), minion.clone())) {
                            self.count(&mut status, minion).await?;
                        }
                    }
                }
                Err(error) => status.error = Some(error.to_string()),
            }
            statuses.push(status);
        }
        Ok(statuses)
    }

    /// Adds one minion to what is said of an assignment.
    async fn count(&self, status: &mut AssignmentStatus, minion: MinionName) -> Result<(), LedgerError> {
        let Assignment { name, digest, place, .. } = &status.assignment;
        status.minions += 1;
        if self.registry.in_service(&minion, name) == Some(*digest) {
            status.active += 1;
            return Ok(());
        }
        let attempt = self.ledger.attempt(&minion, name).await?.filter(|attempt| attempt.place == *place);
        if let Some(failure) = attempt.and_then(|attempt| attempt.failure) {
            status.failures.push((minion, failure));
        }
        Ok(())
    }

    /// What a minion is to have in service: of each module the newest assignment that matches it.
    pub(super) async fn wanted(
        &self,
        minion: &MinionName,
    ) -> Result<BTreeMap<ModuleName, Assignment>, LedgerError> {
        let matches = |assignment: &Assignment| {
            let parsed = Expression::parse(&assignment.expression);
            parsed.and_then(|expression| expression.matches(minion, &self.registry)).unwrap_or_else(|error| {
                tracing::warn!(module = %assignment.name, %error, "an assignment means nobody");
                Truth::No
            })
        };
        Ok(newest(self.ledger.assignments().await?, matches))
    }

    /// What an operator should know who has put this version, or none, into service on a minion.
    pub(super) async fn warning(
        &self,
        minion: &MinionName,
        name: &ModuleName,
        now: Option<Digest>,
    ) -> Option<String> {
        let wanted = self.wanted(minion).await.ok()?.remove(name)?;
        (Some(wanted.digest) != now).then(|| {
            let version = wanted.version.unwrap_or_else(|| wanted.digest.short());
            format!(
                "\"{}\" is assigned {name}@{version}, which comes back when the minion next connects",
                wanted.expression
            )
        })
    }
}

/// Of each name the first that matches, where the newest come first. Where nobody knows whether that one does, no
/// older one holds in its place.
fn newest(
    assignments: Vec<Assignment>,
    matches: impl Fn(&Assignment) -> Truth,
) -> BTreeMap<ModuleName, Assignment> {
    let mut wanted = BTreeMap::new();
    for assignment in assignments {
        if wanted.contains_key(&assignment.name) {
            continue;
        }
        match matches(&assignment) {
            Truth::Yes => drop(wanted.insert(assignment.name.clone(), Some(assignment))),
            Truth::Unknown => drop(wanted.insert(assignment.name, None)),
            Truth::No => {}
        }
    }
    wanted.into_iter().filter_map(|(name, assignment)| Some((name, assignment?))).collect()
}

/// Refuses an expression that is too long to be assigned.
fn check_length(expression: &str) -> Result<(), Refusal> {
    if expression.len() <= MAX_EXPRESSION {
        return Ok(());
    }
    let message = format!(
        "the expression has {} bytes, and one that is assigned may have {MAX_EXPRESSION}: give the minions a label, \
         and assign to that",
        expression.len()
    );
    Err(Refusal::new(RefusalKind::BadRequest, message))
}

/// The longest expression that can be assigned, in bytes: it is part of a key in the ledger.
const MAX_EXPRESSION: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;

    use super::super::fixture::{Fixture, minion, module};
    use super::*;

    fn assignment(name: &str, expression: &str, place: u64) -> Assignment {
        Assignment {
            expression: expression.into(),
            name: name.parse().expect("a name"),
            digest: Digest::of(expression.as_bytes()),
            version: None,
            assigned_by: "alice".parse().expect("a name"),
            assigned_at: 0,
            place,
        }
    }

    #[test]
    fn of_several_assignments_that_match_the_newest_holds() {
        let all = vec![
            assignment("disk", "*", 0),
            assignment("test", "db*", 3),
            assignment("test", "web*", 2),
            assignment("test", "*", 1),
        ];
        let wanted = |minion: &str| {
            let minion: MinionName = minion.parse().expect("a name");
            let matches = |one: &Assignment| {
                let expression = Expression::parse(&one.expression).expect("parses");
                expression.matches(&minion, &()).expect("no groups")
            };
            let wanted = newest(all.clone(), matches);
            wanted.values().map(|one| one.expression.clone()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(wanted("db1"), "* db*");
        assert_eq!(wanted("web1"), "* web*");
        assert_eq!(wanted("mail"), "* *");
    }

    #[test]
    fn no_older_assignment_holds_while_nobody_knows_whether_a_newer_one_matches() {
        let all =
            vec![assignment("disk", "*", 0), assignment("test", "role!=db", 2), assignment("test", "*", 1)];
        let wanted = newest(all, |one| if one.place == 2 { Truth::Unknown } else { Truth::Yes });
        assert_eq!(wanted.into_keys().map(String::from).collect::<Vec<_>>(), ["disk"]);
    }

    #[tokio::test]
    async fn whoever_takes_an_assignment_back_is_told_which_older_ones_hold_in_its_place() {
        let fixture = Fixture::with(&[minion("web1"), minion("web2"), minion("db1")], "one").await;
        for expression in ["db*", "*", "web1", "web*", "web2"] {
            fixture.assign(expression, expression).await;
        }
        let instead = async |expression: &str| {
            let taken =
                fixture.rollout.unassign(&module(), expression, &"alice".parse().expect("a name")).await;
            let (gone, instead) = taken.expect("taken back");
            assert_eq!(gone.expression, expression);
            instead.into_iter().map(|one| one.expression).collect::<Vec<_>>()
        };
        assert_eq!(instead("web*").await, ["web1"], "web2 has a newer one");
        assert_eq!(instead("web2").await, ["*"]);
        assert_eq!(instead("*").await, ["db*"]);
        assert_eq!(instead("web1").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_minion_that_comes_while_an_assignment_is_recorded_is_not_left_out() {
        let fixture = Fixture::with(&[minion("web1")], "one").await;
        let asker = Asker { operator: "alice".parse().expect("a name"), mandate: None };
        let kept = fixture.keep("two").await;
        // Whoever tidies up the catalogue keeps others from changing it.
        let ((begun, begins), (end, ends)) = (mpsc::channel(), mpsc::channel::<()>());
        let (catalogue, handle) = (fixture.catalogue.clone(), tokio::runtime::Handle::current());
        let tidying = tokio::task::spawn_blocking(move || {
            handle.block_on(catalogue.prune(|| {
                begun.send(()).expect("awaited");
                ends.recv().expect("told");
                HashSet::new()
            }))
        });
        begins.recv().expect("begins");
        let mut assigning = pin!(fixture.rollout.assign("*".to_owned(), kept, asker));
        assert!(futures::poll!(&mut assigning).is_pending());
        fixture.enroll("web2").await;
        end.send(()).expect("awaited");
        tidying.await.expect("ends").expect("tidied");
        assert_eq!(assigning.await.expect("assigned").minions, [minion("web1"), minion("web2")]);
    }

    #[tokio::test]
    async fn an_expression_that_the_ledger_cannot_have_is_refused() {
        let fixture = Fixture::with(&[], "one").await;
        let (long, alice) = ("a".repeat(70_000), "alice".parse().expect("a name"));
        let refused = fixture.rollout.unassign(&module(), &long, &alice).await.expect_err("too long");
        assert_eq!(refused.kind, RefusalKind::BadRequest);
        assert!(refused.message.contains("label"), "{refused}");
    }
}
