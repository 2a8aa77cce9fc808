//! Who the operators of an overlord are, and what they may do.

use std::time::Duration;

use wire::message::operator::{OperatorReply, OperatorRequest, Target};
use wire::message::operators::{
    OperatorInvitation, OperatorStatus, OperatorsReply, OperatorsRequest, Permission,
};
use wire::message::version::Version;
use wire::name::{MethodPath, OperatorName, RoleName};

use super::{Client, ClientError, Matched};

impl Client {
    /// Who this operator is to the overlord, and what its roles allow.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::OlderOverlord`] where the overlord is too old to know operators. So it is
    /// for all requests about operators.
    pub async fn whoami(&self) -> Result<OperatorStatus, ClientError> {
        who(self.ask_operators(OperatorsRequest::Whoami).await?)
    }

    /// All operators, by name.
    ///
    /// # Errors
    /// As for [`Client::whoami`].
    pub async fn operators(&self) -> Result<Vec<OperatorStatus>, ClientError> {
        match self.ask_operators(OperatorsRequest::List).await? {
            OperatorsReply::All(operators) => Ok(operators),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// One operator.
    ///
    /// # Errors
    /// As for [`Client::whoami`], of kind `NotFound` where there is no such operator.
    pub async fn operator(&self, name: OperatorName) -> Result<OperatorStatus, ClientError> {
        who(self.ask_operators(OperatorsRequest::Show(name)).await?)
    }

    /// Makes a token with which one operator logs in. It is a secret.
    ///
    /// # Errors
    /// As for [`Client::whoami`].
    pub async fn invite_operator(&self, invitation: OperatorInvitation) -> Result<String, ClientError> {
        match self.ask_operators(OperatorsRequest::Invite(invitation)).await? {
            OperatorsReply::Invited(token) => Ok(token),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Ends the connections of an operator and refuses it from now on.
    ///
    /// # Errors
    /// As for [`Client::operator`].
    pub async fn revoke_operator(
        &self,
        name: OperatorName,
        why: String,
    ) -> Result<OperatorStatus, ClientError> {
        who(self.ask_operators(OperatorsRequest::Revoke { name, why }).await?)
    }

    /// Lets an operator that was revoked in again.
    ///
    /// # Errors
    /// As for [`Client::operator`].
    pub async fn unrevoke_operator(&self, name: OperatorName) -> Result<OperatorStatus, ClientError> {
        who(self.ask_operators(OperatorsRequest::Unrevoke(name)).await?)
    }

    /// Gives an operator these roles, in place of those that it was given by name before.
    ///
    /// # Errors
    /// As for [`Client::operator`].
    pub async fn set_operator_roles(
        &self,
        name: OperatorName,
        roles: Vec<RoleName>,
    ) -> Result<OperatorStatus, ClientError> {
        who(self.ask_operators(OperatorsRequest::Roles { name, roles }).await?)
    }

    /// Forgets an operator, whose jobs stay. Returns what was known of it.
    ///
    /// # Errors
    /// As for [`Client::operator`].
    pub async fn remove_operator(&self, name: OperatorName) -> Result<OperatorStatus, ClientError> {
        who(self.ask_operators(OperatorsRequest::Remove(name)).await?)
    }

    /// Whether an operator may call a method on the minions that match. Everybody may ask of itself, and administrators
    /// of everybody.
    ///
    /// # Errors
    /// As for [`Client::operator`].
    pub async fn can(
        &self,
        operator: OperatorName,
        method: MethodPath,
        target: Target,
    ) -> Result<Matched<Permission>, ClientError> {
        self.since_five()?;
        let request = OperatorsRequest::Can { operator, method, target };
        let reply = self.ask_matched(&OperatorRequest::Operators(Box::new(request))).await?;
        reply.try_map(|reply| match reply {
            OperatorReply::Operators(reply) => match *reply {
                OperatorsReply::Can(permission) => Some(*permission),
                _ => None,
            },
            _ => None,
        })
    }

    async fn ask_operators(&self, request: OperatorsRequest) -> Result<OperatorsReply, ClientError> {
        self.since_five()?;
        match self.ask(&OperatorRequest::Operators(Box::new(request))).await? {
            OperatorReply::Operators(reply) => Ok(*reply),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Refuses what overlords of before version 5 do not know.
    fn since_five(&self) -> Result<(), ClientError> {
        match Version::of(&self.connection) >= Version::Five {
            true => Ok(()),
            false => Err(ClientError::OlderOverlord { what: "tell operators apart" }),
        }
    }
}

fn who(reply: OperatorsReply) -> Result<OperatorStatus, ClientError> {
    match reply {
        OperatorsReply::Who(status) => Ok(*status),
        _ => Err(ClientError::Unexpected),
    }
}

/// A time on the wire.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
