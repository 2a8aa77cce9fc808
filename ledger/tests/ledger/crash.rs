//! Real ends: a child process works on a ledger and is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use ledger::{Accepted, Durability, MinionLedger};

use crate::rig::{Folder, T0, id, ok, start};

/// The child's folder; a test that finds it set is the child.
const FOLDER: &str = "LEDGER_TEST_FOLDER";

/// Runs `test` of this binary alone, as a child that finds `folder`.
pub(crate) fn child(test: &str, folder: &Folder) -> Command {
    // A write beyond a file limit is to be an error and not a signal, which the shell sees to.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--include-ignored"]).env(FOLDER, folder.path());
    command
}

/// The folder that a child is to work on.
pub(crate) fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

#[tokio::test]
#[ignore = "a part of the test below it"]
async fn writes_until_it_is_killed() {
    let Some(folder) = folder_of_child() else { return };
    let ledger = MinionLedger::open(&folder).unwrap();
    for number in 0.. {
        ledger.accept(start(number), T0, Durability::Written).await.unwrap();
        if number % 2 == 0 {
            ledger.finished(id(number), ok(1, T0), Durability::Written).await.unwrap();
        }
        println!("acknowledged {number}");
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    for acknowledgements in [1, 7, 150] {
        let folder = Folder::new();
        let mut child =
            child("crash::writes_until_it_is_killed", &folder).stdout(Stdio::piped()).spawn().unwrap();
        let last = read_acknowledgements(&mut child, acknowledgements);
        child.kill().unwrap();
        child.wait().unwrap();

        let ledger = folder.minion();
        for number in 0..=last {
            let again = ledger.accept(start(number), T0, Durability::Written).await.unwrap();
            let Accepted::Known(job) = again else { panic!("job {number} of {last} was lost") };
            assert_eq!(job.report.is_some(), number % 2 == 0, "job {number}");
        }
    }
}

fn read_acknowledgements(child: &mut Child, count: usize) -> u64 {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    let numbers = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
    numbers.take(count).last().unwrap()
}
