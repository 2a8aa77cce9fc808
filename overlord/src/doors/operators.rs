//! What operators ask of operators: who they are, what they may do, who comes in and who has to go.

use std::net::SocketAddr;

use ledger::{OperatorInvite, OperatorRecord};
use machine::clock::now_ms;
use wire::digest::Digest;
use wire::message::caps;
use wire::message::operator::{Refusal, RefusalKind, Target, TargetWarning};
use wire::message::operators::{
    OperatorInvitation, OperatorKind, OperatorStanding, OperatorStatus, OperatorsReply, OperatorsRequest,
    Permission,
};
use wire::name::{MethodPath, OperatorName, RoleName};

use super::permit::Gate;
use crate::operators::{ChangeError, Changed};
use crate::roles::{Deed, On, Verdict};
use crate::services::Services;
use crate::targets::{self, Among, Matching};

/// Answers one request, which the operator's roles allow.
pub(super) struct OperatorsDoor<'a> {
    pub(super) services: &'a Services,
    pub(super) operator: &'a OperatorName,
    pub(super) from: SocketAddr,
}

impl OperatorsDoor<'_> {
    /// The answer, and what there is to say of its target.
    pub(super) async fn answer(
        &self,
        request: OperatorsRequest,
        warnings: &mut Vec<TargetWarning>,
    ) -> Result<OperatorsReply, Refusal> {
        Ok(match request {
            OperatorsRequest::Whoami => who(self.known(self.operator)?),
            OperatorsRequest::Show(name) => who(self.known(&name)?),
            OperatorsRequest::List => {
                let all = self.services.operators.all();
                OperatorsReply::All(
                    all.into_iter().map(|(record, count)| self.status(record, count)).collect(),
                )
            }
            OperatorsRequest::Invite(invitation) => OperatorsReply::Invited(self.invite(invitation).await?),
            OperatorsRequest::Revoke { name, mut why } => {
                caps::cut(&mut why, MAX_WHY);
                who(self.revoke(&name, why).await?)
            }
            OperatorsRequest::Unrevoke(name) => who(self.unrevoke(&name).await?),
            OperatorsRequest::Remove(name) => who(self.remove(&name).await?),
            OperatorsRequest::Roles { name, roles } => who(self.set_roles(&name, roles).await?),
            OperatorsRequest::Can { operator, method, target } => {
                let (permission, said) = self.can(operator, method, &target)?;
                *warnings = said;
                OperatorsReply::Can(Box::new(permission))
            }
        })
    }

    async fn invite(&self, invitation: OperatorInvitation) -> Result<String, Refusal> {
        let OperatorInvitation { name, kind, mut roles, ttl_ms, lifetime_ms, replace } = invitation;
        roles.sort();
        roles.dedup();
        self.check_invitation(&name, &roles, ttl_ms, lifetime_ms, replace)?;
        let token = self.services.token()?;
        let invite = OperatorInvite {
            secret: Digest::of(&token.secret),
            name: name.clone(),
            kind,
            roles: roles.clone(),
            lifetime_ms,
            expires_at: now_ms().saturating_add(ttl_ms),
            by: self.operator.clone(),
            used_by: None,
        };
        self.services.operators.invite(invite).await.map_err(|error| self.unchanged(&error))?;
        self.noted("operator-invited", &name, &format!("roles: {}", listed(&roles)));
        Ok(token.to_string())
    }

    fn check_invitation(
        &self,
        name: &OperatorName,
        roles: &[RoleName],
        ttl_ms: u64,
        lifetime_ms: Option<u64>,
        replace: bool,
    ) -> Result<(), Refusal> {
        let refused = |message: String| Err(Refusal::new(RefusalKind::BadRequest, message));
        if ttl_ms == 0 {
            return refused(
                "a token that is good for no time lets nobody in: let it be a millisecond at least".into(),
            );
        }
        if ttl_ms > LONGEST_TTL_MS {
            return refused("a token is good for 30 days at most: --ttl 30d".into());
        }
        if lifetime_ms.is_some_and(|lifetime| lifetime < LEAST_LIFETIME_MS) {
            return refused("a certificate has to be good for half a minute at least: --lifetime 30s".into());
        }
        self.check_roles(roles)?;
        if let Some((record, _)) = self.services.operators.find(name)
            && !replace
            && record.standing == OperatorStanding::Active
        {
            return refused(format!(
                "there is an operator \"{name}\" already, who would lose the name to whoever logs in with the token: \
                 choose another name, or say by --replace that this is meant"
            ));
        }
        Ok(())
    }

    /// Refuses to give a role that there is not.
    fn check_roles(&self, roles: &[RoleName]) -> Result<(), Refusal> {
        let Some(unknown) = roles.iter().find(|role| !self.services.roles.knows(role)) else { return Ok(()) };
        let message = format!(
            "there is no role \"{unknown}\": write [roles.{unknown}] into overlord.toml and send the overlord a SIGHUP"
        );
        Err(Refusal::new(RefusalKind::BadRequest, message))
    }

    async fn set_roles(
        &self,
        name: &OperatorName,
        mut roles: Vec<RoleName>,
    ) -> Result<OperatorStatus, Refusal> {
        self.another(name, "change the roles of")?;
        roles.sort();
        roles.dedup();
        self.check_roles(&roles)?;
        let why = format!("roles: {}", listed(&roles));
        let changed = self.services.operators.set_roles(name, roles, self.operator).await;
        self.changed(name, changed)?;
        self.noted("operator-roles", name, &why);
        self.known(name)
    }

    async fn revoke(&self, name: &OperatorName, why: String) -> Result<OperatorStatus, Refusal> {
        self.another(name, "revoke")?;
        let standing =
            OperatorStanding::Revoked { at: now_ms(), by: self.operator.clone(), why: why.clone() };
        let changed = self.services.operators.set_standing(name, standing.clone(), self.operator).await;
        let status = self.changed(name, changed)?;
        self.noted("operator-revoked", name, &why);
        Ok(status.unwrap_or_else(|| nobody(name, standing)))
    }

    async fn unrevoke(&self, name: &OperatorName) -> Result<OperatorStatus, Refusal> {
        self.another(name, "unrevoke")?;
        let changed =
            self.services.operators.set_standing(name, OperatorStanding::Active, self.operator).await;
        self.changed(name, changed)?;
        self.noted("operator-unrevoked", name, "");
        self.known(name)
    }

    async fn remove(&self, name: &OperatorName) -> Result<OperatorStatus, Refusal> {
        self.another(name, "remove")?;
        let changed = self.services.operators.remove(name, self.operator).await;
        let status = self.changed(name, changed)?;
        self.noted("operator-removed", name, "");
        let gone =
            || OperatorStanding::Revoked { at: now_ms(), by: self.operator.clone(), why: String::new() };
        Ok(status.unwrap_or_else(|| nobody(name, gone())))
    }

    /// The operator that was changed; `None` where nobody has the name, and only tokens were taken back.
    fn changed(
        &self,
        name: &OperatorName,
        changed: Result<Changed, ChangeError>,
    ) -> Result<Option<OperatorStatus>, Refusal> {
        match changed.map_err(|error| self.unchanged(&error))? {
            Changed::Operator(record) => Ok(Some(self.status(*record, 0))),
            Changed::Tokens => Ok(None),
            Changed::Nothing => Err(unknown(name)),
        }
    }

    /// What is said to an operator whose change was not made.
    fn unchanged(&self, error: &ChangeError) -> Refusal {
        let kind = match error {
            ChangeError::NoAdministrator(_) => {
                self.services.audit.denied(self.operator, self.from, Deed::Administer, &error.to_string());
                RefusalKind::Denied
            }
            ChangeError::Ledger(_) | ChangeError::Broken(_) => RefusalKind::Unavailable,
        };
        Refusal::new(kind, error.to_string())
    }

    /// Refuses to shut oneself out, so that there is always somebody who can let others in.
    fn another(&self, name: &OperatorName, what: &str) -> Result<(), Refusal> {
        if name != self.operator {
            return Ok(());
        }
        let message = format!("an operator cannot {what} itself: let another administrator do it");
        Err(Refusal::new(RefusalKind::BadRequest, message))
    }

    fn can(
        &self,
        operator: OperatorName,
        method: MethodPath,
        target: &Target,
    ) -> Result<(Permission, Vec<TargetWarning>), Refusal> {
        let Services { registry, operators, .. } = self.services;
        let known = operators.find(&operator).ok_or_else(|| unknown(&operator))?;
        let gate = Gate::new(self.services, &operator, self.from);
        let deed = Deed::Call(&method);
        let mut verdict = gate.decide(deed, On::Nothing);
        let (mut matching, active) = (
            Matching { minions: Vec::new(), warnings: Vec::new() },
            known.0.standing == OperatorStanding::Active,
        );
        // An operator who may not call it anywhere need not hear whom the target means.
        if verdict.is_allowed() || operator != *self.operator {
            let roster = registry.roster();
            // Who asks about another is an administrator, who sees all.
            matching = match operator == *self.operator {
                true => targets::find(Among::Enrolled(&roster), target, &gate.known())?,
                false => targets::find(Among::Enrolled(&roster), target, registry)?,
            };
            verdict = gate.decide(deed, On::These(&matching.minions));
        }
        let rule = match (active, verdict.is_allowed()) {
            (false, _) => format!("operator \"{operator}\" is revoked"),
            (true, true) => format!("operator \"{operator}\" may call {method}: {}", verdict.rule),
            (true, false) => verdict.refusal(&operator, deed),
        };
        let (can, roles) = (active && verdict.is_allowed(), verdict.rule.roles());
        let Verdict { allowed, denied, .. } = verdict;
        let permission = Permission { operator, method, can, allowed, denied, roles, rule };
        Ok((permission, matching.warnings))
    }

    fn known(&self, name: &OperatorName) -> Result<OperatorStatus, Refusal> {
        let (record, connections) = self.services.operators.find(name).ok_or_else(|| unknown(name))?;
        Ok(self.status(record, connections))
    }

    fn status(&self, record: OperatorRecord, connections: usize) -> OperatorStatus {
        let roles = self.services.roles.of(&record.name, Some(&record.roles)).statuses();
        let OperatorRecord { name, kind, standing, since, invited_by, valid_until, .. } = record;
        OperatorStatus { name, kind, roles, standing, connections, since, invited_by, valid_until }
    }

    fn noted(&self, event: &str, name: &OperatorName, why: &str) {
        self.services.audit.operator(event, name, self.operator, why);
        tracing::info!(operator = %self.operator, of = %name, event, why, "operators changed");
    }
}

fn who(status: OperatorStatus) -> OperatorsReply {
    OperatorsReply::Who(Box::new(status))
}

fn listed(roles: &[RoleName]) -> String {
    if roles.is_empty() {
        return "none".to_owned();
    }
    roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", ")
}

fn unknown(name: &OperatorName) -> Refusal {
    let message = format!("there is no operator \"{name}\": see `overlord operator list`");
    Refusal::new(RefusalKind::NotFound, message)
}

/// A name that nobody has, whose tokens were taken back.
fn nobody(name: &OperatorName, standing: OperatorStanding) -> OperatorStatus {
    OperatorStatus {
        name: name.clone(),
        kind: OperatorKind::Person,
        roles: Vec::new(),
        standing,
        connections: 0,
        since: now_ms(),
        invited_by: None,
        valid_until: None,
    }
}

/// The longest reason for a revocation, in bytes.
const MAX_WHY: usize = 1 << 10;

/// The longest life of a token, in milliseconds: nobody remembers one for longer.
const LONGEST_TTL_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The shortest life of a certificate, in milliseconds.
const LEAST_LIFETIME_MS: u64 = 30_000;
