//! Assignments: which version of a module minions are to have, now and whenever they connect.

use std::collections::{BTreeMap, HashSet};

use ledger::LedgerError;
use wire::catalogue::{Assignment, AssignmentStatus, KeptModule};
use wire::clock::now_ms;
use wire::digest::Digest;
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::operator::{Refusal, RefusalKind};

use super::Rollout;
use crate::catalogue::CatalogueError;
use crate::targets::{self, Expression, Roster, TargetError};

impl Rollout {
    /// Records an assignment, and brings the version to the minions that match and are connected.
    pub(crate) async fn assign(
        &self,
        expression: String,
        module: KeptModule,
        minions: &[MinionName],
        operator: &OperatorName,
    ) -> Result<Assignment, CatalogueError> {
        let assignment = Assignment {
            expression,
            name: module.name,
            digest: module.digest,
            version: module.version,
            assigned_by: operator.clone(),
            assigned_at: now_ms(),
            place: 0,
        };
        let assignment = self.catalogue().assign(assignment).await?;
        let Assignment { expression, name, digest, .. } = &assignment;
        let (digest, minions_now) = (digest.short(), minions.len());
        tracing::info!(%operator, module = %name, digest, expression, minions_now, "assigned");
        for minion in minions {
            self.reconcile(minion);
        }
        Ok(assignment)
    }

    /// Takes an assignment back.
    pub(crate) async fn unassign(
        &self,
        name: &ModuleName,
        expression: &str,
        operator: &OperatorName,
    ) -> Result<Assignment, Refusal> {
        let found = self.ledger().unassign(name, expression).await.map_err(unavailable)?;
        let Some(assignment) = found else {
            let message =
                format!("\"{name}\" is not assigned to \"{expression}\": see `overlord module assignments`");
            return Err(Refusal::new(RefusalKind::NotFound, message));
        };
        tracing::info!(%operator, module = %name, expression, "no longer assigned");
        self.prune().await;
        Ok(assignment)
    }

    /// The minions that an expression means at this moment; it may be nobody.
    pub(crate) fn meant(&self, expression: &str) -> Result<Vec<MinionName>, TargetError> {
        let roster = Roster::new(self.registry().names());
        targets::resolve(expression, None, &roster, self.registry())
    }

    /// All assignments, and how they stand.
    pub(crate) fn assignments(&self) -> Result<Vec<AssignmentStatus>, LedgerError> {
        let roster = Roster::new(self.registry().names());
        let (mut statuses, mut taken) = (Vec::new(), HashSet::<(ModuleName, MinionName)>::new());
        // Of each name the newest comes first, and has what it matches.
        for assignment in self.ledger().assignments()? {
            let mut status =
                AssignmentStatus { assignment, minions: 0, active: 0, failures: Vec::new(), error: None };
            match targets::resolve(&status.assignment.expression, None, &roster, self.registry()) {
                Ok(minions) => {
                    for minion in minions {
                        if taken.insert((status.assignment.name.clone(), minion.clone())) {
                            self.count(&mut status, minion)?;
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
    fn count(&self, status: &mut AssignmentStatus, minion: MinionName) -> Result<(), LedgerError> {
        let Assignment { name, digest, place, .. } = &status.assignment;
        status.minions += 1;
        if self.in_service(&minion, name) == Some(*digest) {
            status.active += 1;
            return Ok(());
        }
        let attempt = self.ledger().attempt(&minion, name)?.filter(|attempt| attempt.place == *place);
        if let Some(failure) = attempt.and_then(|attempt| attempt.failure) {
            status.failures.push((minion, failure));
        }
        Ok(())
    }

    /// What a minion is to have in service: of each module the newest assignment that matches it.
    pub(super) fn wanted(
        &self,
        minion: &MinionName,
    ) -> Result<BTreeMap<ModuleName, Assignment>, LedgerError> {
        let matches = |assignment: &Assignment| {
            let parsed = Expression::parse(&assignment.expression);
            parsed.and_then(|expression| expression.matches(minion, self.registry())).unwrap_or_else(
                |error| {
                    tracing::warn!(module = %assignment.name, "an assignment means nobody: {error}");
                    false
                },
            )
        };
        Ok(newest(self.ledger().assignments()?, matches))
    }

    /// What an operator should know who has put this version, or none, into service on a minion.
    pub(super) fn warning(
        &self,
        minion: &MinionName,
        name: &ModuleName,
        now: Option<Digest>,
    ) -> Option<String> {
        let wanted = self.wanted(minion).ok()?.remove(name)?;
        (Some(wanted.digest) != now).then(|| {
            let version = wanted.version.unwrap_or_else(|| wanted.digest.short());
            format!(
                "\"{}\" is assigned {name}@{version}, which comes back when the minion next connects",
                wanted.expression
            )
        })
    }
}

/// Of each name the first that matches, where the newest come first.
fn newest(
    assignments: Vec<Assignment>,
    matches: impl Fn(&Assignment) -> bool,
) -> BTreeMap<ModuleName, Assignment> {
    let mut wanted = BTreeMap::new();
    for assignment in assignments {
        if !wanted.contains_key(&assignment.name) && matches(&assignment) {
            wanted.insert(assignment.name.clone(), assignment);
        }
    }
    wanted
}

fn unavailable(error: LedgerError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("the overlord's ledger: {error}"))
}

#[cfg(test)]
mod tests {
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
}
