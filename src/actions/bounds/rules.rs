//! What each field of a create may say that a user sends (Docker Engine API 1.51, `POST /containers/create`). What is
//! known to reach nothing beyond the container passes, and nothing else, because a newer Docker may have further fields.

use serde_json::Value;

use super::Bounds;
use super::fields::Rule::{Checked, Free, Never, Only};
use super::fields::{Rules, check, fields, list, object, refusal, text};
use super::mounts;
use crate::protocol::Failure;

const OTHERS: &str = "it is about another container";
const DEVICES: &str = "it is about devices of the host";
const HOST: &str = "it is about the host";

pub(super) static CONFIG: &Rules = &[
    ("Hostname", Free),
    ("Domainname", Free),
    ("User", Free),
    ("AttachStdin", Free),
    ("AttachStdout", Free),
    ("AttachStderr", Free),
    ("ExposedPorts", Free),
    ("Tty", Free),
    ("OpenStdin", Free),
    ("StdinOnce", Free),
    ("Env", Free),
    ("Cmd", Free),
    ("Healthcheck", Free),
    ("ArgsEscaped", Free),
    ("Image", Free),
    ("Volumes", Free),
    ("WorkingDir", Free),
    ("Entrypoint", Free),
    ("NetworkDisabled", Free),
    ("MacAddress", Free),
    ("OnBuild", Free),
    ("Labels", Free),
    ("StopSignal", Free),
    ("StopTimeout", Free),
    ("Shell", Free),
    ("HostConfig", Checked(host)),
    ("NetworkingConfig", Checked(networking)),
];

pub(super) static HOST_CONFIG: &Rules = &[
    ("AutoRemove", Free),
    ("BlkioWeight", Free),
    ("ConsoleSize", Free),
    ("CapDrop", Free),
    ("CpuCount", Free),
    ("CpuPercent", Free),
    ("CpuPeriod", Free),
    ("CpuQuota", Free),
    ("CpuShares", Free),
    ("CpusetCpus", Free),
    ("CpusetMems", Free),
    ("Dns", Free),
    ("DnsOptions", Free),
    ("DnsSearch", Free),
    ("ExtraHosts", Free),
    ("GroupAdd", Free),
    ("Init", Free),
    ("IOMaximumBandwidth", Free),
    ("IOMaximumIOps", Free),
    ("KernelMemory", Free),
    ("KernelMemoryTCP", Free),
    ("Memory", Free),
    ("MemoryReservation", Free),
    ("MemorySwap", Free),
    ("MemorySwappiness", Free),
    ("NanoCpus", Free),
    ("PortBindings", Free),
    ("PublishAllPorts", Free),
    ("ReadonlyRootfs", Free),
    ("RestartPolicy", Free),
    ("ShmSize", Free),
    ("Tmpfs", Free),
    ("Binds", Checked(mounts::binds)),
    ("CapAdd", Checked(capabilities)),
    ("LogConfig", Checked(logging)),
    ("MaskedPaths", Checked(masked_paths)),
    ("Mounts", Checked(mounts::mounts)),
    ("NetworkMode", Checked(network_mode)),
    ("OomScoreAdj", Checked(oom_score)),
    ("PidsLimit", Checked(pids_limit)),
    ("ReadonlyPaths", Checked(readonly_paths)),
    ("SecurityOpt", Checked(security)),
    ("Ulimits", Checked(ulimits)),
    ("CgroupnsMode", Only(&["private"], HOST)),
    ("IpcMode", Only(&["none", "private", "shareable"], "it is the host's or another container's")),
    ("Isolation", Only(&["default"], "the daemon has one of its own")),
    ("PidMode", Only(&["private"], "it is the host's or another container's")),
    // Where the daemon's own is a sandbox, any other would lead out of it.
    ("Runtime", Only(&[], "the daemon has one of its own")),
    ("UTSMode", Only(&["private"], HOST)),
    ("UsernsMode", Only(&["private"], HOST)),
    ("VolumeDriver", Only(&["local"], "a driver of volumes can mount any folder of the host")),
    ("Annotations", Never("some of them change how the container is kept apart from its host")),
    ("BlkioDeviceReadBps", Never(DEVICES)),
    ("BlkioDeviceReadIOps", Never(DEVICES)),
    ("BlkioDeviceWriteBps", Never(DEVICES)),
    ("BlkioDeviceWriteIOps", Never(DEVICES)),
    ("BlkioWeightDevice", Never(DEVICES)),
    ("Cgroup", Never(OTHERS)),
    ("CgroupParent", Never(HOST)),
    ("ContainerIDFile", Never(HOST)),
    ("CpuRealtimePeriod", Never("it takes processors from all others on the host")),
    ("CpuRealtimeRuntime", Never("it takes processors from all others on the host")),
    ("DeviceCgroupRules", Never(DEVICES)),
    ("DeviceRequests", Never(DEVICES)),
    ("Devices", Never(DEVICES)),
    ("Links", Never(OTHERS)),
    ("OomKillDisable", Never("it takes memory from all others on the host")),
    ("Privileged", Never("it gives all rights on the host")),
    ("StorageOpt", Never(HOST)),
    ("Sysctls", Never("it changes settings of the kernel")),
    ("VolumesFrom", Never(OTHERS)),
];

/// How a container is on a network.
pub(super) static ENDPOINT: &Rules = &[
    ("Aliases", Free),
    ("GwPriority", Free),
    ("IPAMConfig", Free),
    ("MacAddress", Free),
    ("Links", Never(OTHERS)),
    ("DriverOpts", Never("it changes settings of the kernel")),
    // Docker takes it before the name of the network.
    ("NetworkID", Never("a network is named by the field that the endpoint stands in")),
];

/// `POST /containers/{id}/exec`.
pub(super) static EXEC: &Rules = &[
    ("AttachStderr", Free),
    ("AttachStdin", Free),
    ("AttachStdout", Free),
    ("Cmd", Free),
    ("ConsoleSize", Free),
    ("Detach", Free),
    ("DetachKeys", Free),
    ("Env", Free),
    ("Tty", Free),
    ("User", Free),
    ("WorkingDir", Free),
    ("Privileged", Never("it gives all rights on the host")),
];

/// What Docker gives every container.
const CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Log drivers that keep the log on the dock, and options that lead nowhere else, whichever the daemon's own driver is.
const LOG_DRIVERS: [&str; 4] = ["", "json-file", "local", "none"];
const LOG_OPTIONS: [&str; 10] = [
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];

fn host(value: &Value, bounds: &Bounds) -> Result<(), Failure> {
    check(value, "HostConfig", HOST_CONFIG, bounds)
}

fn networking(value: &Value, bounds: &Bounds) -> Result<(), Failure> {
    check(value, "NetworkingConfig", &[("EndpointsConfig", Checked(endpoints))], bounds)
}

fn endpoints(value: &Value, bounds: &Bounds) -> Result<(), Failure> {
    const PATH: &str = "NetworkingConfig.EndpointsConfig";
    for (name, endpoint) in object(value, PATH)?.into_iter().flatten() {
        if name == "host" {
            return Err(refusal(PATH, "`host` is the network of the host"));
        }
        check(endpoint, PATH, ENDPOINT, bounds)?;
    }
    Ok(())
}

fn network_mode(value: &Value, _: &Bounds) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.NetworkMode";
    match text(value, PATH)? {
        "host" => Err(refusal(PATH, "`host` is the network of the host")),
        mode if mode.contains(':') => Err(refusal(PATH, &format!("`{mode}` is the network of something else"))),
        _ => Ok(()),
    }
}

fn capabilities(value: &Value, _: &Bounds) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.CapAdd";
    // Docker takes one text for a list of one.
    let all = if value.is_string() { std::slice::from_ref(value) } else { list(value, PATH)? };
    for capability in all {
        let name = text(capability, PATH)?.to_ascii_uppercase();
        if !CAPABILITIES.contains(&name.strip_prefix("CAP_").unwrap_or(&name)) {
            return Err(refusal(PATH, &format!("`{name}` is more than a container usually has")));
        }
    }
    Ok(())
}

fn security(value: &Value, _: &Bounds) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.SecurityOpt";
    for option in list(value, PATH)? {
        let option = text(option, PATH)?;
        let words = ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"];
        if !words.contains(&option) {
            return Err(refusal(PATH, &format!("`{option}` changes how the container is kept apart from its host")));
        }
    }
    Ok(())
}

fn logging(value: &Value, _: &Bounds) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.LogConfig";
    for (name, value) in fields(value, PATH)? {
        match name.to_ascii_lowercase().as_str() {
            "type" => {
                let driver = text(value, PATH)?;
                if !LOG_DRIVERS.contains(&driver) {
                    return Err(refusal(PATH, &format!("`{driver}` sends the log elsewhere, in the daemon's name")));
                }
            }
            "config" => {
                let mut options = object(value, PATH)?.into_iter().flatten();
                if let Some((option, _)) = options.find(|(option, _)| !LOG_OPTIONS.contains(&option.as_str())) {
                    return Err(refusal(PATH, &format!("its option `{option}` is not known to do no harm")));
                }
            }
            _ => return Err(refusal(PATH, &format!("its field `{name}` is not known to do no harm"))),
        }
    }
    Ok(())
}

fn masked_paths(value: &Value, _: &Bounds) -> Result<(), Failure> {
    unset(value, "HostConfig.MaskedPaths")
}

fn readonly_paths(value: &Value, _: &Bounds) -> Result<(), Failure> {
    unset(value, "HostConfig.ReadonlyPaths")
}

/// Here an empty list is not as good as none: it opens what Docker hides of the kernel.
fn unset(value: &Value, path: &str) -> Result<(), Failure> {
    if value.is_null() { Ok(()) } else { Err(refusal(path, "it opens what Docker hides of the host's kernel")) }
}

fn oom_score(value: &Value, _: &Bounds) -> Result<(), Failure> {
    if value.is_null() || value.as_u64().is_some() {
        return Ok(());
    }
    Err(refusal("HostConfig.OomScoreAdj", "below 0 it takes memory from all others on the host"))
}

/// 0 is what the docker command sends where nothing was asked for; the container gets the limit of users then.
fn pids_limit(value: &Value, bounds: &Bounds) -> Result<(), Failure> {
    if value.is_null() || value.as_u64().is_some_and(|pids| pids <= bounds.pids_limit) {
        return Ok(());
    }
    let why = format!("a container may have at most {} processes here, and not without a limit", bounds.pids_limit);
    Err(refusal("HostConfig.PidsLimit", &why))
}

fn ulimits(value: &Value, _: &Bounds) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.Ulimits";
    for limit in list(value, PATH)? {
        for (name, value) in fields(limit, PATH)? {
            let is_name = name.eq_ignore_ascii_case("Name");
            let urgent = |limit: &str| ["rtprio", "rttime", "nice"].iter().any(|name| limit.eq_ignore_ascii_case(name));
            if is_name && urgent(text(value, PATH)?) {
                return Err(refusal(PATH, "`rtprio`, `rttime` and `nice` take processors from all others on the host"));
            }
        }
    }
    Ok(())
}
