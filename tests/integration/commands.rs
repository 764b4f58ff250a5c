//! The commands that people know from docker, on a cluster of real daemons: containers.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Bus, Scrub, Worker, deblox, docker, port, unique, until};
use crate::witness::produced;

/// What a command said, and its exit code.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Bus {
    /// Runs `deblox` with these words and what `change` adds to its environment.
    pub async fn deblox_with(&self, words: &[&str], change: impl FnOnce(&mut Command)) -> Said {
        let mut command = deblox();
        command.args(words).env("REDIS_URL", &self.url).env("DEBLOX_NAMESPACE", &self.namespace);
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "DEBLOX_CONTEXT", "DEBLOX_TOKEN", "DEBLOX_TOKEN_FILE"] {
            command.env_remove(name);
        }
        change(&mut command);
        let output = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("no panic");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        // These print a secret, this once, as that is what they are for.
        if !words.contains(&"--generate") && !words.windows(2).any(|words| words == ["token", "add"]) {
            produced("commands", &output.stdout);
        }
        produced("commands", &output.stderr);
        let code = output.status.code().expect("it ended by itself");
        Said { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs `deblox` with these words.
    pub async fn deblox(&self, words: &[&str]) -> Said {
        self.deblox_with(words, |_| {}).await
    }

    /// What `deblox` prints with these words; it must succeed and complain of nothing.
    pub async fn says(&self, words: &[&str]) -> String {
        let said = self.deblox(words).await;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{words:?}: {said:?}");
        said.out.trim_end().to_owned()
    }

    /// What `deblox` complains of with these words: one line that has these parts.
    pub async fn complains(&self, words: &[&str], code: i32, parts: &[&str]) -> Said {
        let said = self.deblox(words).await;
        assert_eq!(said.code, code, "{words:?}: {said:?}");
        assert!(said.err.starts_with("deblox: ") && said.err.lines().count() == 1, "{words:?}: {said:?}");
        for part in parts {
            assert!(said.err.contains(part), "{words:?} does not say {part}: {said:?}");
        }
        said
    }
}

/// A table with a bar between its columns, without those rows that are of other tests, and with words for what is new
/// each time.
pub fn scrubbed(table: &str, keep: &[&str]) -> String {
    let mut lines = table.lines();
    let heads = lines.next().expect("a head");
    let lines = lines.filter(|line| keep.iter().any(|part| line.contains(part)));
    let mut rows = Vec::new();
    for line in std::iter::once(heads).chain(lines) {
        let fields = line.split("   ").map(str::trim).filter(|field| !field.is_empty()).map(|field| {
            let hex = |text: &str| text.len() == 12 && text.chars().all(|c| c.is_ascii_hexdigit());
            match field {
                id if hex(id) => "ID".to_owned(),
                ago if ago.ends_with(" ago") && !ago.contains('(') => "AGO".to_owned(),
                up if up.starts_with("Up ") => "Up TIME".to_owned(),
                ended if ended.starts_with("Exited (") && ended.ends_with(" ago") => {
                    format!("{}) AGO", ended.split(')').next().unwrap_or_default())
                }
                name => {
                    name.rsplit_once('-').filter(|(_, end)| end.len() == 10).map_or(name, |(kind, _)| kind).to_owned()
                }
            }
        });
        rows.push(fields.collect::<Vec<_>>().join(" | "));
    }
    // What was created in the same second has no order.
    rows[1..].sort();
    rows.join("\n")
}

/// Three docks, a.test to c.test, beside the hosts 1 to 3.
pub async fn cluster() -> (Bus, [Worker; 3]) {
    let bus = Bus::new().await;
    let workers = [bus.worker(1, "a.test").await, bus.worker(2, "b.test").await, bus.worker(3, "c.test").await];
    bus.registered(3).await;
    (bus, workers)
}

/// What each line of JSON says.
pub fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_and_ps_show_a_container_wherever_it_is() {
    let (bus, _workers) = cluster().await;
    let (web, job, public) = (unique("web"), unique("job"), port().to_string());
    let _scrub = (Scrub::new(2, &web), Scrub::new(3, &job));
    let publish = format!("127.0.0.1:{public}:80");
    let flags =
        "-l team=x -e A=b -m 64m --restart on-failure:3 -u 1 -w /tmp -h inside --health-cmd true --health-retries 5";
    let flags: Vec<&str> = flags.split(' ').collect();
    let where_to = ["run", "-d", "--name", &web, "--dock", "b.test", "-p", &publish];
    let id = bus.says(&[&where_to[..], &flags, &["busybox", "sleep", "600"]].concat()).await;
    assert_eq!(id, docker(2, &["inspect", "-f", "{{.Id}}", &web]), "the whole id, as docker prints it");
    let config = "{{.Config.Env}} {{.Config.User}} {{.Config.WorkingDir}} {{.Config.Hostname}} {{.Config.Labels.team}} \
                  {{.Config.Healthcheck.Retries}} {{.HostConfig.Memory}} {{.HostConfig.RestartPolicy}}";
    let set = docker(2, &["inspect", "-f", config, &web]);
    assert!(set.starts_with("[A=b ") && set.ends_with("] 1 /tmp inside x 5 67108864 {on-failure 3}"), "{set}");
    let created = bus.says(&["create", "--name", &job, "--dock", "c.test", "busybox", "true"]).await;
    assert_eq!(created.len(), 64);

    let filter = |name: &str| format!("name={name}");
    let all = bus.says(&["ps", "-a"]).await;
    insta::assert_snapshot!(scrubbed(&all.replace(&public, "PORT"), &[&web, &job]), @r"
    CONTAINER ID | DOCK | IMAGE | CREATED | STATUS | PORTS | NAMES
    ID | b.test | busybox | AGO | Up TIME | 127.0.0.1:PORT->80/tcp | web
    ID | c.test | busybox | AGO | Created | job
    ");
    let running = bus.says(&["ps", "-f", &filter(&job)]).await;
    assert_eq!(running.lines().count(), 1, "only those that run: {running}");
    assert_eq!(bus.says(&["ps", "-f", &filter(&job), "-f", "status=created", "-q"]).await, created[..12]);
    assert_eq!(bus.says(&["ps", "-q", "--no-trunc", "-f", &filter(&web)]).await, id);
    assert_eq!(bus.says(&["ps", "-aq", "--dock", "a.test", "-f", &filter(&web)]).await, "");
    assert_eq!(bus.says(&["ps", "-q", "--dock", "b.test", "-f", &filter(&web)]).await, id[..12]);
    assert_eq!(bus.says(&["ps", "-q", "-n", "1", "--filter", "label=team=x", "-f", &filter(&web)]).await, id[..12]);
    let rows = objects(&bus.says(&["ps", "-a", "--format", "json", "-f", &filter(&web), "-f", &filter(&job)]).await);
    assert_eq!(rows.len(), 2, "a row each: {rows:?}");
    assert!(rows.iter().any(|row| row["name"] == json!(job) && row["dock"] == "c.test"), "{rows:?}");
    assert!(rows.iter().any(|row| row["id"] == json!(id) && row["ports"][0]["privatePort"] == 80), "{rows:?}");
    bus.complains(&["ps", "--dock", "nowhere.test"], 1, &["nowhere.test", "deblox docks"]).await;
    bus.complains(&["ps", "-f", "health=x"], 1, &["health", "name"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_has_the_exit_codes_of_docker_and_leaves_nothing_behind() {
    let (bus, _workers) = cluster().await;
    let name = unique("none");
    let run = |dock| ["run", "-d", "--name", name.as_str(), "--dock", dock, "busybox"];
    bus.complains(&[&run("a.test")[..], &["nonsense"]].concat(), 127, &["nonsense"]).await;
    bus.complains(&[&run("a.test")[..], &["/etc"]].concat(), 126, &["/etc"]).await;
    bus.complains(&run("nowhere.test"), 125, &["nowhere.test", "deblox docks"]).await;
    bus.complains(&["run", "-d", "--restart", "often", "busybox"], 125, &["restart"]).await;
    bus.complains(&["run", "-d", "--env-file", "/nowhere", "busybox"], 125, &["/nowhere"]).await;
    assert_eq!(bus.says(&["ps", "-aq", "-f", &format!("name={name}")]).await, "");
    let usage = bus.deblox(&["run", "-d"]).await;
    assert_eq!((usage.code, usage.err.contains("--help")), (2, true), "{usage:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_are_spread_and_labels_say_where() {
    let (bus, _workers) = cluster().await;
    bus.says(&["docks", "label", "c.test", "disk=ssd", "zone=2"]).await;
    let (many, one) = (unique("many"), unique("one"));
    let names: Vec<String> = (1..=3).map(|number| format!("{many}-{number}")).collect();
    let _scrub: Vec<Scrub> = names
        .iter()
        .flat_map(|name| [1, 2, 3].map(|host| Scrub::new(host, name)))
        .chain([Scrub::new(3, &one)])
        .collect();
    let ids = bus.says(&["run", "-d", "--name", &many, "--instances", "3", "busybox", "sleep", "600"]).await;
    assert_eq!(ids.lines().map(str::len).collect::<Vec<_>>(), [64, 64, 64], "an id a line");
    let rows = objects(&bus.says(&["ps", "--format", "json", "-f", &format!("name={many}")]).await);
    let mut docks: Vec<&str> = rows.iter().filter_map(|row| row["dock"].as_str()).collect();
    docks.sort_unstable();
    assert_eq!(docks, ["a.test", "b.test", "c.test"]);
    bus.says(&["run", "-d", "--name", &one, "--dock-label", "disk=ssd", "busybox", "sleep", "600"]).await;
    assert!(bus.says(&["ps", "-f", &format!("name={one}")]).await.contains("c.test"));
    bus.complains(&["run", "-d", "--dock-label", "disk=tape", "busybox"], 125, &["no live dock"]).await;
    let taken = unique("taken");
    let _scrub = [1, 2].map(|number| Scrub::new(1, &format!("{taken}-{number}")));
    bus.says(&["create", "--name", &format!("{taken}-1"), "--dock", "a.test", "busybox"]).await;
    let two = ["run", "-d", "--name", &taken, "--instances", "2", "--dock", "a.test", "busybox", "sleep", "600"];
    let clash = bus.complains(&two, 125, &[&format!("{taken}-1"), "in use"]).await;
    assert_eq!(clash.out.trim(), docker(1, &["inspect", "-f", "{{.Id}}", &format!("{taken}-2")]), "what could be made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_what_a_container_starts_from() {
    let (bus, _workers) = cluster().await;
    let name = unique("shaped");
    let _scrub = Scrub::new(1, &name);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.json");
    std::fs::write(&file, r#"{"Image": "busybox", "Cmd": ["sleep", "600"], "Env": ["A=b"]}"#).expect("written");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(bus.says(&["template", "set", "web", file]).await, "web");
    insta::assert_snapshot!(bus.says(&["template", "ls"]).await, @r"
    NAME      IMAGE     COMMAND
    web       busybox   sleep 600
    ");
    let shown: Value = serde_json::from_str(&bus.says(&["template", "inspect", "web"]).await).expect("JSON");
    assert_eq!(shown, json!([{"Image": "busybox", "Cmd": ["sleep", "600"], "Env": ["A=b"]}]));
    bus.says(&["run", "-d", "--template", "web", "--name", &name, "--dock", "a.test"]).await;
    assert!(docker(1, &["inspect", "-f", "{{.Config.Env}}", &name]).contains("A=b"));
    assert_eq!(bus.says(&["template", "set", "other", file]).await, "other");
    let fitting = async |filters: &[&str]| bus.says(&[&["template", "ls", "-q"], filters].concat()).await;
    assert_eq!(fitting(&["-f", "name=we"]).await, "web");
    assert_eq!(fitting(&["-f", "name=web", "-f", "name=other", "-f", "image=busybox"]).await, "other\nweb");
    assert_eq!(fitting(&["-f", "image=busy"]).await, "", "of an image no part");
    bus.complains(&["template", "ls", "-f", "name=none", "-f", "colour=red"], 1, &["`colour`", "name, image"]).await;
    assert_eq!(bus.says(&["template", "rm", "other"]).await, "other");
    let removed = bus.complains(&["template", "rm", "web", "none"], 1, &["none", "deblox template ls"]).await;
    assert_eq!(removed.out, "web\n", "what can be done is done");
    bus.complains(&["template", "set", "web", "/nowhere"], 1, &["/nowhere"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_is_done_and_printed_as_it_was_named() {
    let (bus, _workers) = cluster().await;
    let (one, two) = (unique("one"), unique("two"));
    let _scrub = (Scrub::new(1, &one), Scrub::new(2, &two));
    let (at_one, at_two) = (bus.running("a.test", &one).await, bus.running("b.test", &two).await);
    let named = [format!("a.test/{one}"), at_two[..12].to_owned()];
    let (first, second) = (named[0].as_str(), named[1].as_str());
    let both = format!("{first}\n{second}");
    let state = |host, name: &str| docker(host, &["inspect", "-f", "{{.State.Status}}", name]);

    assert_eq!(bus.says(&["pause", first, second]).await, both);
    assert_eq!((state(1, &one), state(2, &two)), ("paused".into(), "paused".into()));
    assert_eq!(bus.says(&["unpause", first, second]).await, both);
    assert_eq!(bus.says(&["stop", "-t", "0", first, second]).await, both);
    assert_eq!((state(1, &one), state(2, &two)), ("exited".into(), "exited".into()));
    assert_eq!(bus.says(&["wait", first, second]).await, "137\n137");
    assert_eq!(bus.says(&["start", first, second]).await, both);
    assert_eq!(bus.says(&["start", first]).await, first, "what runs already is no error");
    assert_eq!(bus.says(&["restart", "-t", "0", first]).await, first);
    assert_eq!(bus.says(&["update", "-m", "64m", "--restart", "always", second]).await, second);
    let limits = "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}";
    assert_eq!(docker(2, &["inspect", "-f", limits, &two]), "67108864 always");
    assert_eq!(bus.says(&["update", "--restart", "no", second]).await, second);
    assert_eq!(bus.says(&["kill", "-s", "KILL", second]).await, second);
    until("it has ended", async || (state(2, &two) == "exited").then_some(())).await;

    let partly = bus.complains(&["stop", "-t", "0", "nobody", first], 1, &["nobody", "deblox ps -a"]).await;
    assert_eq!(partly.out.trim(), first, "one that fails stops no other");
    let new = unique("renamed");
    let _scrub = Scrub::new(1, &new);
    assert_eq!(bus.says(&["rename", first, &new]).await, "");
    assert_eq!(docker(1, &["inspect", "-f", "{{.Id}}", &new]), at_one);
    bus.says(&["start", &new]).await;
    bus.complains(&["rm", &new], 1, &[&at_one, "running"]).await;
    assert_eq!(bus.says(&["rm", "-f", "-v", &new, second]).await, format!("{new}\n{second}"));
    assert_eq!(bus.says(&["ps", "-aq", "-f", &format!("name={new}"), "-f", &format!("name={two}")]).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recreate_replaces_a_container_and_prints_the_new_id() {
    let (bus, _workers) = cluster().await;
    let name = unique("again");
    let _scrub = Scrub::new(1, &name);
    let old = bus.running("a.test", &name).await;
    let new = bus.says(&["recreate", "--pull", "never", "--settle", "0", "-t", "0", &name]).await;
    assert_eq!(new, docker(1, &["inspect", "-f", "{{.Id}}", &name]));
    assert_ne!(new, old);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_several_docks_have_is_told_with_the_docks() {
    let (bus, _workers) = cluster().await;
    let name = unique("twin");
    let _scrub = (Scrub::new(1, &name), Scrub::new(2, &name));
    let (one, two) = (bus.running("a.test", &name).await, bus.running("b.test", &name).await);
    for command in [&["stop"][..], &["inspect"], &["logs"], &["exec"], &["rm", "-f"]] {
        let words = [command, &[name.as_str()], if command == ["exec"] { &["true"][..] } else { &[] }].concat();
        let said = bus.deblox(&words).await;
        let wanted = format!("`{name}` may mean a.test/{name} or b.test/{name}: give one of these");
        assert!(said.code == 1 && said.err.contains(&wanted), "{words:?}: {said:?}");
    }
    assert_eq!(bus.says(&["rm", "-f", &format!("b.test/{name}")]).await, format!("b.test/{name}"));
    assert_eq!(bus.says(&["ps", "-q", "--no-trunc", "-f", &format!("name={name}")]).await, one);
    bus.complains(&["stop", &format!("b.test/{}", &two[..12])], 1, &[&two[..12], "deblox ps -a"]).await;
    bus.complains(&["stop", "no dock/x"], 1, &["dock"]).await;
}
