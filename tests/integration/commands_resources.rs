//! The commands about images, networks and volumes, on real daemons.

use serde_json::Value;

use crate::commands::{cluster, objects, scrubbed};
use crate::more_actions::Undo;
use crate::support::{Scrub, docker, try_docker, unique};

/// Removes something on one of the shared hosts, however the test ends.
struct Gone(usize, [String; 3]);

impl Gone {
    fn on(host: usize, kind: &str, name: &str) -> Self {
        Self(host, [kind.to_owned(), "rm".to_owned(), name.to_owned()])
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        try_docker(self.0, &self.1.each_ref().map(String::as_str));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_are_made_named_listed_and_removed() {
    let (bus, _workers) = cluster().await;
    let (name, image) = (unique("source"), format!("registry.test:5000/{}", unique("made")));
    let (first, second) = (format!("{image}:1"), format!("{image}:2"));
    let _scrub = (Scrub::new(2, &name), Gone::on(2, "image", &first), Gone::on(2, "image", &second));
    bus.running("b.test", &name).await;
    let id = bus.says(&["commit", "-m", "made by a test", &name, &first]).await;
    assert_eq!(id, docker(2, &["image", "inspect", "-f", "{{.Id}}", &first]));
    assert_eq!(bus.says(&["tag", &first, &second]).await, "");

    let table = bus.says(&["images", &image]).await;
    insta::assert_snapshot!(scrubbed(&table, &[&image]), @r"
    REPOSITORY | TAG | IMAGE ID | DOCK | CREATED | SIZE
    registry.test:5000/made | 1 | ID | b.test | AGO | 1.99MB
    registry.test:5000/made | 2 | ID | b.test | AGO | 1.99MB
    ");
    assert_eq!(bus.says(&["images", "-q", "--no-trunc", &image]).await, id, "once, however many names it has");
    let one = bus.says(&["images", &format!("{image}:[1-1]")]).await;
    assert_eq!(one.lines().count(), 2, "not the other name of the same image: {one}");
    let rows = objects(&bus.says(&["images", "--format", "json", &first]).await);
    assert!(rows.len() == 1 && rows[0]["id"] == id.as_str() && rows[0]["dock"] == "b.test", "{rows:?}");
    assert_eq!(bus.says(&["images", "-q", "--dock", "a.test", &image]).await, "");
    let shown: Value = serde_json::from_str(&bus.says(&["inspect", "--type", "image", &second]).await).expect("JSON");
    let known: Value = serde_json::from_str(&docker(2, &["image", "inspect", &second])).expect("JSON");
    assert_eq!(shown, known);

    assert_eq!(bus.says(&["rmi", &second]).await, format!("Untagged: {second}"));
    let removed = bus.says(&["rmi", &first]).await;
    assert!(removed.starts_with(&format!("Untagged: {first}\nDeleted: sha256:")), "{removed}");
    bus.complains(&["rmi", &first], 1, &[&first, "deblox images"]).await;
    bus.complains(&["rmi", "busybox"], 1, &["a.test, b.test, c.test", "--all-docks"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_and_push_say_for_each_dock_what_came_of_it() {
    let (bus, _workers) = cluster().await;
    // A registry that can exist nowhere: the domain `invalid` is reserved (RFC 2606).
    let nowhere = format!("deblox.invalid/{}", unique("none"));
    bus.complains(&["pull", &nowhere], 1, &["3 docks", "--dock", "--all-docks"]).await;
    let everywhere = bus.deblox(&["pull", "--all-docks", &nowhere]).await;
    assert_eq!((everywhere.code, everywhere.err.lines().count()), (1, 3), "{everywhere:?}");
    for dock in ["a.test", "b.test", "c.test"] {
        assert!(everywhere.err.contains(&format!("`{nowhere}` could not be fetched to {dock}")), "{everywhere:?}");
    }
    bus.complains(&["pull", "--dock", "b.test", &nowhere], 1, &["b.test"]).await;
    bus.complains(&["push", &nowhere], 1, &[&nowhere, "deblox images"]).await;
    docker(1, &["tag", "busybox", &nowhere]);
    let _undo = Undo::with(&["rmi", &nowhere]);
    bus.complains(&["push", "--dock", "a.test", &nowhere], 1, &["a.test", "could not be sent"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_are_made_on_docks_listed_joined_and_removed() {
    let (bus, _workers) = cluster().await;
    let (net, name) = (unique("net"), unique("joined"));
    let _gone = [1, 2].map(|host| Gone::on(host, "network", &net));
    let _scrub = Scrub::new(1, &name);
    bus.complains(&["network", "create", &net], 1, &["3 docks", "--dock", "--all-docks"]).await;
    let label = format!("made={net}");
    let create = ["network", "create", &net, "--internal", "--label", &label, "--dock", "a.test", "--dock", "b.test"];
    let ids = bus.says(&create).await;
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!(ids, [1, 2].map(|host| docker(host, &["network", "inspect", "-f", "{{.Id}}", &net])));
    let table = bus.says(&["network", "ls", "-f", &format!("name={net}")]).await;
    insta::assert_snapshot!(scrubbed(&table, &[&net]), @r"
    NETWORK ID | DOCK | NAME | DRIVER | SCOPE
    ID | a.test | net | bridge | local
    ID | b.test | net | bridge | local
    ");
    assert_eq!(bus.says(&["network", "ls", "-q", "--no-trunc", "-f", &format!("name={net}")]).await, ids.join("\n"));

    let container = bus.running("a.test", &name).await;
    assert_eq!(bus.says(&["network", "connect", "--alias", "other", &net, &name]).await, "");
    let at = format!("a.test/{net}");
    let shown: Value = serde_json::from_str(&bus.says(&["network", "inspect", &at]).await).expect("JSON");
    assert!(shown[0]["Containers"][&container].is_object() && shown[0]["Internal"] == true, "{shown}");
    assert_eq!(bus.says(&["network", "disconnect", "-f", &net, &name]).await, "");
    bus.complains(&["network", "rm", &net], 1, &[&format!("{at} or b.test/{net}")]).await;
    assert_eq!(bus.says(&["network", "rm", &at]).await, at);
    bus.complains(&["network", "prune", "--dock", "b.test"], 1, &["--force"]).await;
    let filter = format!("label={label}");
    let pruned = bus.says(&["network", "prune", "-f", "--dock", "b.test", "--filter", &filter]).await;
    assert_eq!(pruned, format!("b.test/{net}"));
    bus.complains(&["network", "inspect", ids[0]], 1, &["deblox network ls"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn volumes_are_made_on_docks_listed_and_removed() {
    let (bus, _workers) = cluster().await;
    let name = unique("vol");
    let _gone = [1, 3].map(|host| Gone::on(host, "volume", &name));
    let label = format!("made={name}");
    let create = ["volume", "create", &name, "--label", &label, "--dock", "a.test", "--dock", "c.test"];
    assert_eq!(bus.says(&create).await, format!("{name}\n{name}"));
    let filter = format!("label={label}");
    let table = bus.says(&["volume", "ls", "-f", &filter]).await;
    insta::assert_snapshot!(scrubbed(&table, &[&name]), @r"
    DRIVER | DOCK | VOLUME NAME
    local | a.test | vol
    local | c.test | vol
    ");
    let quiet = bus.says(&["volume", "ls", "-q", "-f", &filter]).await;
    assert_eq!(quiet, format!("a.test/{name}\nc.test/{name}"), "names that other commands understand");
    bus.complains(&["volume", "rm", &name], 1, &[&format!("a.test/{name} or c.test/{name}")]).await;
    let at = format!("a.test/{name}");
    let shown: Value = serde_json::from_str(&bus.says(&["volume", "inspect", &at]).await).expect("JSON");
    let known: Value = serde_json::from_str(&docker(1, &["volume", "inspect", &name])).expect("JSON");
    assert_eq!(shown, known);
    assert_eq!(bus.says(&["volume", "rm", &at]).await, at);
    let pruned = bus.says(&["volume", "prune", "-f", "--dock", "c.test", "--filter", &filter]).await;
    assert_eq!(pruned, format!("c.test/{name}\nc.test: 0B reclaimed"));
    bus.complains(&["inspect", "--type", "volume", &name], 1, &[&name, "deblox volume ls"]).await;
}
