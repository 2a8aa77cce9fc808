use ledger::{KvError, MAX_KEY, Swap};

use crate::rig::Folder;

#[tokio::test]
async fn values_outlive_the_minion() {
    let folder = Folder::new();
    let ledger = folder.minion();
    ledger.kv("service".parse().unwrap(), 1000).set("seen", b"yes".to_vec()).await.unwrap();
    drop(ledger);
    let kv = folder.minion().kv("service".parse().unwrap(), 1000);
    assert_eq!(kv.get("seen").unwrap().as_deref(), Some(&b"yes"[..]));
    assert_eq!(kv.usage().unwrap(), 7);
}

#[tokio::test]
async fn modules_do_not_see_each_other() {
    let folder = Folder::new();
    let ledger = folder.minion();
    let (a, ab) = (ledger.kv("a".parse().unwrap(), 1000), ledger.kv("ab".parse().unwrap(), 1000));
    a.set("b", vec![1]).await.unwrap();
    ab.set("key", vec![2]).await.unwrap();
    assert_eq!(a.list("", 10).unwrap(), ["b"]);
    assert_eq!(ab.list("", 10).unwrap(), ["key"]);
    a.clear().await.unwrap();
    assert_eq!((a.usage().unwrap(), ab.usage().unwrap()), (0, 4));
}

#[tokio::test]
async fn the_quota_counts_keys_and_values_and_what_is_replaced_no_more() {
    let folder = Folder::new();
    let kv = folder.minion().kv("service".parse().unwrap(), 10);
    kv.set("ab", vec![0; 8]).await.unwrap();
    kv.set("ab", vec![1; 8]).await.unwrap();
    let error = kv.set("c", vec![]).await.unwrap_err();
    assert!(matches!(error, KvError::Quota { needed: 11, quota: 10, .. }), "{error}");
    let error = kv.compare_and_set("ab", Some(vec![1; 8]), Some(vec![0; 9])).await.unwrap_err();
    assert!(error.to_string().contains("raise the quota"), "{error}");
    assert_eq!(kv.get("ab").unwrap(), Some(vec![1; 8]));
    kv.delete("ab").await.unwrap();
    kv.set("c", vec![0; 9]).await.unwrap();
}

#[tokio::test]
async fn compare_and_set_says_what_it_found() {
    let folder = Folder::new();
    let kv = folder.minion().kv("service".parse().unwrap(), 1000);
    assert_eq!(kv.compare_and_set("n", None, Some(vec![1])).await.unwrap(), Swap::Done);
    assert_eq!(kv.compare_and_set("n", None, Some(vec![2])).await.unwrap(), Swap::Differs(Some(vec![1])));
    assert_eq!(kv.compare_and_set("n", Some(vec![1]), None).await.unwrap(), Swap::Done);
    assert_eq!(kv.compare_and_set("n", Some(vec![1]), Some(vec![2])).await.unwrap(), Swap::Differs(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn increments_by_compare_and_set_are_not_lost() {
    let folder = Folder::new();
    let kv = folder.minion().kv("service".parse().unwrap(), 1000);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let kv = kv.clone();
        tasks.spawn(async move {
            let mut seen = kv.get("n").unwrap();
            loop {
                let next = seen.as_ref().map_or(1, |bytes| bytes[0] + 1);
                match kv.compare_and_set("n", seen, Some(vec![next])).await.unwrap() {
                    Swap::Done => return,
                    Swap::Differs(now) => seen = now,
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(kv.get("n").unwrap(), Some(vec![20]));
}

#[tokio::test]
async fn keys_are_listed_by_prefix_in_order_and_bounded_in_length() {
    let folder = Folder::new();
    let kv = folder.minion().kv("service".parse().unwrap(), 100_000);
    for key in ["b/1", "a/2", "a/10", "a/1", "ä"] {
        kv.set(key, vec![]).await.unwrap();
    }
    assert_eq!(kv.list("a/", 10).unwrap(), ["a/1", "a/10", "a/2"]);
    assert_eq!(kv.list("", 2).unwrap(), ["a/1", "a/10"]);
    assert_eq!(kv.list("ä", 2).unwrap(), ["ä"]);
    assert_eq!(kv.list_after("", "a/10", 2).unwrap(), ["a/2", "b/1"]);
    assert_eq!(kv.list_after("a/", "a/1", 9).unwrap(), ["a/10", "a/2"]);
    assert_eq!(kv.list_after("b", "a", 9).unwrap(), ["b/1"]);
    assert!(kv.list_after("a/", "b", 9).unwrap().is_empty() && kv.list_after("", "ä", 9).unwrap().is_empty());
    for key in [String::new(), "x".repeat(MAX_KEY + 1)] {
        let refused = KvError::Key { length: key.len() };
        assert_eq!(kv.set(&key, vec![]).await, Err(refused.clone()));
        assert_eq!(kv.get(&key), Err(refused));
    }
    let longest = "x".repeat(MAX_KEY);
    kv.set(&longest, vec![7]).await.unwrap();
    assert_eq!(kv.get(&longest).unwrap(), Some(vec![7]));
}

#[tokio::test]
async fn a_module_that_keeps_more_than_it_may_by_now_can_still_delete() {
    let folder = Folder::new();
    let ledger = folder.minion();
    let service = || "service".parse().unwrap();
    ledger.kv(service(), 100).set("a", vec![0; 50]).await.unwrap();
    ledger.kv(service(), 100).set("b", vec![0; 40]).await.unwrap();
    let kv = ledger.kv(service(), 10);
    kv.delete("a").await.unwrap();
    assert_eq!(kv.usage().unwrap(), 41);
    let error = kv.set("b", vec![0; 10]).await.unwrap_err().to_string();
    let words = "module \"service\" would keep 11 bytes and may keep 10: delete keys, or raise the quota of its kv grant";
    assert_eq!(error, words);
    kv.set("b", vec![0; 9]).await.unwrap();
}

#[tokio::test]
async fn a_prefix_longer_than_any_key_has_no_keys_and_does_no_harm() {
    let folder = Folder::new();
    let kv = folder.minion().kv("service".parse().unwrap(), 1000);
    kv.set("b", vec![1]).await.unwrap();
    assert_eq!(kv.list(&"b".repeat(100_000), 10).unwrap(), Vec::<String>::new());
    assert_eq!(kv.list_after("", &"a".repeat(100_000), 10).unwrap(), ["b"]);
    assert_eq!(kv.list_after("", &"b".repeat(100_000), 10).unwrap(), Vec::<String>::new());
}
