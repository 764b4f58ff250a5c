//! `recreate-container`: a newer image takes over, or the old instance comes back, whatever happens in between.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Bus, Disturbed, PATIENCE, Scrub, Worker, docker, port, quiet_hosts, refused, succeeded, try_docker, unique, until,
};

pub const HOST: usize = 3;
pub const DOCK: &str = "recreate.test";

/// What runs until it is told to stop.
pub const SLEEP: &str = r#"CMD ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"]"#;

/// A tag on one host of the lab; whatever images it has meant are removed at the end.
pub struct Image {
    host: usize,
    pub tag: String,
    ids: Vec<String>,
}

impl Image {
    pub fn new(host: usize, changes: &[&str]) -> Self {
        let mut image = Self { host, tag: format!("{}:1", unique("image")), ids: Vec::new() };
        image.becomes(changes);
        image
    }

    /// The tag means another image from now on.
    pub fn becomes(&mut self, changes: &[&str]) {
        let container = docker(self.host, &["create", "busybox"]);
        let changes: Vec<&str> = changes.iter().flat_map(|change| ["--change", change]).collect();
        self.ids.push(docker(self.host, &[&["commit"], changes.as_slice(), &[&container, &self.tag]].concat()));
        docker(self.host, &["rm", &container]);
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        for id in &self.ids {
            try_docker(self.host, &["rmi", "-f", id]);
        }
    }
}

pub async fn dock() -> (Bus, Worker) {
    let bus = Bus::new().await;
    let worker = bus.worker(HOST, DOCK).await;
    (bus, worker)
}

/// The request that most tests send: what they wait for comes soon.
pub fn recreate(name: &str) -> Value {
    json!({"action": "recreate-container", "id": name, "pull": "never", "time": 1, "settle": 1})
}

pub fn with(mut request: Value, field: &str, value: impl Into<Value>) -> Value {
    request[field] = value.into();
    request
}

pub fn inspect(host: usize, name: &str) -> Value {
    let known: Value = serde_json::from_str(&docker(host, &["inspect", name])).expect("JSON");
    known[0].clone()
}

/// The same where the name may be nobody's for a moment.
pub fn find(host: usize, name: &str) -> Option<Value> {
    let looked = try_docker(host, &["inspect", name]);
    looked.status.success().then(|| serde_json::from_slice::<Value>(&looked.stdout).expect("JSON")[0].take())
}

/// The names of all containers of the host that begin so.
pub fn names(host: usize, name: &str) -> Vec<String> {
    let listed = docker(host, &["ps", "-a", "--filter", &format!("name={name}"), "--format", "{{.Names}}"]);
    listed.lines().map(str::to_owned).collect()
}

/// An instance from `image` that runs, and is removed with whatever takes its place.
async fn running(bus: &Bus, image: &Image, name: &str) -> (String, Scrub) {
    let create = json!({"action": "create-container", "image": image.tag, "name": name, "start": true, "dock": DOCK});
    let reply = bus.call(create).await;
    succeeded(&reply, 201);
    (reply["Id"].as_str().expect("an id").to_owned(), Scrub::new(image.host, name))
}

/// Asserts that the instance is the only one of its name, and as it was before anything was tried.
async fn is_back(bus: &Bus, name: &str, before: &Value) {
    assert_eq!(names(HOST, name), [name]);
    let now = inspect(HOST, name);
    for field in ["Id", "Name", "Config", "HostConfig", "Mounts", "Image"] {
        assert_eq!(now[field], before[field], "{field}");
    }
    assert_eq!(now["State"]["Running"], before["State"]["Running"]);
    until("the records show it alone", async || {
        (recorded(bus, name).await == [(name.to_owned(), before["Id"].as_str()?.to_owned())]).then_some(())
    })
    .await;
}

/// Name and id of what the shared records have under names that begin so.
pub async fn recorded(bus: &Bus, name: &str) -> Vec<(String, String)> {
    let records: Vec<String> = bus.redis(&["HVALS", &bus.key(&format!("instances.{DOCK}"))]).await;
    let records = records.iter().map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let named = records.map(|record| (text(&record["name"]), text(&record["id"])));
    named.filter(|(found, _)| found.starts_with(name)).collect()
}

/// What is wrong with an image, then the status and the code of the reply, and what its message says.
type Case = (&'static str, u16, &'static str, &'static [&'static str]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_instance_comes_back_from_an_image_that_is_no_good() {
    let (bus, _worker) = dock().await;
    let cases: [Case; 4] = [
        (
            "HEALTHCHECK --interval=1s --retries=1 CMD echo no database; exit 1",
            502,
            "unhealthy",
            &["no database", "the old instance runs"],
        ),
        (r#"CMD ["sh", "-c", "echo last words; exit 3"]"#, 502, "unhealthy", &["exit code 3", "the old instance runs"]),
        (r#"CMD ["sh", "-c", "sleep 0.3; exit 0"]"#, 502, "unhealthy", &["exit code 0", "the old instance runs"]),
        (r#"ENTRYPOINT ["/no/such/program"]"#, 400, "docker-error", &["could not be started", "/no/such/program"]),
    ];
    for (change, status, code, parts) in cases {
        let (name, port, mut image) = (unique("back"), port(), Image::new(HOST, &[SLEEP]));
        let _scrub = Scrub::new(HOST, &name);
        let create = json!({"action": "create-container", "image": image.tag, "name": name, "start": true,
            "ports": [format!("127.0.0.1:{port}:80")], "volumes": ["/cache"]});
        succeeded(&bus.call(create).await, 201);
        docker(HOST, &["exec", &name, "sh", "-c", "echo kept > /cache/file"]);
        let before = inspect(HOST, &name);
        image.becomes(&[SLEEP, change, "VOLUME /more"]);
        let reply = bus.call(recreate(&name)).await;
        refused(&reply, status, code, parts);
        is_back(&bus, &name, &before).await;
        assert_eq!(docker(HOST, &["exec", &name, "cat", "/cache/file"]), "kept");
        assert_eq!(docker(HOST, &["port", &name]), format!("80/tcp -> 127.0.0.1:{port}"));
        let details = &reply["Response"]["Body"];
        match code {
            _ if change.contains("no database") => assert_eq!(details["health"], "no database\n", "{reply}"),
            _ if change.contains("last words") => assert_eq!(details["log"], "last words\n", "{reply}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_instance_comes_back_when_the_daemon_crashes_on_the_way() {
    const QUIET: usize = 6;
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _worker = bus.worker(QUIET, DOCK).await;
    let (name, mut image) = (unique("crash"), Image::new(QUIET, &[SLEEP]));
    let (old, _scrub) = running(&bus, &image, &name).await;
    // One that never says whether it is any good.
    image.becomes(&[SLEEP, "HEALTHCHECK --interval=1s --start-period=1h CMD false"]);
    let id = bus.send(&["json", &with(recreate(&name), "timeout", 100_000).to_string()]).await;
    until("the new one has taken its place", async || {
        let now = find(QUIET, &name)?;
        (now["Id"] != json!(old) && now["State"]["Running"] == true).then_some(())
    })
    .await;
    drop(Disturbed::kill(QUIET));
    let reply = bus.reply_within(&id, PATIENCE * 3).await.expect("a reply");
    assert!(reply["message"].as_str().is_some_and(|message| message.contains("the old instance runs")), "{reply}");
    assert_eq!(names(QUIET, &name), [name.as_str()]);
    let now = inspect(QUIET, &name);
    assert_eq!((&now["Id"], &now["State"]["Running"]), (&json!(old), &json!(true)), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_and_is_restarted_is_no_good_without_a_health_check() {
    let (bus, _worker) = dock().await;
    let (name, mut image) = (unique("loops"), Image::new(HOST, &[SLEEP]));
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": image.tag, "name": name, "start": true,
        "restart": "always"});
    succeeded(&bus.call(create).await, 201);
    let before = inspect(HOST, &name);
    image.becomes(&[r#"CMD ["sh", "-c", "sleep 0.2; exit 1"]"#]);
    let reply = bus.call(with(recreate(&name), "settle", 20)).await;
    refused(&reply, 502, "unhealthy", &["restarted", "the old instance runs"]);
    is_back(&bus, &name, &before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_brought_back_is_refused_before_anything_is_touched() {
    let (bus, _worker) = dock().await;
    let (name, image) = (unique("refused"), Image::new(HOST, &[SLEEP]));
    let (_, _scrub) = running(&bus, &image, &name).await;
    let before = inspect(HOST, &name);
    let recreate = recreate(&name);
    let cases: [(Value, u16, &str, &[&str]); 5] = [
        (with(recreate.clone(), "image", "no.such/image:1"), 404, "no-such-image", &["no.such/image"]),
        (
            with(with(recreate.clone(), "image", "127.0.0.1:9/image:1"), "pull", "always"),
            502,
            "pull-failed",
            &["127.0.0.1:9", "nothing was changed", "\"pull\": \"never\""],
        ),
        (with(recreate.clone(), "timeout", 30_000), 408, "expired", &["nothing was changed", "`timeout`"]),
        (with(with(recreate.clone(), "timeout", 90_000), "time", 60), 408, "expired", &["may need 120"]),
        (with(with(recreate.clone(), "timeout", 90_000), "settle", 90), 408, "expired", &["may need 121"]),
    ];
    for (request, status, code, parts) in cases {
        refused(&bus.call(request).await, status, code, parts);
        is_back(&bus, &name, &before).await;
        assert_eq!(inspect(HOST, &name)["State"]["StartedAt"], before["State"]["StartedAt"], "it never stopped");
    }

    docker(HOST, &["pause", &name]);
    refused(&bus.call(recreate).await, 409, "conflict", &["paused", "unpause-container"]);
    docker(HOST, &["unpause", &name]);
    let brief = unique("brief");
    let _brief = Scrub::new(HOST, &brief);
    docker(HOST, &["run", "-d", "--rm", "--name", &brief, "busybox", "sleep", "600"]);
    refused(&bus.call_dock(DOCK, self::recreate(&brief)).await, 409, "conflict", &["--rm"]);
    assert_eq!(inspect(HOST, &brief)["State"]["Running"], true);
    refused(&bus.call(self::recreate("no-such-instance")).await, 404, "no-such-instance", &["no-such-instance"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_run_is_not_started() {
    let (bus, _worker) = dock().await;
    let (name, mut image) = (unique("still"), Image::new(HOST, &[SLEEP]));
    let (old, _scrub) = running(&bus, &image, &name).await;
    docker(HOST, &["stop", "-t", "0", &name]);
    // Not even one that could not be.
    image.becomes(&[r#"CMD ["/no/such/program"]"#]);
    let reply = bus.call(recreate(&name)).await;
    succeeded(&reply, 201);
    let new = inspect(HOST, &name);
    assert_eq!((&new["Id"], &new["State"]["Status"]), (&reply["Id"], &json!("created")));
    assert_ne!(new["Id"], json!(old));
    assert_eq!(names(HOST, &name), [name.as_str()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_owns_stays_so_and_another_image_may_be_named() {
    let (bus, _worker) = dock().await;
    let (name, image) = (unique("foreign"), Image::new(HOST, &[SLEEP]));
    let _scrub = Scrub::new(HOST, &name);
    docker(HOST, &["run", "-d", "--name", &name, "busybox", "sleep", "600"]);
    let request = with(recreate(&name), "image", image.tag.clone());
    let reply = bus.call_dock(DOCK, with(request, "requestId", unique("a:b"))).await;
    succeeded(&reply, 201);
    let config = inspect(HOST, &name)["Config"].clone();
    assert_eq!((&config["Image"], &config["Cmd"]), (&json!(image.tag), &json!(["sleep", "600"])), "its own command");
    assert_eq!(config["Labels"].get("deblox.owner"), None);
    assert_eq!(config["Hostname"], reply["Id"].as_str().unwrap()[..12]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_done_on_the_dock_that_has_it_and_once_for_each_request_id() {
    let (bus, _worker) = dock().await;
    let _other = bus.worker(1, "other.test").await;
    let (name, image) = (unique("routed"), Image::new(HOST, &[SLEEP]));
    let (_, _scrub) = running(&bus, &image, &name).await;
    let request = with(recreate(&name), "requestId", unique("once"));
    let first = bus.call_dock("other.test", request.clone()).await;
    succeeded(&first, 201);
    assert_eq!(first["dockerInstance"], DOCK);
    assert_eq!(bus.call(request).await, first);
    assert_eq!(inspect(HOST, &name)["Id"], first["Id"]);
    // By the shared stream, whoever takes it.
    for _ in 0..4 {
        let reply = bus.call(recreate(&name)).await;
        succeeded(&reply, 201);
        assert_eq!((&reply["dockerInstance"], &reply["Id"]), (&json!(DOCK), &inspect(HOST, &name)["Id"]));
    }
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_for_it_meanwhile_waits_for_its_end() {
    let (bus, _worker) = dock().await;
    let (name, mut image) = (unique("waits"), Image::new(HOST, &[SLEEP]));
    let (_, _scrub) = running(&bus, &image, &name).await;
    image.becomes(&[SLEEP, "HEALTHCHECK --interval=500ms --retries=1000 CMD test -f /go"]);
    let id = bus.send_to(&format!("docker.{DOCK}"), &["json", &recreate(&name).to_string()]).await;
    let old = inspect(HOST, &name)["Id"].clone();
    until("the records show the new one under the name", async || {
        recorded(&bus, &name).await.iter().any(|(found, id)| *found == name && json!(id) != old).then_some(())
    })
    .await;
    let stop = json!({"action": "stop-container", "id": name, "requestId": "stop", "time": 1});
    bus.send(&["json", &stop.to_string()]).await;
    assert_eq!(bus.reply_within("stop", Duration::from_millis(700)).await, None);
    until("it runs", async || try_docker(HOST, &["exec", &name, "touch", "/go"]).status.success().then_some(())).await;
    succeeded(&bus.reply(&id).await, 201);
    succeeded(&bus.reply("stop").await, 204);
    assert_eq!(inspect(HOST, &name)["State"]["Running"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_load_of_the_dock_is_what_it_was() {
    let _quiet = quiet_hosts().await;
    let bus = Bus::new().await;
    let _worker = bus.worker(4, "load.test").await;
    let (name, mut image) = (unique("load"), Image::new(4, &[SLEEP]));
    let _scrub = Scrub::new(4, &name);
    let create = json!({"action": "create-container", "image": image.tag, "name": name, "start": true});
    succeeded(&bus.call(create).await, 201);
    let load = async || bus.redis::<Option<i64>>(&["ZSCORE", &bus.key("load"), "load.test"]).await;
    assert_eq!(load().await, Some(1));
    succeeded(&bus.call(recreate(&name)).await, 201);
    assert_eq!(load().await, Some(1));
    let volumes = docker(4, &["volume", "ls", "-q"]);
    image.becomes(&[r#"CMD ["false"]"#, "VOLUME /more"]);
    refused(&bus.call(recreate(&name)).await, 502, "unhealthy", &["exit code 1"]);
    assert_eq!(docker(4, &["volume", "ls", "-q"]), volumes, "the new one's own volume went with it");
    until("the load is what it was", async || (load().await == Some(1)).then_some(())).await;
}
