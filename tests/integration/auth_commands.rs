//! `deblox user`, `group` and `token`: accounts as people manage them, and what each of these takes.

use deblox::client::Client;
use deblox::protocol::{Credential, Role};
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::auth::PASSWORD;
use crate::cli_help::own;
use crate::cli_terminal::{Terminal, fed};
use crate::support::{Bus, until};

impl Bus {
    pub async fn logs_in(&self, username: &str, password: &str) -> bool {
        self.auth("login", json!({"username": username, "password": password})).await.contains("sessionID")
    }

    /// The rows of a list, as programs get them.
    async fn rows(&self, words: &[&str]) -> Vec<Value> {
        let text = self.says(&[words, &["--format", "json"]].concat()).await;
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_added_listed_changed_and_removed() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    let add = ["user", "add", "ada", "--role", "admin", "--group", "ops", "--password-stdin"];
    let said = bus.piped(&add, format!("{PASSWORD}\n").as_bytes()).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "ada\n", ""), "{said:?}");
    let made = bus.says(&["user", "add", "bob", "--role", "user", "--generate"]).await;
    assert!(bus.logs_in("ada", PASSWORD).await && bus.logs_in("bob", &made).await);

    let table = bus.says(&["user", "ls"]).await;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "ROLE", "GROUPS", "STATE", "CREATED"]);
    assert_eq!(rows[1][..4], ["ada", "admin", "ops", "active"], "{table}");
    assert!(table.contains("one-time password"), "{table}");
    assert_eq!(bus.says(&["user", "ls", "--quiet"]).await, "ada\nbob");

    assert_eq!(bus.says(&["user", "ls", "-q", "-f", "groups=ops", "-f", "disabled=false"]).await, "ada");
    assert_eq!(bus.says(&["user", "ls", "-q", "-f", "role=admin", "-f", "role=user"]).await, "ada\nbob");
    assert_eq!(bus.says(&["group", "ls", "-q", "-f", "users=bob"]).await, "");

    assert_eq!(bus.says(&["user", "role", "bob", "viewer"]).await, "bob");
    assert_eq!(bus.says(&["user", "groups", "bob", "dev", "ops"]).await, "bob");
    let bob = bus.rows(&["user", "ls"]).await.pop().expect("bob");
    let facts = json!([bob["name"], bob["role"], bob["groups"], bob["disabled"], bob["temporary"]]);
    assert_eq!(facts, json!(["bob", "viewer", ["dev", "ops"], false, true]));
    assert!(!bob.to_string().contains("argon2"), "{bob}");
    assert_eq!(
        bus.rows(&["group", "ls"]).await,
        [json!({"name": "dev", "users": ["bob"]}), json!({"name": "ops", "users": ["ada", "bob"]}),]
    );
    assert_eq!(bus.says(&["group", "ls"]).await, "NAME      USERS\ndev       bob\nops       ada, bob");
    assert_eq!(bus.says(&["user", "groups", "bob"]).await, "bob");
    assert_eq!(bus.says(&["group", "ls", "-q"]).await, "ops");

    let said = bus.piped(&["user", "passwd", "bob", "--password-stdin"], b"another password").await;
    assert_eq!((said.code, said.out.as_str()), (0, "bob\n"), "{said:?}");
    assert!(!bus.logs_in("bob", &made).await && bus.logs_in("bob", "another password").await);
    assert_eq!(bus.rows(&["user", "ls"]).await[1]["temporary"], false);
    assert_eq!(bus.says(&["user", "disable", "ada", "bob"]).await, "ada\nbob");
    assert!(bus.says(&["user", "ls"]).await.contains("disabled") && !bus.logs_in("ada", PASSWORD).await);
    assert_eq!(bus.says(&["user", "enable", "ada"]).await, "ada");
    assert!(bus.logs_in("ada", PASSWORD).await && !bus.logs_in("bob", "another password").await);
    assert_eq!(bus.says(&["user", "rm", "bob"]).await, "bob");
    assert_eq!(bus.says(&["user", "ls", "-q"]).await, "ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_about_a_user_or_a_token_is_said_in_one_line() {
    let bus = Bus::new().await;
    bus.says(&["user", "add", "ada", "--role", "user", "--generate"]).await;
    bus.complains(&["user", "add", "ada", "--role", "user", "--generate"], 1, &["there is a user `ada` already"]).await;
    for words in
        [&["user", "rm", "eve"][..], &["user", "role", "eve", "admin"], &["token", "add", "ci", "--user", "eve"]]
    {
        bus.complains(words, 1, &["no user is called `eve`", "deblox user ls"]).await;
    }
    let said = bus.piped(&["user", "add", "bob", "--role", "user"], PASSWORD.as_bytes()).await;
    assert!(said.code == 1 && said.err.contains("--password-stdin"), "{said:?}");
    for (password, part) in [("short", "12 characters or more"), (&*"x".repeat(1025), "at most 1024 bytes")] {
        let said = bus.piped(&["user", "add", "bob", "--role", "user", "--password-stdin"], password.as_bytes()).await;
        assert!(said.code == 1 && said.err.contains(part) && !said.err.contains(password), "{said:?}");
    }
    for (words, part) in [
        (&["user", "add", "a b", "--role", "user", "--generate"][..], "a name has 1 to 64"),
        (&["user", "add", "bob", "--role", "king", "--generate"], "viewer"),
        (&["user", "add", "bob", "--generate"], "--role"),
        (&["user", "add", "bob", "--role", "user", "--group", "-", "--generate"], "a name has 1 to 64"),
    ] {
        let said = bus.deblox(words).await;
        assert!(said.code == 2 && said.err.contains(part), "{words:?}: {said:?}");
    }
    assert_eq!(bus.says(&["user", "ls", "-q"]).await, "ada");

    let token = ["token", "add", "ci", "--user", "ada"];
    bus.complains(&[&token[..], &["--role", "operator"]].concat(), 1, &["the role of `ada` is user"]).await;
    bus.says(&token).await;
    bus.complains(&token, 1, &["`ada` has a token `ci` already"]).await;
    bus.complains(&["token", "revoke", "nothing"], 1, &["no token is called `nothing`", "deblox token ls"]).await;
    let nowhere = bus.deblox_with(&["user", "ls"], |command| {
        command.env("REDIS_URL", "redis://127.0.0.1:1");
    });
    let said = nowhere.await;
    assert!(
        said.code == 1 && said.err.contains("Redis was looked for at") && said.err.lines().count() == 1,
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_show_who_a_program_is_until_they_end() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    bus.says(&["user", "add", "ada", "--role", "operator", "--group", "ops", "--generate"]).await;
    let add = |more: &[&'static str]| [&["token", "add"], more, &["--user", "ada"]].concat();
    let whole = bus.says(&add(&["deploy"])).await;
    let less = bus.says(&add(&["look", "--role", "viewer"])).await;
    assert!(whole.starts_with("deblox_") && whole.len() == 71 && whole != less);
    let authorise = async |token: &str| bus.auth("authorise", json!({"token": token})).await;
    let whose = |role| format!(r#"{{"status":"ok","username":"ada","groups":["ops"],"role":"{role}"}}"#);
    let denied = r#"{"status":"denied"}"#;
    assert_eq!(bus.rows(&["token", "ls"]).await[0]["lastUsed"], Value::Null);
    assert_eq!((authorise(&whole).await, authorise(&less).await), (whose("operator"), whose("viewer")));
    assert_eq!(authorise(&format!("{whole}0")).await, denied);
    assert!(bus.rows(&["token", "ls"]).await[0]["lastUsed"].is_string());

    // Never more than its user may.
    bus.says(&["user", "role", "ada", "user"]).await;
    assert_eq!((authorise(&whole).await, authorise(&less).await), (whose("user"), whose("viewer")));
    bus.says(&["user", "disable", "ada"]).await;
    assert_eq!(authorise(&whole).await, denied);
    bus.says(&["user", "enable", "ada"]).await;
    assert_eq!(authorise(&whole).await, whose("user"));

    let table = bus.says(&["token", "ls", "--user", "ada"]).await;
    let heads = table.lines().next().expect("a head").split("  ").filter(|head| !head.is_empty()).map(str::trim);
    assert_eq!(heads.collect::<Vec<_>>(), ["ID", "USER", "NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"]);
    assert!(!table.contains(&whole[7..19]) && table.contains("never"), "{table}");
    let ids: Vec<String> = bus.says(&["token", "ls", "-q"]).await.lines().map(str::to_owned).collect();
    assert_eq!(bus.says(&["token", "ls", "--user", "eve", "-q"]).await, "");
    assert_eq!(bus.says(&["token", "revoke", &ids[0], "ada/look"]).await, format!("{}\nada/look", ids[0]));
    assert_eq!((authorise(&whole).await, authorise(&less).await), (denied.to_owned(), denied.to_owned()));

    let short = bus.says(&add(&["short", "--expires", "1s"])).await;
    until("it ends", async || (authorise(&short).await == denied).then_some(())).await;
    assert!(bus.says(&["token", "ls"]).await.contains("expired"));
    let other = bus.says(&add(&["other"])).await;
    bus.says(&["user", "rm", "ada"]).await;
    bus.says(&["user", "add", "ada", "--role", "admin", "--generate"]).await;
    assert_eq!((authorise(&other).await.as_str(), bus.says(&["token", "ls", "-q"]).await.as_str()), (denied, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_twice_and_not_shown() {
    let bus = Bus::new().await;
    let _manager = bus.manager();
    let ask = async |again: &str| {
        let mut terminal = Terminal::start(&bus.command(&["user", "add", "ada", "--role", "user"]));
        terminal.shows("Password: ").await;
        terminal.types(format!("{PASSWORD}\n").as_bytes());
        terminal.shows("The same again: ").await;
        terminal.types(format!("{again}\n").as_bytes());
        let code = terminal.ends().await;
        assert!(!terminal.shown().contains(PASSWORD), "{}", terminal.shown());
        (code, terminal.shown())
    };
    let (code, shown) = ask("another password").await;
    assert!(code == Some(1) && shown.contains("the two are not the same"), "{shown}");
    assert!(!bus.logs_in("ada", PASSWORD).await);
    let (code, shown) = ask(PASSWORD).await;
    assert!(code == Some(0) && shown.trim_end().ends_with("ada"), "{shown}");
    assert!(bus.logs_in("ada", PASSWORD).await);

    let mut terminal = Terminal::start(&bus.command(&["user", "passwd", "ada"]));
    terminal.shows("Password: ").await;
    terminal.types(b"\x03");
    assert_eq!(terminal.ends().await, Some(130), "Ctrl-C ends it, and the terminal is as it was");
}

#[test]
fn help_of_deblox_user() {
    insta::assert_snapshot!(own(&["user"]), @r#"
    List users, or change who may use the cluster

    Usage: deblox user [OPTIONS] <COMMAND>

    Commands:
      ls       List users [alias: list]
      add      Add a user; the password is asked for, twice [alias: create]
      role     Give a user another role
      groups   Put a user into these groups and no others
      passwd   Give a user another password, which is asked for; all sessions of the user end
      quota    Show how much a user may use and uses, or set how much it may
      disable  Let users log in no more; their sessions end and their tokens count no more
      enable   Let users log in again
      rm       Remove users with their sessions and tokens [alias: remove]
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_user_add() {
    insta::assert_snapshot!(own(&["user", "add"]), @r#"
    Add a user; the password is asked for, twice

    Usage: deblox user add [OPTIONS] --role <ROLE> <NAME>

    Arguments:
      <NAME>  The name, 1 to 64 of A-Z a-z 0-9 . _ @ -

    Options:
          --role <ROLE>     What the user may do [possible values: viewer, user, operator, admin]
          --group <GROUP>   A group that it belongs to; may be given several times
          --password-stdin  Read the password from standard input
          --generate        Make a one-time password and print it
      -h, --help            Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_user_quota() {
    insta::assert_snapshot!(own(&["user", "quota"]), @r#"
    Show how much a user may use and uses, or set how much it may

    Usage: deblox user quota [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name

    Options:
          --instances <NUMBER>  How many instances it may have, in whatever state
          --memory <SIZE>       How much memory the limits of its instances may allow them, such as 4g
          --cpus <NUMBER>       How many processors, such as 2.5
          --pids <NUMBER>       How many processes and threads the limits of its instances may allow
                                them
          --none                Forget the quota there is, but for what else is said
      -q, --quiet               Only the ids or names, one a line
          --format <FORMAT>     A table, or JSON with an object a line [default: table] [possible
                                values: table, json]
          --no-trunc            Whole ids
      -h, --help                Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_user_groups() {
    insta::assert_snapshot!(own(&["user", "groups"]), @r#"
    Put a user into these groups and no others

    Usage: deblox user groups [OPTIONS] <NAME> [GROUP]...

    Arguments:
      <NAME>      The name
      [GROUP]...  The groups; none takes the user out of all

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_user_passwd() {
    insta::assert_snapshot!(own(&["user", "passwd"]), @r#"
    Give a user another password, which is asked for; all sessions of the user end

    Usage: deblox user passwd [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name

    Options:
          --revoke-tokens   Revoke all tokens of the user as well [default: ask, and keep them where
                            there is no terminal]
          --keep-tokens     Keep the tokens of the user
          --password-stdin  Read the password from standard input
          --generate        Make a one-time password and print it
      -h, --help            Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_group() {
    insta::assert_snapshot!(own(&["group"]), @r#"
    List groups of users

    Usage: deblox group [OPTIONS] <COMMAND>

    Commands:
      ls    List the groups that users belong to; `deblox user groups` changes that [alias: list]
      help  Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_token() {
    insta::assert_snapshot!(own(&["token"]), @r#"
    List API tokens, or change them

    Usage: deblox token [OPTIONS] <COMMAND>

    Commands:
      ls      List tokens; none of them can be seen again [alias: list]
      add     Make a token and print it, this once [alias: create]
      revoke  Have tokens count no more [alias: rm]
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_token_add() {
    insta::assert_snapshot!(own(&["token", "add"]), @r#"
    Make a token and print it, this once

    Usage: deblox token add [OPTIONS] --user <NAME> <NAME>

    Arguments:
      <NAME>  What it is for, 1 to 64 of A-Z a-z 0-9 . _ @ -

    Options:
          --user <NAME>     Whose it is
          --role <ROLE>     What it may do, at most what its user may [default: that] [possible values:
                            viewer, user, operator, admin]
          --expires <TIME>  After what time it ends, such as 90days [default: never]
      -h, --help            Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_token_revoke() {
    insta::assert_snapshot!(own(&["token", "revoke"]), @r#"
    Have tokens count no more

    Usage: deblox token revoke [OPTIONS] <ID>...

    Arguments:
      <ID>...  Their ids, or USER/NAME

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_lasts_for_the_commands_that_follow_it() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let home = tempfile::tempdir().expect("a folder");
    let deblox = async |words: &[&str], input: &str| {
        let mut command = bus.command(words);
        command.env("XDG_STATE_HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
        fed(command, input.as_bytes()).await
    };
    let complains = async |words: &[&str], input: &str, parts: &[&str]| {
        let said = deblox(words, input).await;
        assert!(said.code == 1 && said.err.lines().count() == 1, "{words:?}: {said:?}");
        assert!(parts.iter().all(|part| said.err.contains(part)), "{words:?}: {said:?}");
    };
    let login = ["login", "--user", "ada", "--password-stdin"];
    complains(&["docks"], "", &["deblox login", "token"]).await;
    complains(&["whoami"], "", &["deblox login", "DEBLOX_TOKEN"]).await;
    complains(&["logout"], "", &["not logged in"]).await;
    complains(&["login", "--password-stdin"], "", &["--user"]).await;
    complains(
        &[&["--timeout", "500ms"], &login[..]].concat(),
        PASSWORD,
        &["no auth manager", "500ms", "--auth-manager"],
    )
    .await;

    let _manager = bus.manager();
    bus.user("ada", Role::User, &["crew"]).await;
    complains(&login, "wrong", &["the name or the password is wrong"]).await;
    let said = deblox(&login, &format!("{PASSWORD}\n")).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "ada\n", ""), "{said:?}");
    let kept = home.path().join("deblox/sessions.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&kept).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    let said = deblox(&["docks", "-q"], "").await;
    assert_eq!((said.code, said.out.trim()), (0, DOCK), "{said:?}");
    assert_eq!(deblox(&["whoami"], "").await.out, "ada (user; in crew)\n");
    let who = deblox(&["whoami", "--format", "json"], "").await.out;
    assert_eq!(who, "{\"username\":\"ada\",\"role\":\"user\",\"groups\":[\"crew\"]}\n");
    // Of somebody who may not, the sentence of the worker.
    complains(&["docks", "drain", DOCK], "", &["`ada`", "`dock`", "admins"]).await;
    let session = std::fs::read_to_string(&kept).expect("text");
    let verbose = deblox(&["-v", "docks"], "").await;
    let secret = session.split('"').nth(3).expect("a session");
    assert!(verbose.code == 0 && !verbose.err.contains(secret) && verbose.err.contains("list-docks"), "{verbose:?}");

    assert_eq!(deblox(&["logout"], "").await.out, "logged out\n");
    complains(&["docks"], "", &["deblox login"]).await;
    assert!(!bus.counts(secret).await, "it has ended everywhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_says_who_asks_by_option_environment_or_context() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let _manager = bus.manager();
    let (ada, olga) = (bus.known_user("ada", Role::User, &[]).await, bus.known_user("olga", Role::Operator, &[]).await);
    let home = tempfile::tempdir().expect("a folder");
    let (file, none) = (home.path().join("ada"), home.path().join("none"));
    std::fs::write(&file, format!("{ada}\n")).expect("written");
    let file = file.to_str().expect("UTF-8");
    let who = async |words: &[&str], token: Option<&str>| {
        let change = |command: &mut std::process::Command| {
            command.env("XDG_STATE_HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
            if let Some(token) = token {
                command.env("DEBLOX_TOKEN", token);
            }
        };
        let said = bus.deblox_with(&[words, &["whoami"]].concat(), change).await;
        if said.code == 0 { said.out.trim().to_owned() } else { said.err }
    };
    assert_eq!(who(&["--token-file", file], None).await, "ada (user)");
    assert_eq!(who(&["--token-file", file], Some(&olga)).await, "ada (user)", "the option goes first");
    assert_eq!(who(&[], Some(&olga)).await, "olga (operator)");
    assert!(who(&["--token-file", none.to_str().expect("UTF-8")], None).await.contains("cannot be read"));
    assert!(who(&[], Some("deblox_0")).await.contains("does not count"));
    let set = ["context", "set", "here", "--redis-url", &bus.url, "--namespace", &bus.namespace, "--token-file", "ada"];
    // What it holds counts in every folder, and so does what was named from this one.
    let there = |command: &mut std::process::Command| {
        command.env("XDG_CONFIG_HOME", home.path()).current_dir(home.path());
    };
    let said = bus.deblox_with(&set, there).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(who(&["--context", "here"], None).await, "ada (user)");
    assert_eq!(who(&["--context", "here"], Some(&olga)).await, "olga (operator)");

    // The commands ask as whoever that is; and so does the library.
    let said = bus.deblox_with(&["docks", "-q"], |command| _ = command.env("DEBLOX_TOKEN", &ada)).await;
    assert_eq!((said.code, said.out.trim()), (0, DOCK), "{said:?}");
    let client = Client::new(&bus.options()).expect("options");
    let refusal = client.call(json!({"action": "ping"})).await.expect("a reply");
    assert_eq!(refusal.error(), Some("unauthenticated"));
    let client = client.with_credential(Credential::read(&ada));
    assert!(client.call(json!({"action": "ping"})).await.expect("a reply").is_success());
    let other = client.call(json!({"action": "ping", "token": "deblox_0"})).await.expect("a reply");
    assert_eq!(other.error(), Some("unauthenticated"), "what the request says itself counts");
}

#[test]
fn help_of_deblox_login() {
    insta::assert_snapshot!(own(&["login"]), @"
    Log in, where workers ask who it is; the session is kept for the commands that follow

    Usage: deblox login [OPTIONS]

    Options:
          --user <NAME>     Who logs in [default: it is asked for]
          --password-stdin  Read the password from standard input
      -h, --help            Print help (see more with '--help')
    ");
}

#[test]
fn help_of_deblox_whoami() {
    insta::assert_snapshot!(own(&["whoami"]), @"
    Tell who the commands come from, and what that one may do

    Usage: deblox whoami [OPTIONS]

    Options:
          --format <FORMAT>  A line of text, or JSON [default: table] [possible values: table, json]
      -h, --help             Print help (see more with '--help')
    ");
}
