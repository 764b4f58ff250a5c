//! The body of a create that a user sends, and those of other calls that are about the same things.

use serde_json::{Map, Value};

use super::fields::{check as check_fields, field, refusal};
use super::rules::{CONFIG, ENDPOINT, EXEC, HOST_CONFIG};
use super::{Bounds, mounts};
use crate::protocol::Failure;

/// Checks the whole body of a create.
///
/// # Errors
/// [`ErrorCode::Forbidden`](crate::protocol::ErrorCode::Forbidden), with the name of what a user may not have.
pub(super) fn check(body: &Value, bounds: &Bounds) -> Result<(), Failure> {
    check_fields(body, "", CONFIG, bounds)?;
    // Otherwise the container could lay device nodes there; `ALL` is refused in any case.
    let added = field(field(body, "HostConfig"), "CapAdd");
    let is_mknod = |name: &Value| name.as_str().is_some_and(|name| name.to_ascii_uppercase().ends_with("MKNOD"));
    let adds = added.as_array().map_or(std::slice::from_ref(added), Vec::as_slice).iter().any(is_mknod);
    if adds && has_host_folder(body) {
        return Err(refusal("HostConfig.CapAdd", "with a folder of the host, `MKNOD` makes devices of the host"));
    }
    Ok(())
}

/// Gives the body of a create, which was checked, the limits of a user's container: on processes, and where it has a folder of
/// the host, on device nodes. One that is laid there by a container would be open to the people of the host.
pub(super) fn confine(body: &mut Value, bounds: &Bounds) {
    let binds = has_host_folder(body);
    if !body["HostConfig"].is_object() {
        body["HostConfig"] = Value::Object(Map::new());
    }
    let host = &mut body["HostConfig"];
    if field(host, "PidsLimit").as_u64().unwrap_or_default() == 0 {
        set(host, "PidsLimit", Value::from(bounds.pids_limit));
    }
    if binds {
        let dropped = match field(host, "CapDrop") {
            Value::Array(list) => list.clone(),
            Value::String(one) => vec![Value::from(one.as_str())],
            _ => Vec::new(),
        };
        let is_dropped = |name: &Value| {
            let name = name.as_str().unwrap_or_default().to_ascii_uppercase();
            matches!(name.strip_prefix("CAP_").unwrap_or(&name), "MKNOD" | "ALL")
        };
        if !dropped.iter().any(is_dropped) {
            set(host, "CapDrop", dropped.into_iter().chain([Value::from("MKNOD")]).collect());
        }
    }
}

/// Whether the body of a create, or what the daemon says of a container, mounts a folder of the host.
pub(super) fn has_host_folder(body: &Value) -> bool {
    let host = field(body, "HostConfig");
    let all = |name: &str| field(host, name).as_array().into_iter().flatten();
    all("Binds").filter_map(Value::as_str).any(|bind| bind.starts_with('/') && bind.contains(':'))
        || all("Mounts").any(|mount| *field(mount, "Type") == "bind")
}

/// Sets a field of an object that was checked, whatever the case of the name that it has there.
fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(object) = object {
        object.retain(|other, _| !other.eq_ignore_ascii_case(name));
        object.insert(name.to_owned(), value);
    }
}

/// Checks the body of an update, which has fields of `HostConfig`.
///
/// # Errors
/// As [`check`].
pub(super) fn check_update(body: &Value, bounds: &Bounds) -> Result<(), Failure> {
    check_fields(body, "", HOST_CONFIG, bounds)
}

/// Checks the body that prepares an exec.
///
/// # Errors
/// As [`check`].
pub(super) fn check_exec(body: &Value, bounds: &Bounds) -> Result<(), Failure> {
    check_fields(body, "", EXEC, bounds)
}

/// Checks how a container is to join a network.
///
/// # Errors
/// As [`check`].
pub(super) fn check_endpoint(endpoint: &Value, bounds: &Bounds) -> Result<(), Failure> {
    check_fields(endpoint, "EndpointConfig", ENDPOINT, bounds)
}

/// The named volumes that a body that was checked uses.
pub(super) fn volumes(body: &Value) -> Vec<&str> {
    let host = field(body, "HostConfig");
    mounts::volumes(field(host, "Binds"), field(host, "Mounts"))
}

/// The networks that it joins, beside those that each daemon has for everybody.
pub(super) fn networks(body: &Value) -> Vec<&str> {
    let mode = field(field(body, "HostConfig"), "NetworkMode").as_str();
    let endpoints = field(field(body, "NetworkingConfig"), "EndpointsConfig").as_object();
    let names = mode.into_iter().chain(endpoints.into_iter().flatten().map(|(name, _)| name.as_str()));
    let mut names: Vec<&str> = names.filter(|name| !matches!(*name, "" | "default" | "bridge" | "none")).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::ErrorCode;

    fn open() -> Bounds {
        Bounds { bind_folders: vec!["/srv".parse().unwrap()], ..Bounds::default() }
    }

    fn refused(body: &Value, named: &str) {
        let failure = check(body, &open()).expect_err(&body.to_string());
        assert_eq!(failure.code, ErrorCode::Forbidden);
        assert!(failure.message.contains(&format!("`{named}`")), "{body}: {failure}");
    }

    #[test]
    fn what_reaches_beyond_the_container_is_refused_by_its_name() {
        for (field, values) in [
            ("Privileged", vec![json!(true), json!("true"), json!(1)]),
            ("NetworkMode", vec![json!("host"), json!("container:web"), json!("ns:/x"), json!(1)]),
            ("PidMode", vec![json!("host"), json!("container:web")]),
            ("IpcMode", vec![json!("host"), json!("container:web")]),
            ("UTSMode", vec![json!("host")]),
            ("UsernsMode", vec![json!("host")]),
            ("CgroupnsMode", vec![json!("host")]),
            ("Cgroup", vec![json!("container:web")]),
            ("CgroupParent", vec![json!("/system.slice")]),
            ("Devices", vec![json!([{"PathOnHost": "/dev/sda"}])]),
            ("DeviceRequests", vec![json!([{"Driver": "nvidia", "Count": -1}])]),
            ("DeviceCgroupRules", vec![json!(["b *:* rwm"])]),
            (
                "CapAdd",
                vec![json!(["SYS_ADMIN"]), json!(["CAP_SYS_ADMIN"]), json!(["ALL"]), json!("sys_admin"), json!({})],
            ),
            ("SecurityOpt", vec![json!(["apparmor=unconfined"]), json!(["apparmor:unconfined"]), json!("x")]),
            (
                "SecurityOpt",
                vec![json!(["seccomp=unconfined"]), json!(["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"])],
            ),
            (
                "SecurityOpt",
                vec![
                    json!(["label=disable"]),
                    json!(["systempaths=unconfined"]),
                    json!(["no-new-privileges", "label=type:x"]),
                ],
            ),
            ("SecurityOpt", vec![json!(["no-new-privileges=false"]), json!(["credentialspec=file://x"])]),
            ("MaskedPaths", vec![json!([]), json!(["/proc/kcore"]), json!("")]),
            ("ReadonlyPaths", vec![json!([]), json!(["/proc/sys"])]),
            ("Binds", vec![json!(["/etc:/x"]), json!(["/var/run/docker.sock:/x"]), json!(["/srv/../etc:/x"])]),
            (
                "Mounts",
                vec![
                    json!([{"Type": "bind", "Source": "/etc"}]),
                    json!([{"Type": "npipe"}]),
                    json!([{"Type": "cluster"}]),
                ],
            ),
            ("VolumeDriver", vec![json!("nfs")]),
            ("VolumesFrom", vec![json!(["web"])]),
            ("Links", vec![json!(["web:db"])]),
            ("Runtime", vec![json!("runc"), json!("io.containerd.runc.v2")]),
            ("Sysctls", vec![json!({"net.core.somaxconn": "5"})]),
            ("OomScoreAdj", vec![json!(-1), json!(-0.5), json!("-1")]),
            ("OomKillDisable", vec![json!(true)]),
            (
                "LogConfig",
                vec![json!({"Type": "syslog", "Config": {}}), json!({"Type": "gelf"}), json!({"type": "fluentd"})],
            ),
            (
                "LogConfig",
                vec![json!({"Config": {"syslog-address": "udp://10.0.0.1"}}), json!({"Config": "x"}), json!({"X": 1})],
            ),
            ("StorageOpt", vec![json!({"size": "100G"})]),
            ("ContainerIDFile", vec![json!("/etc/id")]),
            ("Annotations", vec![json!({"run.oci.handler": "x"})]),
            ("BlkioDeviceReadBps", vec![json!([{"Path": "/dev/sda", "Rate": 1}])]),
            ("BlkioDeviceReadIOps", vec![json!([{"Path": "/dev/sda", "Rate": 1}])]),
            ("BlkioDeviceWriteBps", vec![json!([{"Path": "/dev/sda", "Rate": 1}])]),
            ("BlkioDeviceWriteIOps", vec![json!([{"Path": "/dev/sda", "Rate": 1}])]),
            ("BlkioWeightDevice", vec![json!([{"Path": "/dev/sda", "Weight": 1}])]),
            ("CpuRealtimePeriod", vec![json!(1000)]),
            ("CpuRealtimeRuntime", vec![json!(1000)]),
            (
                "Ulimits",
                vec![json!([{"Name": "rtprio", "Hard": 99}]), json!([{"name": "NICE", "Hard": 40}]), json!(["x"])],
            ),
            ("Isolation", vec![json!("process")]),
            ("Tomorrow", vec![json!(true), json!("x"), json!({"a": 1})]),
        ] {
            for value in values {
                let named = format!("HostConfig.{field}");
                refused(&json!({"Image": "busybox", "HostConfig": {field: value}}), &named);
                // Docker reads names in any case.
                let (lower, upper) = (field.to_lowercase(), field.to_uppercase());
                for name in [lower, upper].iter().filter(|_| field != "Tomorrow") {
                    refused(&json!({"HostConfig": {name.as_str(): value}}), &named);
                    refused(&json!({"hostconfig": {name.as_str(): value}}), &named);
                }
            }
        }
    }

    #[test]
    fn what_stands_beside_host_config_is_checked_as_well() {
        let endpoint = |endpoint: Value| json!({"NetworkingConfig": {"EndpointsConfig": {"mine": endpoint}}});
        let path = "NetworkingConfig.EndpointsConfig";
        refused(&json!({"NetworkingConfig": {"EndpointsConfig": {"host": {}}}}), path);
        refused(&json!({"networkingconfig": {"endpointsconfig": {"host": null}}}), path);
        refused(&endpoint(json!({"NetworkID": "0123"})), &format!("{path}.NetworkID"));
        refused(&endpoint(json!({"links": ["web"]})), &format!("{path}.Links"));
        refused(
            &endpoint(json!({"DriverOpts": {"com.docker.network.endpoint.sysctls": "x"}})),
            &format!("{path}.DriverOpts"),
        );
        refused(&endpoint(json!({"Tomorrow": 1})), &format!("{path}.Tomorrow"));
        refused(&json!({"NetworkingConfig": {"Tomorrow": 1}}), "NetworkingConfig.Tomorrow");
        // Older daemons read the fields of HostConfig here too.
        refused(&json!({"Privileged": true}), "Privileged");
        refused(&json!({"Tomorrow": {"a": 1}}), "Tomorrow");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        refused(&json!({"HostConfig": {}, "hostConfig": {"Privileged": true}}), "hostConfig");
        refused(&json!({"Labels": {}, "labels": {"deblox.owner": "bob"}}), "labels");
        refused(&json!({"HostConfig": {"Binds": null, "binds": ["/etc:/x"]}}), "HostConfig.binds");
        // To Go, the long s is an s and the sign for Kelvin a k.
        refused(&json!({"Ho\u{17f}tConfig": {}}), "Ho\u{17f}tConfig");
        refused(&json!({"HostConfig": {"Networ\u{212a}Mode": "host"}}), "HostConfig.Networ\u{212a}Mode");
        refused(&json!({"HostConfig": "x"}), "HostConfig");
        refused(&json!({"HostConfig": []}), "HostConfig");
        assert!(check(&json!("x"), &open()).is_err());
    }

    #[test]
    fn what_says_nothing_or_what_docker_does_anyway_passes() {
        // As the docker command sends it, of API 1.41, with what is there of later ones.
        let run: Value = serde_json::from_str(
            r#"{"Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": true,
            "AttachStderr": true, "Tty": false, "OpenStdin": false, "StdinOnce": false, "Env": null, "Cmd": null,
            "Image": "busybox", "Volumes": {}, "WorkingDir": "", "Entrypoint": null, "OnBuild": null, "Labels": {},
            "HostConfig": {"Binds": null, "ContainerIDFile": "", "LogConfig": {"Type": "", "Config": {}},
                "NetworkMode": "default", "PortBindings": {}, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                "AutoRemove": false, "VolumeDriver": "", "VolumesFrom": null, "CapAdd": null, "CapDrop": null,
                "CgroupnsMode": "", "Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": null, "GroupAdd": null,
                "IpcMode": "", "Cgroup": "", "Links": null, "OomScoreAdj": 0, "PidMode": "", "Privileged": false,
                "PublishAllPorts": false, "ReadonlyRootfs": false, "SecurityOpt": null, "UTSMode": "",
                "UsernsMode": "", "ShmSize": 0, "ConsoleSize": [0, 0], "Isolation": "", "CpuShares": 0, "Memory": 0,
                "NanoCpus": 0, "CgroupParent": "", "BlkioWeight": 0, "BlkioWeightDevice": [],
                "BlkioDeviceReadBps": null, "BlkioDeviceWriteBps": null, "BlkioDeviceReadIOps": null,
                "BlkioDeviceWriteIOps": null, "CpuPeriod": 0, "CpuQuota": 0, "CpuRealtimePeriod": 0,
                "CpuRealtimeRuntime": 0, "CpusetCpus": "", "CpusetMems": "", "Devices": [], "DeviceCgroupRules": null,
                "DeviceRequests": null, "KernelMemory": 0, "KernelMemoryTCP": 0, "MemoryReservation": 0,
                "MemorySwap": 0, "MemorySwappiness": -1, "OomKillDisable": false, "PidsLimit": 0, "Ulimits": null,
                "CpuCount": 0, "CpuPercent": 0, "IOMaximumIOps": 0, "IOMaximumBandwidth": 0, "MaskedPaths": null,
                "ReadonlyPaths": null, "Annotations": {}, "Runtime": "", "Sysctls": null, "StorageOpt": {}},
            "NetworkingConfig": {"EndpointsConfig": {}}}"#,
        )
        .unwrap();
        assert!(check(&run, &open()).is_ok(), "{:?}", check(&run, &open()));
        let more = json!({"Image": "busybox", "Cmd": ["true"], "Healthcheck": {"Test": ["NONE"]},
            "ExposedPorts": {"80/tcp": {}}, "StopTimeout": 5, "MacAddress": "02:42:ac:11:00:09",
            "HostConfig": {"Binds": ["/srv:/x:ro", "data:/data", "/anonymous"], "NetworkMode": "mine",
                "Mounts": [{"Type": "tmpfs", "Target": "/tmp"}], "CapAdd": ["NET_RAW", "cap_chown"], "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"], "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
                "PortBindings": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}]}, "PublishAllPorts": true,
                "OomScoreAdj": 500, "PidsLimit": 100, "Init": true, "ShmSize": 1, "AutoRemove": true,
                "Ulimits": [{"Name": "nofile", "Soft": 5, "Hard": 5}], "IpcMode": "shareable",
                "CgroupnsMode": "private", "Dns": ["10.0.0.1"], "Tmpfs": {"/run": "size=5m"}, "VolumeDriver": "local",
                "Memory": 1, "RestartPolicy": {"Name": "always"}},
            "NetworkingConfig": {"EndpointsConfig": {"mine": {"Aliases": ["web"], "Links": null, "NetworkID": "",
                "IPAMConfig": {"IPv4Address": "10.1.0.9"}}, "bridge": null}}});
        assert!(check(&more, &open()).is_ok(), "{:?}", check(&more, &open()));
        assert_eq!(volumes(&more), ["data"]);
        assert_eq!(networks(&more), ["mine"]);
        assert_eq!(networks(&run), [""; 0]);
        assert!(check(&json!({}), &Bounds::default()).is_ok());
    }

    #[test]
    fn volumes_and_networks_are_told_whatever_the_case() {
        let body = json!({"hostconfig": {"BINDS": ["data:/x"], "networkmode": "one"},
            "networkingconfig": {"endpointsconfig": {"two": {}, "none": {}, "default": {}}}});
        assert!(check(&body, &open()).is_ok());
        assert_eq!((volumes(&body), networks(&body)), (vec!["data"], vec!["one", "two"]));
    }

    #[test]
    fn a_user_execs_without_privileges_and_updates_within_the_same_bounds() {
        let exec = |body: Value| check_exec(&body, &open());
        assert!(exec(json!({"Cmd": ["id"], "User": "root", "Tty": true, "Privileged": false})).is_ok());
        for body in [json!({"Privileged": true}), json!({"privileged": true}), json!({"Tomorrow": 1})] {
            assert!(exec(body.clone()).is_err(), "{body}");
        }
        let update = |body: Value| check_update(&body, &open());
        assert!(update(json!({"Memory": 5, "RestartPolicy": {"Name": "no"}, "Devices": null})).is_ok());
        for body in [json!({"Devices": [{}]}), json!({"CgroupParent": "/x"}), json!({"CpuRealtimeRuntime": 5})] {
            assert!(update(body.clone()).is_err(), "{body}");
        }
        assert!(check_endpoint(&json!({"Aliases": ["x"]}), &open()).is_ok());
        assert!(check_endpoint(&json!({"NetworkId": "x"}), &open()).is_err());
    }
}
