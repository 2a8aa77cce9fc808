//! What an operator asks of who may become a minion, and who may be one no longer.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::{MinionName, OperatorName};

/// A question or an order of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnrolmentRequest {
    /// Make a token for hosts whose own name this glob matches. Answered by `Invited`.
    Invite {
        /// The glob, with a `*`, a `?` or a `[…]` in it.
        glob: String,
        /// How many hosts may join with it; 0 is refused.
        uses: u32,
        /// How long the token is good, in milliseconds; 0 is refused.
        ttl_ms: u64,
    },
    /// Which tokens are good? Answered by `Invitations`.
    Invitations,
    /// Withdraw the tokens for this name or glob, or the one with this id. Answered by `Invitations`: those that are
    /// withdrawn.
    Uninvite(String),
    /// Which hosts wait? Answered by `Pending`.
    Pending,
    /// Let a host in that waits. Answered by `Accepted`.
    Accept {
        /// The name that it wants.
        name: MinionName,
        /// Its key, which must be said where several want the name.
        key: Option<Digest>,
    },
    /// Turn hosts away that wait under a name. Answered by `Pending`: those that are turned away.
    Reject {
        /// The name that they want.
        name: MinionName,
        /// Only the one with this key; all where nothing is said.
        key: Option<Digest>,
    },
    /// Take a minion back: its connection ends, and no other is let in. Answered by `Revoked`.
    Revoke {
        /// The minion.
        name: MinionName,
        /// Why, for those who ask later; may be empty.
        why: String,
    },
    /// Let a minion connect again that was revoked. Answered by `Done`.
    Unrevoke(MinionName),
    /// Forget a minion. Answered by `Done`.
    Remove(MinionName),
}

/// What an overlord answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnrolmentReply {
    /// The token, as the line that the newcomers are given.
    Invited(String),
    /// Tokens, those that expire first first.
    Invitations(Vec<Invitation>),
    /// Hosts, by name.
    Pending(Vec<PendingHost>),
    /// The host may come in, and does when it asks again.
    Accepted {
        /// The host.
        host: PendingHost,
        /// Whether another key had the name, which is refused from now on.
        replaced: bool,
    },
    /// The minion is revoked.
    Revoked {
        /// Whether it was connected.
        was_connected: bool,
        /// The open tokens with which the host could still join under another name.
        globs: Vec<String>,
    },
    /// It is done.
    Done,
}

/// A token that is good, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// What it can be withdrawn by.
    pub id: String,
    /// The name that it is for, or the glob.
    pub names: String,
    /// How many hosts may join with it.
    pub uses: u32,
    /// How many have.
    pub used: u32,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: u64,
    /// Who made it; `None` where an older overlord did not write it down.
    pub made_by: Option<OperatorName>,
    /// When it was made, in milliseconds since 1970.
    pub made_at: Option<u64>,
}

/// A host that waits, or that was turned away and not forgotten yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingHost {
    /// The name that it wants.
    pub name: MinionName,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// The address that it asked from last.
    pub address: String,
    /// When it asked first, in milliseconds since 1970.
    pub since: u64,
    /// When it asked last, in milliseconds since 1970.
    pub asked_at: u64,
    /// Who turned it away; `None` while it waits.
    pub rejected_by: Option<OperatorName>,
    /// Who has the name at the moment.
    pub holder: NameHolder,
}

/// Who has a name that a host wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NameHolder {
    /// Nobody.
    Nobody,
    /// A minion with the same key.
    Itself,
    /// A minion with another key, which is not connected.
    Absent,
    /// A minion with another key, which is connected.
    Connected,
    /// A minion that is revoked.
    Revoked,
}
