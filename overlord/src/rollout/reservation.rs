//! Who is changing which module: one operator at a time for each name, and for each file.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use machine::clock::now_ms;
use machine::lock;
use tokio::sync::watch;
use wire::digest::Digest;
use wire::message::catalogue::OngoingChange;
use wire::message::operator::{Refusal, RefusalKind};
use wire::name::{MinionName, ModuleName, OperatorName};

use machine::clock::rfc3339;

/// All reservations at this moment. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct Reservations(Arc<Mutex<Vec<Arc<Holder>>>>);

/// Who holds a reservation.
struct Holder {
    name: ModuleName,
    digest: Option<Digest>,
    operator: OperatorName,
    doing: &'static str,
    /// The minions on which it is changed.
    minions: Vec<MinionName>,
    since: u64,
    /// What others tried meanwhile.
    notes: watch::Sender<Vec<String>>,
    course: watch::Sender<Course>,
}

/// Where a reserved change is, and who ended it from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Course {
    /// It can be called off.
    Open,
    /// It is being done everywhere, and cannot be called off.
    Settled,
    /// This operator has called it off.
    Cancelled(OperatorName),
    /// This operator has taken the module from it.
    Released(OperatorName),
    /// The reservation has ended.
    Over,
}

/// The right to change a module, until it is dropped.
pub(crate) struct Reservation {
    reservations: Reservations,
    holder: Arc<Holder>,
}

impl Reservations {
    /// Reserves a name, and a file where there is one. Refused while somebody has either; both are told.
    pub(super) fn reserve(
        &self,
        name: &ModuleName,
        digest: Option<Digest>,
        operator: &OperatorName,
        (doing, minions): (&'static str, &[MinionName]),
    ) -> Result<Reservation, Refusal> {
        let mut holders = self.lock();
        let same =
            |holder: &&Arc<Holder>| holder.name == *name || (digest.is_some() && holder.digest == digest);
        if let Some(holder) = holders.iter().find(same) {
            holder.tell(format!("{operator} wanted \"{name}\" {doing} meanwhile, and was refused"));
            return Err(holder.refusal());
        }
        let holder = Arc::new(Holder {
            name: name.clone(),
            digest,
            operator: operator.clone(),
            doing,
            minions: minions.to_vec(),
            since: now_ms(),
            notes: watch::Sender::default(),
            course: watch::Sender::new(Course::Open),
        });
        holders.push(holder.clone());
        Ok(Reservation { reservations: self.clone(), holder })
    }

    /// Calls off the push of a name that is under way.
    pub(super) fn cancel(
        &self,
        name: &ModuleName,
        operator: &OperatorName,
    ) -> Result<OngoingChange, Refusal> {
        let holder = self.holder(name).filter(|holder| matches!(holder.doing, "pushed" | "brought"));
        let holder = holder.ok_or_else(|| not_found(format!("nobody is pushing \"{name}\" now")))?;
        holder.course.send_if_modified(|course| {
            let open = *course == Course::Open;
            if open {
                *course = Course::Cancelled(operator.clone());
            }
            open
        });
        if *holder.course.borrow() == Course::Settled {
            let message = format!(
                "the push of \"{name}\" by {} is past calling off: every minion that is ready puts it into service; \
                 go back with `overlord module rollback`, or end it with `overlord module release {name}`",
                holder.operator
            );
            return Err(Refusal::new(RefusalKind::Busy, message));
        }
        tracing::info!(%operator, module = %name, of = %holder.operator, "push called off");
        holder.tell(format!("{operator} has called it off"));
        Ok(holder.ongoing())
    }

    /// Takes a name from whoever has it: its work ends where it is. Waits a moment for what is being written.
    pub(super) async fn release(
        &self,
        name: &ModuleName,
        operator: &OperatorName,
    ) -> Result<OngoingChange, Refusal> {
        let holder = self.holder(name);
        let holder = holder.ok_or_else(|| not_found(format!("nobody is changing \"{name}\" now")))?;
        tracing::warn!(
            %operator, module = %name, of = %holder.operator, doing = holder.doing, since = rfc3339(holder.since),
            "released"
        );
        holder.tell(format!("{operator} has taken \"{name}\" from it"));
        holder.course.send_if_modified(|course| {
            let lives = *course != Course::Over;
            if lives {
                *course = Course::Released(operator.clone());
            }
            lives
        });
        let mut course = holder.course.subscribe();
        let over = course.wait_for(|course| *course == Course::Over);
        if tokio::time::timeout(LAST_WRITE, over).await.is_err() {
            tracing::warn!(module = %name, of = %holder.operator, "it does not end, and is not waited for");
            self.remove(&holder);
        }
        Ok(holder.ongoing())
    }

    /// The operator who is changing a name, and on which minions; `None` where nobody is.
    pub(super) fn changer(&self, name: &ModuleName) -> Option<(OperatorName, Vec<MinionName>)> {
        self.holder(name).map(|holder| (holder.operator.clone(), holder.minions.clone()))
    }

    fn holder(&self, name: &ModuleName) -> Option<Arc<Holder>> {
        self.lock().iter().find(|holder| holder.name == *name).cloned()
    }

    fn remove(&self, gone: &Arc<Holder>) {
        self.lock().retain(|holder| !Arc::ptr_eq(holder, gone));
    }

    /// The files that are reserved.
    pub(super) fn digests(&self) -> HashSet<Digest> {
        self.lock().iter().filter_map(|holder| holder.digest).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Holder>>> {
        lock::hold(&self.0)
    }
}

impl Reservation {
    /// The module that is reserved.
    pub(super) fn module(&self) -> &ModuleName {
        &self.holder.name
    }

    /// From now on it cannot be called off. Where it was already, by whom.
    pub(super) fn settle(&self) -> Result<(), OperatorName> {
        self.holder.course.send_if_modified(|course| {
            let open = *course == Course::Open;
            if open {
                *course = Course::Settled;
            }
            open
        });
        match &*self.holder.course.borrow() {
            Course::Cancelled(by) | Course::Released(by) => Err(by.clone()),
            Course::Open | Course::Settled | Course::Over => Ok(()),
        }
    }

    /// Waits until it is called off, or the module is taken from it; says by whom.
    pub(crate) async fn cancelled(&self) -> OperatorName {
        self.ended_by(|course| match course {
            Course::Cancelled(by) | Course::Released(by) => Some(by.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the module is taken from it; says by whom.
    pub(super) async fn released(&self) -> OperatorName {
        self.ended_by(|course| if let Course::Released(by) = course { Some(by.clone()) } else { None }).await
    }

    async fn ended_by(&self, by: impl Fn(&Course) -> Option<OperatorName>) -> OperatorName {
        let mut course = self.holder.course.subscribe();
        loop {
            if let Some(by) = by(&course.borrow_and_update()) {
                return by;
            }
            // The sender lives as long as `self`.
            let _ = course.changed().await;
        }
    }

    /// Follows what others try meanwhile.
    pub(super) fn notes(&self) -> watch::Receiver<Vec<String>> {
        self.holder.notes.subscribe()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reservations.remove(&self.holder);
        self.holder.course.send_replace(Course::Over);
    }
}

impl Holder {
    fn tell(&self, note: String) {
        self.notes.send_if_modified(|notes| {
            let fits = notes.len() < MAX_NOTES;
            if fits {
                notes.push(note);
            }
            fits
        });
    }

    fn ongoing(&self) -> OngoingChange {
        OngoingChange {
            name: self.name.clone(),
            operator: self.operator.clone(),
            doing: self.doing.to_owned(),
            since: self.since,
        }
    }

    fn refusal(&self) -> Refusal {
        let Holder { name, doing, operator, since, .. } = self;
        let end = match *doing {
            "pushed" | "brought" => format!("call it off with `overlord module push --cancel {name}`"),
            _ => format!("end it with `overlord module release {name}`"),
        };
        let message = format!(
            "\"{name}\" is being {doing} by {operator} since {}: wait for its end, and look at the result \
             with `overlord module show {name}`, or {end}",
            rfc3339(*since)
        );
        Refusal::new(RefusalKind::Busy, message)
    }
}

fn not_found(message: String) -> Refusal {
    Refusal::new(RefusalKind::NotFound, format!("{message}: see `overlord module list`"))
}

/// How long the end of a change that was taken its module is waited for.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// How many attempts of others the holder of a reservation is told of.
const MAX_NOTES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ModuleName {
        text.parse().expect("a name")
    }

    fn operator(text: &str) -> OperatorName {
        text.parse().expect("a name")
    }

    #[test]
    fn the_second_operator_is_refused_and_both_are_told() {
        let reservations = Reservations::default();
        let first =
            reservations.reserve(&name("test"), None, &operator("alice"), ("pushed", &[])).expect("free");
        let refused = reservations.reserve(&name("test"), None, &operator("bob"), ("removed", &[]));
        let refusal = refused.err().expect("refused");
        assert_eq!(refusal.kind, RefusalKind::Busy);
        assert!(refusal.message.starts_with("\"test\" is being pushed by alice since 2"), "{refusal}");
        assert_eq!(*first.notes().borrow(), ["bob wanted \"test\" removed meanwhile, and was refused"]);
        drop(first);
        assert!(reservations.reserve(&name("test"), None, &operator("bob"), ("removed", &[])).is_ok());
    }

    #[tokio::test]
    async fn a_push_can_be_called_off_until_it_goes_into_service_and_its_holder_knows_by_whom() {
        let reservations = Reservations::default();
        let (test, bob) = (name("test"), operator("bob"));
        assert_eq!(reservations.cancel(&test, &bob).expect_err("nothing there").kind, RefusalKind::NotFound);
        let reservation =
            reservations.reserve(&test, None, &operator("alice"), ("pushed", &[])).expect("free");
        let ongoing = reservations.cancel(&test, &bob).expect("called off");
        assert_eq!((ongoing.operator.as_str(), ongoing.doing.as_str()), ("alice", "pushed"));
        assert_eq!(reservation.cancelled().await, bob);
        assert_eq!(reservation.settle(), Err(bob.clone()));
        assert_eq!(*reservation.notes().borrow(), ["bob has called it off"]);
        drop(reservation);
        let reservation =
            reservations.reserve(&test, None, &operator("alice"), ("pushed", &[])).expect("free");
        reservation.settle().expect("open");
        let refused = reservations.cancel(&test, &bob).expect_err("past calling off");
        assert!(refused.message.contains("overlord module release test"), "{refused}");
        drop(reservation);
        let _reservation =
            reservations.reserve(&test, None, &operator("alice"), ("removed", &[])).expect("free");
        assert_eq!(reservations.cancel(&test, &bob).expect_err("no push").kind, RefusalKind::NotFound);
    }

    #[tokio::test]
    async fn a_name_can_be_taken_from_whoever_has_it() {
        let reservations = Reservations::default();
        let (test, bob) = (name("test"), operator("bob"));
        let reservation =
            reservations.reserve(&test, None, &operator("alice"), ("removed", &[])).expect("free");
        let holder = async {
            let by = reservation.released().await;
            drop(reservation);
            by
        };
        let (released, by) = tokio::join!(reservations.release(&test, &bob), holder);
        assert_eq!((released.expect("released").operator.as_str(), by), ("alice", bob.clone()));
        assert!(reservations.reserve(&test, None, &bob, ("pushed", &[])).is_ok());
    }

    #[test]
    fn one_file_is_brought_once_whatever_it_is_called() {
        let reservations = Reservations::default();
        let digest = Some(Digest::of(b"code"));
        let first =
            reservations.reserve(&name("a"), digest, &operator("alice"), ("pushed", &[])).expect("free");
        assert!(reservations.reserve(&name("b"), digest, &operator("bob"), ("pushed", &[])).is_err());
        assert!(reservations.reserve(&name("b"), None, &operator("bob"), ("removed", &[])).is_ok());
        assert_eq!(reservations.digests().len(), 1);
        drop(first);
        assert!(reservations.digests().is_empty());
    }
}
