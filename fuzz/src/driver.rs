//! The loop: damage an input, feed it, see what happens.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fastrand::Rng;

use crate::input::mutate;
use crate::target::Target;

/// How often it is looked whether an input hangs.
const LOOK: Duration = Duration::from_millis(250);

/// One run of a target.
#[derive(Clone, Debug)]
pub struct Driver {
    /// What to fuzz.
    pub target: Target,
    /// For how long.
    pub time: Duration,
    /// What all damage follows from.
    pub seed: u64,
    /// Where inputs are kept.
    pub folder: PathBuf,
}

/// How a run without a finding went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many inputs were fed.
    pub executions: u64,
    /// How many of them were good in spite of the damage.
    pub taken: u64,
}

/// An input on which a target panicked or hung.
#[derive(Debug, thiserror::Error)]
#[error("finding: {told}\nthe input is in \"{}\"", .input.display())]
pub struct Finding {
    /// What happened.
    pub told: String,
    /// The file with the input.
    pub input: PathBuf,
}

impl Driver {
    /// Feeds good inputs, then damaged ones until the time is up or there is a [`Finding`].
    ///
    /// Each input is in a file before it is fed, so that it outlives even an abort. A hang ends the process.
    pub fn run(&self) -> anyhow::Result<Tally> {
        keep_panics_quiet();
        let mut rng = Rng::with_seed(self.seed);
        let corpus = self.target.corpus(&mut rng)?;
        let path = self.folder.join(format!("{}.input", self.target.name()));
        let file = std::fs::create_dir_all(&self.folder).and_then(|()| File::create(&path));
        let file = file.with_context(|| {
            format!("cannot write \"{}\": name another folder with --folder", path.display())
        })?;
        self.feed_all(&mut rng, &corpus, file, &path)
    }

    fn feed_all(
        &self,
        rng: &mut Rng,
        corpus: &[Vec<u8>],
        mut file: File,
        path: &Path,
    ) -> anyhow::Result<Tally> {
        let watch = Watch::start(self.target, path.to_owned());
        let end = Instant::now() + self.time;
        let mut tally = Tally { executions: 0, taken: 0 };
        let mut whole = corpus.iter();
        while Instant::now() < end {
            let input = match whole.next() {
                Some(input) => input.clone(),
                None => {
                    let (input, other) = (pick(rng, corpus), pick(rng, corpus));
                    mutate(rng, input, other)
                }
            };
            file.rewind()?;
            file.write_all(&input)?;
            file.set_len(input.len() as u64)?;
            watch.begins();
            tally.taken += u64::from(feed(self.target, &input, path)?);
            watch.ended();
            tally.executions += 1;
        }
        Ok(tally)
    }
}

/// Feeds the input in this file once more, and says whether it was good.
pub fn replay(target: Target, path: &Path) -> anyhow::Result<bool> {
    keep_panics_quiet();
    let input = std::fs::read(path).with_context(|| format!("cannot read \"{}\"", path.display()))?;
    Ok(feed(target, &input, path)?)
}

/// The smaller of two inputs: a large module takes long to compile, and says little more than a small one.
fn pick<'a>(rng: &mut Rng, corpus: &'a [Vec<u8>]) -> &'a [u8] {
    let [one, other] = [(); 2].map(|()| &corpus[rng.usize(0..corpus.len())]);
    if one.len() < other.len() { one } else { other }
}

fn feed(target: Target, input: &[u8], path: &Path) -> Result<bool, Finding> {
    panic::catch_unwind(|| target.entry()(input)).map_err(|_| {
        let told = LATEST.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Finding { told, input: path.to_owned() }
    })
}

/// What the latest panic said. One that the target itself contains is no finding, and not worth a word.
static LATEST: Mutex<String> = Mutex::new(String::new());

fn keep_panics_quiet() {
    panic::set_hook(Box::new(|panic| {
        *LATEST.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
}

/// Ends the process when an input takes too long: nothing else ends a loop.
struct Watch(Arc<Mutex<Option<Instant>>>);

impl Watch {
    fn start(target: Target, path: PathBuf) -> Self {
        let began = Arc::new(Mutex::new(None::<Instant>));
        let seen = began.clone();
        // Detached: it ends with the process, which it outlives by nothing.
        thread::spawn(move || {
            loop {
                thread::sleep(LOOK);
                let began = *seen.lock().unwrap_or_else(PoisonError::into_inner);
                if began.is_some_and(|began| began.elapsed() > target.patience()) {
                    let told = format!("no end after {} seconds", target.patience().as_secs());
                    eprintln!("error: {}", Finding { told, input: path });
                    std::process::exit(1);
                }
            }
        });
        Self(began)
    }

    fn begins(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn ended(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
