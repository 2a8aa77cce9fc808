//! What is on disk afterwards.

use ledger::{MinionLedger, OverlordLedger};
use rig::Fleet;
use wire::message::job::{JobId, JobState, MinionState, OutcomeKind};
use wire::message::outcome::Outcome;
use wire::name::MinionName;
use wire::value::Value;

#[tokio::test]
async fn each_side_holds_its_own_part_of_a_job() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let document = fleet.run(&["call", "*", "test.add", "2", "3", "--json"]).json();
    let only_web1 = fleet.run(&["call", "web1", "test.ping", "--json"]).json();
    fleet.take_minion("web1").stop();
    fleet.take_minion("web2").stop();
    fleet.take_overlord().stop();
    let id = |document: &serde_json::Value| -> JobId {
        document["job"].as_str().expect("an id").parse().expect("a job id")
    };
    let (both, one) = (id(&document), id(&only_web1));

    let overlord = OverlordLedger::open(&fleet.overlord_dir().join("ledger")).expect("opens");
    let record = overlord.job(both).await.expect("reads").expect("kept");
    assert_eq!(record.targets.len(), 2);
    assert_eq!(overlord.state(both).await.expect("reads").map(|(state, _)| state), Some(JobState::Finished));
    let mut minion_jobs = Vec::new();
    for (name, part) in overlord.parts(both).await.expect("reads") {
        assert_eq!(part.state, Some(MinionState::Finished(OutcomeKind::Ok)));
        minion_jobs.push((name.clone(), part.minion_job.expect("the minion's own id")));
        let report = overlord.outcome(both, &name).await.expect("reads").expect("kept");
        assert_eq!(report.outcome, Outcome::Ok(Some(Value::Signed(5))));
        assert!(report.module.is_some_and(|module| module.digest.to_string().len() == 64));
    }

    for name in ["web1", "web2"] {
        let minion = MinionLedger::open(&fleet.minion_dir(name).join("ledger")).expect("opens");
        let job = minion.job(&both).expect("reads").expect("kept");
        let name: MinionName = name.parse().expect("a name");
        assert!(minion_jobs.contains(&(name.clone(), job.minion_job)), "the ids do not agree");
        assert!(job.acknowledged, "the overlord has the outcome, and the minion does not know it");
        let kept = minion.recent(10).expect("reads").len();
        assert_eq!(kept, if name.as_str() == "web1" { 2 } else { 1 }, "{name} holds jobs of others");
        assert_eq!(minion.job(&one).expect("reads").is_some(), name.as_str() == "web1");
    }
}
