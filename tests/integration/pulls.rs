//! Images fetched from a real registry and sent there: what streams, what commands show, and how it fails.

use deblox::client::{Arrival, Client};
use deblox::protocol::Channel;
use serde_json::{Value, json};

use crate::cli_terminal::Terminal;
use crate::commands::{cluster, objects};
use crate::registry::{LOGIN, Registry, SECRET, Slow};
use crate::support::{Bus, PATIENCE, Scrub, quiet_hosts, refused, succeeded, unique, until};

/// The messages that come by a stream, and the reply.
pub async fn streamed(bus: &Bus, request: Value) -> (Vec<Value>, Value) {
    let client = Client::new(&bus.options()).expect("options");
    let mut stream = client.stream(request).expect("a request");
    let mut text = Vec::new();
    loop {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await.expect("something comes");
        match next.expect("it has not ended").expect("no error") {
            Arrival::Chunk(Channel::Data, bytes) => text.extend(bytes),
            Arrival::Chunk(..) => {}
            Arrival::Gap(missing) => panic!("{missing} chunks are missing"),
            Arrival::End(reply) => {
                let reply = serde_json::from_str(reply.json()).expect("JSON");
                return (objects(&String::from_utf8(text).expect("text")), reply);
            }
        }
    }
}

/// The layers whose progress is told with a total of at least a MB.
fn layers(messages: &[Value]) -> std::collections::BTreeSet<&str> {
    let large = messages.iter().filter(|message| message["progressDetail"]["total"].as_u64() >= Some(1_000_000));
    large.filter(|message| message["progressDetail"]["current"].is_u64()).filter_map(|it| it["id"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_push_and_a_pull_do_streams_layer_by_layer_and_ends_with_the_digest() {
    let (bus, _workers) = cluster().await;
    let registry = Registry::start().await;
    let image = registry.image(1, &[4, 3]);
    let ask = |action: &str, dock: &str| json!({"action": action, "image": image.name, "dock": dock, "stream": true});
    let (messages, sent) = streamed(&bus, ask("push-image", "a.test")).await;
    succeeded(&sent, 200);
    assert!(layers(&messages).len() >= 2, "{messages:?}");
    let digest = sent["Response"]["Body"]["digest"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");

    let (messages, fetched) = streamed(&bus, ask("pull-image", "b.test")).await;
    succeeded(&fetched, 200);
    assert!(layers(&messages).len() >= 2, "{messages:?}");
    assert_eq!(fetched["Response"]["Body"]["digest"], digest.as_str());
    assert!(image.is_on(2), "{fetched}");
    let (messages, again) = streamed(&bus, ask("pull-image", "b.test")).await;
    succeeded(&again, 200);
    assert_eq!((layers(&messages).len(), &again["Response"]["Body"]["digest"]), (0, &json!(digest)), "{messages:?}");

    let whole = bus.call(json!({"action": "pull-image", "image": image.name, "dock": "c.test"})).await;
    succeeded(&whole, 200);
    let said: Vec<&str> =
        whole["Response"]["Body"].as_array().expect("a list").iter().filter_map(|it| it["status"].as_str()).collect();
    assert!(said.contains(&format!("Digest: {digest}").as_str()) && said.len() <= 4, "{said:?}");
    let whole = bus.call(json!({"action": "push-image", "image": image.name, "dock": "a.test"})).await;
    succeeded(&whole, 200);
    assert!(whole.to_string().contains(&format!("digest: {digest}")), "{whole}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pulls_to_several_docks_say_in_text_names_or_json_what_came_of_each() {
    let (bus, _workers) = cluster().await;
    let registry = Registry::start().await;
    let image = registry.image(1, &[2]);
    let name = image.name.as_str();
    let sent = bus.says(&["push", "--dock", "a.test", name]).await;
    assert!(sent.lines().any(|line| line.ends_with(": Pushed")), "{sent}");
    assert!(sent.lines().all(|line| line.starts_with(&format!("a.test: {name}: "))), "{sent}");

    let fetched = bus.says(&["pull", "--dock", "b.test", "--dock", "c.test", name]).await;
    assert!(!fetched.contains('\x1b') && !fetched.contains('\r'), "{fetched:?}");
    for dock in ["b.test", "c.test"] {
        let of: Vec<&str> = fetched.lines().filter(|line| line.starts_with(&format!("{dock}: {name}: "))).collect();
        assert!(of.iter().any(|line| line.ends_with(": Pull complete")), "{fetched}");
        assert!(
            of.last().is_some_and(|line| line.ends_with(&format!("Downloaded newer image for {name}"))),
            "{fetched}"
        );
    }
    assert_eq!(bus.says(&["pull", "-q", "--all-docks", name]).await, [name; 3].join("\n"));
    let told = objects(&bus.says(&["pull", "--format", "json", "--dock", "b.test", name]).await);
    assert_eq!((told.len(), &told[0]["dock"], &told[0]["image"]), (1, &json!("b.test"), &json!(name)), "{told:?}");
    assert!(told[0]["status"].as_str().is_some_and(|status| status.contains("up to date")), "{told:?}");
    let pushed = objects(&bus.says(&["push", "--format", "json", "--dock", "a.test", name]).await);
    assert_eq!(pushed[0]["digest"], told[0]["digest"]);
    assert!(told[0]["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{told:?}");

    let container = unique("fetched");
    let _scrub = Scrub::new(3, &container);
    let create =
        json!({"action": "create-container", "image": name, "pull": "always", "name": container, "dock": "c.test"});
    succeeded(&bus.call(create).await, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_registry_does_not_have_or_does_not_give_is_told_in_one_line() {
    let (bus, _workers) = cluster().await;
    let registry = Registry::guarded().await;
    let image = registry.image(1, &[1]);
    let name = image.name.as_str();
    let code = |reply: &Value| (reply["statusCode"].clone(), reply["error"].clone());
    for stream in [true, false] {
        let push = json!({"action": "push-image", "image": name, "dock": "a.test", "stream": stream});
        let reply = if stream { streamed(&bus, push).await.1 } else { bus.call(push).await };
        refused(&reply, 502, "push-failed", &["no basic auth credentials"]);
    }
    bus.complains(&["push", "--dock", "a.test", name], 1, &[name, "a.test", "no basic auth credentials"]).await;

    let folder = tempfile::tempdir().expect("a folder");
    let login = json!({"auths": {&registry.address: {"auth": LOGIN}}});
    std::fs::write(folder.path().join("config.json"), login.to_string()).expect("it is written");
    let known = async |words: &[&str]| {
        bus.deblox_with(words, |command| {
            command.env("DOCKER_CONFIG", folder.path());
        })
        .await
    };
    let pushed = known(&["push", "-q", "--dock", "a.test", name]).await;
    assert_eq!((pushed.code, pushed.out.trim(), pushed.err.as_str()), (0, name, ""), "{pushed:?}");
    let fetched = known(&["pull", "-q", "--dock", "b.test", name]).await;
    assert_eq!((fetched.code, fetched.out.trim(), fetched.err.as_str()), (0, name, ""), "{fetched:?}");
    bus.complains(&["pull", "--dock", "c.test", name], 1, &[name, "c.test", "no basic auth credentials"]).await;
    assert!(image.is_on(2) && !image.is_on(3));

    let missing = format!("{name}-missing");
    let said = known(&["pull", "--dock", "b.test", &missing]).await;
    assert_eq!((said.code, said.err.lines().count()), (1, 1), "{said:?}");
    assert!(said.err.contains(&missing) && said.err.contains("manifest unknown"), "{said:?}");
    let pull = |stream: bool| {
        json!({"action": "pull-image", "image": missing, "dock": "b.test", "stream": stream,
            "credentials": {"username": "tester", "password": SECRET}})
    };
    let (_, streams) = streamed(&bus, pull(true)).await;
    let whole = bus.call(pull(false)).await;
    assert_eq!((code(&streams), code(&whole)), ((json!(404), json!("no-such-image")), code(&streams)), "{whole}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bars_show_each_layer_on_each_dock_and_leave_the_screen_clean() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _workers = (bus.worker(4, "d.test").await, bus.worker(5, "e.test").await);
    bus.registered(2).await;
    let registry = Registry::start().await;
    let image = registry.image(6, &[3, 2]).moved_from(6);
    let _slow = (Slow::down(4, "16mbit"), Slow::down(5, "16mbit"));
    let mut at = Terminal::start(&bus.command(&["pull", "--all-docks", &image.name]));
    for dock in ["d.test", "e.test"] {
        until("a bar", async || {
            let shown = at.shown();
            shown
                .lines()
                .any(|line| line.contains(&format!("{dock} ")) && line.contains("Downloading") && line.contains("MiB"))
                .then_some(())
        })
        .await;
    }
    assert_eq!(at.ends().await, Some(0), "{:?}", at.shown());
    let shown = at.shown();
    let kept = shown.rsplit("\x1b[2K").next().unwrap_or_default();
    for dock in ["d.test", "e.test"] {
        assert!(
            kept.contains(&format!("{dock}: {}: Downloaded newer image for {}", image.name, image.name)),
            "{shown:?}"
        );
    }
    assert_eq!(kept.trim().lines().count(), 2, "{shown:?}");
    assert!(image.is_on(4) && image.is_on(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_dies_in_the_middle_is_told_of_and_the_image_is_not_there() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _worker = bus.worker(4, "d.test").await;
    let registry = Registry::start().await;
    let image = registry.image(6, &[8]).moved_from(6);
    let _slow = Slow::down(4, "8mbit");
    let mut at = Terminal::start(&bus.command(&["pull", "--dock", "d.test", &image.name]));
    at.shows("Downloading").await;
    registry.kill();
    // A daemon tries again, in longer and longer intervals; those of the lab do it once.
    assert_eq!(at.ends_within(3 * PATIENCE).await, Some(1), "{:?}", at.shown());
    let shown = at.shown();
    let kept = shown.rsplit("\x1b[2K").next().unwrap_or_default().trim();
    let told = kept.trim_start_matches(|c: char| c != 'd');
    assert!(told.starts_with("deblox: ") && told.lines().count() == 1 && told.contains(&image.name), "{shown:?}");
    assert!(!image.is_on(4), "{shown:?}");
    succeeded(&bus.call(json!({"action": "ping"})).await, 200);
}
