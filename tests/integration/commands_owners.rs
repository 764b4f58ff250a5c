//! `deblox chown`, `share` and `unshare`: whose containers are, and who shares them.

use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::cli_help::own;
use crate::commands::{objects, scrubbed};
use crate::support::{Bus, Scrub, refused, succeeded, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_given_away_and_shared_and_whose_they_are_is_shown() {
    let bus = Bus::new().await;
    let _worker = bus.worker(HOST, DOCK).await;
    let (web, job) = (unique("web"), unique("job"));
    let _scrub = (Scrub::new(HOST, &web), Scrub::new(HOST, &job));
    let id = bus.says(&["create", "--name", &web, "--owner", "ada", "busybox", "true"]).await;
    bus.says(&["create", "--name", &job, "busybox", "true"]).await;
    let shown = async || scrubbed(&bus.says(&["share", &web, &job]).await, &[&web, &job]);
    insta::assert_snapshot!(shown().await, @"
    CONTAINER ID | NAME | OWNER | SHARED WITH
    ID | job | anonymous
    ID | web | ada
    ");

    let place = format!("{DOCK}/{job}");
    assert_eq!(bus.says(&["chown", "bob", &web, &place]).await, format!("{web}\n{place}"));
    let with = ["--user", "carol", "--user", "dave", "--group", "crew", "--right", "view,exec", "--right", "delete"];
    assert_eq!(bus.says(&[&["share", &web, &job], &with[..]].concat()).await, format!("{web}\n{job}"));
    assert_eq!(bus.says(&["share", &web, "--user", "carol", "--right", "operate"]).await, web);
    assert_eq!(bus.says(&["unshare", &web, "--user", "dave"]).await, web);
    assert_eq!(bus.says(&["unshare", &job, "--user", "dave", "--user", "carol", "--group", "crew"]).await, job);
    insta::assert_snapshot!(shown().await, @"
    CONTAINER ID | NAME | OWNER | SHARED WITH
    ID | job | bob
    ID | web | bob | user carol (operate), group crew (view, exec, delete)
    ");
    let told = objects(&bus.says(&["share", &web, "--format", "json"]).await);
    let rights = json!(["view", "exec", "delete"]);
    let all =
        json!({"id": id, "name": web, "owner": "bob", "users": {"carol": ["operate"]}, "groups": {"crew": rights}});
    assert_eq!(told, [all]);
    assert_eq!(bus.says(&["share", &web, "-q", "--no-trunc"]).await, id);
    let listed =
        objects(&bus.says(&["ps", "-a", "-f", "owner=bob", "-f", &format!("name={web}"), "--format", "json"]).await);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["owner"], "bob");

    bus.complains(&["share", &web, "--user", "carol"], 1, &["--right"]).await;
    bus.complains(&["unshare", &web], 1, &["--user NAME or --group NAME"]).await;
    bus.complains(&["share", "nobody-here"], 1, &["nobody-here"]).await;
    bus.complains(&["chown", "bob", "nobody-here"], 1, &["nobody-here"]).await;
    for words in [&["share", "web", "--user", "carol", "--right", "own"][..], &["share", "web", "--right", "view"]] {
        assert_eq!(bus.deblox(words).await.code, 2, "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_an_instance_is_shows_to_whoever_may_look_at_it() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user("ada", Role::User, &[]).await;
    let bob = bus.known_user("bob", Role::User, &["crew"]).await;
    let name = unique("own");
    let _scrub = Scrub::new(HOST, &name);
    succeeded(&bus.call_as(&ada, json!({"action": "create-container", "image": "busybox", "name": name})).await, 201);
    let inspect = json!({"action": "inspect-instance", "id": name});
    let told = bus.call_as(&ada, inspect.clone()).await;
    let Value::Object(mut body) = told["Response"]["Body"].clone() else { panic!("{told}") };
    assert_eq!(body.remove("id").as_ref().and_then(Value::as_str).map(str::len), Some(64));
    assert_eq!(Value::Object(body), json!({"name": name, "owner": "ada", "users": {}, "groups": {}}));
    refused(&bus.call_as(&bob, inspect.clone()).await, 404, "no-such-instance", &[&name]);
    let share = json!({"action": "share-instance", "id": name, "group": "crew", "rights": ["exec"]});
    succeeded(&bus.call_as(&ada, share).await, 200);
    let told = bus.call_as(&bob, inspect).await;
    assert_eq!(told["Response"]["Body"]["groups"], json!({"crew": ["exec"]}), "{told}");
}

#[test]
fn help_of_deblox_chown() {
    insta::assert_snapshot!(own(&["chown"]), @"
    Offer containers of yours to another user, who accepts them; an operator gives them at once

    Usage: deblox chown [OPTIONS] <OWNER> <CONTAINER>...

    Arguments:
      <OWNER>         The user to whom they are to belong
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
      -h, --help  Print help (see more with '--help')
    ");
}

#[test]
fn help_of_deblox_share() {
    insta::assert_snapshot!(own(&["share"]), @"
    Share containers with users and groups; or without any, list whose they are and who shares them

    Usage: deblox share [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
          --user <NAME>      With this user; may be given several times
          --group <NAME>     With the members of this group; may be given several times
          --right <RIGHT>    What they may do, in the place of what they might: one or several, with
                             commas between them [possible values: view, operate, exec, delete]
      -q, --quiet            Only the ids or names, one a line
          --format <FORMAT>  A table, or JSON with an object a line [default: table] [possible values:
                             table, json]
          --no-trunc         Whole ids
      -h, --help             Print help (see more with '--help')
    ");
}

#[test]
fn help_of_deblox_unshare() {
    insta::assert_snapshot!(own(&["unshare"]), @"
    Share containers with users and groups no more

    Usage: deblox unshare [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
          --user <NAME>   With this user; may be given several times
          --group <NAME>  With the members of this group; may be given several times
      -h, --help          Print help (see more with '--help')
    ");
}
