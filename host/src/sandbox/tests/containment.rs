//! Programs that try to outlive the job that started them.

use wire::value::Value;

use super::capabilities::granted;
use super::guests::rig;
use super::{OutcomeKind, Rig};
use crate::containment::Containment;

fn programs(lines: &str) -> Rig {
    rig(
        "programs",
        granted(&format!(
            "process = [{{ command = 'sh', args = ['-c', '*'] }}, {{ command = '*', args = ['**'] }}]\n{lines}"
        )),
    )
}

/// Whether a process lives that has this among its arguments.
fn lives(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .any(|line| line.split('\0').any(|arg| arg == word))
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_gone_when_its_job_is_over() {
    // Numbers that nobody else sleeps for.
    let escapes = [
        ("70000001", "setsid sh -c 'sleep 70000001 & disown' || setsid sleep 70000001 &"),
        ("70000002", "(setsid sh -c 'sleep 70000002 & exit' &)"),
        ("70000003", "nohup setsid sh -c 'trap \"\" TERM HUP; exec 0<&- 1>&- 2>&-; exec sleep 70000003' & "),
    ];
    for groups in [true, false] {
        Containment::use_control_groups(groups);
        for (number, script) in escapes {
            let rig = programs("");
            // The script waits until what it leaves is there.
            let waits =
                format!("{script}\nwhile ! grep -qs {number} /proc/[0-9]*/cmdline; do :; done; echo up");
            let arguments = serde_json::to_string(&[waits]).unwrap();
            let value = rig.value("run", &arguments).await;
            assert_eq!(value, Some(Value::String("up\n".into())), "{script}");
            assert!(!lives(number), "{script}, with control groups: {groups}");
        }
    }
    Containment::use_control_groups(true);
}

#[tokio::test]
async fn programs_are_bounded_with_everything_that_they_start() {
    let rig = programs("limits = { processes = 10 }");
    let many = r#"["for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 70000004 & done; wait"]"#;
    assert_eq!(rig.value("run", many).await, Some(Value::String(String::new())));
    assert!(!lives("70000004"));
    let Some(Value::Unsigned(started)) = rig.value("start", r#"["sleep 70000005", 100]"#).await else {
        panic!("no number")
    };
    assert!(started <= 10, "{started}");
    assert!(!lives("70000005"));
}

#[tokio::test]
async fn a_command_line_of_nothing_is_refused_before_it_is_repeated() {
    let rig = programs("");
    let failure = rig.failure("empty-arguments", "[100000]").await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Error);
    assert!(
        failure.message.contains("the command with its environment is over 256 KiB"),
        "{}",
        failure.message
    );
    assert!(rig.events.denied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_nobody_reads_is_held_within_the_limit() {
    let rig = programs("limits = { held = '1MiB', output = '1MiB' }");
    let failure = rig.failure("unread", "[4000000]").await;
    assert!(failure.message.contains("would hold more than 2 MiB for this job"), "{}", failure.message);
}
