//! Fork bombs and device nodes: what keeps the container of a user from them, on a real daemon.

use deblox::actions::Bounds;
use deblox::auth::{Accounts, Change};
use deblox::bus::Bus as Handle;
use deblox::protocol::limits::PIDS_LIMIT;
use deblox::protocol::{Quota, Role};
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST, merge};
use crate::auth::named;
use crate::more_actions::{exists, known};
use crate::support::{Bus, Scrub, docker, refused, succeeded, try_docker, unique, until};

fn create(name: &str, more: Value) -> Value {
    let mut create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "dock": DOCK});
    merge(&mut create, more);
    create
}

fn raw(name: &str, host: &Value) -> Value {
    json!({"action": "create-raw-container", "name": name, "dock": DOCK,
        "body": {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": host}})
}

fn limit(name: &str) -> Value {
    known("container", name)["HostConfig"]["PidsLimit"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_container_that_a_user_creates_or_changes_has_a_limit_of_processes() {
    let bus = Bus::new().await;
    let bounds = Bounds { pids_limit: 64, ..Bounds::default() };
    let _worker = bus.enforcing_within(HOST, DOCK, bounds).await;
    let user = unique("dana");
    let dana = bus.known_user(&user, Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let name = unique("pids");
    let _scrub = Scrub::new(HOST, &name);
    let template = json!({"action": "put-template", "name": "wild",
        "body": {"Image": "busybox", "HostConfig": {"PidsLimit": -1}}});
    succeeded(&bus.call_as(&olga, template).await, 201);
    // Too many, and without a limit, by every way that leads to a create.
    for (request, named) in [
        (raw(&name, &json!({"PidsLimit": -1})), "HostConfig.PidsLimit"),
        (raw(&name, &json!({"pidslimit": -1})), "HostConfig.PidsLimit"),
        (raw(&name, &json!({"PIDSLIMIT": 65})), "HostConfig.PidsLimit"),
        (raw(&name, &json!({"PidsLimit": "5"})), "HostConfig.PidsLimit"),
        (raw(&name, &json!({"PidsLimit": 9, "pidsLimit": -1})), "HostConfig.pidsLimit"),
        (create(&name, json!({"pids": 65})), "HostConfig.PidsLimit"),
        (create(&name, json!({"template": "wild"})), "HostConfig.PidsLimit"),
    ] {
        refused(&bus.call_as(&dana, request).await, 403, "forbidden", &[&format!("`{named}`")]);
        assert!(!exists("container", &name));
    }
    for zero in [json!(0), json!(0.5)] {
        let reply = bus.call_as(&dana, create(&name, json!({"pids": zero}))).await;
        refused(&reply, 400, "bad-field", &["`pids`"]);
    }
    for (request, wanted) in [
        (create(&name, json!({})), 64),
        (create(&name, json!({"pids": 9})), 9),
        (raw(&name, &json!({})), 64),
        (raw(&name, &json!({"PidsLimit": 0})), 64),
        (raw(&name, &json!({"pidslimit": null})), 64),
        (raw(&name, &json!({"pidsLimit": 33})), 33),
        (create(&name, json!({"template": "wild", "pids": 12})), 12),
    ] {
        succeeded(&bus.call_as(&dana, request.clone()).await, 201);
        assert_eq!(limit(&name), wanted, "{request}");
        docker(HOST, &["rm", "-f", &name]);
    }
    // It holds: of a bomb no more than that come to be.
    let bomb = "i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done";
    succeeded(&bus.call_as(&dana, create(&name, json!({"start": true, "cmd": ["sleep", "600"]}))).await, 201);
    let exec = json!({"action": "exec-container", "id": name, "cmd": ["sh", "-c", bomb]});
    bus.call_as(&dana, exec).await;
    let processes = docker(HOST, &["top", &name]).lines().count();
    assert!(processes <= 65, "{processes}");
    docker(HOST, &["rm", "-f", &name]);

    // What an operator made without a limit has one when its user changes or recreates it.
    succeeded(&bus.call_as(&olga, create(&name, json!({"owner": user}))).await, 201);
    assert!(limit(&name).is_null() || limit(&name) == 0, "{}", limit(&name));
    let update = |more: Value| {
        let mut update = json!({"action": "update-container", "id": name});
        merge(&mut update, more);
        update
    };
    refused(&bus.call_as(&dana, update(json!({"pids": 65}))).await, 403, "forbidden", &["`pids`", "64"]);
    succeeded(&bus.call_as(&dana, update(json!({"restart": "no"}))).await, 200);
    assert_eq!(limit(&name), 64);
    succeeded(&bus.call_as(&dana, update(json!({"pids": 20}))).await, 200);
    succeeded(&bus.call_as(&dana, update(json!({"memory": "64m"}))).await, 200);
    assert_eq!(limit(&name), 20, "a lower one stays");
    for field in ["PidsLimit", "pidslimit", "PIDSLIMIT"] {
        for value in [json!(-1), json!(0), json!(9)] {
            let raw = json!({"action": "docker", "method": "POST", "path": format!("/containers/{name}/update"),
                "body": {field: value}, "dock": DOCK});
            refused(&bus.call_as(&dana, raw).await, 403, "forbidden", &["`PidsLimit`"]);
        }
    }
    let restart = json!({"action": "docker", "method": "POST", "path": format!("/containers/{name}/update"),
        "body": {"RestartPolicy": {"Name": "always"}}, "dock": DOCK});
    succeeded(&bus.call_as(&dana, restart).await, 200);
    assert_eq!(limit(&name), 20);
    docker(HOST, &["rm", "-f", &name]);
    succeeded(&bus.call_as(&olga, create(&name, json!({"owner": user, "start": true}))).await, 201);
    let recreate = json!({"action": "recreate-container", "id": name, "pull": "never", "settle": 0, "time": 0});
    succeeded(&bus.call_as(&dana, recreate).await, 201);
    assert_eq!(limit(&name), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_counts_the_processes_that_the_limits_allow() {
    let bus = Bus::new().await;
    let worker = bus.enforcing(HOST, DOCK).await;
    let (user, other) = (unique("ada"), unique("bob"));
    let ada = bus.known_user(&user, Role::User, &[]).await;
    bus.known_user(&other, Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let (one, two, free) = (unique("pids"), unique("pids"), unique("pids"));
    let _scrubs = [&one, &two, &free].map(|name| Scrub::new(HOST, name));
    let bound = async |user: &str, pids: u64| {
        let handle = Handle::new(&bus.options()).expect("options");
        let quota = Quota { pids: Some(pids), ..Quota::default() };
        Accounts(&handle).change(&named(user), &Change::Quota(Some(quota))).await.expect("a quota");
    };
    let used = async |user: &str| {
        let handle = Handle::new(&bus.options()).expect("options");
        let (_, usage) = Accounts(&handle).usage(&named(user)).await.expect("usage");
        (usage.pids, usage.without_pids)
    };
    bound(&user, 100).await;
    let much = bus.call_as(&ada, create(&one, json!({}))).await;
    refused(&much, 403, "quota-exceeded", &["100 of pids", &PIDS_LIMIT.to_string()]);
    assert_eq!(much["Response"]["Body"], json!({"of": "pids", "used": 0, "asked": PIDS_LIMIT, "quota": 100}));
    succeeded(&bus.call_as(&ada, create(&one, json!({"pids": 60}))).await, 201);
    let much = bus.call_as(&ada, create(&two, json!({"pids": 41}))).await;
    refused(&much, 403, "quota-exceeded", &["have 60", "asks for 41"]);
    assert!(!exists("container", &two));
    succeeded(&bus.call_as(&ada, create(&two, json!({"pids": 40}))).await, 201);
    assert_eq!(used(&user).await, (100, 0));
    let update = |name: &str, pids: u64| json!({"action": "update-container", "id": name, "pids": pids});
    refused(&bus.call_as(&ada, update(&two, 41)).await, 403, "quota-exceeded", &["asks for 41"]);
    succeeded(&bus.call_as(&ada, update(&two, 10)).await, 200);
    assert_eq!((used(&user).await, limit(&two)), ((70, 0), json!(10)));
    let give = |name: &str, owner: &str| json!({"action": "chown-instance", "id": name, "owner": owner});
    bound(&other, 50).await;
    let olga_gives = bus.call_as(&olga, give(&one, &other)).await;
    refused(&olga_gives, 403, "quota-exceeded", &["50 of pids"]);
    // One without a limit may use all there is.
    bus.call_as(&olga, create(&free, json!({"owner": user}))).await;
    assert!(!exists("container", &free), "an operator who creates for her is bound by the same");
    docker(HOST, &["create", "--name", &free, "--label", &format!("deblox.owner={user}"), "busybox"]);
    // What an older version has counted is looked at again.
    let id = known("container", &two)["Id"].as_str().expect("an id").to_owned();
    bus.redis::<()>(&["HSET", &bus.key(&format!("auth.usage.{user}")), &id, "0 0"]).await;
    assert_eq!(used(&user).await.1, 1);
    drop(worker);
    let _worker = bus.enforcing(HOST, DOCK).await;
    until("it is counted again", async || (used(&user).await.0 >= 70).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_lays_no_device_node_in_a_folder_of_the_host() {
    let bus = Bus::new().await;
    let open = tempfile::tempdir().expect("a folder");
    let folder = open.path().to_str().expect("a text");
    let bounds = Bounds { bind_folders: vec![folder.parse().expect("a folder")], ..Bounds::default() };
    let _worker = bus.enforcing_within(HOST, DOCK, bounds).await;
    let dana = bus.known_user(&unique("dana"), Role::User, &[]).await;
    let name = unique("nodes");
    let _scrub = Scrub::new(HOST, &name);
    let mount = json!([{"Type": "bind", "Source": folder, "Target": "/x"}]);
    for host in [
        json!({"Binds": [format!("{folder}:/x")], "CapAdd": ["MKNOD"]}),
        json!({"Binds": [format!("{folder}:/x")], "CapAdd": ["cap_mknod"]}),
        json!({"Binds": [format!("{folder}:/x")], "capadd": "MKNOD"}),
        json!({"mounts": mount, "CAPADD": ["MKNOD"]}),
    ] {
        refused(&bus.call_as(&dana, raw(&name, &host)).await, 403, "forbidden", &["`HostConfig.CapAdd`", "MKNOD"]);
    }
    for host in [
        json!({"Binds": [format!("{folder}:/x")]}),
        json!({"Mounts": mount, "CapDrop": ["NET_RAW"]}),
        json!({"binds": [format!("{folder}:/x")], "capdrop": null}),
    ] {
        let mut create = raw(&name, &host);
        create["start"] = json!(true);
        succeeded(&bus.call_as(&dana, create).await, 201);
        let exec = json!({"action": "exec-container", "id": name, "cmd": ["mknod", "/x/node", "b", "7", "0"]});
        let made = bus.call_as(&dana, exec).await;
        assert_eq!(made["Response"]["Body"]["exitCode"], 1, "{host}: {made}");
        // The daemon would unpack one.
        for copy in [
            json!({"action": "copy-to-container", "id": name, "path": "/x"}),
            json!({"action": "copy-to-container", "id": name, "path": "/tmp/link"}),
            json!({"action": "docker", "method": "PUT", "path": format!("/containers/{name}/archive"), "dock": DOCK,
                "query": {"path": "/x"}, "upload": true}),
            json!({"action": "docker", "method": "PUT", "path": format!("/v1.41/containers/{name}/archive"), "dock": DOCK,
                "query": {"path": "/x"}, "body-base64": "aGVsbG8="}),
        ] {
            refused(&bus.call_as(&dana, copy).await, 403, "forbidden", &["folder of the host"]);
        }
        assert_eq!(std::fs::read_dir(folder).expect("the folder").count(), 0);
        try_docker(HOST, &["rm", "-f", &name]);
    }
    // Without a folder of the host both are allowed as ever.
    let mut plain = raw(&name, &json!({"CapAdd": ["MKNOD"]}));
    plain["start"] = json!(true);
    succeeded(&bus.call_as(&dana, plain).await, 201);
    let exec = json!({"action": "exec-container", "id": name, "cmd": ["mknod", "/node", "b", "7", "0"]});
    assert_eq!(bus.call_as(&dana, exec).await["Response"]["Body"]["exitCode"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_way_leads_a_user_to_an_image_name_that_is_not_its_own() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let user = unique("dana");
    let dana = bus.known_user(&user, Role::User, &[]).await;
    let (name, image) = (unique("origin"), unique("image"));
    let _scrub = Scrub::new(HOST, &name);
    succeeded(&bus.call_as(&dana, create(&name, json!({}))).await, 201);
    let digest = format!("sha256:{}", "0".repeat(64));
    for repo in [
        image.clone(),
        format!("{user}x/{image}"),
        user.clone(),
        format!("library/{image}"),
        format!("docker.io/{user}/{image}"),
        format!("docker.io/library/{image}"),
        format!("index.docker.io/{user}/{image}"),
        format!("registry-1.docker.io/{user}/{image}"),
        format!("localhost/{user}/{image}"),
        format!("localhost:5000/{user}/{image}"),
        format!("{}/{image}", user.to_uppercase()),
        format!("{user}:5000/{image}"),
        format!("./{user}/{image}"),
        format!("/{user}/{image}"),
        format!(" {user}/{image}"),
        format!("{user}/{image}@{digest}"),
        format!("{image}@{digest}"),
        digest.clone(),
    ] {
        let commit = json!({"action": "commit-container", "id": name, "repo": repo});
        refused(&bus.call_as(&dana, commit).await, 403, "forbidden", &["`repo`"]);
    }
    for repo in
        [format!("{user}/../{image}"), format!("{user}//{image}"), format!("{user}/"), format!("{user}/{image}:a:b")]
    {
        let reply = bus.call_as(&dana, json!({"action": "commit-container", "id": name, "repo": repo})).await;
        assert!(reply["statusCode"].as_u64() >= Some(400), "{repo}: {reply}");
    }
    let raw = |method: &str, path: &str, query: Value| json!({"action": "docker", "method": method, "path": path, "query": query, "dock": DOCK});
    for request in [
        raw("POST", "/commit", json!({"container": name, "repo": image})),
        raw("POST", "/commit", json!({"container": name, "repo": format!("{user}/{image}")})),
        raw("POST", "/images/busybox/tag", json!({"repo": image})),
        raw("POST", "/images/create", json!({"fromSrc": "-", "repo": image})),
        raw("POST", "/images/create", json!({"fromImage": "busybox", "repo": image})),
        raw("POST", "/build", json!({"t": image, "stream": "1"})),
        raw("POST", "/images/load", json!({})),
        json!({"action": "tag-image", "image": "busybox", "repo": image, "dock": DOCK}),
        json!({"action": "build-image", "tags": [image], "dock": DOCK}),
        json!({"action": "import-image", "repo": image, "dock": DOCK}),
        json!({"action": "load-images", "dock": DOCK}),
    ] {
        refused(&bus.call_as(&dana, request).await, 403, "forbidden", &["operators"]);
    }
    let images = docker(HOST, &["images", "--format", "{{.Repository}}"]);
    assert!(!images.contains(&image), "{images}");
}
