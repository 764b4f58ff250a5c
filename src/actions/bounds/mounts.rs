//! What a user may mount: volumes of its own, and folders of the host that were opened for users.

use serde_json::Value;

use super::fields::{fields, is_nothing, list, object, refusal, text};
use super::{Bounds, Folder};
use crate::actions::fields::has_own_label;
use crate::protocol::Failure;

/// Whoever may write to one of these has the whole host.
const SOCKETS: [&str; 4] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/var/run/containerd/containerd.sock",
    "/run/containerd/containerd.sock",
];

const BINDS: &str = "HostConfig.Binds";
const MOUNTS: &str = "HostConfig.Mounts";

/// `HostConfig.Binds`: `SOURCE:/TARGET[:OPTIONS]` or `/TARGET` each.
pub(super) fn binds(value: &Value, bounds: &Bounds) -> Result<(), Failure> {
    for bind in list(value, BINDS)? {
        let bind = text(bind, BINDS)?;
        let parts: Vec<&str> = bind.split(':').collect();
        let (source, target, mode) = match parts.as_slice() {
            [target] => ("", *target, ""),
            [source, target] => (*source, *target, ""),
            [source, target, mode] => (*source, *target, *mode),
            _ => return Err(refusal(BINDS, &format!("`{bind}` is not understood"))),
        };
        if !target.starts_with('/') || (source.is_empty() && parts.len() > 1) {
            return Err(refusal(BINDS, &format!("`{bind}` is not understood")));
        }
        if let Some(mode) = mode.split(',').find(|mode| !is_harmless(mode)) {
            return Err(refusal(BINDS, &format!("`{mode}` of `{bind}` is not among the options known to do no harm")));
        }
        if source.starts_with('/') {
            host_path(source, BINDS, bounds)?;
        } else {
            volume(source, BINDS)?;
        }
    }
    Ok(())
}

/// Options of a bind: all but those by which what is mounted in a container comes to be on the host.
fn is_harmless(mode: &str) -> bool {
    let plain = ["", "ro", "rw", "z", "Z", "nocopy", "consistent", "cached", "delegated"];
    plain.contains(&mode) || is_inward(mode)
}

fn is_inward(propagation: &str) -> bool {
    ["", "private", "rprivate", "slave", "rslave"].contains(&propagation)
}

/// `HostConfig.Mounts`.
pub(super) fn mounts(value: &Value, bounds: &Bounds) -> Result<(), Failure> {
    list(value, MOUNTS)?.iter().try_for_each(|value| mount(value, bounds))
}

fn mount(value: &Value, bounds: &Bounds) -> Result<(), Failure> {
    let (mut kind, mut source) = ("", "");
    for (name, value) in fields(value, MOUNTS)? {
        match name.to_ascii_lowercase().as_str() {
            "type" => kind = text(value, MOUNTS)?,
            "source" => source = text(value, MOUNTS)?,
            "target" | "readonly" | "consistency" | "tmpfsoptions" | "imageoptions" => {}
            "bindoptions" => bind_options(value)?,
            "volumeoptions" => volume_options(value)?,
            _ if is_nothing(value) => {}
            _ => return Err(unknown(MOUNTS, name)),
        }
    }
    match kind {
        "bind" => host_path(source, MOUNTS, bounds),
        "volume" => volume(source, MOUNTS),
        "tmpfs" | "image" => Ok(()),
        _ => Err(refusal(MOUNTS, &format!("of the type `{kind}`; bind, volume, tmpfs and image are allowed"))),
    }
}

fn bind_options(value: &Value) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.Mounts.BindOptions";
    for (name, value) in fields(value, PATH)? {
        match name.to_ascii_lowercase().as_str() {
            "nonrecursive" | "createmountpoint" | "readonlynonrecursive" | "readonlyforcerecursive" => {}
            "propagation" if is_inward(text(value, PATH)?) => {}
            "propagation" => return Err(refusal(PATH, "its `Propagation` brings mounts of the container to the host")),
            _ if is_nothing(value) => {}
            _ => return Err(unknown(PATH, name)),
        }
    }
    Ok(())
}

fn volume_options(value: &Value) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.Mounts.VolumeOptions";
    for (name, value) in fields(value, PATH)? {
        match name.to_ascii_lowercase().as_str() {
            "nocopy" | "subpath" => {}
            "labels" if has_own_label(value) => return Err(refusal(PATH, "no label may begin with deblox.")),
            "labels" => drop(object(value, PATH)?),
            "driverconfig" => driver(value)?,
            _ if is_nothing(value) => {}
            _ => return Err(unknown(PATH, name)),
        }
    }
    Ok(())
}

/// The driver of a volume. Even that of Docker's own takes options by which a volume is any folder of the host.
fn driver(value: &Value) -> Result<(), Failure> {
    const PATH: &str = "HostConfig.Mounts.VolumeOptions.DriverConfig";
    for (name, value) in fields(value, PATH)? {
        match name.to_ascii_lowercase().as_str() {
            "name" if matches!(text(value, PATH)?, "" | "local") => {}
            _ if is_nothing(value) => {}
            _ => return Err(refusal(PATH, "a driver of volumes, or its options, can mount any folder of the host")),
        }
    }
    Ok(())
}

/// The name of a volume; none is one without a name.
fn volume(name: &str, path: &str) -> Result<(), Failure> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() || (name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed)) {
        return Ok(());
    }
    Err(refusal(path, &format!("`{name}` is neither the name of a volume nor an absolute path")))
}

/// The named volumes in `Binds` and `Mounts` that were checked.
pub(super) fn volumes<'a>(binds: &'a Value, mounts: &'a Value) -> Vec<&'a str> {
    let all = |value: &'a Value| value.as_array().into_iter().flatten();
    let of_binds = all(binds).filter_map(Value::as_str).filter_map(|bind| bind.split_once(':')).map(|(name, _)| name);
    let of_mounts = all(mounts)
        .filter(|mount| super::fields::field(mount, "Type") == "volume")
        .filter_map(|mount| super::fields::field(mount, "Source").as_str());
    let mut names: Vec<&str> = of_binds.chain(of_mounts).filter(|name| !name.is_empty()).collect();
    names.retain(|name| !name.starts_with('/'));
    names.sort_unstable();
    names.dedup();
    names
}

/// A path of the host: a folder that is open to users, and without the daemon's socket in it.
///
/// Nothing in such a folder may be mounted by itself, not even another that is open: a user who can write to the folder
/// can lay a link in the place of it, which the daemon would follow to wherever it leads.
fn host_path(path: &str, of: &str, bounds: &Bounds) -> Result<(), Failure> {
    let Some(plain) = plain(path) else {
        return Err(refusal(of, &format!("`{path}` is not an absolute path without `..`")));
    };
    if SOCKETS.iter().any(|socket| is_in(socket, &plain)) || plain.ends_with("/docker.sock") {
        return Err(refusal(of, &format!("`{path}` is or holds the socket of the daemon, and with it the whole host")));
    }
    let around = |folder: &&Folder| is_in(&plain, &folder.0);
    let mut around = bounds.bind_folders.iter().filter(around);
    if let Some(inner) = around.clone().find(|folder| folder.0 != plain) {
        let why = format!("`{path}` is in `{}`, which is open to users as a whole only", inner.0);
        return Err(refusal(of, &why));
    }
    if around.next().is_some() {
        return Ok(());
    }
    let open = match bounds.bind_folders.as_slice() {
        [] => "no folder of the host is open to them here".to_owned(),
        folders => {
            let folders: Vec<&str> = folders.iter().map(|folder| folder.0.as_str()).collect();
            format!("open to them are {}", folders.join(", "))
        }
    };
    Err(refusal(of, &format!("`{path}` is a path of the host, and {open}")))
}

/// An absolute path without anything that it does without; none of what is no such path, or leads up.
pub(super) fn plain(path: &str) -> Option<String> {
    let rest = path.strip_prefix('/')?;
    let parts: Vec<&str> = rest.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let is_fine = !parts.contains(&"..") && !path.contains(char::is_control);
    is_fine.then(|| format!("/{}", parts.join("/")))
}

/// Whether a plain path is that folder or in it.
fn is_in(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn unknown(path: &str, name: &str) -> Failure {
    refusal(&format!("{path}.{name}"), "it is not among the fields that are known to do no harm")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open(folders: &[&str]) -> Bounds {
        Bounds { bind_folders: folders.iter().map(|folder| folder.parse().unwrap()).collect(), ..Bounds::default() }
    }

    #[test]
    fn a_folder_is_open_as_a_whole() {
        let bounds = open(&["/srv/data/", "/opt//shared/.", "/opt/shared/inner"]);
        for path in ["/srv/data", "/srv/data/", "/srv//data/.", "//srv/data", "/opt/shared"] {
            assert!(host_path(path, BINDS, &bounds).is_ok(), "{path}");
        }
        for path in [
            "/srv/data/x",
            "/srv/data/x/y",
            "/srv/data/..x",
            "/opt/shared/inner",
            "/",
            "/srv",
            "/srv/database",
            "/srv/data/..",
            "/srv/data/../..",
            "/srv/data/../data",
            "/opt",
            "/etc",
            "",
            "srv/data",
            "/SRV/data",
            "/srv/data\n",
            "/srv/data/x/../../../etc",
            "/../srv/data",
        ] {
            assert!(host_path(path, BINDS, &bounds).is_err(), "{path}");
        }
        assert!(host_path("/srv/data", BINDS, &open(&[])).is_err());
        let message = host_path("/etc", BINDS, &bounds).unwrap_err().message;
        insta::assert_snapshot!(message, @"`HostConfig.Binds` is not for users, but for operators and admins: `/etc` is a path of the host, and open to them are /srv/data, /opt/shared, /opt/shared/inner");
    }

    #[test]
    fn the_socket_of_the_daemon_is_never_open() {
        let bounds = open(&["/var/run", "/run/docker.sock", "/run", "/var", "/srv/docker.sock", "/run/containerd"]);
        for path in [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run//docker.sock/",
            "/var/run",
            "/run",
            "/var",
            "/",
            "/var/run/../run",
            "/srv/docker.sock",
            "/run/containerd/containerd.sock",
            "/run/containerd",
            "//",
        ] {
            assert!(host_path(path, BINDS, &bounds).is_err(), "{path}");
            assert!(host_path(path, BINDS, &open(&["/"])).is_err(), "{path}");
        }
        assert!(host_path("/var/running", BINDS, &open(&["/var/running"])).is_ok());
    }

    #[test]
    fn a_folder_to_be_opened_is_an_absolute_path() {
        for bad in ["srv", "/srv/../etc", "./srv", ""] {
            assert!(bad.parse::<Folder>().is_err(), "{bad}");
        }
        assert_eq!("//srv//data/".parse(), Ok(Folder("/srv/data".to_owned())));
    }

    #[test]
    fn binds_are_of_volumes_or_of_what_is_open() {
        let bounds = open(&["/srv"]);
        for bind in ["data:/x", "data:/x:ro", "/x", "/srv/:/x:ro,z", "/srv:/x:rslave", "a.b_c-d:/x:nocopy"] {
            assert!(binds(&json!([bind]), &bounds).is_ok(), "{bind}");
        }
        for bind in [
            "/etc:/x",
            "/srv/a:/x",
            "/:/x",
            "/srv/../etc:/x",
            "/srv:/x:shared",
            "/srv:/x:ro,rshared",
            "/srv:/x:odd",
            "..:/x",
            "./a:/x",
            ":/x",
            "data:x",
            "data:ro",
            "a:/b:ro:/c",
            "",
            "a",
            "~:/x",
            "C:\\a:C:\\b",
            "C:/a:C:/b",
            "a/b:/x",
            "\\\\.\\pipe\\docker_engine:/x",
            "/var/run/docker.sock:/x",
        ] {
            let failure = binds(&json!([bind]), &bounds).unwrap_err();
            assert!(failure.message.contains("HostConfig.Binds"), "{bind}: {failure}");
        }
        for odd in [json!("/etc:/x"), json!([["/etc:/x"]]), json!({"a": 1}), json!([1])] {
            assert!(binds(&odd, &bounds).is_err(), "{odd}");
        }
    }

    #[test]
    fn mounts_are_of_volumes_memory_images_or_of_what_is_open() {
        let bounds = open(&["/srv"]);
        for mount in [
            json!({"Type": "bind", "Source": "/srv", "Target": "/x", "ReadOnly": true, "BindOptions": null}),
            json!({"Type": "bind", "Source": "/srv", "BindOptions": {"Propagation": "rprivate", "NonRecursive": true}}),
            json!({"Type": "volume", "Source": "data", "VolumeOptions": {"NoCopy": true, "Subpath": "x"}}),
            json!({"Type": "volume", "VolumeOptions": {"Labels": {"team": "x"}, "DriverConfig": {"Name": "local"}}}),
            json!({"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": "", "Options": {}}}}),
            json!({"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"SizeBytes": 5}}),
            json!({"Type": "image", "Source": "busybox", "ClusterOptions": {}, "Tomorrow": false}),
            json!({"type": "volume", "SOURCE": "data"}),
        ] {
            assert!(mounts(&json!([mount]), &bounds).is_ok(), "{mount}");
        }
        let options = |options: Value| json!({"Type": "volume", "Source": "data", "VolumeOptions": options});
        for mount in [
            json!({"Type": "bind", "Source": "/etc"}),
            json!({"Type": "bind", "Source": "/srv/x"}),
            json!({"Type": "bind"}),
            json!({"tYPE": "bind", "source": "/etc"}),
            json!({"Type": "volume", "Source": "data", "type": "bind"}),
            json!({"Type": "volume", "Source": "/etc"}),
            json!({"Type": "bind", "Source": "/srv", "BindOptions": {"Propagation": "rshared"}}),
            json!({"Type": "bind", "Source": "/srv", "BindOptions": {"propagation": "shared"}}),
            json!({"Type": "bind", "Source": "/srv", "BindOptions": {"Tomorrow": true}}),
            json!({"Type": "bind", "\u{17f}ource": "/etc", "Source": "/srv"}),
            json!({"Type": "npipe", "Source": "\\\\.\\pipe\\docker_engine"}),
            json!({"Type": "cluster", "Source": "x"}),
            json!({"Type": "Bind", "Source": "/srv"}),
            json!({"Source": "data"}),
            json!({"Type": "volume", "ClusterOptions": {"x": 1}}),
            options(json!({"DriverConfig": {"Name": "nfs"}})),
            options(json!({"DriverConfig": {"Options": {"type": "none", "o": "bind", "device": "/"}}})),
            options(json!({"driverconfig": {"options": {"device": "/"}}})),
            options(json!({"DriverConfig": {"Name": "local", "Tomorrow": 1}})),
            options(json!({"Labels": {"deblox.owner": "bob"}})),
            options(json!({"Tomorrow": "x"})),
            json!("bind"),
        ] {
            let failure = mounts(&json!([mount]), &bounds).unwrap_err();
            assert!(failure.message.contains("HostConfig.Mounts"), "{mount}: {failure}");
        }
    }

    #[test]
    fn the_named_volumes_are_told() {
        let mounts = json!([{"type": "volume", "SOURCE": "one"}, {"Type": "volume"}, {"Type": "bind", "Source": "/srv"},
            {"Type": "volume", "Source": "two"}]);
        assert_eq!(volumes(&json!(["three:/x:ro", "/srv:/y", "/z", "one:/a"]), &mounts), ["one", "three", "two"]);
        assert_eq!(volumes(&Value::Null, &Value::Null), [""; 0]);
    }
}
