//! What an operator and an overlord say to each other of operators: who they are, what they may do, and who comes in.
//! All of it travels inside [`OperatorRequest::Operators`](crate::message::operator::OperatorRequest::Operators) and
//! [`OperatorReply::Operators`](crate::message::operator::OperatorReply::Operators), since version 5.

use serde::{Deserialize, Serialize};

use crate::message::target::Target;
use crate::name::{MethodPath, MinionName, OperatorName, RoleName};

/// What an operator asks of operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorsRequest {
    /// Who am I, and what may I do? Answered by `Who`.
    Whoami,
    /// Make a token for an operator. Answered by `Invited`.
    Invite(OperatorInvitation),
    /// Which operators are there? Answered by `All`.
    List,
    /// Who is this operator, and what may it do? Answered by `Who`.
    Show(OperatorName),
    /// End the connections of an operator, and refuse it from now on. Answered by `Who`.
    Revoke {
        /// The operator.
        name: OperatorName,
        /// Why, in the words of whoever asks; empty where nothing is said.
        why: String,
    },
    /// Let an operator that was revoked in again. Answered by `Who`.
    Unrevoke(OperatorName),
    /// Forget an operator; its jobs stay. Answered by `Who`, as it was known before.
    Remove(OperatorName),
    /// May this operator call this method there? Answered by `Can`.
    Can {
        /// The operator.
        operator: OperatorName,
        /// The method.
        method: MethodPath,
        /// The minions.
        target: Target,
    },
    /// Give an operator these roles, in place of those that it was given by name before. Answered by `Who`.
    Roles {
        /// The operator.
        name: OperatorName,
        /// The roles.
        roles: Vec<RoleName>,
    },
}

/// What an overlord answers to an [`OperatorsRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorsReply {
    /// This is the operator.
    Who(Box<OperatorStatus>),
    /// The token, as the line that the operator is given.
    Invited(String),
    /// The operators, by name.
    All(Vec<OperatorStatus>),
    /// What the operator may do.
    Can(Box<Permission>),
}

/// Whom a token for an operator is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorInvitation {
    /// The name that the operator will have.
    pub name: OperatorName,
    /// Whether it is a person or a program.
    pub kind: OperatorKind,
    /// The roles that it will have, besides those whose patterns match its name.
    pub roles: Vec<RoleName>,
    /// How long the token is good, in milliseconds; 0 is refused.
    pub ttl_ms: u64,
    /// How long its certificates will be good, in milliseconds; as the overlord is configured where nothing is said.
    pub lifetime_ms: Option<u64>,
    /// Whether the operator that has the name now is to lose it to whoever logs in with the token.
    pub replace: bool,
}

/// Whether an operator is a person or a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorKind {
    /// A person.
    Person,
    /// A program: a service account.
    Service,
}

impl OperatorKind {
    /// The word for it in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            OperatorKind::Person => "person",
            OperatorKind::Service => "service",
        }
    }
}

/// Whether an operator may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorStanding {
    /// It may connect.
    Active,
    /// It was revoked: it may not.
    Revoked {
        /// When that was, in milliseconds since 1970.
        at: u64,
        /// The operator who did it.
        by: OperatorName,
        /// Why, in that operator's words; empty where nothing was said.
        why: String,
    },
}

/// One operator, as an overlord knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStatus {
    /// Its name.
    pub name: OperatorName,
    /// Whether it is a person or a program.
    pub kind: OperatorKind,
    /// The roles that it has now, by name.
    pub roles: Vec<RoleStatus>,
    /// Whether it may connect.
    pub standing: OperatorStanding,
    /// How many connections it has at this moment.
    pub connections: usize,
    /// When it logged in first, in milliseconds since 1970.
    pub since: u64,
    /// The operator who invited it; `None` for the one of the overlord's own folder.
    pub invited_by: Option<OperatorName>,
    /// The last second at which its newest certificate is good, since 1970; `None` where the overlord does not know.
    pub valid_until: Option<i64>,
}

/// What a role allows, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleStatus {
    /// Its name.
    pub name: RoleName,
    /// Whether it allows everything.
    pub admin: bool,
    /// The methods that may be called, as patterns.
    pub methods: Vec<String>,
    /// The minions that it is for; `None` where it is for none.
    pub targets: Option<String>,
    /// What may be done with modules.
    pub modules: Vec<String>,
    /// What may be done with jobs of others.
    pub jobs: Vec<String>,
    /// What may be done with the enrolment of minions.
    pub minions: Vec<String>,
    /// Whether the audit log may be read.
    pub audit: bool,
}

/// Whether an operator may call a method on minions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// The operator.
    pub operator: OperatorName,
    /// The method.
    pub method: MethodPath,
    /// Whether it may on all of them.
    pub can: bool,
    /// The minions on which it may, by name.
    pub allowed: Vec<MinionName>,
    /// The minions on which it may not, by name.
    pub denied: Vec<MinionName>,
    /// The roles that decided, by name: those that allow it, or those that allow it elsewhere or not at all.
    pub roles: Vec<RoleName>,
    /// Which rule decided, as one line for people.
    pub rule: String,
}
