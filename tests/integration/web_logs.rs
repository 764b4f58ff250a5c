//! Searching the logs of many instances at once.

use std::time::{Duration, Instant};

use std::collections::BTreeSet;

use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::commands::objects;
use crate::support::{Bus, Scrub, docker, unique, until};
use crate::web::Node;

/// What is sent for a search, line by line.
async fn search(node: &Node, token: &str, query: &str) -> Vec<Value> {
    let answer =
        node.ask(&format!("GET /api/v1/logs/search?{query}"), &format!("Authorization: Bearer {token}"), "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"), "{answer:?}");
    let lines = objects(&answer.text());
    assert_eq!(lines.first().map(|line| &line["type"]), Some(&json!("plan")), "{lines:?}");
    assert_eq!(lines.last().map(|line| &line["type"]), Some(&json!("done")), "{lines:?}");
    lines
}

/// The texts that were found in the log of `name`.
fn found(lines: &[Value], name: &str) -> Vec<String> {
    let of = |line: &&Value| line["type"] == "found" && line["name"] == name;
    let texts = |line: &Value| line["lines"].as_array().cloned().unwrap_or_default();
    lines.iter().filter(of).flat_map(texts).map(|line| line["text"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_found_by_what_they_say_and_how_bad_they_look() {
    let bus = Bus::new().await;
    let worker = bus.enforcing(HOST, DOCK).await;
    // On this host there may be instances of the users of other tests.
    let me = unique("ada");
    let (ada, boss) = (bus.known_user(&me, Role::User, &[]).await, bus.known_user("boss", Role::Admin, &[]).await);
    let node = Node::enforcing(&bus).await;
    let (mine, other) = (unique("mine"), unique("other"));
    let _scrubs = [Scrub::new(HOST, &mine), Scrub::new(HOST, &other)];
    let says =
        "echo Hello there; echo WARN: low; echo 'an error, hello' >&2; for i in $(seq 300); do echo many $i; done";
    let mut ids = Vec::new();
    for (name, owner) in [(&mine, me.as_str()), (&other, "bob")] {
        let (owner, says) = (format!("deblox.owner={owner}"), format!("{says}; echo {name}; sleep 600"));
        ids.push(docker(HOST, &["run", "-d", "--name", name, "--label", &owner, "busybox", "sh", "-c", &says]));
    }
    let both = format!("c={DOCK}/{},{DOCK}/{}", ids[0], ids[1]);
    until("both are seen", async || {
        let lines = search(&node, &boss, &both).await;
        (lines[0]["containers"] == 2 && found(&lines, &other).contains(&other)).then_some(())
    })
    .await;
    let lines = search(&node, &boss, &format!("{both}&q=hElLo")).await;
    assert_eq!(lines[0], json!({"type": "plan", "containers": 2, "leftOut": 0, "docks": {DOCK: 2}}));
    // Docker reads the two outputs side by side: what comes at the same moment may have the one time before the other.
    for name in [&mine, &other] {
        let texts: BTreeSet<String> = found(&lines, name).into_iter().collect();
        assert_eq!(texts, ["Hello there", "an error, hello"].map(str::to_owned).into());
    }
    assert_eq!(lines.last(), Some(&json!({"type": "done", "answered": 2, "asked": 2})));
    let line = lines.iter().find(|line| line["name"] == mine.as_str()).expect("it is found");
    assert_eq!((&line["dock"], &line["id"], &line["truncated"]), (&json!(DOCK), &json!(ids[0]), &json!(false)));
    let streams = line["lines"].as_array().expect("lines").iter();
    let streams: BTreeSet<(&str, &str)> =
        streams.filter_map(|line| Some((line["text"].as_str()?, line["stream"].as_str()?))).collect();
    assert_eq!(streams, [("Hello there", "stdout"), ("an error, hello", "stderr")].into());
    let time = line["lines"][0]["time"].as_u64().expect("a time");
    let warned = found(&search(&node, &boss, &format!("{both}&level=warn")).await, &mine);
    assert_eq!(warned.into_iter().collect::<BTreeSet<_>>(), ["WARN: low", "an error, hello"].map(str::to_owned).into());
    assert_eq!(found(&search(&node, &boss, &format!("{both}&level=error")).await, &mine), ["an error, hello"]);
    let later = format!("{both}&since={}", time / 1000 + 3600);
    assert!(found(&search(&node, &boss, &later).await, &mine).is_empty());
    let lines = search(&node, &boss, &format!("{both}&q=many")).await;
    let many = found(&lines, &mine);
    assert_eq!((many.len(), many.last().map(String::as_str)), (200, Some("many 300")));
    assert!(lines.iter().any(|line| line["name"] == mine.as_str() && line["truncated"] == true));

    // Others' instances are not looked through, nor is what is not asked for.
    let lines = search(&node, &ada, "q=hello").await;
    assert_eq!((&lines[0]["containers"], lines.len()), (&json!(1), 3), "{lines:?}");
    assert_eq!(search(&node, &boss, "dock=other.test").await.len(), 2);
    let asked = node.ask("GET /api/v1/logs/search?level=loud", &format!("Authorization: Bearer {boss}"), "").await;
    assert_eq!((asked.status, &asked.json()["code"]), (400, &json!("bad-field")));

    // Of a dock that does not answer it is said at once.
    drop(worker);
    until("it is lost", async || {
        let begun = Instant::now();
        let lines = search(&node, &boss, &both).await;
        let failed: Vec<&Value> = lines.iter().filter(|line| line["type"] == "failed").collect();
        assert!(begun.elapsed() < Duration::from_secs(40), "{lines:?}");
        let known = failed.len() == 2 && begun.elapsed() < Duration::from_secs(3);
        known.then(|| assert!(failed[0]["message"].as_str().is_some_and(|message| message.contains(DOCK)), "{lines:?}"))
    })
    .await;
}
