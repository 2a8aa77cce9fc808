//! An operator as a program reads it.

use machine::clock::rfc3339;
use serde_json::{Value as Json, json};
use wire::identity::Moment;
use wire::message::operators::{OperatorStanding, OperatorStatus, RoleStatus};

/// An operator as a program reads it.
pub(super) fn document(operator: &OperatorStatus) -> Json {
    let (revoked_at, revoked_by, why) = match &operator.standing {
        OperatorStanding::Active => (None, None, None),
        OperatorStanding::Revoked { at, by, why } => (Some(rfc3339(*at)), Some(by), Some(why)),
    };
    json!({
        "name": operator.name,
        "kind": operator.kind.as_str(),
        "standing": standing(&operator.standing),
        "revoked_at": revoked_at,
        "revoked_by": revoked_by,
        "why": why.filter(|why| !why.is_empty()),
        "roles": operator.roles.iter().map(role_document).collect::<Vec<_>>(),
        "connection_count": operator.connections,
        "since_at": rfc3339(operator.since),
        "invited_by": operator.invited_by,
        "valid_until_at": operator.valid_until.map(|until| Moment(until).to_string()),
    })
}

fn role_document(role: &RoleStatus) -> Json {
    json!({
        "name": role.name,
        "admin": role.admin,
        "calls": role.methods,
        "target": role.targets,
        "may_with_modules": role.modules,
        "may_with_jobs": role.jobs,
        "may_with_minions": role.minions,
        "audit": role.audit,
    })
}

/// The word for whether an operator may connect.
pub(super) fn standing(standing: &OperatorStanding) -> &'static str {
    match standing {
        OperatorStanding::Active => "active",
        OperatorStanding::Revoked { .. } => "revoked",
    }
}
