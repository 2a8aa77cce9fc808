//! What an audit log tells of who was let in and taken back.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use ledger::{Made, Revocation};
use serde_json::Value;
use wire::digest::Digest;
use wire::name::{MinionName, OperatorName, RoleName};

/// The last that is told of each minion and each operator.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) minions: BTreeMap<MinionName, Minion>,
    pub(super) operators: BTreeMap<OperatorName, Operator>,
}

/// What is told of a minion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Minion {
    /// The keys that it had since it was enrolled last, each with the last second of its certificate where that is told.
    pub(super) keys: Vec<(Digest, Option<i64>)>,
    /// When it was enrolled last, in milliseconds since 1970.
    pub(super) enrolled_at: Option<u64>,
    pub(super) standing: Standing,
}

/// Whether a minion may connect, as far as that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    #[default]
    Untold,
    Active,
    Revoked(Revocation),
    /// At this moment, in milliseconds since 1970.
    Removed(u64),
}

/// What is told of an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Operator {
    /// The keys that it has renewed since it logged in last, each with the last second of its certificate.
    pub(super) renewed: Vec<(Digest, i64)>,
    /// When it logged in last, in milliseconds since 1970.
    pub(super) login_at: Option<u64>,
    /// The roles that it was given since.
    pub(super) roles: Option<Vec<RoleName>>,
    pub(super) standing: Standing,
}

impl History {
    /// Takes one entry, and returns its time, in milliseconds since 1970.
    pub(super) fn take(&mut self, entry: &str) -> Option<u64> {
        let entry: Value = serde_json::from_str(entry).ok()?;
        let at = moment(&entry["time"])?;
        if entry["decision"] == "allowed" {
            let event = entry["event"].as_str().unwrap_or_default();
            if self.of_minion(event, &entry, at).is_none() {
                self.of_operator(event, &entry, at);
            }
        }
        Some(at)
    }

    fn of_minion(&mut self, event: &str, entry: &Value, at: u64) -> Option<()> {
        let minion = self.minions.entry(entry["minion"].as_str()?.parse().ok()?).or_default();
        match event {
            "enrolled" => {
                let key = entry["key"].as_str()?.parse().ok()?;
                // One that asked again for its certificate has the same key.
                if minion.keys.first().is_none_or(|(first, _)| *first != key) || minion.enrolled_at.is_none()
                {
                    *minion =
                        Minion { keys: vec![(key, None)], enrolled_at: Some(at), standing: Standing::Active };
                }
            }
            "renew" => {
                let until = moment(&entry["valid_until_at"]).and_then(|at| i64::try_from(at / 1000).ok());
                minion.keys.push((entry["key"].as_str()?.parse().ok()?, until));
            }
            "revoked" => minion.standing = Standing::Revoked(revocation(entry, at)?),
            "unrevoked" => minion.standing = Standing::Active,
            "removed" => *minion = Minion { standing: Standing::Removed(at), ..Minion::default() },
            _ => {}
        }
        Some(())
    }

    fn of_operator(&mut self, event: &str, entry: &Value, at: u64) -> Option<()> {
        let who = match event {
            "operator-login" | "renew" => &entry["operator"],
            _ => &entry["of"],
        };
        let name: OperatorName = who.as_str()?.parse().ok()?;
        let operator = self.operators.entry(name).or_default();
        match event {
            "operator-login" => {
                *operator =
                    Operator { login_at: Some(at), standing: Standing::Active, ..Operator::default() };
            }
            "renew" => {
                let until = moment(&entry["valid_until_at"]).and_then(|at| i64::try_from(at / 1000).ok())?;
                operator.renewed.push((entry["key"].as_str()?.parse().ok()?, until));
            }
            "operator-revoked" => operator.standing = Standing::Revoked(revocation(entry, at)?),
            "operator-unrevoked" => operator.standing = Standing::Active,
            "operator-removed" => {
                *operator = Operator { standing: Standing::Removed(at), ..Operator::default() };
            }
            "operator-roles" => operator.roles = Some(roles(entry["why"].as_str()?)),
            _ => {}
        }
        Some(())
    }
}

fn revocation(entry: &Value, at: u64) -> Option<Revocation> {
    let by = entry["operator"].as_str()?.parse().ok()?;
    let why = entry["why"].as_str().unwrap_or_default().to_owned();
    Some(Revocation { made: Made { by, at }, why })
}

/// The roles of an entry, as the audit log has them.
fn roles(why: &str) -> Vec<RoleName> {
    let listed = why.strip_prefix("roles: ").unwrap_or_default();
    listed.split(", ").filter(|role| *role != "none").filter_map(|role| role.parse().ok()).collect()
}

fn moment(time: &Value) -> Option<u64> {
    let at = humantime::parse_rfc3339(time.as_str()?).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(at.as_millis()).ok()
}
