//! What `recreate-container` keeps of an instance, and what it takes from the newer image.

use serde_json::{Value, json};

use crate::recreate::{DOCK, HOST, Image, SLEEP, dock, inspect, names, recorded, recreate, with};
use crate::support::{Scrub, docker, port, succeeded, try_docker, unique};

/// A network, removed at the end.
struct Network(String);

impl Network {
    fn new(name: &str) -> Self {
        docker(HOST, &["network", "create", name]);
        Self(name.to_owned())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        try_docker(HOST, &["network", "rm", &self.0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_image_takes_over_and_everything_that_was_asked_for_stays() {
    let (bus, _worker) = dock().await;
    let (name, volume, port) = (unique("keeps"), unique("volume"), port());
    let mut image = Image::new(
        HOST,
        &[
            r#"CMD ["sh", "-c", "echo one; exec sleep 600"]"#,
            "ENV COLOUR=red",
            "ENV OLD=gone",
            "LABEL version=1",
            "LABEL dropped=yes",
            "VOLUME /cache",
            "EXPOSE 80",
            "WORKDIR /one",
        ],
    );
    let (first, second) = (unique("first"), unique("second"));
    let (_networks, _scrub) = ((Network::new(&first), Network::new(&second)), Scrub::new(HOST, &name));
    let create = json!({"action": "create-raw-container", "name": name, "start": true, "owner": "ada", "body": {
        "Image": image.tag, "Env": ["GREETING=hello"], "Labels": {"team": "x"}, "Volumes": {"/scratch": {}},
        "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGKILL", "Hostname": "box",
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 500_000_000},
        "HostConfig": {"Memory": 67_108_864, "NanoCpus": 500_000_000, "NetworkMode": first,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "Binds": [format!("{volume}:/data")],
            "Mounts": [{"Type": "volume", "Target": "/nameless"}],
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": port.to_string()}]}},
        "NetworkingConfig": {"EndpointsConfig": {first.clone(): {"Aliases": ["web"]}}}}});
    let created = bus.call(create).await;
    succeeded(&created, 201);
    docker(HOST, &["network", "connect", "--alias", "db", &second, &name]);
    docker(HOST, &["exec", &name, "sh", "-c", "for d in data cache scratch nameless; do echo $d > /$d/file; done"]);
    let old = inspect(HOST, &name);

    image.becomes(&[
        r#"CMD ["sh", "-c", "echo two; exec sleep 600"]"#,
        "ENV COLOUR=blue",
        "LABEL version=2",
        "WORKDIR /two",
        "VOLUME /cache",
    ]);
    let reply = bus.call(recreate(&name)).await;
    succeeded(&reply, 201);
    assert_eq!(reply["Response"]["Body"]["Id"], reply["Id"]);
    assert_eq!(names(HOST, &name), [name.as_str()]);
    assert!(!try_docker(HOST, &["inspect", old["Id"].as_str().unwrap()]).status.success(), "the old one is gone");
    // In the records before the reply.
    assert_eq!(recorded(&bus, &name).await, [(name.clone(), reply["Id"].as_str().unwrap().to_owned())]);
    let owner: String = bus.redis(&["HGET", &bus.key("owners"), reply["Id"].as_str().unwrap()]).await;
    assert_eq!(serde_json::from_str::<Value>(&owner).unwrap()["owner"], "ada");
    let former: Option<String> = bus.redis(&["HGET", &bus.key("owners"), old["Id"].as_str().unwrap()]).await;
    assert_eq!(former, None);

    let new = inspect(HOST, &name);
    assert_eq!((&new["Id"], &new["State"]["Health"]["Status"]), (&reply["Id"], &json!("healthy")));
    assert_ne!(new["Image"], old["Image"]);
    let config = &new["Config"];
    let env = config["Env"].as_array().expect("a list");
    assert!(env.contains(&json!("GREETING=hello")) && env.contains(&json!("COLOUR=blue")), "{env:?}");
    assert!(!env.iter().any(|variable| variable == "COLOUR=red" || variable == "OLD=gone"), "{env:?}");
    let labels = config["Labels"].as_object().expect("an object");
    assert_eq!(
        (&labels["team"], &labels["version"], &labels["deblox.owner"]),
        (&json!("x"), &json!("2"), &json!("ada"))
    );
    assert_eq!((labels.get("dropped"), &labels["deblox.replaces"]), (None, &old["Id"]));
    assert_eq!(
        (&config["WorkingDir"], &config["Hostname"], &config["Image"]),
        (&json!("/two"), &json!("box"), &json!(image.tag))
    );
    assert_eq!((&config["StopSignal"], &config["Healthcheck"]), (&json!("SIGKILL"), &old["Config"]["Healthcheck"]));
    assert_eq!(docker(HOST, &["logs", &name]), "two");
    for limit in ["Memory", "NanoCpus", "RestartPolicy", "PortBindings", "NetworkMode"] {
        assert_eq!(new["HostConfig"][limit], old["HostConfig"][limit], "{limit}");
    }
    assert_eq!(docker(HOST, &["port", &name]), format!("80/tcp -> 127.0.0.1:{port}"));
    let files = docker(HOST, &["exec", &name, "cat", "/data/file", "/cache/file", "/scratch/file", "/nameless/file"]);
    assert_eq!(files, "data\ncache\nscratch\nnameless");
    for (network, alias) in [(&first, "web"), (&second, "db")] {
        let aliases = new["NetworkSettings"]["Networks"][network]["Aliases"].as_array().expect("a list");
        let short = |id: &Value| json!(id.as_str().unwrap()[..12]);
        assert!(aliases.contains(&json!(alias)) && !aliases.contains(&short(&old["Id"])), "{aliases:?}");
    }

    // And once more, by its id: nothing of the first time is left over in what the second goes by.
    let again = bus.call(recreate(reply["Id"].as_str().unwrap())).await;
    succeeded(&again, 201);
    assert_eq!(inspect(HOST, &name)["Config"]["Labels"]["deblox.replaces"], reply["Id"]);
    assert_eq!(docker(HOST, &["exec", &name, "cat", "/cache/file", "/nameless/file"]), "cache\nnameless");
    remove_with_volumes(&name);
}

/// Docker itself would leave the volumes that an instance has from the one before it: they count as named.
fn remove_with_volumes(name: &str) {
    let instance = inspect(HOST, name);
    docker(HOST, &["rm", "-f", name]);
    for mount in instance["Mounts"].as_array().expect("a list").iter().filter(|mount| mount["Type"] == "volume") {
        // Another instance may have it too.
        try_docker(HOST, &["volume", "rm", mount["Name"].as_str().expect("a name")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_docker_lets_a_container_have_it_may_have_again() {
    let (bus, _worker) = dock().await;
    let (name, peer, network) = (unique("again"), unique("peer"), unique("net"));
    let (image, _scrubs) =
        (Image::new(HOST, &[SLEEP, "EXPOSE 80"]), (Scrub::new(HOST, &name), Scrub::new(HOST, &peer)));
    let octet = uuid::Uuid::new_v4().as_bytes()[0];
    let (subnet, address) = (format!("10.213.{octet}.0/24"), format!("10.213.{octet}.77"));
    docker(HOST, &["network", "create", "--subnet", &subnet, &network]);
    let _network = Network(network.clone());
    docker(HOST, &["run", "-d", "--name", &peer, "-v", "/of-peer", "busybox", "sleep", "600"]);
    let of_peer = format!("container:{peer}");
    let link = format!("{peer}:database");
    let cases: [&[&str]; 9] = [
        &["--network", "host", "--hostname", "own-name"],
        &["--network", "none"],
        &["--network", &of_peer, "--pid", &of_peer],
        &["--network", &network, "--ip", &address],
        &["--link", &link, "-p", "127.0.0.1::80"],
        &["--uts", "host", "--ipc", "shareable", "--tmpfs", "/fast", "--read-only"],
        &["--volumes-from", &peer],
        &["--entrypoint", "sleep", "--ulimit", "nofile=99", "--cap-drop", "ALL", "--dns", "10.0.0.1", "--init"],
        &["--no-healthcheck", "-it", "--log-opt", "max-size=1m", "--device", "/dev/null:/dev/empty", "--cpus", "0.5"],
    ];
    for options in cases {
        let command: &[&str] = if options.contains(&"sleep") { &["600"] } else { &[] };
        docker(HOST, &[&["run", "-d", "--name", &name], options, &[&image.tag], command].concat());
        let old = inspect(HOST, &name);
        let reply = bus.call_dock(DOCK, with(recreate(&name), "settle", 0)).await;
        assert_eq!(reply["statusCode"], 201, "{options:?}: {reply}");
        let new = inspect(HOST, &name);
        for (of, field) in [
            ("HostConfig", "NetworkMode"),
            ("HostConfig", "PidMode"),
            ("HostConfig", "UTSMode"),
            ("HostConfig", "Tmpfs"),
            ("HostConfig", "Ulimits"),
            ("HostConfig", "CapDrop"),
            ("HostConfig", "Devices"),
            ("HostConfig", "LogConfig"),
            ("HostConfig", "VolumesFrom"),
            ("HostConfig", "PortBindings"),
            ("Config", "Entrypoint"),
            ("Config", "Cmd"),
            ("Config", "Tty"),
        ] {
            assert_eq!(new[of][field], old[of][field], "{options:?}: {field}");
        }
        let volumes = |instance: &Value| {
            instance["Mounts"].as_array().map(|mounts| {
                mounts.iter().map(|mount| (mount["Name"].clone(), mount["Destination"].clone())).collect::<Vec<_>>()
            })
        };
        assert_eq!(volumes(&new), volumes(&old), "{options:?}");
        let told = |instance: &Value, field: &str| instance["NetworkSettings"]["Networks"][&network][field].clone();
        assert_eq!(told(&new, "IPAddress"), told(&old, "IPAddress"), "{options:?}");
        if options.contains(&"--link") {
            docker(HOST, &["exec", &name, "grep", "database", "/etc/hosts"]);
        }
        remove_with_volumes(&name);
    }
}
