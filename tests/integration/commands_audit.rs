//! `deblox audit`: who asked for what, and how it ended.

use std::time::Duration;

use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::cli_help::own;
use crate::commands::objects;
use crate::support::{Bus, Scrub, refused, succeeded, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audit_lists_who_asked_for_what_and_how_it_ended() {
    let bus = Bus::new().await;
    let worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let bob = bus.known_user("bob", Role::User, &[]).await;
    let name = unique("audit");
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "requestId": "create.1"});
    let made = bus.call_as(&ada, create).await;
    succeeded(&made, 201);
    let id = made["Id"].as_str().expect("an id");
    refused(&bus.call_as(&bob, json!({"action": "start-container", "id": name})).await, 404, "no-such-instance", &[]);
    refused(&bus.call(json!({"action": "delete-container", "id": name})).await, 401, "unauthenticated", &[]);
    // A user is told of its own requests only.
    let mine = json!({"action": "events", "all": true, "audit": true, "kept": true, "token": bob}).to_string();
    let said = bus.deblox(&["call", &mine]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let asked: Vec<Value> = objects(&said.out).into_iter().filter(|event| event["event"] == "request").collect();
    assert_eq!(asked.iter().map(|event| &event["user"]).collect::<Vec<_>>(), ["bob", "bob"], "{asked:?}");
    worker.stop().await;

    // Whoever asks one that asks nobody who it is sees all.
    let _worker = bus.worker(HOST, DOCK).await;
    let asked = async || (!bus.says(&["audit", "-q", "-f", "action=register"]).await.is_empty()).then_some(());
    until("it has registered", asked).await;
    let table = bus.says(&["audit"]).await;
    let time = table.lines().nth(1).and_then(|line| line.split(' ').next()).expect("a row").to_owned();
    let cut = |table: &str| {
        let rows = table.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest).trim_start());
        rows.collect::<Vec<_>>().join("\n").replace(&name, "NAME").replace(&id[..12], "ID")
    };
    let table = cut(&table);
    let cells = table.split("   ").map(str::trim).filter(|cell| !cell.is_empty());
    let is_time = |cell: &str| cell.ends_with('s') && cell.starts_with(|first: char| first.is_ascii_digit());
    let cells = cells.map(|cell| if is_time(cell) { "0ms" } else { cell });
    insta::assert_snapshot!(cells.collect::<Vec<_>>().join(" | "), @"
    USER | ACTION | WHAT | DOCK | TOOK | OUTCOME
    ada (test) | use-token | 200
    ada (test) | create-container | NAME busybox | actions.test | 0ms | 201
    bob (test) | use-token | 200
    bob (test) | start-container | NAME | actions.test | 0ms | 404 no-such-instance
    delete-container | NAME | actions.test | 0ms | 401 unauthenticated
    register | actions.test | actions.test | 0ms | done
    ");
    let requests = async |words: &[&str]| {
        let said = bus.says(&[&["audit", "--format", "json"], words].concat()).await;
        objects(&said).into_iter().map(|row| row["action"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        requests(&[]).await,
        ["use-token", "create-container", "use-token", "start-container", "delete-container", "register"]
    );
    assert_eq!(requests(&["--user", "ada"]).await, ["use-token", "create-container"]);
    assert_eq!(requests(&["-f", "status=404", "-f", "status=401"]).await, ["start-container", "delete-container"]);
    assert_eq!(requests(&["-f", "error=no-such-instance", "-f", &format!("id={name}")]).await, ["start-container"]);
    assert_eq!(requests(&["--since", &time]).await.len(), 6);
    assert_eq!(requests(&["--since", "2100-01-01T00:00:00Z"]).await.len(), 0);
    assert_eq!(bus.says(&["audit", "-q", "--user", "ada", "-f", "action=create-container"]).await, "create.1");
    bus.complains(&["audit", "-f", "colour=red"], 1, &["colour", "action, dock"]).await;
    let coloured = bus.deblox_with(&["audit"], |command| {
        command.env("CLICOLOR_FORCE", "1");
    });
    let coloured = coloured.await.out;
    assert!(coloured.contains("\u{1b}[31m404 no-such-instance\u{1b}[0m"), "{coloured:?}");

    // `events` leaves them to this one, unless they are asked for.
    let told = bus.follow(&["events", "--after", "0"]);
    let asked = bus.follow(&["events", "--after", "0", "-f", "event=request"]);
    let [rows, lines] =
        [&[][..], &["--format", "json"]].map(|words| bus.follow(&[&["audit", "--follow"], words].concat()));
    until("what is kept", async || {
        let both = rows.output().contains("401 unauthenticated") && lines.output().lines().count() == 6;
        (both && told.output().contains("instance-created") && asked.output().lines().count() == 6).then_some(())
    })
    .await;
    let remove = json!({"action": "delete-container", "id": name, "requestId": "delete.1"});
    succeeded(&bus.call(remove).await, 204);
    until("what is asked for later", async || {
        let both = rows.output().lines().count() == 8 && lines.output().contains("delete.1");
        (both && told.output().contains("instance-removed")).then_some(())
    })
    .await;
    let [heads, .., last] =
        rows.output().lines().map(str::to_owned).collect::<Vec<_>>().try_into().unwrap_or([const { String::new() }; 8]);
    assert_eq!(heads.find("OUTCOME"), last.rfind("204"), "{heads}\n{last}");
    assert_eq!(objects(&lines.output())[6]["status"], 204);
    assert!(!told.output().contains(" request "), "{}", told.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_it_took_is_counted_from_when_it_was_sent() {
    let bus = Bus::new().await;
    let sent = async |name: &str, request: Value| -> u64 {
        let entry = bus.send_to(name, &["json", &request.to_string()]).await;
        entry.split('-').next().and_then(|millis| millis.parse().ok()).expect("an entry's id")
    };
    // Before anybody is there to do it.
    sent("docker", json!({"action": "put-template", "name": "t", "body": {"Image": "busybox"}, "requestId": "put.1"}))
        .await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let _workers = (bus.worker(1, "a.test").await, bus.worker(2, "b.test").await);
    bus.registered(2).await;
    bus.reply("put.1").await;
    let rows = async |request: &str| objects(&bus.says(&["audit", "--format", "json", "-f", request]).await);
    let took = rows("action=put-template").await[0]["took"].as_u64().expect("a number");
    assert!((1500..60_000).contains(&took), "{took}");

    // One that another dock does was sent when it was, not when it was passed on.
    let name = unique("took");
    let _scrub = Scrub::new(2, &name);
    bus.running("b.test", &name).await;
    let at = sent("docker.a.test", json!({"action": "pause-container", "id": name, "requestId": "pause.1"})).await;
    succeeded(&bus.reply("pause.1").await, 204);
    assert_eq!(bus.redis::<u64>(&["HGET", &bus.key("request.pause.1"), "since"]).await, at);
    let row = &rows("action=pause-container").await[0];
    assert_eq!(row["dock"], "b.test");
    let told = row["at"].as_str().and_then(|at| at.split('-').next()?.parse::<u64>().ok()).expect("when");
    let took = row["took"].as_u64().expect("a number");
    assert!(told.abs_diff(at + took) <= 1, "{row}, sent {at}");
}

#[test]
fn help_of_deblox_audit() {
    insta::assert_snapshot!(own(&["audit"]), @"
    List the requests that changed something or were to: who asked, for what, and how it ended

    Usage: deblox audit [OPTIONS]
           deblox audit <COMMAND>

    Commands:
      verify  Check that no record was removed, changed or moved, and print how far the audit has come;
              Redis itself is read
      export  Copy all records to a file or to syslog as they are made, and go on where it ended; Redis
              itself is read
      help    Print this message or the help of the given subcommand(s)

    Options:
          --follow              Go on with what is asked for from now on
          --since <TIME>        Nothing before: how long ago (10m), an RFC 3339 time, or seconds since
                                the epoch
          --user <NAME>         Only what this user asked for
      -f, --filter <KEY=VALUE>  Only what fits, such as action=stop-container or error=forbidden; may be
                                given several times
      -q, --quiet               Only the ids or names, one a line
          --format <FORMAT>     A table, or JSON with an object a line [default: table] [possible
                                values: table, json]
          --no-trunc            Whole ids
      -h, --help                Print help (see more with '--help')
    ");
}
