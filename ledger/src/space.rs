//! The keyspaces: one for each kind of record and one for each index.

/// A keyspace of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
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
}

impl Space {
    /// What an overlord's ledger has.
    pub(crate) const OVERLORD: &[Space] = &[
        Space::Meta,
        Space::Quarantine,
        Space::Jobs,
        Space::Arguments,
        Space::Targets,
        Space::Tallies,
        Space::Parts,
        Space::Outcomes,
        Space::Transitions,
        Space::Cancels,
        Space::Patience,
        Space::GivenUp,
        Space::Later,
        Space::Unheard,
        Space::ByState,
        Space::ByOperator,
        Space::ByModule,
        Space::ByTarget,
        Space::Ended,
        Space::Minions,
        Space::Presence,
        Space::Modules,
        Space::Facts,
        Space::Invites,
        Space::Catalogue,
        Space::Assignments,
        Space::Attempts,
        Space::Tenures,
    ];

    /// What a minion's ledger has.
    pub(crate) const MINION: &[Space] = &[
        Space::Meta,
        Space::Quarantine,
        Space::Starts,
        Space::States,
        Space::Reports,
        Space::Unfinished,
        Space::Unacknowledged,
        Space::Settled,
        Space::Kv,
        Space::KvUsage,
        Space::Instance,
    ];

    /// Its name on disk.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Space::Meta => "meta",
            Space::Quarantine => "quarantine",
            Space::Jobs => "jobs",
            Space::Arguments => "arguments",
            Space::Targets => "targets",
            Space::Tallies => "tallies",
            Space::Parts => "parts",
            Space::Outcomes => "outcomes",
            Space::Transitions => "transitions",
            Space::Cancels => "cancels",
            Space::Patience => "patience",
            Space::GivenUp => "given-up",
            Space::Later => "later",
            Space::Unheard => "unheard",
            Space::ByState => "by-state",
            Space::ByOperator => "by-operator",
            Space::ByModule => "by-module",
            Space::ByTarget => "by-target",
            Space::Ended => "ended",
            Space::Minions => "minions",
            Space::Presence => "presence",
            Space::Modules => "modules",
            Space::Facts => "facts",
            Space::Invites => "invites",
            Space::Catalogue => "catalogue",
            Space::Assignments => "assignments",
            Space::Attempts => "attempts",
            Space::Tenures => "tenures",
            Space::Instance => "instance",
            Space::Starts => "starts",
            Space::States => "states",
            Space::Reports => "reports",
            Space::Unfinished => "unfinished",
            Space::Unacknowledged => "unacknowledged",
            Space::Settled => "settled",
            Space::Kv => "kv",
            Space::KvUsage => "kv-usage",
        }
    }
}
