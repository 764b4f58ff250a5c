//! The files for Prometheus and Grafana: that they are valid, fire as they should, and name what is there to be read.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::metrics::{node, scrape, worker};
use crate::support::{Bus, until};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/monitoring");

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Runs promtool in the folder of the files, and asserts that it finds nothing wrong.
fn promtool(arguments: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(FOLDER).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("promtool: {e}; `make test` installs it"));
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| word.starts_with("deblox_")).collect()
}

#[test]
fn the_alert_rules_are_valid_and_fire_where_they_should() {
    promtool(&["check", "rules", "prometheus-rules.yml"], "");
    promtool(&["test", "rules", "prometheus-rules.test.yml"], "");
}

#[test]
fn each_alert_is_tried_and_explained() {
    let (rules, tried) = (read("prometheus-rules.yml"), read("prometheus-rules.test.yml"));
    let explained = std::fs::read_to_string(format!("{FOLDER}/../docs/operations.md")).expect("docs/operations.md");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    for alert in alerts {
        assert!(tried.contains(&format!("alertname: {alert}\n")), "no test has {alert} fire");
        assert!(explained.contains(&format!("`{alert}`")), "docs/operations.md does not say what to do about {alert}");
    }
}

#[tokio::test]
async fn what_rules_and_dashboard_ask_for_is_there_to_be_read() {
    let bus = Bus::new().await;
    let ((_worker, of_worker), (node, of_node)) = (worker(&bus, 1, "a.test", |_| {}).await, node(&bus).await);
    assert_eq!(node.post(json!({"action": "ping"})).await.0, 200);
    bus.send_to("auth.logout", &["sessionID", "none"]).await;
    let (rules, dashboard) = (read("prometheus-rules.yml"), read("grafana-dashboard.json"));
    let asked: BTreeSet<&str> = named(&rules).into_iter().chain(named(&dashboard)).collect();
    assert!(asked.len() > 20, "{asked:?}");
    let missing = |told: &BTreeSet<String>| -> Vec<String> {
        asked.iter().filter(|name| !told.contains(**name)).map(|name| (*name).to_owned()).collect()
    };
    until(&format!("all of {asked:?}"), async || {
        let (worker, node) = (scrape(&of_worker).await, scrape(&of_node).await);
        let told: BTreeSet<String> = worker.names().chain(node.names()).map(str::to_owned).collect();
        missing(&told).is_empty().then_some(())
    })
    .await;
    for address in [&of_worker, &of_node] {
        promtool(&["check", "metrics"], &scrape(address).await.text);
    }
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each has an id of its own");
    for panel in panels {
        let targets = panel["targets"].as_array().expect("queries");
        assert!(!targets.is_empty() && panel["title"].is_string(), "{panel}");
        assert!(targets.iter().all(|target| target["datasource"]["uid"] == "${source}"), "{panel}");
    }
}
