//! Quotas: how much a user may have in the whole cluster, whoever asks and whatever is lost meanwhile.

use std::time::Duration;

use deblox::actions::Bounds;
use deblox::auth::{Accounts, Change};
use deblox::bus::{Bus as Handle, Claim};
use deblox::protocol::{Limits, Quota, RequestId, Role, Usage};
use deblox::worker::Authority;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST};
use crate::auth::named;
use crate::more_actions::{exists, known};
use crate::proxy::Proxy;
use crate::support::{Bus, Scrub, docker, refused, succeeded, try_docker, unique, until};

const MIB: u64 = 1 << 20;
const CPU: u64 = 1_000_000_000;

impl Bus {
    /// Bounds what a user may have.
    async fn bound(&self, user: &str, quota: Quota) {
        let handle = Handle::new(&self.options()).expect("options");
        Accounts(&handle).change(&named(user), &Change::Quota(Some(quota))).await.expect("a quota");
    }

    /// Instances, MiB of memory, and thousandths of a processor that a user has.
    async fn used(&self, user: &str) -> (u64, u64, u64) {
        let handle = Handle::new(&self.options()).expect("options");
        let (_, Usage { instances, memory, nano_cpus, .. }) =
            Accounts(&handle).usage(&named(user)).await.expect("usage");
        (instances, memory / MIB, nano_cpus / 1_000_000)
    }

    async fn until_used(&self, user: &str, wanted: (u64, u64, u64)) {
        until(&format!("{user} uses {wanted:?}"), async || (self.used(user).await == wanted).then_some(())).await;
    }
}

fn instances(instances: u64) -> Quota {
    Quota { instances: Some(instances), ..Quota::default() }
}

/// A request with further fields.
fn with(mut request: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (request.as_object_mut(), more) {
        fields.extend(more);
    }
    request
}

/// A create of a container that does nothing, with further fields.
fn create(name: &str, more: Value) -> Value {
    let plain = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name});
    with(plain, more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_creates_at_once_as_many_succeed_as_the_quota_allows() {
    let bus = Bus::new().await;
    // The hosts have instances of others, too.
    let user = unique("ada");
    let docks = [(HOST, "a.test"), (1, "b.test")];
    let _workers = (bus.enforcing(HOST, "a.test").await, bus.enforcing(1, "b.test").await);
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    bus.bound(&user, instances(3)).await;
    for _ in 0..3 {
        let family = unique("at-once");
        let names: Vec<String> = (0..8).map(|number| format!("{family}-{number}")).collect();
        let _scrubs: Vec<Scrub> =
            names.iter().flat_map(|name| docks.iter().map(|(host, _)| Scrub::new(*host, name))).collect();
        let asked = join_all(names.iter().enumerate().map(async |(number, name)| {
            // An operator who creates for her is bound by the same.
            let (token, owner) = if number % 4 == 3 { (&olga, json!(user)) } else { (&ada, Value::Null) };
            let mut request = create(name, json!({"dock": docks[number % 2].1}));
            if !owner.is_null() {
                request["owner"] = owner;
            }
            bus.call_as(token, request).await
        }))
        .await;
        let (made, others): (Vec<_>, Vec<_>) = asked.iter().partition(|reply| reply["statusCode"] == 201);
        for reply in &others {
            refused(reply, 403, "quota-exceeded", &[&user, "3 instances", "it has 3"]);
            assert_eq!(reply["Response"]["Body"], json!({"of": "instances", "used": 3, "asked": 1, "quota": 3}));
        }
        let listed = docks
            .iter()
            .map(|(host, _)| docker(*host, &["ps", "-aq", "--filter", &format!("name={family}")]).lines().count());
        assert_eq!(listed.sum::<usize>(), 3, "of those that are refused nothing is left");
        for (_, dock) in docks {
            assert_eq!(bus.redis::<u64>(&["ZCARD", &bus.key(&format!("promises.{dock}"))]).await, 0);
        }
        assert_eq!(bus.used(&user).await, (3, 0, 0));
        for reply in made {
            let delete = json!({"action": "delete-container", "id": reply["Id"]});
            succeeded(&bus.call_as(&ada, delete).await, 204);
        }
        assert_eq!(bus.used(&user).await, (0, 0, 0), "what is deleted is free at once");
    }
    let several = bus.call_as(&ada, create(&unique("several"), json!({"instances": 4}))).await;
    for reply in several["containers"].as_array().into_iter().flatten() {
        if let Some(id) = reply["Id"].as_str() {
            for (host, _) in docks {
                try_docker(host, &["rm", "-f", id]);
            }
        }
    }
    refused(&several, 207, "incomplete", &["3 of 4", "3 instances"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_cpus_are_counted_by_the_limits_and_what_has_none_is_refused() {
    let bus = Bus::new().await;
    // The hosts have instances of others, too.
    let user = unique("ada");
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let name = unique("limits");
    let names = ["a", "b", "c", "free"].map(|part| format!("{name}-{part}"));
    let _scrubs = names.each_ref().map(|name| Scrub::new(HOST, name));
    let [one, two, three, free] = &names;
    bus.bound(&user, Quota { memory: Some(256 * MIB), nano_cpus: Some(3 * CPU / 2), ..Quota::default() }).await;

    let plain = bus.call_as(&ada, create(one, json!({}))).await;
    refused(&plain, 403, "quota-exceeded", &["256m of memory", "no limit", "`memory`"]);
    let half = bus.call_as(&ada, create(one, json!({"memory": "64m"}))).await;
    refused(&half, 403, "quota-exceeded", &["1.5 of cpus", "no limit", "`cpus`"]);
    succeeded(&bus.call_as(&ada, create(one, json!({"memory": "128m", "cpus": 0.5}))).await, 201);
    let much = bus.call_as(&ada, create(two, json!({"memory": "129m", "cpus": 0.5}))).await;
    refused(&much, 403, "quota-exceeded", &["256m of memory", "have 128m", "asks for 129m"]);
    assert_eq!(much["Response"]["Body"]["used"], 128 * MIB);
    let raw = |quota: u64| {
        let host = json!({"Memory": 64 * MIB, "CpuQuota": quota, "CpuPeriod": 50_000});
        json!({"action": "create-raw-container", "name": two, "body": {"Image": "busybox", "HostConfig": host}})
    };
    let much = bus.call_as(&ada, raw(60_000)).await;
    refused(&much, 403, "quota-exceeded", &["1.5 of cpus", "have 0.5", "asks for 1.2"]);
    assert!(!exists("container", two));
    succeeded(&bus.call_as(&ada, raw(50_000)).await, 201);
    assert_eq!(bus.used(&user).await, (2, 192, 1500));

    // A create that fails, at once or when it is started, leaves nothing that counts.
    succeeded(&bus.call_as(&ada, json!({"action": "delete-container", "id": two})).await, 204);
    for wrong in
        [json!({"image": "no.such/image", "pull": "never"}), json!({"cmd": ["/no/such/program"], "start": true})]
    {
        let request = with(create(three, json!({"memory": "128m", "cpus": 1})), wrong);
        let failed = bus.call_as(&ada, request).await;
        assert!(failed["statusCode"].as_u64() >= Some(400) && failed["error"] != "quota-exceeded", "{failed}");
        bus.until_used(&user, (1, 128, 500)).await;
    }

    // What is changed is counted anew, and less is always allowed.
    let update = |more: Value| with(json!({"action": "update-container", "id": one}), more);
    refused(&bus.call_as(&ada, update(json!({"memory": "257m"}))).await, 403, "quota-exceeded", &["asks for 257m"]);
    assert_eq!(known("container", one)["HostConfig"]["Memory"], 128 * MIB);
    succeeded(&bus.call_as(&ada, update(json!({"memory": "256m", "cpus": 1.5}))).await, 200);
    assert_eq!(bus.used(&user).await, (1, 256, 1500));
    let failed = bus.call_as(&ada, update(json!({"memory": "1"}))).await;
    refused(&failed, 400, "docker-error", &["6MB"]);
    assert_eq!(bus.used(&user).await, (1, 256, 1500));
    bus.bound(&user, Quota { memory: Some(100 * MIB), ..Quota::default() }).await;
    succeeded(&bus.call_as(&ada, update(json!({"memory": "200m"}))).await, 200);
    succeeded(&bus.call_as(&ada, update(json!({"restart": "no"}))).await, 200);
    refused(&bus.call_as(&ada, update(json!({"memory": "201m"}))).await, 403, "quota-exceeded", &["100m of memory"]);
    assert_eq!(bus.used(&user).await, (1, 200, 1500));

    // One that was made without a limit may use all there is, until it has one.
    bus.bound(&user, Quota::default()).await;
    succeeded(&bus.call_as(&olga, create(free, json!({"owner": user}))).await, 201);
    bus.bound(&user, Quota { memory: Some(1024 * MIB), ..Quota::default() }).await;
    let other = bus.call_as(&ada, create(three, json!({"memory": "8m"}))).await;
    refused(&other, 403, "quota-exceeded", &["1 of its instances without a limit", "`update-container`"]);
    let bounded = with(update(json!({"memory": "64m"})), json!({"id": free}));
    succeeded(&bus.call_as(&ada, bounded).await, 200);
    succeeded(&bus.call_as(&ada, create(three, json!({"memory": "8m"}))).await, 201);
    assert_eq!(bus.used(&user).await, (3, 272, 1500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_counts_for_whom_it_belongs_to_and_once_while_it_is_replaced() {
    let bus = Bus::new().await;
    // The hosts have instances of others, too.
    let (user, other) = (unique("ada"), unique("bob"));
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let bob = bus.known_user(&other, Role::User, &[]).await;
    let (one, two) = (unique("given"), unique("given"));
    let _scrubs = (Scrub::new(HOST, &one), Scrub::new(HOST, &two));
    bus.bound(&user, Quota { instances: Some(2), memory: Some(64 * MIB), ..Quota::default() }).await;
    bus.bound(&other, instances(1)).await;
    for name in [&one, &two] {
        succeeded(&bus.call_as(&ada, create(name, json!({"memory": "32m"}))).await, 201);
    }
    let give = |name: &str, owner: &str| json!({"action": "chown-instance", "id": name, "owner": owner});
    let accept = |name: &str| json!({"action": "accept-instance", "id": name});
    succeeded(&bus.call_as(&ada, give(&one, &user)).await, 200);
    assert_eq!((bus.used(&user).await, bus.used(&other).await), ((2, 64, 0), (0, 0, 0)));
    for name in [&one, &two] {
        succeeded(&bus.call_as(&ada, give(name, &other)).await, 200);
    }
    assert_eq!(
        (bus.used(&user).await, bus.used(&other).await),
        ((2, 64, 0), (0, 0, 0)),
        "an offer counts with its owner"
    );
    succeeded(&bus.call_as(&bob, accept(&one)).await, 200);
    assert_eq!((bus.used(&user).await, bus.used(&other).await), ((1, 32, 0), (1, 32, 0)));
    refused(&bus.call_as(&bob, accept(&two)).await, 403, "quota-exceeded", &[&other, "1 instances"]);
    assert_eq!((bus.used(&user).await, bus.used(&other).await), ((1, 32, 0), (1, 32, 0)));
    let owner: String =
        bus.redis(&["HGET", &bus.key("owners"), known("container", &two)["Id"].as_str().unwrap_or_default()]).await;
    assert!(owner.contains(&user), "{owner}");

    // Both have all that they may have; what replaces an instance takes its place, that of a new owner too.
    for (token, name, whose) in [(&ada, &two, &user), (&bob, &one, &other)] {
        let recreate = json!({"action": "recreate-container", "id": name, "pull": "never", "settle": 0});
        succeeded(&bus.call_as(token, recreate).await, 201);
        assert_eq!(bus.used(whose).await, (1, 32, 0));
    }
    succeeded(&bus.call_as(&bob, json!({"action": "delete-container", "id": one})).await, 204);
    docker(HOST, &["rm", "-f", &two]);
    for whose in [&user, &other] {
        bus.until_used(whose, (0, 0, 0)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_half_way_counts_until_it_is_seen_or_has_run_out() {
    let bus = Bus::new().await;
    // The hosts have instances of others, too.
    let user = unique("ada");
    let ada = bus.known_user(&user, Role::User, &[]).await;
    bus.bound(&user, instances(1)).await;
    let name = unique("lost");
    let _scrub = Scrub::new(HOST, &name);
    let proxy = Proxy::losing(HOST, "/containers/create");
    let authority = Authority { session_idle: Duration::from_secs(1800), bounds: Bounds::default() };
    let worker = bus
        .worker_with(HOST, DOCK, |options| {
            options.authority = Some(authority);
            options.docker.host.clone_from(&proxy.address);
        })
        .await;
    let mut request = create(&name, json!({"requestId": "lost.1"}));
    request["token"] = json!(ada);
    bus.send(&["json", &request.to_string()]).await;
    until("it is created", async || exists("container", &name).then_some(())).await;
    drop(worker);
    assert_eq!(bus.used(&user).await, (1, 0, 0));
    let _next = bus.enforcing(HOST, DOCK).await;
    succeeded(&bus.reply("lost.1").await, 201);
    assert_eq!(bus.used(&user).await, (1, 0, 0), "as one, by its id");
    let fields: Vec<String> = bus.redis(&["HKEYS", &bus.key(&format!("auth.usage.{user}"))]).await;
    assert_eq!(fields, [known("container", &name)["Id"].as_str().expect("an id")]);
    refused(&bus.call_as(&ada, create(&unique("lost"), json!({}))).await, 403, "quota-exceeded", &[]);
    succeeded(&bus.call_as(&ada, json!({"action": "delete-container", "id": name})).await, 204);

    // Of one whose worker died before it asked the daemon, only that is left, for as long as it might.
    let handle = Handle::new(&bus.options()).expect("options");
    let id = RequestId::new("lost.2").expect("an id");
    let until_then = handle.clock().await.expect("a clock") + 1500;
    let (what, limits) = (Ok(&id), Limits::default());
    let claim = Claim { owner: &user, what, limits, before: None, until: until_then };
    for _ in 0..2 {
        assert_eq!(handle.claim(&claim).await.expect("Redis"), Ok(()), "the same counts once");
    }
    refused(&bus.call_as(&ada, create(&name, json!({}))).await, 403, "quota-exceeded", &[]);
    bus.until_used(&user, (0, 0, 0)).await;
    succeeded(&bus.call_as(&ada, create(&name, json!({}))).await, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_forgets_and_what_was_there_before_is_counted_again() {
    let bus = Bus::new().await;
    // The hosts have instances of others, too.
    let user = unique("ada");
    let label = format!("deblox.owner={user}");
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let (before, name, half) = (unique("before"), unique("since"), unique("half"));
    let _scrubs = [&before, &name, &half].map(|name| Scrub::new(HOST, name));
    docker(HOST, &["create", "--name", &before, "--label", &label, "--cpus", "0.5", "busybox", "true"]);
    let worker = bus.enforcing(HOST, DOCK).await;
    bus.until_used(&user, (1, 0, 500)).await;
    succeeded(&bus.call_as(&ada, create(&name, json!({"memory": "16m"}))).await, 201);
    bus.until_used(&user, (2, 16, 500)).await;

    let keys: Vec<String> = bus.redis(&["KEYS", &bus.key("*")]).await;
    let accounts = [bus.key("auth.users"), bus.key("auth.tokens")];
    let lost = keys.iter().filter(|key| !accounts.contains(key)).map(String::as_str);
    bus.redis::<i64>(&["DEL"].into_iter().chain(lost).collect::<Vec<_>>()).await;
    bus.until_used(&user, (2, 16, 500)).await;
    bus.bound(&user, instances(2)).await;
    refused(&bus.call_as(&ada, create(&half, json!({}))).await, 403, "quota-exceeded", &["it has 2"]);

    // What is removed, given and changed while no worker looks is right when one does.
    drop(worker);
    docker(HOST, &["rm", "-f", &name]);
    docker(HOST, &["create", "--name", &half, "--label", &label, "-m", "32m", "busybox", "true"]);
    let id = known("container", &before)["Id"].as_str().expect("an id").to_owned();
    bus.redis::<()>(&["HSET", &bus.key(&format!("auth.usage.{user}")), &id, "9 9 1"]).await;
    let _next = bus.enforcing(HOST, DOCK).await;
    bus.until_used(&user, (2, 32, 500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_set_shown_and_taken_away() {
    let bus = Bus::new().await;
    // The hosts have instances of others, too.
    let user = unique("ada");
    let _worker = bus.enforcing(HOST, DOCK).await;
    let ada = bus.known_user(&user, Role::User, &[]).await;
    let name = unique("shown");
    let _scrub = Scrub::new(HOST, &name);
    bus.complains(&["user", "quota", "eve"], 1, &["no user is called `eve`"]).await;
    assert_eq!(bus.says(&["user", "quota", &user, "--instances", "2", "--memory", "4g", "--cpus", "2.5"]).await, user);
    succeeded(&bus.call_as(&ada, create(&name, json!({"memory": "1536m", "cpus": 1}))).await, 201);
    insta::assert_snapshot!(bus.says(&["user", "quota", &user]).await, @r"
    RESOURCE    USED      QUOTA     WITHOUT LIMIT
    instances   1         2
    memory      1536m     4g        0
    cpus        1         2.5       0
    pids        4096      -         0
    ");
    assert_eq!(bus.says(&["user", "quota", &user, "--instances", "0"]).await, user);
    let json =
        |text: String| text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>();
    let listed = json(bus.says(&["user", "ls", "--format", "json"]).await);
    assert_eq!(listed[0]["quota"], json!({"instances": 0, "memory": 4096 * MIB, "nanoCpus": 5 * CPU / 2}));
    let shown = json(bus.says(&["user", "quota", &user, "--format", "json"]).await);
    assert_eq!(shown[0], json!({"of": "instances", "used": 1, "quota": 0, "withoutLimit": 0}));
    refused(&bus.call_as(&ada, create(&unique("no"), json!({}))).await, 403, "quota-exceeded", &["0 instances"]);
    assert_eq!(bus.says(&["user", "quota", &user, "--none", "--cpus", "3"]).await, user);
    let listed = json(bus.says(&["user", "ls", "--format", "json"]).await);
    assert_eq!(listed[0]["quota"], json!({"nanoCpus": 3 * CPU}));
    assert_eq!(bus.says(&["user", "quota", &user, "--none"]).await, user);
    assert_eq!(json(bus.says(&["user", "ls", "--format", "json"]).await)[0].get("quota"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_asked_who_it_is_nothing_is_refused() {
    let bus = Bus::new().await;
    let user = unique("ada");
    bus.user(&user, Role::User, &[]).await;
    bus.bound(&user, instances(0)).await;
    let name = unique("open");
    let _scrub = Scrub::new(HOST, &name);
    let open = bus.worker(HOST, DOCK).await;
    succeeded(&bus.call(create(&name, json!({"owner": user, "memory": "16m"}))).await, 201);
    succeeded(&bus.call(json!({"action": "update-container", "id": name, "memory": "32m"})).await, 200);
    assert_eq!(bus.used(&user).await, (0, 0, 0));
    drop(open);
    let _asking = bus.enforcing(HOST, DOCK).await;
    bus.until_used(&user, (1, 32, 0)).await;
}
