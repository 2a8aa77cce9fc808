//! Points at which a test may let a daemon die as by `kill -9`, and the clocks that it may set.
//!
//! Without the feature `failpoints`, which only the package of end-to-end tests turns on, a point is nothing and
//! clocks are those of the system. With it, a program looks into the folder that `FAILPOINTS_DIR` names, again at
//! every point and every look at a clock, so that a daemon that runs can be told as well as one that is to start:
//!
//! - `kill` holds the name of the point at which the daemon dies.
//! - `clock` holds the milliseconds by which its wall clock is off; negative ones set it back.
//! - `idle` holds the milliseconds after which its next silent connection is given up.

/// The variable that names the folder in which a test says what is to happen.
pub const DIR_VARIABLE: &str = "FAILPOINTS_DIR";

/// The file in that folder that arms a point, by the point's name.
pub const KILL_FILE: &str = "kill";

/// The file in that folder that sets the wall clock, by how many milliseconds it is off.
pub const CLOCK_FILE: &str = "clock";

/// The file in that folder that says for how many milliseconds a connection may be silent.
pub const IDLE_FILE: &str = "idle";

/// The daemons that come by a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// The overlord.
    Overlord,
    /// A minion.
    Minion,
    /// Both, in code that they share.
    Both,
    /// A minion, on the way of a module into service, where no job comes by.
    Modules,
    /// Both, while a minion's certificate is renewed, where no job comes by.
    Renewal,
    /// The overlord, while it moves to another authority, where no job comes by.
    Move,
}

/// Declares all points: the one list that code, tests and documentation go by.
macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal in $daemon:ident,)*) => {
        /// A point in the life of a job, of a module, or of a certificate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Point] = &[$(Point::$point,)*];

            /// The name by which a test arms it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Point::$point => $name,)*
                }
            }

            /// Where it is.
            pub fn daemon(self) -> Daemon {
                match self {
                    $(Point::$point => Daemon::$daemon,)*
                }
            }
        }
    };
}

points! {
    /// A batch that takes on a job is about to be written and synced.
    SyncBefore = "sync-before" in Both,
    /// Such a batch is on disk, and nobody was told.
    SyncAfter = "sync-after" in Both,

    /// The overlord is about to record a job.
    AcceptBefore = "accept-before" in Overlord,
    /// The overlord has recorded the job, and done nothing about it.
    AcceptAfter = "accept-after" in Overlord,
    /// The overlord is about to tell the operator the job's id.
    TellBefore = "tell-before" in Overlord,
    /// The overlord has told the operator.
    TellAfter = "tell-after" in Overlord,
    /// The overlord is about to send a job to a minion.
    SendBefore = "send-before" in Overlord,
    /// The overlord has sent the job.
    SendAfter = "send-after" in Overlord,
    /// The overlord was told to stop a job.
    CancelBefore = "cancel-before" in Overlord,
    /// The overlord has recorded that the job is to stop, and told no minion.
    CancelAfter = "cancel-after" in Overlord,
    /// The overlord was told to give up parts of a job.
    GiveUpBefore = "give-up-before" in Overlord,
    /// The overlord has recorded that the parts are given up, and told nobody.
    GiveUpAfter = "give-up-after" in Overlord,
    /// The overlord has heard that a part runs.
    MovedBefore = "moved-before" in Overlord,
    /// The overlord has recorded that the part runs.
    MovedAfter = "moved-after" in Overlord,
    /// The overlord has heard an outcome.
    OutcomeBefore = "outcome-before" in Overlord,
    /// The overlord has recorded the outcome.
    OutcomeAfter = "outcome-after" in Overlord,
    /// The overlord has the last outcome, and writes in the same batch that the job is over.
    OverBefore = "over-before" in Overlord,
    /// The job is over on record, and nobody was told.
    OverAfter = "over-after" in Overlord,
    /// The overlord is about to acknowledge an outcome.
    AcknowledgeBefore = "acknowledge-before" in Overlord,
    /// The overlord has acknowledged the outcome.
    AcknowledgeAfter = "acknowledge-after" in Overlord,
    /// The overlord has started, and finds the jobs that its former life left.
    ResumeBefore = "resume-before" in Overlord,
    /// The overlord has taken up these jobs, and nobody can connect yet.
    ResumeAfter = "resume-after" in Overlord,

    /// A minion has got a job, and has not recorded it.
    StartBefore = "start-before" in Minion,
    /// The minion has recorded the job, and done nothing about it.
    StartAfter = "start-after" in Minion,
    /// The job has its turn, and is not on record as running.
    RunningBefore = "running-before" in Minion,
    /// The job is on record as running.
    RunningAfter = "running-after" in Minion,
    /// The minion is about to report the state of a job.
    ReportBefore = "report-before" in Minion,
    /// The minion has reported that state.
    ReportAfter = "report-after" in Minion,
    /// The guest starts.
    GuestBefore = "guest-before" in Minion,
    /// The guest has ended.
    GuestAfter = "guest-after" in Minion,
    /// The minion is about to record an outcome.
    EndBefore = "end-before" in Minion,
    /// The minion has recorded the outcome.
    EndAfter = "end-after" in Minion,
    /// The minion is about to send an outcome.
    FinishedBefore = "finished-before" in Minion,
    /// The minion has sent the outcome.
    FinishedAfter = "finished-after" in Minion,
    /// The minion has heard that the overlord has an outcome.
    AcknowledgedBefore = "acknowledged-before" in Minion,
    /// The minion has recorded that the overlord has the outcome.
    AcknowledgedAfter = "acknowledged-after" in Minion,
    /// The minion has started, and is about to end the jobs that its former life left, if there are any.
    InterruptBefore = "interrupt-before" in Minion,
    /// The minion has ended these jobs.
    InterruptAfter = "interrupt-after" in Minion,

    /// A module is about to be compiled.
    CompileBefore = "compile-before" in Modules,
    /// The module is compiled, and nothing of that is on disk.
    CompileAfter = "compile-after" in Modules,
    /// A version is in service, and is about to be written down as the one that is.
    ServeBefore = "serve-before" in Modules,
    /// That the version is in service is written down.
    ServeAfter = "serve-after" in Modules,

    /// The overlord has signed a minion's next certificate, and is about to record its key.
    RenewalBefore = "renewal-before" in Renewal,
    /// The overlord has recorded the next key, and not answered.
    RenewalAfter = "renewal-after" in Renewal,
    /// A minion was seen with its next key, which is about to be recorded as its only one.
    ProofBefore = "proof-before" in Renewal,
    /// That the next key is the only one is recorded.
    ProofAfter = "proof-after" in Renewal,
    /// A minion has its next certificate, and nothing of it is on disk.
    KeepBefore = "keep-before" in Renewal,
    /// The next key and its certificate are on disk in one file, and not in their places.
    KeepHalfway = "keep-halfway" in Renewal,
    /// The next key and its certificate are in their places, and were never used.
    KeepAfter = "keep-after" in Renewal,

    /// The overlord is about to write down a step of the move to another authority.
    MoveBefore = "move-before" in Move,
    /// The overlord has written the step down, and done nothing about it.
    MoveAfter = "move-after" in Move,
}

#[cfg(not(feature = "failpoints"))]
mod point {
    use std::time::{Duration, SystemTime};

    use super::Point;

    /// Passes this point.
    #[inline(always)]
    pub fn reach(_: Point) {}

    /// The time as a test has it: without one, the time that it is.
    #[inline(always)]
    pub fn shifted(now: SystemTime) -> SystemTime {
        now
    }

    /// How long a connection may be silent, as a test has it.
    #[inline(always)]
    pub fn idle(timeout: Duration) -> Duration {
        timeout
    }
}

#[cfg(feature = "failpoints")]
mod point {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::LazyLock;
    use std::time::{Duration, SystemTime};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::{CLOCK_FILE, DIR_VARIABLE, IDLE_FILE, KILL_FILE, Point};

    static DIR: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os(DIR_VARIABLE).map(Into::into));

    /// Passes this point, or dies here.
    pub fn reach(point: Point) {
        if said(KILL_FILE).is_some_and(|name| name == point.name()) {
            kill(Pid::this(), Signal::SIGKILL).expect("a process may kill itself");
        }
    }

    /// The time as a test has it.
    pub fn shifted(now: SystemTime) -> SystemTime {
        let Some(offset) = milliseconds(CLOCK_FILE) else { return now };
        let by = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 { now - by } else { now + by }
    }

    /// How long a connection may be silent.
    pub fn idle(timeout: Duration) -> Duration {
        milliseconds(IDLE_FILE).map_or(timeout, |idle| Duration::from_millis(idle.unsigned_abs()))
    }

    fn said(file: &str) -> Option<String> {
        fs::read_to_string(DIR.as_ref()?.join(file)).ok()
    }

    fn milliseconds(file: &str) -> Option<i64> {
        Some(said(file)?.trim().parse().expect("a number of milliseconds"))
    }
}

pub use self::point::{idle, reach, shifted};
