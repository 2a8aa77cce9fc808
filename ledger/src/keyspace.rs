//! The keyspaces: one for each kind of record and one for each index, and which of them each side has.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The side that a ledger belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// An overlord's.
    Overlord,
    /// A minion's.
    Minion,
    /// That of many minions in one process.
    Swarm,
}

impl Side {
    /// The keyspaces that a ledger of this side has.
    pub(crate) fn spaces(self) -> &'static [Keyspace] {
        match self {
            Side::Overlord => Keyspace::OVERLORD,
            Side::Minion | Side::Swarm => Keyspace::MINION,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Overlord => "an overlord",
            Side::Minion => "a minion",
            Side::Swarm => "a swarm of minions",
        })
    }
}

/// A keyspace of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Keyspace {
    /// The format of the folder and the number of the last batch.
    Meta,
    /// Records that could not be read, under the name of their keyspace and their key.
    Quarantine,

    /// job → what was asked, without its arguments and targets.
    Jobs,
    /// job → its arguments.
    Arguments,
    /// job → the minions that its target expression matched.
    Targets,
    /// job → how many of its parts are where.
    Tallies,
    /// job, minion → the part's id on the minion and its state.
    Parts,
    /// job, minion → how the part ended.
    Outcomes,
    /// job, place in the order → one transition.
    Transitions,
    /// job, minion → that its part is to stop, and since when.
    Cancels,
    /// job → for how long a minion that is out of touch keeps its place in the batch.
    Patience,
    /// job, minion → who gave its part up, and when.
    GivenUp,
    /// job, minion → what the minion said of its part after that was given up.
    Later,
    /// minion, job → nothing, while that part is given up and the minion has said nothing.
    Unheard,
    /// state, job → nothing.
    ByState,
    /// operator, job → nothing.
    ByOperator,
    /// module, job → nothing.
    ByModule,
    /// minion, job → nothing.
    ByTarget,
    /// end, job → bytes that the job takes.
    Ended,
    /// minion → who it is.
    Minions,
    /// minion → when it was last heard of.
    Presence,
    /// minion → its modules.
    Modules,
    /// minion → what it said of its host.
    Facts,
    /// secret → an invitation.
    Invites,
    /// module, digest → a version that is kept.
    Catalogue,
    /// module, target expression → the version that is wanted there.
    Assignments,
    /// minion, module → what became of the last attempt to bring what is assigned.
    Attempts,
    /// minion → which places its links came from.
    Tenures,
    /// operator → who it is, and whether it may connect.
    Operators,
    /// secret → an invitation for an operator.
    OperatorInvites,
    /// minion → the certificate that it was seen with, and the next one.
    Certificates,
    /// secret → who made the invitation, and when.
    Inviters,
    /// secret → an invitation for all names that a glob matches.
    GlobInvites,
    /// key → a host that wants to be a minion and has no invitation.
    Waiting,
    /// minion → that it was revoked, by whom and why.
    Revocations,
    /// operator → the certificates that it renewed its first one with.
    RenewedOperators,
    /// job → what its operator has signed.
    Mandates,
    /// module, target expression → what whoever assigned it has signed.
    AssignmentMandates,
    /// public key → the authority that has signed for it, and those that its owner trusts.
    Holdings,
    /// operator → the key that it was seen with last.
    OperatorKeys,

    /// job → what was asked of this minion.
    Starts,
    /// job → where it is.
    States,
    /// job → how it ended.
    Reports,
    /// job → nothing, while it is queued or running.
    Unfinished,
    /// end, job → nothing, until the overlord has the outcome.
    Unacknowledged,
    /// end, job → bytes that the job takes, once the overlord has the outcome.
    Settled,
    /// module, key → a value that a module keeps.
    Kv,
    /// module → bytes that it keeps.
    KvUsage,
    /// Nothing → which instance of its minion this ledger belongs to.
    Instance,
    /// end, nonce → the job that made a signed call.
    Nonces,
    /// Nothing → the end of the last signed call that was forgotten.
    ForgottenNonces,
    /// module → the last signed change of it.
    SignedChanges,
}

impl Keyspace {
    /// Whether its values are results, arguments or what modules keep, and may have mebibytes.
    pub(crate) fn has_large_values(self) -> bool {
        use Keyspace::{Arguments, Kv, Later, Outcomes, Quarantine, Reports, Starts};
        matches!(self, Arguments | Kv | Later | Outcomes | Quarantine | Reports | Starts)
    }

    /// What an overlord's ledger has.
    pub(crate) const OVERLORD: &[Keyspace] = &[
        Keyspace::Meta,
        Keyspace::Quarantine,
        Keyspace::Jobs,
        Keyspace::Arguments,
        Keyspace::Targets,
        Keyspace::Tallies,
        Keyspace::Parts,
        Keyspace::Outcomes,
        Keyspace::Transitions,
        Keyspace::Cancels,
        Keyspace::Patience,
        Keyspace::GivenUp,
        Keyspace::Later,
        Keyspace::Unheard,
        Keyspace::ByState,
        Keyspace::ByOperator,
        Keyspace::ByModule,
        Keyspace::ByTarget,
        Keyspace::Ended,
        Keyspace::Minions,
        Keyspace::Presence,
        Keyspace::Modules,
        Keyspace::Facts,
        Keyspace::Invites,
        Keyspace::Catalogue,
        Keyspace::Assignments,
        Keyspace::Attempts,
        Keyspace::Tenures,
        Keyspace::Operators,
        Keyspace::OperatorInvites,
        Keyspace::Certificates,
        Keyspace::Inviters,
        Keyspace::GlobInvites,
        Keyspace::Waiting,
        Keyspace::Revocations,
        Keyspace::RenewedOperators,
        Keyspace::Mandates,
        Keyspace::AssignmentMandates,
        Keyspace::Holdings,
        Keyspace::OperatorKeys,
    ];

    /// What a minion's ledger has.
    pub(crate) const MINION: &[Keyspace] = &[
        Keyspace::Meta,
        Keyspace::Quarantine,
        Keyspace::Starts,
        Keyspace::States,
        Keyspace::Reports,
        Keyspace::Unfinished,
        Keyspace::Unacknowledged,
        Keyspace::Settled,
        Keyspace::Kv,
        Keyspace::KvUsage,
        Keyspace::Instance,
        Keyspace::Nonces,
        Keyspace::ForgottenNonces,
        Keyspace::SignedChanges,
    ];

    /// Its name on disk.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Keyspace::Meta => "meta",
            Keyspace::Quarantine => "quarantine",
            Keyspace::Jobs => "jobs",
            Keyspace::Arguments => "arguments",
            Keyspace::Targets => "targets",
            Keyspace::Tallies => "tallies",
            Keyspace::Parts => "parts",
            Keyspace::Outcomes => "outcomes",
            Keyspace::Transitions => "transitions",
            Keyspace::Cancels => "cancels",
            Keyspace::Patience => "patience",
            Keyspace::GivenUp => "given-up",
            Keyspace::Later => "later",
            Keyspace::Unheard => "unheard",
            Keyspace::ByState => "by-state",
            Keyspace::ByOperator => "by-operator",
            Keyspace::ByModule => "by-module",
            Keyspace::ByTarget => "by-target",
            Keyspace::Ended => "ended",
            Keyspace::Minions => "minions",
            Keyspace::Presence => "presence",
            Keyspace::Modules => "modules",
            Keyspace::Facts => "facts",
            Keyspace::Invites => "invites",
            Keyspace::Catalogue => "catalogue",
            Keyspace::Assignments => "assignments",
            Keyspace::Attempts => "attempts",
            Keyspace::Tenures => "tenures",
            Keyspace::Operators => "operators",
            Keyspace::OperatorInvites => "operator-invites",
            Keyspace::Certificates => "certificates",
            Keyspace::Inviters => "inviters",
            Keyspace::GlobInvites => "glob-invites",
            Keyspace::Waiting => "waiting",
            Keyspace::Revocations => "revocations",
            Keyspace::RenewedOperators => "renewed-operators",
            Keyspace::Mandates => "mandates",
            Keyspace::AssignmentMandates => "assignment-mandates",
            Keyspace::Holdings => "holdings",
            Keyspace::OperatorKeys => "operator-keys",
            Keyspace::Instance => "instance",
            Keyspace::Nonces => "nonces",
            Keyspace::ForgottenNonces => "forgotten-nonces",
            Keyspace::SignedChanges => "signed-changes",
            Keyspace::Starts => "starts",
            Keyspace::States => "states",
            Keyspace::Reports => "reports",
            Keyspace::Unfinished => "unfinished",
            Keyspace::Unacknowledged => "unacknowledged",
            Keyspace::Settled => "settled",
            Keyspace::Kv => "kv",
            Keyspace::KvUsage => "kv-usage",
        }
    }
}
