//! Makes a call through the library and prints what each minion answered, as it answers.
//!
//! Uses the operator of `OVERLORD_DIR`. Try it with `overlord dev --exec 'cargo run --example drive-overlord'`.

use overlord::client::{Client, ClientConfig, JobEvent, Patience};
use overlord::folder::Folder;
use wire::message::link::JobUpdate;
use wire::message::operator::{Call, Follow, Target};
use wire::value::Value;
use wire::value::arguments::Arguments;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let client = Client::connect(&ClientConfig::new(Folder::locate(None)?, None)?).await?;
    let arguments = Arguments::Values(vec![Value::Signed(2), Value::Signed(3)]);
    let call = Call { timeout_ms: Some(5_000), ..Call::new(Target::of("*"), "test.add".parse()?, arguments) };
    // A minion that is lost while it is at it may never answer: it is waited for as long as the command line waits.
    let mut job = client.call(call, Follow::Outcomes).await?.with_patience(Patience::default(), []);
    while let Some(event) = job.next().await? {
        match event {
            JobEvent::Accepted { job, targets } => println!("job {job} on {} minions", targets.len()),
            JobEvent::Update(update) => {
                if let JobUpdate::Finished { report, .. } = update.update {
                    println!("{}: {:?} in {} µs", update.minion, report.outcome, report.cost.wall_us);
                }
            }
            JobEvent::Document(document) => println!("{}: {:?}", document.state, document.counts()),
            JobEvent::OutOfTouch(minions) => println!("{} minions are out of touch", minions.len()),
            JobEvent::WaitOver(_) => {
                println!("not waited for any longer");
                break;
            }
        }
    }
    client.close().await;
    Ok(())
}
