//! `recreate-container` when its worker is lost in the middle: the next worker of the dock takes it up where it was.

use std::time::Duration;

use serde_json::{Value, json};

use crate::recreate::{Image, SLEEP, find, inspect, names, recreate, with};
use crate::support::{Bus, PATIENCE, Scrub, docker, refused, succeeded, try_docker, unique, until};

const HOST: usize = 3;
const DOCK: &str = "resumed.test";

/// An instance that runs, and what an earlier attempt has made of it.
struct Half {
    bus: Bus,
    name: String,
    request: String,
    old: String,
    new: String,
    _scrubs: [Scrub; 3],
    _image: Image,
}

/// The steps of the way there, each of which may be the last before a worker is lost.
const STEPS: [&str; 6] = ["created", "stopped", "old renamed", "new renamed", "started", "old removed"];

impl Half {
    /// An instance for which a new one was created from an image with `changes`, and the first `steps` were done.
    async fn done(changes: &[&str], steps: usize) -> Self {
        let (bus, name, request) = (Bus::new().await, unique("half"), unique("r"));
        let mut image = Image::new(HOST, &[SLEEP]);
        let (interim, backup) = (format!("{name}-new-{request}"), format!("{name}-old-{request}"));
        let old = docker(HOST, &["run", "-d", "--name", &name, &image.tag]);
        image.becomes(changes);
        let made = format!("deblox.request={request}");
        let replaces = format!("deblox.replaces={old}");
        let labels = ["--label", &made, "--label", &replaces, "--label", "deblox.replaces-running=true"];
        let new = docker(HOST, &[&["create", "--name", &interim], labels.as_slice(), &[&image.tag]].concat());
        for step in &STEPS[..steps] {
            match *step {
                "created" => String::new(),
                "stopped" => docker(HOST, &["stop", "-t", "1", &old]),
                "old renamed" => docker(HOST, &["rename", &old, &backup]),
                "new renamed" => docker(HOST, &["rename", &new, &name]),
                "started" => docker(HOST, &["start", &new]),
                _ => docker(HOST, &["rm", &old]),
            };
        }
        let scrubs = [&name, &interim, &backup].map(|name| Scrub::new(HOST, name));
        Self { bus, name, request, old, new, _scrubs: scrubs, _image: image }
    }

    /// Has the request come to the dock as one that was begun before; returns the reply.
    async fn taken_up(&self, request: Value) -> Value {
        let key = self.bus.key(&format!("request.{}", self.request));
        self.bus.redis::<()>(&["HSET", &key, "attempts", "1"]).await;
        self.bus.call_dock(DOCK, with(request, "requestId", self.request.clone())).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_brought_to_its_end_from_every_step() {
    for steps in 1..=STEPS.len() {
        let half = Half::done(&[SLEEP], steps).await;
        let Half { bus, name, new, old, .. } = &half;
        let _worker = bus.worker(HOST, DOCK).await;
        // One of the same name elsewhere must not be taken for it, while nobody here has the name.
        let _other = bus.worker(1, "other.test").await;
        let _scrub = Scrub::new(1, name);
        let foreign = bus.running("other.test", name).await;
        let reply = half.taken_up(recreate(name)).await;
        succeeded(&reply, 201);
        assert_eq!(
            (&reply["Id"], &reply["Response"]["Body"]["Id"]),
            (&json!(new), &json!(new)),
            "{}",
            STEPS[steps - 1]
        );
        assert_eq!(names(HOST, name), [name.as_str()]);
        let now = inspect(HOST, name);
        assert_eq!((&now["Id"], &now["State"]["Running"]), (&json!(new), &json!(true)), "{}", STEPS[steps - 1]);
        assert!(!try_docker(HOST, &["inspect", old]).status.success());
        assert_eq!(inspect(1, name)["Id"], json!(foreign));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_one_comes_back_from_every_step() {
    for steps in 1..STEPS.len() {
        let half = Half::done(&[r#"CMD ["sh", "-c", "exit 3"]"#], steps).await;
        let Half { bus, name, new, old, .. } = &half;
        let _worker = bus.worker(HOST, DOCK).await;
        let reply = half.taken_up(recreate(name)).await;
        refused(&reply, 502, "unhealthy", &["exit code 3", "the old instance runs"]);
        assert_eq!(names(HOST, name), [name.as_str()], "{}", STEPS[steps - 1]);
        let now = inspect(HOST, name);
        assert_eq!((&now["Id"], &now["State"]["Running"]), (&json!(old), &json!(true)), "{}", STEPS[steps - 1]);
        assert!(!try_docker(HOST, &["inspect", new]).status.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_little_time_is_left_the_old_one_comes_back() {
    const UNDECIDED: &str = "HEALTHCHECK --interval=1s --retries=1000 CMD exit 1";
    // 30 s of it are kept for the way back.
    for (timeout, steps) in [(20_000, 5), (32_000, 5), (32_000, 1)] {
        let half = Half::done(&[SLEEP, UNDECIDED], steps).await;
        let _worker = half.bus.worker(HOST, DOCK).await;
        let reply = half.taken_up(with(recreate(&half.name), "timeout", timeout)).await;
        refused(&reply, 502, "unhealthy", &["time was nearly up", "the old instance runs"]);
        let now = inspect(HOST, &half.name);
        assert_eq!((&now["Id"], &now["State"]["Running"]), (&json!(half.old), &json!(true)));
        assert_eq!(names(HOST, &half.name), [half.name.as_str()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_when_its_time_is_up_is_told_and_left_as_it_is() {
    let half = Half::done(&[SLEEP], 4).await;
    let Half { bus, name, new, old, request, .. } = &half;
    let late = async |request: &str| {
        let passed = json!({"action": "recreate-container", "id": name, "timeout": 1, "requestId": request});
        bus.send_to(&format!("docker.{DOCK}"), &["json", &passed.to_string()]).await;
    };
    late(request).await;
    late("untouched").await;
    let _worker = bus.worker(HOST, DOCK).await;
    let backup = format!("{name}-old-{request}");
    refused(&bus.reply(request).await, 504, "timeout", &["half way", old, new, &backup, "exited", "created"]);
    assert_eq!(inspect(HOST, name)["Id"], json!(new));
    assert_eq!(inspect(HOST, &backup)["Id"], json!(old));
    // One of which nothing was begun is expired as any other.
    refused(&bus.reply("untouched").await, 408, "expired", &["not executed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_in_the_middle_is_followed_by_one_that_goes_on() {
    for (told, healthy) in [("/good", true), ("/bad", false)] {
        let bus = Bus::new().await;
        let (name, mut image) = (unique("killed"), Image::new(HOST, &[SLEEP]));
        let _scrub = Scrub::new(HOST, &name);
        let first = bus.program(HOST, DOCK).await;
        // Could take it over from the shared stream, and must not.
        let _other = bus.worker(1, "other.test").await;
        let create = json!({"action": "create-container", "image": image.tag, "name": name, "start": true,
            "dock": DOCK});
        let old = bus.call(create).await["Id"].clone();
        image.becomes(&[
            SLEEP,
            "HEALTHCHECK --interval=300ms --retries=1 --start-period=60s \
            CMD test -f /good || { test -f /bad && kill 1; exit 1; }",
        ]);
        let request = with(recreate(&name), "requestId", name.clone());
        bus.send(&["json", &request.to_string()]).await;
        until("the new one runs", async || {
            (names(HOST, &name).len() == 2 && find(HOST, &name)?["Id"] != old).then_some(())
        })
        .await;
        first.killed().await;
        let second = bus.program(HOST, DOCK).await;
        until("it is told", async || try_docker(HOST, &["exec", &name, "touch", told]).status.success().then_some(()))
            .await;
        let reply = bus.reply_within(&name, PATIENCE + Duration::from_secs(15)).await.expect("one reply");
        let now = inspect(HOST, &name);
        if healthy {
            succeeded(&reply, 201);
            assert_eq!(now["Id"], reply["Id"]);
        } else {
            refused(&reply, 502, "unhealthy", &["the old instance runs"]);
            assert_eq!(now["Id"], old);
        }
        assert_eq!(now["State"]["Running"], true);
        assert_eq!(names(HOST, &name), [name.as_str()]);
        bus.settled().await;
        assert_eq!(bus.redis::<usize>(&["LLEN", &bus.key(&format!("reply.{name}"))]).await, 0, "one reply");
        drop(second);
    }
}
