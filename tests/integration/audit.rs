//! The audit: its chain, its bounds, what is recorded, and how it is checked and copied elsewhere.

use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use deblox::bus::Bus as Handle;
use deblox::protocol::limits::{AUDIT_LOOKS, AUDIT_REFUSALS};
use deblox::protocol::{AuditBounds, AuditRecord, Role};
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::auth::PASSWORD;
use crate::cli_help::own;
use crate::commands::objects;
use crate::support::{Bus, Scrub, refused, succeeded, unique, until};
use crate::web::Node;

impl Bus {
    /// The records of the audit, with what the script has added.
    pub async fn audited(&self) -> Vec<Value> {
        let entries: Vec<(String, Vec<String>)> = self.redis(&["XRANGE", &self.key("audit"), "-", "+"]).await;
        let read = |(at, fields): (String, Vec<String>)| {
            let mut record: Value = serde_json::from_str(&fields[1]).expect("JSON");
            record["at"] = json!(at);
            for pair in fields[2..].chunks(2) {
                record[&pair[0]] = json!(pair[1]);
            }
            record
        };
        entries.into_iter().map(read).collect()
    }

    /// Of each record with one of these actions what stands in these fields.
    async fn recorded(&self, actions: &[&str], fields: &[&str]) -> Vec<String> {
        let word = |record: &Value, name: &&str| {
            record
                .get(*name)
                .map_or_else(|| "-".to_owned(), |value| value.as_str().map_or(value.to_string(), str::to_owned))
        };
        let all = self.audited().await;
        let wanted = all.iter().filter(|record| actions.iter().any(|action| record["action"] == *action));
        wanted.map(|record| fields.iter().map(|name| word(record, name)).collect::<Vec<_>>().join(" ")).collect()
    }

    async fn verifies(&self) -> String {
        self.says(&["audit", "verify"]).await
    }

    /// What is wrong with the audit.
    async fn broken(&self, words: &[&str]) -> String {
        let said = self.deblox(&[&["audit", "verify"], words].concat()).await;
        assert_eq!(said.code, 1, "{said:?}");
        said.out.trim().strip_prefix("broken: ").unwrap_or_else(|| panic!("{said:?}")).to_owned()
    }

    /// Makes records of an action, as many as that.
    async fn fill(&self, count: usize) -> Handle {
        let handle = Handle::new(&self.options()).expect("options");
        for number in 0..count {
            let about = format!("n{number}");
            handle.audit(&AuditRecord { action: "fill", about: Some(&about), ..AuditRecord::default() }).await;
        }
        handle
    }

    /// Puts other entries in the place of those of the audit.
    async fn rewrite(&self, change: impl FnOnce(&mut Vec<(String, Vec<String>)>)) {
        let key = self.key("audit");
        let mut entries: Vec<(String, Vec<String>)> = self.redis(&["XRANGE", &key, "-", "+"]).await;
        change(&mut entries);
        self.redis::<()>(&["DEL", &key]).await;
        for (at, fields) in &entries {
            let fields = fields.iter().map(String::as_str);
            let words: Vec<&str> = ["XADD", &key, at].into_iter().chain(fields).collect();
            self.redis::<String>(&words).await;
        }
    }
}

/// What a key holds, to be put back.
async fn copy_of(bus: &Bus, name: &str) -> Vec<u8> {
    bus.redis(&["DUMP", &bus.key(name)]).await
}

async fn put_back(bus: &Bus, name: &str, copy: &[u8]) {
    let client = redis::Client::open(bus.url.as_str()).expect("a valid URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let mut restore = redis::cmd("RESTORE");
    restore.arg(bus.key(name)).arg(0).arg(copy).arg("REPLACE");
    restore.query_async::<()>(&mut connection).await.expect("it is put back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_the_records_is_found() {
    let bus = Bus::new().await;
    assert_eq!(bus.verifies().await, "right: there is no record yet");
    let _handle = bus.fill(10).await;
    let right = bus.verifies().await;
    let head = right.trim().rsplit(' ').next().expect("a head").to_owned();
    assert!(right.starts_with("right: 10 records, 1 to 10:"), "{right}");
    assert_eq!(bus.says(&["audit", "verify", "--since", &head]).await, right);
    let (records, kept_head) = (copy_of(&bus, "audit").await, copy_of(&bus, "audit.head").await);
    let again = async || {
        put_back(&bus, "audit", &records).await;
        put_back(&bus, "audit.head", &kept_head).await;
    };
    let entries: Vec<(String, Vec<String>)> = bus.redis(&["XRANGE", &bus.key("audit"), "-", "+"]).await;
    let at = |number: usize| entries[number - 1].0.as_str();

    bus.redis::<u8>(&["XDEL", &bus.key("audit"), at(4)]).await;
    assert_eq!(bus.broken(&[]).await, format!("record 4 is missing: record 5 at {} follows record 3", at(5)));
    again().await;
    bus.redis::<u8>(&["XTRIM", &bus.key("audit"), "MAXLEN", "7"]).await;
    assert_eq!(bus.broken(&[]).await, format!("records 1 to 3 are missing: record 4 at {} follows record 0", at(4)));
    again().await;
    bus.redis::<u8>(&["XDEL", &bus.key("audit"), at(9), at(10)]).await;
    assert_eq!(bus.broken(&[]).await, "records 9 to 10 are missing at the end");
    again().await;
    bus.redis::<u8>(&["DEL", &bus.key("audit")]).await;
    assert_eq!(bus.broken(&[]).await, "records 1 to 10 are missing at the end");
    again().await;
    bus.redis::<u8>(&["DEL", &bus.key("audit.head")]).await;
    assert!(bus.broken(&[]).await.contains("no head"));
    again().await;
    bus.redis::<u8>(&["HSET", &bus.key("audit.head"), "link", &"0".repeat(40)]).await;
    assert!(bus.broken(&[]).await.contains("record 10"));
    again().await;
    bus.rewrite(|all| all[3].1[1] = all[3].1[1].replace("n3", "n4")).await;
    assert!(bus.broken(&[]).await.contains(&format!("record 4 at {}", at(4))));
    again().await;
    bus.rewrite(|all| {
        let (third, fourth) = (all[2].1.clone(), all[3].1.clone());
        (all[2].1, all[3].1) = (fourth, third);
    })
    .await;
    assert!(bus.broken(&[]).await.contains("record 3 is missing"));
    again().await;
    bus.rewrite(|all| all[9].1[1] = all[9].1[1].replace("n9", "n8")).await;
    assert!(bus.broken(&[]).await.contains("the last one, was changed"));
    again().await;
    bus.rewrite(|all| all[4].0 = format!("{}9", all[4].0)).await;
    assert!(bus.broken(&[]).await.contains("record 5"), "another time");
    again().await;
    bus.redis::<String>(&["XADD", &bus.key("audit"), "*", "json", r#"{"action":"forged"}"#]).await;
    let _more = bus.fill(1).await;
    assert!(bus.broken(&[]).await.contains("no record of the audit"));

    // All of it written anew is right by itself, and not what somebody has noted.
    again().await;
    bus.redis::<u8>(&["DEL", &bus.key("audit"), &bus.key("audit.head")]).await;
    let _anew = bus.fill(10).await;
    assert!(bus.verifies().await.starts_with("right: 10 records"));
    assert!(bus.broken(&["--since", &head]).await.contains("record 10 is not what it was"));
    let said = bus.deblox(&["audit", "verify", "--since", "10"]).await;
    assert!(said.code == 2 && said.err.contains("NUMBER:HASH"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_trimming_leaves_can_be_verified() {
    let bus = Bus::new().await;
    let handle = Handle::new(&bus.options()).expect("options");
    handle.bound_audit(AuditBounds { records: 100, age: Duration::from_secs(3600) });
    for _ in 0..400 {
        handle.audit(&AuditRecord { action: "fill", ..AuditRecord::default() }).await;
    }
    let left: usize = bus.redis(&["XLEN", &bus.key("audit")]).await;
    assert!((100..=164).contains(&left), "{left}");
    let right = bus.verifies().await;
    assert!(right.starts_with(&format!("right: {left} records, {} to 400:", 401 - left)), "{right}");
    // What is taken away beyond that is found.
    bus.redis::<u8>(&["XTRIM", &bus.key("audit"), "MAXLEN", "90"]).await;
    assert!(bus.broken(&[]).await.contains("are missing: record 311"));

    // One that knows of no option goes by what others were told.
    let bus = Bus::new().await;
    let told = Handle::new(&bus.options()).expect("options");
    told.bound_audit(AuditBounds { records: 100_000, age: Duration::from_millis(1) });
    told.audit(&AuditRecord { action: "fill", ..AuditRecord::default() }).await;
    let other = bus.fill(200).await;
    other.keep_audit().await.expect("Redis is there");
    let left: usize = bus.redis(&["XLEN", &bus.key("audit")]).await;
    assert_eq!(left, 201 - 192, "only whole steps are trimmed");
    assert!(bus.verifies().await.starts_with("right: 9 records, 193 to 201:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_has_lost_records_is_told_of() {
    let bus = Bus::new().await;
    let handle = bus.fill(5).await;
    let (records, head) = (copy_of(&bus, "audit").await, copy_of(&bus, "audit.head").await);
    handle.audit(&AuditRecord { action: "lost", ..AuditRecord::default() }).await;
    let noted = bus.verifies().await.trim().rsplit(' ').next().expect("a head").to_owned();
    // As if a replica had taken over that did not have the last one; somebody else has written another by then.
    put_back(&bus, "audit", &records).await;
    put_back(&bus, "audit.head", &head).await;
    let _other = bus.fill(2).await;
    handle.keep_audit().await.expect("Redis is there");
    let told = bus.recorded(&["audit"], &["error", "about"]).await;
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.starts_with("records-lost Redis had confirmed record 6:"), "{told}");
    handle.keep_audit().await.expect("Redis is there");
    assert_eq!(bus.recorded(&["audit"], &[]).await.len(), 1, "it is told once");
    let right = bus.verifies().await;
    assert!(right.contains("once Redis had lost records"), "{right}");
    assert!(bus.broken(&["--since", &noted]).await.contains("record 6 is not what it was"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_pushes_nothing_out() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let bob = bus.known_user("bob", Role::Viewer, &[]).await;
    let flood = AUDIT_REFUSALS as usize * 3;
    for number in 0..flood {
        let request = json!({"action": "delete-container", "id": format!("c{number}")});
        assert_ne!(bus.call_as(&bob, request.clone()).await["statusCode"], 204);
        refused(&bus.call(request).await, 401, "unauthenticated", &[]);
        // What cannot be read, too.
        refused(
            &bus.call(json!({"action": "delete-container", "id": "x", "colour": number})).await,
            400,
            "unknown-field",
            &[],
        );
    }
    let of = async |error: &str| {
        let all = bus.audited().await;
        all.into_iter().filter(|record| record["error"] == error).collect::<Vec<_>>()
    };
    for error in ["unauthenticated", "unknown-field"] {
        assert_eq!(of(error).await.len(), AUDIT_REFUSALS as usize, "{error}");
    }
    let ours = bus.recorded(&["delete-container"], &["user"]).await;
    assert_eq!(ours.iter().filter(|user| *user == "bob").count(), AUDIT_REFUSALS as usize);

    // When the time is up it is told how many there were.
    let counted: Vec<(String, String)> = bus.redis(&["HGETALL", &bus.key("audit.counted")]).await;
    for (by, state) in counted {
        let old = state.split_once(' ').map(|(_, rest)| format!("1 {rest}")).expect("a time");
        bus.redis::<u8>(&["HSET", &bus.key("audit.counted"), &by, &old]).await;
    }
    bus.redis::<u8>(&["HSET", &bus.key("audit.head"), "swept", "0"]).await;
    let handle = Handle::new(&bus.options()).expect("options");
    handle.keep_audit().await.expect("Redis is there");
    let repeated = async || {
        let told = of("unauthenticated").await;
        let repeated = told.last()?.get("repeated")?.as_str()?.parse::<usize>().ok()?;
        Some((told.len(), repeated))
    };
    let found = until("the number", repeated).await;
    assert_eq!(found, (AUDIT_REFUSALS as usize + 1, flood - AUDIT_REFUSALS as usize));
    assert!(bus.verifies().await.starts_with("right: "));
    let root = bus.known_user("root", Role::Admin, &[]).await;
    let table = bus.deblox_with(&["audit", "-f", "error=unknown-field"], |command| {
        command.env("DEBLOX_TOKEN", &root);
    });
    let table = table.await.out;
    assert!(table.contains(&format!("({} times)", flood - AUDIT_REFUSALS as usize)), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_at_a_daemon_are_recorded_and_those_at_the_records_are_not() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let (ada, eve) = (bus.known_user("ada", Role::User, &[]).await, bus.known_user("eve", Role::Viewer, &[]).await);
    let name = unique("looks");
    let _scrub = Scrub::new(HOST, &name);
    let command = json!(["sh", "-c", "echo hi; sleep 600"]);
    let run = json!({"action": "create-container", "image": "busybox", "name": name, "cmd": command, "start": true});
    succeeded(&bus.call_as(&ada, run).await, 201);
    for _ in 0..3 {
        for action in ["inspect-container", "top-container", "container-diff", "container-logs"] {
            bus.call_as(&eve, json!({"action": action, "id": name})).await;
        }
        bus.call_as(&eve, json!({"action": "docker", "dock": DOCK, "path": "/images/json"})).await;
        bus.call_as(&eve, json!({"action": "list-images", "dock": DOCK})).await;
        for action in ["list-containers", "list-images"] {
            succeeded(&bus.call_as(&eve, json!({"action": action, "all": true})).await, 200);
        }
        succeeded(&bus.call_as(&eve, json!({"action": "ping"})).await, 200);
        succeeded(&bus.call_as(&eve, json!({"action": "list-docks"})).await, 200);
    }
    let all = bus.audited().await;
    let looks: Vec<&str> =
        all.iter().filter(|record| record["user"] == "eve").filter_map(|record| record["action"].as_str()).collect();
    assert!(!looks.contains(&"list-containers") && !looks.contains(&"ping"), "{looks:?}");
    // Each is there once: what repeats is counted.
    let times = |action: &str| looks.iter().filter(|look| **look == action).count();
    for action in ["inspect-container", "top-container", "container-logs", "docker", "list-images"] {
        assert_eq!(times(action), 1, "{action}: {looks:?}");
    }
    // Looks that are refused are recorded, also those at the records.
    refused(&bus.call(json!({"action": "list-docks"})).await, 401, "unauthenticated", &[]);
    assert_eq!(bus.recorded(&["list-docks"], &["error"]).await, ["unauthenticated"]);
    // Many different ones have a bound.
    for number in 0..AUDIT_LOOKS + 20 {
        bus.call_as(&eve, json!({"action": "inspect-image", "dock": DOCK, "image": format!("none{number}")})).await;
    }
    let all = bus.audited().await;
    let of_eve = all.iter().filter(|record| record["user"] == "eve").count();
    assert!(of_eve <= (AUDIT_LOOKS + AUDIT_REFUSALS + 1) as usize, "{of_eve}");

    // A stream that goes on is there before it ends.
    let follow =
        json!({"action": "container-logs", "id": name, "follow": true, "stream": true, "token": ada}).to_string();
    let following = bus.follow(&["call", &follow]);
    until("it has begun", async || {
        let all = bus.audited().await;
        all.iter().any(|record| record["user"] == "ada" && record["begun"] == true).then_some(())
    })
    .await;
    drop(following);
    assert!(bus.verifies().await.starts_with("right: "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_and_accounts_are_recorded_without_a_secret() {
    let bus = Bus::new().await;
    let _manager = bus.manager_with(|options| options.limits.account_attempts = 3);
    let _worker = bus.enforcing(HOST, DOCK).await;
    let piped = |words: &'static [&'static str]| bus.piped(words, b"sesame-street-9\n");
    assert_eq!(piped(&["user", "add", "ada", "--role", "admin", "--group", "crew", "--password-stdin"]).await.code, 0);
    let node = Node::enforcing(&bus).await;
    let login = async |name: &str, password: &str| {
        let body = json!({"username": name, "password": password}).to_string();
        node.ask("POST /api/v1/login", "Content-Type: application/json", &body).await
    };
    let first = login("ada", "sesame-street-9").await;
    assert_eq!(first.status, 200, "{first:?}");
    let cookie = first.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    for (name, password) in [("ada", "wrong-sesame-1"), ("zoe", "wrong-sesame-2"), ("not a name!", "wrong-sesame-3")] {
        assert_eq!(login(name, password).await.status, 401);
    }
    let head = format!("Cookie: {cookie}\r\nContent-Type: application/json");
    let new = json!({"name": "bob", "role": "user", "groups": [], "password": "sesame-street-8"}).to_string();
    assert_eq!(node.ask("POST /api/v1/users", &head, &new).await.status, 201);
    let changed = json!({"role": "viewer", "password": "sesame-street-7"}).to_string();
    assert_eq!(node.ask("PATCH /api/v1/users/bob", &head, &changed).await.status, 200);
    assert_eq!(node.ask("POST /api/v1/logout", &head, "").await.status, 204);
    assert_eq!(node.ask("GET /api/v1/users", &head, "").await.status, 401);
    bus.says(&["user", "role", "bob", "operator"]).await;
    bus.says(&["user", "quota", "bob", "--instances", "3"]).await;
    assert_eq!(piped(&["user", "passwd", "bob", "--password-stdin"]).await.code, 0);
    let token = bus.says(&["token", "add", "ci", "--user", "bob", "--role", "user"]).await;
    bus.complains(&["user", "rm", "nobody"], 1, &["nobody"]).await;
    for _ in 0..3 {
        succeeded(&bus.call_as(token.trim(), json!({"action": "ping"})).await, 200);
    }
    bus.says(&["token", "revoke", "bob/ci"]).await;
    bus.says(&["user", "rm", "bob"]).await;

    let logins = bus.recorded(&["login", "logout"], &["action", "user", "address", "status", "error"]).await;
    assert_eq!(
        logins,
        [
            "login ada 127.0.0.1 200 -",
            "login ada 127.0.0.1 401 denied",
            "login - 127.0.0.1 401 denied",
            "login - 127.0.0.1 401 denied",
            "logout ada - 200 -"
        ]
    );
    until("the refusal of the node", async || {
        let told = bus.recorded(&["http"], &["about", "address", "error"]).await;
        (told == ["GET /api/v1/users 127.0.0.1 unauthenticated"]).then_some(())
    })
    .await;
    let accounts = ["add-user", "change-user", "set-password", "remove-user", "add-token", "revoke-token", "use-token"];
    let accounts = bus.recorded(&accounts, &["action", "user", "about", "change", "status"]).await;
    assert_eq!(
        accounts,
        [
            "add-user - ada role=admin groups=crew 200",
            "add-user ada bob role=user groups= 200",
            "change-user ada bob role=viewer password 200",
            "change-user - bob role=operator 200",
            "change-user - bob quota instances=3 200",
            "set-password - bob - 200",
            "add-token - bob/ci role=user 200",
            "remove-user - nobody - 409",
            "use-token bob - - 200",
            "revoke-token - bob/ci - 200",
            "remove-user - bob - 200",
        ]
    );
    let all = format!("{:?}", bus.audited().await);
    for secret in ["sesame", "zoe", token.trim(), cookie.split('=').nth(1).expect("a session"), "not a name"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    // Too many: each is one more record, as others are.
    for _ in 0..5 {
        bus.auth("login", json!({"username": "ada", "password": "wrong-sesame-4"})).await;
    }
    let locked = bus.recorded(&["login"], &["status", "error"]).await;
    assert!(locked.contains(&"429 locked".to_owned()), "{locked:?}");
    // A viewer sees nothing of logins, and whoever logs in sees its own.
    let vic = bus.known_user("vic", Role::Viewer, &[]).await;
    let seen = json!({"action": "events", "all": true, "audit": true, "kept": true, "token": vic}).to_string();
    let seen = objects(&bus.deblox(&["call", &seen]).await.out);
    assert!(seen.iter().all(|record| record["action"] != "login" && record.get("seq").is_none()), "{seen:?}");
    assert!(seen.iter().any(|record| record["action"] == "use-token"), "{seen:?}");
    assert!(!PASSWORD.is_empty() && bus.verifies().await.starts_with("right: "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_goes_on_where_it_ended() {
    let bus = Bus::new().await;
    let handle = bus.fill(30).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.json");
    let (target, text) = (format!("file:{}", path.display()), path.display().to_string());
    let read = |path: &std::path::Path| objects(&std::fs::read_to_string(path).expect("a file"));
    bus.says(&["audit", "export", "--once", "--to", &target]).await;
    assert_eq!(read(&path).len(), 30);
    bus.says(&["audit", "export", "--once", "--to", &target]).await;
    assert_eq!(read(&path).len(), 30, "nothing is copied twice");
    let verified = bus.says(&["audit", "verify", "--file", &text]).await;
    assert_eq!(verified, bus.verifies().await);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("it is there").permissions());
    assert_eq!(mode & 0o777, 0o600);

    // It follows, and somebody rotates the file meanwhile.
    let following = bus.follow(&["audit", "export", "--to", &target]);
    handle.audit(&AuditRecord { action: "one", ..AuditRecord::default() }).await;
    until("one more", async || (read(&path).len() == 31).then_some(())).await;
    bus.complains(&["audit", "export", "--once", "--to", &target], 1, &["another export", "--state"]).await;
    let old = folder.path().join("audit.json.1");
    std::fs::rename(&path, &old).expect("it is moved");
    handle.audit(&AuditRecord { action: "two", ..AuditRecord::default() }).await;
    until("a new file", async || (path.exists() && read(&path).len() == 1).then_some(())).await;
    drop(following);
    let old_text = old.display().to_string();
    let both = bus.says(&["audit", "verify", "--file", &old_text, "--file", &text]).await;
    assert_eq!(both, bus.verifies().await);
    let changed = std::fs::read_to_string(&old).expect("text").replacen("\"n7\"", "\"n8\"", 1);
    std::fs::write(&old, changed).expect("it is written");
    assert!(bus.broken(&["--file", &old_text]).await.contains("one of the two was changed, on line 9"));

    // What was lost between two copies is told.
    bus.redis::<u8>(&["DEL", &bus.key("audit"), &bus.key("audit.head")]).await;
    let _anew = bus.fill(2).await;
    let said = bus.deblox(&["audit", "export", "--once", "--to", &target]).await;
    assert!(said.code == 0 && said.err.contains("the audit has a break: record 1"), "{said:?}");
    assert!(read(&path).iter().any(|line| line["event"] == "audit-break"));
    let said = bus.deblox(&["audit", "export", "--to", "http://a"]).await;
    assert!(said.code == 2 && said.err.contains("syslog+tcp"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syslog_gets_each_record() {
    let bus = Bus::new().await;
    let handle = bus.fill(3).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (path, state) = (folder.path().join("log"), folder.path().join("state.json").display().to_string());
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let target = format!("syslog+unix:{}", path.display());
    bus.says(&["audit", "export", "--once", "--to", &target, "--state", &state]).await;
    for number in 0..3 {
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).expect("a message");
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(message.starts_with("<109>1 2") && message.contains(" deblox - fill - {"), "{message}");
        let (_, json) = message.split_once(" - {").expect("a record");
        let record: Value = serde_json::from_str(&format!("{{{json}")).expect("JSON");
        assert_eq!(record["about"], format!("n{number}"));
    }
    // Over TCP each has its length before it; what a broken connection still had comes again.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = format!("syslog+tcp://{}", listener.local_addr().expect("an address"));
    let state = folder.path().join("tcp.json").display().to_string();
    let following = bus.follow(&["audit", "export", "--to", &target, "--state", &state]);
    let (mut stream, _) = listener.accept().expect("it comes");
    let take = |stream: &mut std::net::TcpStream| {
        let mut digits = String::new();
        loop {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a byte");
            if byte == *b" " {
                break;
            }
            digits.push(char::from(byte[0]));
        }
        let mut message = vec![0; digits.parse().expect("a length")];
        stream.read_exact(&mut message).expect("a message");
        String::from_utf8(message).expect("text")
    };
    assert!((0..3).map(|_| take(&mut stream)).all(|message| message.contains(" deblox - fill - {")));
    drop(stream);
    // The first write after that may still be taken by the kernel, and is then sent again.
    let again = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("it comes again");
        (0..4).map(|_| take(&mut stream)).collect::<Vec<_>>()
    });
    until("it comes again", async || {
        handle.audit(&AuditRecord { action: "more", ..AuditRecord::default() }).await;
        again.is_finished().then_some(())
    })
    .await;
    let messages = again.join().expect("messages");
    assert!(messages[..3].iter().all(|message| message.contains(" deblox - fill - {")), "{messages:?}");
    assert!(messages[3].contains(" deblox - more - {"), "{messages:?}");
    drop(following);
}

#[test]
fn help_of_deblox_audit_verify() {
    insta::assert_snapshot!(own(&["audit", "verify"]), @"
    Check that no record was removed, changed or moved, and print how far the audit has come; Redis
    itself is read

    Usage: deblox audit verify [OPTIONS]

    Options:
          --since <NUMBER:HASH>  A place that was noted earlier, as this command prints it: the audit
                                 must still hold what led up to it
          --file <PATH>          A copy that `deblox audit export` has made, in the place of the audit
                                 itself; may be given several times, the oldest first
      -h, --help                 Print help (see more with '--help')
    ");
}

#[test]
fn help_of_deblox_audit_export() {
    insta::assert_snapshot!(own(&["audit", "export"]), @"
    Copy all records to a file or to syslog as they are made, and go on where it ended; Redis itself is
    read

    Usage: deblox audit export [OPTIONS] --to <TARGET>

    Options:
          --to <TARGET>   Where to: file:PATH, syslog (/dev/log), syslog+unix:PATH,
                          syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT or syslog+tls://HOST:PORT
          --state <PATH>  The file that keeps how far it has come [default: PATH.position.json beside
                          the file, else one in deblox's state]
          --once          End when everything that is there is copied
          --ca <FILE>     With syslog+tls: the certificates of the authorities to trust, a PEM file
                          [default: those of the system]
      -h, --help          Print help (see more with '--help')
    ");
}
