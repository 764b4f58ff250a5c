//! The lists of the cluster's images, networks and volumes: their pages, their filters, and what they refuse.

use serde_json::{Value, json};

use crate::actions::merge;
use crate::resource_records::{KINDS, Made, id_of, list, listed};
use crate::support::{Bus, daemon_body, docker, refused, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_of_the_cluster_is_paged_through_each_row_exactly_once() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(3, "b.test").await);
    for kind in KINDS {
        let group = unique("group");
        let made = three(kind, &group);
        let mut wanted: Vec<(String, String)> =
            made.iter().map(|made| (dock_of(made).to_owned(), made.id.clone())).collect();
        wanted.sort();
        let filters = json!({"label": [format!("group={group}")]});
        listed(&bus, kind, &filters, 3).await;
        for limit in [1, 2, 3, 100] {
            let mut seen = Vec::new();
            let mut fields = json!({"filters": filters, "limit": limit});
            loop {
                let page = list(&bus, kind, fields.clone()).await;
                let rows = page[kind].as_array().expect("a list");
                assert!(rows.len() == limit || page["cursor"].is_null(), "only the last page is short: {page}");
                assert!(!rows.is_empty(), "{page}");
                assert_eq!(page["unreachable"], json!([]));
                seen.extend(rows.iter().map(|row| (text(&row["dock"]), text(&row[id_of(kind)]))));
                if page["cursor"].is_null() {
                    break;
                }
                fields["cursor"] = page["cursor"].clone();
            }
            assert_eq!(seen, wanted, "{kind}, with {limit} a page");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clusters_images_are_filtered_as_docker_does() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(3, "b.test").await);
    let group = unique("group");
    let made = three("images", &group);
    let count = counted(&bus, "images", &group).await;
    let further = format!("registry.test:5000/team/{group}:2");
    docker(1, &["tag", &made[0].name, &further]);
    let _further = Made::named("images", 1, &further);
    // What has lost its only name is dangling.
    docker(3, &["tag", "busybox", &made[2].name]);
    until("it is dangling", async || (count(json!({"dangling": "true"})).await == 1).then_some(())).await;
    until("it is named", async || (count(json!({"reference": further})).await == 1).then_some(())).await;

    for (filters, expected) in [
        (json!({}), 3),
        (json!({"dangling": ["false"]}), 2),
        (json!({"reference": format!("{group}-0")}), 1),
        (json!({"reference": format!("{group}-0:latest")}), 1),
        (json!({"reference": format!("{group}-*")}), 2),
        (json!({"reference": [format!("{group}-0"), format!("{group}-[1-9]:*")]}), 2),
        (json!({"reference": format!("*/team/{group}")}), 1),
        (json!({"reference": format!("*/{group}")}), 0),
        (json!({"reference": group}), 0),
        (json!({"reference": []}), 3),
        (json!({"label": "number"}), 3),
        (json!({"label": ["number=2"]}), 1),
        (json!({"label": ["number=2", "number=1"]}), 0),
    ] {
        assert_eq!(count(filters.clone()).await, expected, "{filters}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clusters_networks_and_volumes_are_filtered_as_docker_does() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(3, "b.test").await);
    let group = unique("group");
    let made = three("networks", &group);
    let count = counted(&bus, "networks", &group).await;
    for (filters, expected) in [
        (json!({}), 3),
        (json!({"name": format!("{group}-1")}), 1),
        (json!({"name": &group[1..]}), 3),
        (json!({"id": [&made[0].id, &made[2].id[..20]]}), 2),
        (json!({"driver": "bridge"}), 3),
        (json!({"driver": ["bri", "overlay"]}), 0),
        (json!({"scope": "local"}), 3),
        (json!({"scope": ["swarm", "global"]}), 0),
        (json!({"type": "custom"}), 3),
        (json!({"type": "builtin"}), 0),
        (json!({"type": ["builtin", "custom"]}), 3),
        (json!({"label": ["number"]}), 3),
        (json!({"label": ["number=1"], "name": "-1"}), 1),
    ] {
        assert_eq!(count(filters.clone()).await, expected, "{filters}");
    }
    let builtin = list(&bus, "networks", json!({"filters": {"type": "builtin"}})).await;
    let names: Vec<String> = builtin["networks"].as_array().expect("a list").iter().map(|n| text(&n["name"])).collect();
    for name in ["bridge", "host", "none"] {
        assert_eq!(names.iter().filter(|has| *has == name).count(), 2, "{name}: {names:?}");
    }

    let _made = three("volumes", &group);
    let count = counted(&bus, "volumes", &group).await;
    for (filters, expected) in [
        (json!({}), 3),
        (json!({"name": [format!("{group}-0"), format!("{group}-2")]}), 2),
        (json!({"name": &group[1..]}), 3),
        (json!({"driver": "local"}), 3),
        (json!({"driver": "loc"}), 0),
        (json!({"label": "number=0"}), 1),
    ] {
        assert_eq!(count(filters.clone()).await, expected, "{filters}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_list_cannot_tell_is_refused_by_name() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let refuse = async |kind: &str, fields: Value, named: &[&str]| {
        let mut request = json!({"action": format!("list-{kind}")});
        merge(&mut request, fields);
        refused(&bus.call(request).await, 400, "bad-field", named);
    };
    for kind in KINDS {
        let action = format!("`list-{kind}`");
        for (fields, named) in [
            (json!({"all": true, "cursor": "nothing"}), ["`cursor`", "none of ours"]),
            (json!({"all": true, "cursor": "a b/x"}), ["`cursor`", "none of ours"]),
            (json!({"all": true, "limit": 0}), ["`limit`", "10000"]),
            (json!({"all": true, "filters": {"colour": "red"}}), ["`colour`", "label"]),
            (json!({"limit": 5}), ["`limit`", "`all`"]),
            (json!({"all": false, "cursor": "a.test/0"}), ["`cursor`", "`all`"]),
        ] {
            refuse(kind, fields, &[named.as_slice(), &[&action]].concat()).await;
        }
    }
    for (filters, named) in [
        (json!({"before": "busybox"}), ["`before`", "reference"]),
        (json!({"reference": "[a"}), ["`reference`", "[a"]),
        (json!({"dangling": "perhaps"}), ["`dangling`", "true or false"]),
    ] {
        refuse("images", json!({"all": true, "filters": filters}), &named).await;
    }
    refuse("images", json!({"all": true, "intermediate": true}), &["`intermediate`", "`all`"]).await;
    for (filters, named) in
        [(json!({"dangling": "true"}), ["`dangling`", "type"]), (json!({"type": "odd"}), ["`type`", "builtin"])]
    {
        refuse("networks", json!({"all": true, "filters": filters}), &named).await;
    }
    refuse("volumes", json!({"all": true, "filters": {"dangling": "true"}}), &["`dangling`", "driver"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_all_the_answer_is_the_daemons_own() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "a.test").await;
    let name = unique("own");
    let _made = KINDS.map(|kind| Made::new(kind, 1, &name, &["own=yes".to_owned()]));
    for (kind, filter, path) in
        [("images", "reference", "images/json"), ("networks", "name", "networks"), ("volumes", "name", "volumes")]
    {
        let request = json!({"action": format!("list-{kind}"), "filters": {filter: [name]}});
        let id = bus.send(&["json", &request.to_string()]).await;
        let reply = bus.reply_text(&id).await;
        let own = daemon_body(1, &format!("/v1.41/{path}?filters=%7B%22{filter}%22%3A%5B%22{name}%22%5D%7D"));
        assert!(own.contains(&name) && reply.contains(own.trim()), "{kind}: {reply}\n{own}");
    }
}

/// One on a.test and two on b.test, labelled with the group and their numbers.
fn three(kind: &'static str, group: &str) -> Vec<Made> {
    let label = |number: usize| [format!("group={group}"), format!("number={number}")];
    [1, 3, 3]
        .into_iter()
        .enumerate()
        .map(|(number, host)| Made::new(kind, host, &format!("{group}-{number}"), &label(number)))
        .collect()
}

fn dock_of(made: &Made) -> &'static str {
    if made.host == 1 { "a.test" } else { "b.test" }
}

/// Waits until all three of a group are listed; returns what counts those of them that fit.
async fn counted<'a>(bus: &'a Bus, kind: &'static str, group: &str) -> impl AsyncFn(Value) -> usize + use<'a> {
    let label = format!("group={group}");
    listed(bus, kind, &json!({"label": [label]}), 3).await;
    async move |mut filters: Value| {
        let mut labels = match filters["label"].take() {
            Value::Array(labels) => labels,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        labels.push(json!(label));
        filters["label"] = json!(labels);
        list(bus, kind, json!({"filters": filters})).await[kind].as_array().expect("a list").len()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
