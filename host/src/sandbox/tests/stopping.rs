//! Guests that are told to stop.

use std::sync::Arc;
use std::task::Poll;

use wire::message::call::{LogLine, Progress};
use wire::message::outcome::Outcome;
use wire::value::arguments::Arguments;

use super::guests::rig;
use super::{ModulePolicy, OutcomeKind, Rig, Run, SandboxConfig, component};
use crate::sandbox::{Denial, JobEvents};

#[tokio::test]
async fn a_guest_that_is_killed_in_a_loop_is_interrupted() {
    let rig = Rig::new(&component("(func (export \"spin\") (loop (br 0)))", &[("spin", "")]));
    rig.cancel.kill();
    let told = "did not return when it was asked to, and was interrupted";
    assert_eq!(rig.ends("spin").await, (OutcomeKind::Killed, told.into()));
}

#[tokio::test]
async fn a_guest_that_sees_the_wish_and_returns_is_cancelled() {
    let rig = Rig::new(
        r#"(component
            (import "minion:job/job@0.1.0" (instance $job (export "cancelled" (func (result bool)))))
            (core func $cancelled (canon lower (func $job "cancelled")))
            (core module $m
                (import "" "cancelled" (func $cancelled (result i32)))
                (func (export "wait") (loop (br_if 0 (i32.eqz (call $cancelled))))))
            (core instance $i (instantiate $m
                (with "" (instance (export "cancelled" (func $cancelled))))))
            (func (export "wait") (canon lift (core func $i "wait"))))"#,
    );
    let ((kind, told), ()) = tokio::join!(rig.ends("wait"), async { rig.cancel.cancel() });
    assert_eq!((kind, told.as_str()), (OutcomeKind::Cancelled, "returned early because it was asked to"));
}

#[tokio::test]
async fn a_job_that_is_dropped_takes_its_guest_with_it() {
    let spin = component("(func (export \"spin\") (loop (br 0)))", &[("spin", "")]);
    let rig = Rig::alone(SandboxConfig::default(), &spin);
    let runs = std::future::poll_fn(|_| match rig.sandbox.status().running {
        0 => Poll::Pending,
        _ => Poll::Ready(()),
    });
    tokio::select! {
        biased;
        _ = rig.report("spin", "[]") => panic!("an endless loop ended"),
        () = runs => {}
    }
    assert_eq!(rig.sandbox.status().running, 0);
}

#[tokio::test]
async fn an_async_guest_that_waits_for_nothing_is_told_so_and_does_not_hang() {
    let rig = Rig::new(
        r#"(component
            (core func $set (canon waitable-set.new))
            (core module $m
                (import "" "set" (func $set (result i32)))
                (func (export "f") (result i32) (i32.or (i32.const 2) (i32.shl (call $set) (i32.const 4))))
                (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
            (core instance $i (instantiate $m (with "" (instance (export "set" (func $set))))))
            (func (export "f") async
                (canon lift (core func $i "f") async (callback (core func $i "callback")))))"#,
    );
    let (kind, told) = rig.ends("f").await;
    assert_eq!(kind, OutcomeKind::Trapped);
    assert!(told.contains("deadlock"), "{told}");
}

/// Panics in the middle of a host call.
struct Broken;

impl JobEvents for Broken {
    fn progress(&self, _: Progress) {
        panic!("the host is broken");
    }

    fn log(&self, _: LogLine) {}

    fn chunk(&self, _: String) {}

    fn denied(&self, _: Denial) {}
}

#[tokio::test]
async fn a_host_function_that_panics_is_the_end_of_its_job_only() {
    let rig = rig("hostile", ModulePolicy::default());
    let run = rig.prepare("flood-progress", Arguments::Json("[1]".into()));
    let report = rig.sandbox.run(&rig.module, Run { events: Arc::new(Broken), ..run }).await;
    let Outcome::Failed(failure) = report.outcome else { panic!("succeeded") };
    assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped);
    assert_eq!(failure.message, "a host function panicked: the host is broken");
    rig.value("flood-progress", "[1]").await;
}
