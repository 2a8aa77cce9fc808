//! Hosts that wait for an operator, as many as there is room for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use ledger::{Answer, LedgerError, Made, OverlordLedger, WaitingHost};
use machine::clock::now_ms;
use machine::lock;
use wire::digest::Digest;
use wire::name::{MinionName, OperatorName};

use crate::doors::Source;

/// The hosts that wait, and those that were answered and may ask once more: in memory, and in the ledger as far as it
/// must outlive the daemon.
pub(crate) struct WaitingHosts {
    ledger: OverlordLedger,
    hosts: Mutex<HashMap<Digest, WaitingHost>>,
}

/// What there is to say to a host that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It waits, and did not before.
    Begins,
    /// It waits as before.
    Waits,
    /// An operator has accepted it.
    Accepted(Made),
    /// An operator has rejected it.
    Rejected,
    /// There is no room for it.
    Full,
}

impl WaitingHosts {
    /// Reads from the ledger who waits.
    pub(crate) async fn open(ledger: OverlordLedger) -> Result<Self, LedgerError> {
        let hosts = ledger.waiting().await?.into_iter().map(|host| (host.key, host)).collect();
        Ok(Self { ledger, hosts: Mutex::new(hosts) })
    }

    /// What there is to say to the owner of a key, who has proved to be that and asks for a name.
    ///
    /// One that is known costs no write, unless it is long since it was written down that it asked.
    pub(crate) async fn ask(
        &self,
        name: &MinionName,
        key: Digest,
        from: SocketAddr,
    ) -> Result<Asked, LedgerError> {
        let now = now_ms();
        let (asked, write) = self.note(name, key, from, now);
        if asked == Asked::Full {
            return Ok(asked);
        }
        if let Some(host) = write
            && let Err(error) = self.ledger.put_waiting(host).await
        {
            if asked == Asked::Begins {
                self.lock().remove(&key);
            }
            return Err(error);
        }
        Ok(asked)
    }

    /// Takes note that a host asks. Returns what is to be written down of it, if something is.
    fn note(
        &self,
        name: &MinionName,
        key: Digest,
        from: SocketAddr,
        now: u64,
    ) -> (Asked, Option<WaitingHost>) {
        let mut hosts = self.lock();
        if let Some(host) = hosts.get_mut(&key) {
            let asked = match &host.answer {
                Answer::None => Asked::Waits,
                Answer::Accepted(made) if host.name == *name => Asked::Accepted(made.clone()),
                // It was accepted under another name.
                Answer::Accepted(_) => Asked::Begins,
                Answer::Rejected(_) => Asked::Rejected,
            };
            let is_old = now.saturating_sub(host.asked_at) >= WRITTEN_EVERY_MS;
            let is_news = host.name != *name || asked == Asked::Begins;
            (host.name, host.from, host.asked_at) = (name.clone(), from.to_string(), now);
            if asked == Asked::Begins {
                (host.answer, host.since) = (Answer::None, now);
            }
            return (asked, (is_old || is_news).then(|| host.clone()));
        }
        if !has_room(&hosts, from) {
            hosts.retain(|_, host| now.saturating_sub(host.asked_at) < SILENT_MS);
        }
        if !has_room(&hosts, from) {
            return (Asked::Full, None);
        }
        let (from, answer) = (from.to_string(), Answer::None);
        let host = WaitingHost { key, name: name.clone(), from, since: now, asked_at: now, answer };
        hosts.insert(key, host.clone());
        (Asked::Begins, Some(host))
    }

    /// Those that want this name, or all; by name, those that asked first first. Those that were accepted are left out.
    pub(crate) fn list(&self, name: Option<&MinionName>) -> Vec<WaitingHost> {
        let hosts = self.lock();
        let is_meant = |host: &&WaitingHost| {
            !matches!(host.answer, Answer::Accepted(_)) && name.is_none_or(|name| host.name == *name)
        };
        let mut list: Vec<_> = hosts.values().filter(is_meant).cloned().collect();
        list.sort_by(|one, other| (&one.name, one.since).cmp(&(&other.name, other.since)));
        list
    }

    /// Takes note that a host was accepted, which the ledger has already.
    pub(crate) fn accepted(&self, key: Digest, made: Made) {
        if let Some(host) = self.lock().get_mut(&key) {
            host.answer = Answer::Accepted(made);
        }
    }

    /// Records that a host was rejected.
    pub(crate) async fn reject(&self, mut host: WaitingHost, by: &OperatorName) -> Result<(), LedgerError> {
        host.answer = Answer::Rejected(Made { by: by.clone(), at: now_ms() });
        self.ledger.put_waiting(host.clone()).await?;
        self.lock().insert(host.key, host);
        Ok(())
    }

    /// Forgets those that were accepted under a name, which lets them in no longer. The ledger forgets them at the next
    /// [`forget`](Self::forget), and until then, after a restart, the name is not that of their key.
    pub(crate) fn forget_accepted(&self, name: &MinionName) {
        self.lock().retain(|_, host| host.name != *name || !matches!(host.answer, Answer::Accepted(_)));
    }

    /// Forgets those that did not ask for so long, and returns how many.
    pub(crate) async fn forget(&self, silent: Duration) -> Result<usize, LedgerError> {
        let (now, silent) = (now_ms(), u64::try_from(silent.as_millis()).unwrap_or(u64::MAX));
        let keys: Vec<Digest> = {
            let mut hosts = self.lock();
            let gone = hosts.extract_if(|_, host| now.saturating_sub(host.asked_at) >= silent);
            gone.map(|(key, _)| key).collect()
        };
        // Those that made room for others are in the ledger alone.
        let kept: Vec<Digest> = self.ledger.waiting().await?.into_iter().map(|host| host.key).collect();
        let lost: Vec<Digest> = {
            let hosts = self.lock();
            kept.into_iter().filter(|key| !hosts.contains_key(key)).collect()
        };
        let count = keys.len();
        if !lost.is_empty() {
            self.ledger.forget_waiting(lost).await?;
        }
        Ok(count)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, WaitingHost>> {
        lock::hold(&self.hosts)
    }
}

/// Whether one more from this address may wait.
fn has_room(hosts: &HashMap<Digest, WaitingHost>, from: SocketAddr) -> bool {
    let [_, host, network, _] = Source::all_of(from);
    let sources = hosts.values().filter_map(|host| host.from.parse().ok()).map(Source::all_of);
    let (mut of_host, mut of_network) = (0, 0);
    for [_, its_host, its_network, _] in sources {
        of_host += usize::from(its_host == host);
        of_network += usize::from(its_network == network);
    }
    hosts.len() < MOST && of_network < MOST_OF_NETWORK && of_host < MOST_OF_HOST
}

/// How long a host is to wait before it asks again.
pub(crate) const AGAIN: Duration = Duration::from_secs(2);
/// For how long a host is remembered that does not ask any more.
pub(crate) const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);
/// How many may wait.
const MOST: usize = 256;
/// How many hosts of one network may.
const MOST_OF_NETWORK: usize = 128;
/// How many at one address may, behind which there may be a network.
const MOST_OF_HOST: usize = 64;
/// After how long one that does not ask any more makes room for another.
const SILENT_MS: u64 = 10 * 60 * 1000;
/// How often it is written down at most that one has asked.
const WRITTEN_EVERY_MS: u64 = 10 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    async fn hosts(dir: &tempfile::TempDir) -> WaitingHosts {
        let ledger = OverlordLedger::open(&dir.path().join("ledger")).expect("opens");
        WaitingHosts::open(ledger).await.expect("reads")
    }

    fn name() -> MinionName {
        "web1".parse().expect("a name")
    }

    fn key(number: u32) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    fn address(network: u8, host: u8) -> SocketAddr {
        ([198, 51, network, host], 9).into()
    }

    #[tokio::test]
    async fn only_so_many_wait_of_a_host_of_a_network_and_in_all() {
        let dir = tempfile::tempdir().expect("a folder");
        let hosts = hosts(&dir).await;
        let mut number = 0;
        let mut begin = |from: SocketAddr, now: u64| {
            number += 1;
            hosts.note(&name(), key(number), from, now).0 == Asked::Begins
        };
        let mut begun =
            |from: fn(u32) -> SocketAddr, now: u64| (0..300).filter(|n| begin(from(*n), now)).count();
        assert_eq!(begun(|_| address(100, 1), 0), MOST_OF_HOST);
        assert_eq!(begun(|n| address(100, n as u8), 0), MOST_OF_NETWORK - MOST_OF_HOST);
        assert_eq!(begun(|n| address(n as u8, 1), 0), MOST - MOST_OF_NETWORK);
        // Those that are there may go on asking.
        assert_eq!(hosts.note(&name(), key(1), address(100, 1), SILENT_MS - 1).0, Asked::Waits);
        assert_eq!(begun(|n| address(n as u8, 2), SILENT_MS), MOST - 1);
        assert_eq!(hosts.note(&name(), key(1), address(100, 1), SILENT_MS).0, Asked::Waits);
    }

    #[tokio::test]
    async fn who_waits_is_known_after_a_restart_and_forgotten_after_a_day_of_silence() {
        let dir = tempfile::tempdir().expect("a folder");
        let ann: OperatorName = "ann".parse().expect("a name");
        {
            let hosts = hosts(&dir).await;
            for number in [1, 2] {
                let asked = hosts.ask(&name(), key(number), address(100, 1)).await;
                assert_eq!(asked.expect("written"), Asked::Begins);
            }
            let first = hosts.list(None).into_iter().find(|host| host.key == key(1)).expect("there");
            hosts.reject(first, &ann).await.expect("written");
            hosts.ledger.close().await;
        }
        let hosts = hosts(&dir).await;
        assert_eq!(hosts.ask(&name(), key(1), address(100, 1)).await.expect("read"), Asked::Rejected);
        assert_eq!(hosts.ask(&name(), key(2), address(100, 1)).await.expect("read"), Asked::Waits);
        assert_eq!(hosts.forget(FORGOTTEN).await.expect("written"), 0);
        assert_eq!(hosts.list(Some(&name())).len(), 2);
        assert_eq!(hosts.forget(Duration::ZERO).await.expect("written"), 2);
        assert_eq!((hosts.list(None), hosts.ledger.waiting().await.expect("reads")), (vec![], vec![]));
    }
}
