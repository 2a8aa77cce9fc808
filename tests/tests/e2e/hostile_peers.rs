//! An overlord under attack by peers that nobody let in: those who are in notice nothing, others get in, and
//! what the overlord holds stays small.

use std::time::Instant;

use rig::Fleet;
use wire::identity::secret;
use wire::message::enroll::EnrollReply;

use crate::attackers::{ALL, Attack, Target, try_token};

/// What the overlord may hold at most, in kB.
const MAY_HOLD: u64 = 512 << 10;

/// Operators call, a minion is restarted and a newcomer joins, all on 127.0.0.1, while it is attacked.
fn goes_on_under_attack(from: [u8; 4]) {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let attack = Attack::begin(&Target::of(&fleet, from), &ALL, 100);
    for _ in 0..5 {
        for command in [&["status"][..], &["minion", "list"], &["call", "*", "test.add", "2", "3"]] {
            let said = fleet.run(command);
            assert_eq!(said.code, 0, "{said:?}");
        }
    }
    drop(fleet.take_minion("web1"));
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
    fleet.enrol("web3");
    fleet.start_minion("web3");
    fleet.await_connection("web3", 1);
    // Through all of it, one minion had its link.
    assert_eq!(fleet.overlord().count("connected minion=web2 "), 1);
    let done = attack.done();
    drop(attack);
    let peak = fleet.overlord().peak_bytes() >> 10;
    println!("the overlord held {peak} kB at most; the attackers did {done:?}");
    assert!(peak < MAY_HOLD, "the overlord held {peak} kB");
}

#[test]
fn strangers_from_another_address_keep_nobody_out() {
    goes_on_under_attack([127, 0, 0, 2]);
}

#[test]
fn strangers_from_the_same_address_keep_nobody_out() {
    goes_on_under_attack([127, 0, 0, 1]);
}

#[test]
fn a_newcomer_has_one_stream_and_little_room() {
    let fleet = Fleet::without_minions();
    let target = Target::of(&fleet, [127, 0, 0, 2]);
    runtime().block_on(async {
        let config = target.config(None, wire::message::enroll::ALPN);
        let connection = target.connect(&target.endpoint(), config).await.expect("let in");
        let (mut send, _receive) = connection.open_bi().await.expect("one stream");
        // A message that never ends: the overlord waits for the rest.
        send.write_all(&(32u32 << 10).to_be_bytes()).await.expect("taken");
        let (second, taken) = tokio::join!(connection.open_bi(), async {
            let mut taken = 0;
            while let Ok(more) = send.write(&[0; 1024]).await {
                taken += more;
            }
            taken
        });
        assert!(second.is_err(), "it got a second stream");
        assert!(taken <= 128 << 10, "it got rid of {taken} bytes");
    });
}

#[test]
fn wrong_tokens_get_few_answers_few_lines_and_keep_no_newcomer_out() {
    const TRIES: usize = 150;
    let mut fleet = Fleet::without_minions();
    // Where the newcomer comes from too.
    let target = Target::of(&fleet, [127, 0, 0, 1]);
    let begun = Instant::now();
    let answers = runtime().block_on(async {
        let mut answers = 0;
        for _ in 0..TRIES {
            let answer = try_token(&target, &target.endpoint(), secret().expect("a secret")).await;
            answers += usize::from(answer == Some(EnrollReply::Refused));
        }
        answers
    });
    fleet.enrol("web1");
    let seconds = begun.elapsed().as_secs() as usize;
    let lines = fleet.overlord().count("refused");
    println!("{answers} answers and {lines} lines in {seconds} s");
    assert!((1..=9 + seconds / 5).contains(&answers), "{answers} of {TRIES} got an answer");
    assert!((1..=5 + seconds / 5).contains(&lines), "{lines} lines of {TRIES}");
    fleet.overlord().logged("left_out=", 1);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}
