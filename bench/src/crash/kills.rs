//! Which daemon is killed when.

use std::path::PathBuf;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::operators::Operators;
use crate::error::BenchError;
use overlord::dev::Fleet;

/// What to do to the daemons.
#[derive(Clone, Debug)]
pub struct CrashOptions {
    /// How many times a daemon is killed.
    pub kills: u64,
    /// How many minions there are.
    pub minions: u16,
    /// Where the random choices begin.
    pub seed: u64,
    /// The folder of modules; the usual ones where nothing is said.
    pub modules: Option<PathBuf>,
}

/// Who was killed how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kills {
    /// The overlord.
    pub overlord: u64,
    /// A minion.
    pub minions: u64,
    /// How often both were gone at the same time.
    pub together: u64,
    /// How many of the kills hit a daemon that had just been started again.
    pub starting: u64,
}

impl Kills {
    /// How many there were.
    pub fn total(&self) -> u64 {
        self.overlord + self.minions
    }
}

/// Kills and restarts daemons until that was done often enough.
pub(super) async fn kill(
    options: &CrashOptions,
    fleet: &mut Fleet<'_>,
    operators: &Operators,
    watch: &mut impl FnMut(u64, usize),
) -> Result<Kills, BenchError> {
    let mut random = Rng::with_seed(options.seed);
    let mut killer = Killer { fleet, operators, watch, kills: Kills::default() };
    while killer.kills.total() < options.kills {
        sleep(up(&mut random)).await;
        let victims = victims(&mut random, options.minions, options.kills - killer.kills.total());
        if let [_, _] = victims[..] {
            killer.kills.together += 1;
        }
        for victim in &victims {
            killer.kill(*victim).await?;
        }
        sleep(below(&mut random, DOWN_MS)).await;
        for victim in &victims {
            killer.fleet.restart(*victim)?;
        }
        if killer.kills.total() < options.kills && random.u8(..4) == 0 {
            sleep(below(&mut random, STARTING_MS)).await;
            killer.kills.starting += 1;
            killer.kill(victims[0]).await?;
            sleep(below(&mut random, DOWN_MS)).await;
            killer.fleet.restart(victims[0])?;
        }
    }
    Ok(killer.kills)
}

struct Killer<'k, 'f, W> {
    fleet: &'k mut Fleet<'f>,
    operators: &'k Operators,
    watch: &'k mut W,
    kills: Kills,
}

impl<W: FnMut(u64, usize)> Killer<'_, '_, W> {
    async fn kill(&mut self, number: usize) -> Result<(), BenchError> {
        self.fleet.kill(number).await?;
        if number == OVERLORD {
            self.kills.overlord += 1;
            self.operators.overlord_died();
        } else {
            self.kills.minions += 1;
        }
        (self.watch)(self.kills.total(), self.operators.accepted());
        Ok(())
    }
}

/// How long all daemons are up before the next one is killed: often shorter than a job, and sometimes long enough
/// that minions find their overlord again.
fn up(random: &mut Rng) -> Duration {
    let most = if random.u8(..3) == 0 { HASTY_MS } else { UP_MS };
    below(random, most)
}

/// The numbers of the daemons to kill next, in the order in which they come back: at most `left`.
fn victims(random: &mut Rng, minions: u16, left: u64) -> Vec<usize> {
    let minion = random.usize(1..=usize::from(minions));
    // The overlord has more promises to break than one minion of many.
    match random.u8(..10) {
        0..=2 => vec![OVERLORD],
        3 if left > 1 => vec![OVERLORD, minion],
        4 if left > 1 => vec![minion, OVERLORD],
        _ => vec![minion],
    }
}

fn below(random: &mut Rng, ms: u64) -> Duration {
    Duration::from_millis(random.u64(..ms))
}

/// The number of the overlord among the daemons.
const OVERLORD: usize = 0;

/// How long all daemons are up at most.
const UP_MS: u64 = 2500;

/// How long they are when it is one kill after the other.
const HASTY_MS: u64 = 250;

/// How long a daemon is gone at most.
const DOWN_MS: u64 = 400;

/// How long a daemon has had at most that is killed again while it starts.
const STARTING_MS: u64 = 150;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_kills_the_same_daemons_and_never_too_many() {
        let plan = |seed| {
            let mut random = Rng::with_seed(seed);
            (0..200).map(|_| victims(&mut random, 3, 2)).collect::<Vec<_>>()
        };
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        let (alone, together): (Vec<_>, Vec<_>) = plan(7).into_iter().partition(|victims| victims.len() == 1);
        assert!((0..=3).all(|number| alone.contains(&vec![number])), "{alone:?}");
        assert!(together.iter().all(|victims| victims.contains(&OVERLORD)) && !together.is_empty());
        let mut random = Rng::with_seed(7);
        assert!((0..200).all(|_| victims(&mut random, 3, 1).len() == 1));
    }
}
