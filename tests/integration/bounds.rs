//! What a `user` may have of a host beside its own containers: each thing that it may not, tried on a real daemon. The
//! users are called as in no other test, where somebody of that name would see these containers.

use base64::prelude::{BASE64_STANDARD, Engine};
use deblox::actions::Bounds;
use deblox::protocol::Role;
use serde_json::{Value, json};

use crate::actions::{DOCK, HOST, merge};
use crate::more_actions::{Undo, exists, known};
use crate::support::{Bus, Scrub, docker, refused, succeeded, try_docker, unique, until};

/// A create with this `HostConfig`.
fn raw(name: &str, host: &Value) -> Value {
    json!({"action": "create-raw-container", "name": name, "dock": DOCK,
        "body": {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": host}})
}

/// A stopped container of erik's, made by hand.
fn of_erik(name: &str) -> String {
    docker(HOST, &["create", "--name", name, "--label", "deblox.owner=erik", "busybox", "sleep", "600"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_creates_nothing_that_reaches_its_host_or_others() {
    let bus = Bus::new().await;
    let bounds = Bounds { bind_folders: vec!["/srv/deblox-open".parse().expect("a folder")], ..Bounds::default() };
    let _worker = bus.enforcing_within(HOST, DOCK, bounds).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let (name, volume) = (unique("bound"), unique("bound"));
    let _scrub = Scrub::new(HOST, &name);
    let driver = json!({"DriverConfig": {"Options": {"type": "none", "o": "bind", "device": "/"}}});
    for (host, named) in [
        (json!({"Privileged": true}), "HostConfig.Privileged"),
        (json!({"PRIVILEGED": true}), "HostConfig.Privileged"),
        (json!({"NetworkMode": "host"}), "HostConfig.NetworkMode"),
        (json!({"NetworkMode": "container:web"}), "HostConfig.NetworkMode"),
        (json!({"PidMode": "host"}), "HostConfig.PidMode"),
        (json!({"IpcMode": "host"}), "HostConfig.IpcMode"),
        (json!({"UTSMode": "host"}), "HostConfig.UTSMode"),
        (json!({"UsernsMode": "host"}), "HostConfig.UsernsMode"),
        (json!({"CgroupnsMode": "host"}), "HostConfig.CgroupnsMode"),
        (json!({"CgroupParent": "/"}), "HostConfig.CgroupParent"),
        (json!({"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x"}]}), "HostConfig.Devices"),
        (json!({"DeviceRequests": [{"Count": -1}]}), "HostConfig.DeviceRequests"),
        (json!({"DeviceCgroupRules": ["c *:* rwm"]}), "HostConfig.DeviceCgroupRules"),
        (json!({"CapAdd": ["SYS_ADMIN"]}), "HostConfig.CapAdd"),
        (json!({"SecurityOpt": ["seccomp=unconfined"]}), "HostConfig.SecurityOpt"),
        (json!({"MaskedPaths": []}), "HostConfig.MaskedPaths"),
        (json!({"ReadonlyPaths": []}), "HostConfig.ReadonlyPaths"),
        (json!({"Binds": ["/etc:/x"]}), "HostConfig.Binds"),
        (json!({"Binds": ["/srv/deblox-open/../../etc:/x"]}), "HostConfig.Binds"),
        (json!({"Binds": ["/srv/deblox-opened:/x"]}), "HostConfig.Binds"),
        (json!({"Binds": ["/srv/deblox-open/in:/x"]}), "HostConfig.Binds"),
        (json!({"Binds": ["/var/run/docker.sock:/x"]}), "HostConfig.Binds"),
        (json!({"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/x"}]}), "HostConfig.Mounts"),
        (
            json!({"Mounts": [{"Type": "volume", "Source": volume, "Target": "/x", "VolumeOptions": driver}]}),
            "HostConfig.Mounts.VolumeOptions.DriverConfig",
        ),
        (json!({"VolumeDriver": "nfs", "Binds": [format!("{volume}:/x")]}), "HostConfig.VolumeDriver"),
        (json!({"VolumesFrom": ["web"]}), "HostConfig.VolumesFrom"),
        (json!({"Links": ["web:web"]}), "HostConfig.Links"),
        (json!({"Runtime": "runc"}), "HostConfig.Runtime"),
        (json!({"Sysctls": {"net.core.somaxconn": "5"}}), "HostConfig.Sysctls"),
        (json!({"OomScoreAdj": -5}), "HostConfig.OomScoreAdj"),
        (json!({"OomKillDisable": true}), "HostConfig.OomKillDisable"),
        (json!({"LogConfig": {"Type": "syslog"}}), "HostConfig.LogConfig"),
        (json!({"StorageOpt": {"size": "1G"}}), "HostConfig.StorageOpt"),
        (json!({"BlkioDeviceReadBps": [{"Path": "/dev/null", "Rate": 5}]}), "HostConfig.BlkioDeviceReadBps"),
        (json!({"Ulimits": [{"Name": "rtprio", "Soft": 9, "Hard": 9}]}), "HostConfig.Ulimits"),
        (json!({"Tomorrow": true}), "HostConfig.Tomorrow"),
    ] {
        refused(&bus.call_as(&dana, raw(&name, &host)).await, 403, "forbidden", &[&format!("`{named}`"), "operators"]);
        assert!(!exists("container", &name), "{host}");
    }
    for (body, named) in [
        (json!({"Image": "busybox", "hostconfig": {"Privileged": true}}), "hostconfig"),
        (json!({"Image": "busybox", "labels": {"deblox.owner": "erik"}}), "labels"),
        (json!({"Image": "busybox", "Privileged": true}), "Privileged"),
        (
            json!({"Image": "busybox", "NetworkingConfig": {"EndpointsConfig": {"bridge": {"NetworkID": "x"}}}}),
            "NetworkingConfig.EndpointsConfig.NetworkID",
        ),
    ] {
        let create = json!({"action": "create-raw-container", "name": name, "body": body, "dock": DOCK});
        refused(&bus.call_as(&dana, create).await, 403, "forbidden", &[&format!("`{named}`")]);
        assert!(!exists("container", &name), "{body}");
    }
    assert!(!exists("volume", &volume));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bounds_hold_for_fields_templates_and_several_at_once_and_not_for_operators() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let bounded = bus.token("olga", "bounded", Some(Role::User)).await;
    let template = json!({"action": "put-template", "name": "wild",
        "body": {"Image": "busybox", "HostConfig": {"PidMode": "host"}}});
    succeeded(&bus.call_as(&olga, template).await, 201);
    let name = unique("bound");
    let _scrub = Scrub::new(HOST, &name);
    for (more, named) in [
        (json!({"image": "busybox", "privileged": true}), "HostConfig.Privileged"),
        (json!({"image": "busybox", "network": "host"}), "HostConfig.NetworkMode"),
        (json!({"image": "busybox", "volumes": ["/:/host"]}), "HostConfig.Binds"),
        (json!({"template": "wild"}), "HostConfig.PidMode"),
        (json!({"template": "wild", "instances": 2}), "HostConfig.PidMode"),
    ] {
        let mut create = json!({"action": "create-container", "name": name, "dock": DOCK});
        merge(&mut create, more.clone());
        for token in [&dana, &bounded] {
            let reply = bus.call_as(token, create.clone()).await;
            assert_eq!(reply["statusCode"], 403, "{reply}");
            assert!(reply["message"].as_str().is_some_and(|message| message.contains(named)), "{reply}");
        }
        assert!(!exists("container", &name) && !exists("container", &format!("{name}-1")), "{more}");
    }
    let wild = json!({"action": "create-container", "template": "wild", "name": name, "dock": DOCK});
    succeeded(&bus.call_as(&olga, wild).await, 201);
    assert_eq!(known("container", &name)["HostConfig"]["PidMode"], "host");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_to_users_is_mounted_and_everything_harmless_passes() {
    let bus = Bus::new().await;
    let open = tempfile::tempdir().expect("a folder");
    let folder = open.path().to_str().expect("a text");
    std::fs::write(open.path().join("file"), "seen").expect("a file");
    let bounds = Bounds { bind_folders: vec![folder.parse().expect("a folder")], ..Bounds::default() };
    let _worker = bus.enforcing_within(HOST, DOCK, bounds).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let name = unique("bound");
    let _scrub = Scrub::new(HOST, &name);
    let host = json!({"Binds": [format!("{folder}/:/x:ro")], "CapDrop": ["ALL"], "CapAdd": ["CHOWN"],
        "SecurityOpt": ["no-new-privileges"], "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        "Mounts": [{"Type": "bind", "Source": folder, "Target": "/y"},
            {"Type": "tmpfs", "Target": "/z"}], "Memory": 64 << 20, "PidsLimit": 50, "Init": true,
        "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 100}], "Privileged": false, "Devices": []});
    let mut create = raw(&name, &host);
    create["start"] = json!(true);
    succeeded(&bus.call_as(&dana, create).await, 201);
    for path in ["/x/file", "/y/file"] {
        let exec = json!({"action": "exec-container", "id": name, "cmd": ["cat", path]});
        let read = bus.call_as(&dana, exec).await;
        assert_eq!(read["Response"]["Body"]["stdout"], "seen", "{read}");
    }
    // A link that a user lays there cannot be mounted.
    let lay = json!({"action": "exec-container", "id": name, "cmd": ["ln", "-s", "/", "/y/out"]});
    succeeded(&bus.call_as(&dana, lay).await, 200);
    let other = unique("bound");
    let _scrub = Scrub::new(HOST, &other);
    let out = raw(&other, &json!({"Binds": [format!("{folder}/out:/x")]}));
    refused(&bus.call_as(&dana, out).await, 403, "forbidden", &["`HostConfig.Binds`", "as a whole"]);
    assert!(!exists("container", &other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn named_volumes_are_those_of_whose_container_made_them() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let erik = bus.known_user("erik", Role::User, &[]).await;
    let olga = bus.known_user("olga", Role::Operator, &[]).await;
    let [one, two, three] = ["bound"; 3].map(unique);
    let _scrub = [&one, &two, &three].map(|name| Scrub::new(HOST, name));
    let [own, nobodys, mounted] = ["volume"; 3].map(unique);
    docker(HOST, &["volume", "create", &nobodys]);
    // The containers go first.
    let volumes = [&own, &nobodys, &mounted].map(|name| Undo::with(&["volume", "rm", name]));
    let with = |name: &str, volume: &str| {
        json!({"action": "create-container", "image": "busybox", "name": name, "dock": DOCK,
            "volumes": [format!("{volume}:/data"), "/anonymous"]})
    };
    let mount = |name: &str, volume: &str| {
        raw(name, &json!({"Mounts": [{"Type": "volume", "Source": volume, "Target": "/x"}]}))
    };
    succeeded(&bus.call_as(&dana, with(&one, &own)).await, 201);
    assert_eq!(known("volume", &own)["Labels"], json!({"deblox.owner": "dana"}));
    assert_eq!(known("container", &one)["HostConfig"]["Binds"], json!([format!("{own}:/data")]));
    succeeded(&bus.call_as(&dana, mount(&two, &mounted)).await, 201);
    assert_eq!(known("volume", &mounted)["Labels"], json!({"deblox.owner": "dana"}));
    for create in [with(&three, &own), mount(&three, &own), mount(&three, &mounted)] {
        refused(&bus.call_as(&erik, create).await, 403, "forbidden", &["`erik`", "volume", "`dana`"]);
    }
    refused(&bus.call_as(&erik, with(&three, &nobodys)).await, 403, "forbidden", &[&nobodys, "nobody"]);
    assert!(!exists("container", &three));
    succeeded(&bus.call_as(&dana, mount(&three, &own)).await, 201);
    try_docker(HOST, &["rm", "-f", &three]);
    succeeded(&bus.call_as(&olga, with(&three, &nobodys)).await, 201);
    for name in [&one, &two, &three] {
        try_docker(HOST, &["rm", "-fv", name]);
    }
    drop(volumes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_joins_its_own_networks_and_everybodys() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let name = unique("bound");
    let [own, everybodys, eriks] = ["net"; 3].map(unique);
    let made = [(&own, "deblox.owner=dana"), (&everybodys, "team=x"), (&eriks, "deblox.owner=erik")];
    let networks = made.map(|(network, label)| {
        docker(HOST, &["network", "create", "--label", label, network]);
        Undo::with(&["network", "rm", network])
    });
    let scrub = Scrub::new(HOST, &name);
    let host = docker(HOST, &["network", "inspect", "-f", "{{.Id}}", "host"]);
    let on = |network: &str| {
        json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
            "network": network, "dock": DOCK, "start": true})
    };
    let by_endpoint = |endpoint: Value| {
        let body = json!({"Image": "busybox", "NetworkingConfig": {"EndpointsConfig": endpoint}});
        json!({"action": "create-raw-container", "name": name, "body": body, "dock": DOCK})
    };
    refused(&bus.call_as(&dana, on(&eriks)).await, 403, "forbidden", &["network", &eriks, "`erik`"]);
    refused(&bus.call_as(&dana, on(&host)).await, 403, "forbidden", &[&host, "host"]);
    refused(&bus.call_as(&dana, by_endpoint(json!({eriks.as_str(): {}}))).await, 403, "forbidden", &[&eriks, "`erik`"]);
    refused(&bus.call_as(&dana, by_endpoint(json!({"host": {}}))).await, 403, "forbidden", &["`host`"]);
    assert!(!exists("container", &name));
    succeeded(&bus.call_as(&dana, on(&own)).await, 201);
    let connect = |network: &str, endpoint: Value| {
        let action = "connect-network";
        json!({"action": action, "id": name, "network": network, "endpoint": endpoint})
    };
    refused(&bus.call_as(&dana, connect(&eriks, json!({}))).await, 403, "forbidden", &[&eriks, "`erik`"]);
    refused(&bus.call_as(&dana, connect("host", json!({}))).await, 403, "forbidden", &["`host`"]);
    let driven = connect(&everybodys, json!({"DriverOpts": {"a": "b"}}));
    refused(&bus.call_as(&dana, driven).await, 403, "forbidden", &["`EndpointConfig.DriverOpts`"]);
    succeeded(&bus.call_as(&dana, connect(&everybodys, json!({"Aliases": ["web"]}))).await, 200);
    let joined = known("container", &name)["NetworkSettings"]["Networks"].clone();
    let mut joined: Vec<&String> = joined.as_object().expect("networks").keys().collect();
    let mut wanted = vec![&own, &everybodys];
    joined.sort();
    wanted.sort();
    assert_eq!(joined, wanted);
    drop((scrub, networks));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_runs_nothing_with_all_rights_and_names_images_as_its_own() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("Dana", Role::User, &[]).await;
    let (name, image) = (unique("bound"), unique("image"));
    let _scrub = Scrub::new(HOST, &name);
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
        "start": true, "dock": DOCK});
    succeeded(&bus.call_as(&dana, create).await, 201);
    let exec = json!({"action": "exec-container", "id": name, "cmd": ["touch", "/mark"], "privileged": true});
    refused(&bus.call_as(&dana, exec).await, 403, "forbidden", &["`privileged`"]);
    assert!(!try_docker(HOST, &["exec", &name, "ls", "/mark"]).status.success());
    let exec = json!({"action": "exec-container", "id": name, "cmd": ["id", "-u"], "user": "root"});
    assert_eq!(bus.call_as(&dana, exec).await["Response"]["Body"]["stdout"], "0\n");
    let commit = |repo: &str| json!({"action": "commit-container", "id": name, "repo": repo});
    for repo in [image.clone(), format!("danas/{image}"), format!("localhost:5000/dana/{image}"), "dana".to_owned()] {
        refused(&bus.call_as(&dana, commit(&repo)).await, 403, "forbidden", &[&repo, "`repo`", "`dana/`"]);
        assert!(!exists("image", &repo));
    }
    let own = format!("dana/{image}");
    let _undo = Undo::with(&["rmi", &own]);
    succeeded(&bus.call_as(&dana, commit(&own)).await, 201);
    assert!(exists("image", &own));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_by_the_request_id_of_somebody_else_does_nothing_to_what_that_one_made() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let erik = bus.known_user("erik", Role::User, &[]).await;
    let (name, request) = (unique("bound"), unique("request"));
    let _scrub = Scrub::new(HOST, &name);
    let create = |start: bool| {
        json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": name,
            "start": start, "requestId": request, "dock": DOCK})
    };
    succeeded(&bus.call_as(&dana, create(false)).await, 201);
    // Ten minutes later.
    for key in ["request", "reply"] {
        bus.redis::<i64>(&["DEL", &bus.key(&format!("{key}.{request}"))]).await;
    }
    refused(&bus.call_as(&erik, create(true)).await, 403, "forbidden", &["`requestId`"]);
    assert_eq!(known("container", &name)["State"]["Status"], "created");
}

/// A call of the daemon's own API.
fn call(method: &str, path: &str, more: &Value) -> Value {
    let mut request = json!({"action": "docker", "method": method, "path": path, "dock": DOCK});
    merge(&mut request, more.clone());
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_of_the_daemons_api_needs_the_right_of_what_it_does() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let (own, other) = (unique("bound"), unique("bound"));
    let _scrub = [Scrub::new(HOST, &own), Scrub::new(HOST, &other)];
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": own,
        "start": true, "dock": DOCK});
    succeeded(&bus.call_as(&dana, create).await, 201);
    of_erik(&other);
    docker(HOST, &["start", &other]);
    let file = json!({"query": {"path": "/etc/hostname"}});
    let nothing = json!({});
    for (method, what, more, right) in [
        ("GET", "json", &nothing, "view"),
        ("GET", "logs", &json!({"query": {"stdout": "1"}}), "view"),
        ("GET", "stats", &json!({"query": {"stream": "false"}}), "view"),
        ("GET", "top", &nothing, "view"),
        ("GET", "changes", &nothing, "view"),
        ("HEAD", "archive", &file, "exec"),
        ("GET", "archive", &file, "exec"),
        ("POST", "exec", &json!({"body": {"Cmd": ["true"]}}), "exec"),
        ("POST", "update", &json!({"body": {"RestartPolicy": {"Name": "always"}}}), "operate"),
        ("POST", "pause", &nothing, "operate"),
        ("POST", "unpause", &nothing, "operate"),
        ("POST", "restart", &json!({"query": {"t": "0"}}), "operate"),
        ("POST", "kill", &nothing, "operate"),
        ("POST", "start", &nothing, "operate"),
        ("POST", "stop", &json!({"query": {"t": "0"}}), "operate"),
        ("POST", "wait", &nothing, "view"),
    ] {
        let reply = bus.call_as(&dana, call(method, &format!("/containers/{own}/{what}"), more)).await;
        assert!(reply.get("error").is_none(), "{method} {what}: {reply}");
        let theirs = call(method, &format!("/containers/{other}/{what}"), more);
        let reply = bus.call_as(&dana, theirs.clone()).await;
        refused(&reply, 404, "no-such-instance", &[&other]);
        // She may wait as well, for as long as it runs.
        if what != "wait" {
            let reply = bus.call_as(&vera, theirs).await;
            if right == "view" {
                assert!(reply.get("error").is_none(), "{method} {what}: {reply}");
            } else {
                refused(&reply, 403, "forbidden", &[right, "viewer"]);
            }
        }
    }
    refused(
        &bus.call_as(&dana, call("DELETE", &format!("/v1.41/containers/{other}"), &json!({"query": {"force": "1"}})))
            .await,
        404,
        "no-such-instance",
        &[&other],
    );
    let state = known("container", &other);
    assert_eq!(
        (&state["State"]["Running"], &state["HostConfig"]["RestartPolicy"]["Name"]),
        (&json!(true), &json!("no"))
    );
    succeeded(&bus.call_as(&dana, call("DELETE", &format!("/containers/{own}"), &nothing)).await, 204);
    assert!(!exists("container", &own));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemons_api_shows_a_user_nobody_elses_and_lets_it_do_nothing_to_the_host() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let vera = bus.known_user("vera", Role::Viewer, &[]).await;
    let (own, wild) = (unique("bound"), unique("bound"));
    let _scrub = [Scrub::new(HOST, &own), Scrub::new(HOST, &wild)];
    let create = json!({"action": "create-container", "image": "busybox", "cmd": ["sleep", "600"], "name": own,
        "start": true, "dock": DOCK});
    succeeded(&bus.call_as(&dana, create).await, 201);
    let nothing = json!({});
    for path in ["/containers/json", "/system/df", "/networks/bridge"] {
        refused(&bus.call_as(&dana, call("GET", path, &nothing)).await, 403, "forbidden", &["all users"]);
        succeeded(&bus.call_as(&vera, call("GET", path, &nothing)).await, 200);
    }
    for path in ["/images/json", "/images/busybox/json", "/networks", "/volumes", "/version", "/info", "/_ping"] {
        succeeded(&bus.call_as(&dana, call("GET", path, &nothing)).await, 200);
    }
    let body = json!({"Image": "busybox", "HostConfig": {"Privileged": true}});
    let prune = json!({"query": {"filters": "{\"label\":[\"no-such-label\"]}"}});
    for (method, path, more) in [
        ("POST", "/containers/create".to_owned(), json!({"body": body, "query": {"name": wild}})),
        ("POST", "/networks/prune".to_owned(), prune.clone()),
        ("POST", "/volumes/create".to_owned(), json!({"body": {"Name": wild}})),
        ("POST", "/commit".to_owned(), json!({"query": {"container": own, "repo": wild}})),
        ("POST", "/images/busybox/tag".to_owned(), json!({"query": {"repo": wild}})),
        ("DELETE", "/images/busybox".to_owned(), json!({})),
        ("GET", "/swarm".to_owned(), json!({})),
        ("POST", format!("/containers/{own}/checkpoints"), json!({"body": {"CheckpointID": "x"}})),
    ] {
        refused(&bus.call_as(&dana, call(method, &path, &more)).await, 403, "forbidden", &["`admin`", "operators"]);
    }
    assert!(!exists("container", &wild) && !exists("volume", &wild) && !exists("image", &wild));
    let (exec, update) = (format!("/containers/{own}/exec"), format!("/containers/{own}/update"));
    let encoded = BASE64_STANDARD.encode("{\"Cmd\":[\"true\"],\"Privileged\":true}");
    for (path, more, named) in [
        (&exec, json!({"body": {"Cmd": ["true"], "Privileged": true}}), "Privileged"),
        (&exec, json!({"body": {"Cmd": ["true"], "privileged": true}}), "Privileged"),
        (&exec, json!({"body-base64": encoded, "headers": {"Content-Type": "application/json"}}), "body-base64"),
        (&update, json!({"body": {"CpuRealtimeRuntime": 5}}), "CpuRealtimeRuntime"),
        (&update, json!({"body": {"nanocpus": 5}}), "NanoCpus"),
        (&update, json!({"body": {"cgroupparent": "/"}}), "CgroupParent"),
    ] {
        let reply = bus.call_as(&dana, call("POST", path, &more)).await;
        refused(&reply, 403, "forbidden", &[&format!("`{named}`"), "operators"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_the_beginning_of_anothers_id_reaches_only_ones_own() {
    let bus = Bus::new().await;
    let _worker = bus.enforcing(HOST, DOCK).await;
    let dana = bus.known_user("dana", Role::User, &[]).await;
    let victim = unique("bound");
    let _scrub = Scrub::new(HOST, &victim);
    let id = of_erik(&victim);
    let name = &id[..12];
    let create = json!({"action": "create-container", "image": "busybox", "name": name, "dock": DOCK});
    refused(&bus.call_as(&dana, create).await, 400, "bad-field", &["`name`", name]);
    let own = unique("bound");
    let _scrub_own = Scrub::new(HOST, &own);
    let create = json!({"action": "create-container", "image": "busybox", "name": own, "dock": DOCK});
    let made = bus.call_as(&dana, create).await;
    succeeded(&made, 201);
    // deblox gives nothing such a name, but docker does.
    docker(HOST, &["rename", &own, name]);
    let record = bus.key("owners");
    until("the new name is known", async || {
        let record: String = bus.redis(&["HGET", &record, made["Id"].as_str().unwrap_or_default()]).await;
        record.contains(name).then_some(())
    })
    .await;
    let inspected = bus.call_as(&dana, call("GET", &format!("/containers/{name}/json"), &json!({}))).await;
    assert_eq!(inspected["Response"]["Body"]["Id"], made["Id"], "{inspected}");
    let delete = call("DELETE", &format!("/containers/{name}"), &json!({}));
    succeeded(&bus.call_as(&dana, delete.clone()).await, 204);
    until("its record is gone", async || {
        let there: bool = bus.redis(&["HEXISTS", &bus.key("owners"), made["Id"].as_str().unwrap_or_default()]).await;
        (!there).then_some(())
    })
    .await;
    refused(&bus.call_as(&dana, delete).await, 404, "no-such-instance", &[name]);
    assert!(exists("container", &victim));
}
