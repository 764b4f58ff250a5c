//! The commands that move files and images: `cp`, `build`, `pull`, `export`, `import`, `save`, `load`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::cli_streams::run;
use crate::support::{Bus, docker, try_docker, unique};

/// An image that is removed when the test ends.
struct Image(usize, String);

impl Drop for Image {
    fn drop(&mut self) {
        try_docker(self.0, &["rmi", "-f", &self.1]);
    }
}

/// A folder with some files in it, and the name of `below` it as text.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("tree/sub");
    fs::create_dir_all(&inside).expect("a folder");
    fs::write(folder.path().join("tree/a"), "first").expect("written");
    fs::write(inside.join("run.sh"), "#!/bin/sh\necho ran\n").expect("written");
    fs::set_permissions(inside.join("run.sh"), fs::Permissions::from_mode(0o755)).expect("set");
    symlink("../a", inside.join("link")).expect("a link");
    fs::write(folder.path().join("big"), "0123456789abcdef".repeat(100_000)).expect("written");
    folder
}

fn path(folder: &TempDir, below: &str) -> String {
    folder.path().join(below).to_str().expect("text").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("it is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_copied_into_a_container_and_out_of_it() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("files");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let (from, to) = (folder(), tempfile::tempdir().expect("a folder"));
    let there = |path: &str| format!("{name}:{path}");
    let inside = |words: &[&str]| docker(1, &[&["exec", &name], words].concat());

    // A folder that is there gets what is copied; one that is not is made.
    bus.says(&["cp", &path(&from, "tree"), &there("/tmp")]).await;
    assert_eq!(inside(&["cat", "/tmp/tree/a", "/tmp/tree/sub/link"]), "firstfirst");
    assert_eq!(inside(&["/tmp/tree/sub/run.sh"]), "ran");
    bus.says(&["cp", &path(&from, "tree"), &format!("d1.test/{name}:/tmp/new")]).await;
    assert_eq!(inside(&["cat", "/tmp/new/a"]), "first");
    bus.says(&["cp", &path(&from, "tree/."), &there("/tmp")]).await;
    assert_eq!(inside(&["cat", "/tmp/a"]), "first");
    bus.says(&["cp", &path(&from, "big"), &there("/tmp/renamed")]).await;
    assert_eq!(inside(&["wc", "-c", "/tmp/renamed"]), "1600000 /tmp/renamed");
    bus.says(&["cp", &path(&from, "tree/a"), &there("/tmp/renamed")]).await;
    assert_eq!(inside(&["cat", "/tmp/renamed"]), "first");

    let here = |below: &str| path(&to, below);
    bus.says(&["cp", &there("/tmp/tree"), &here("")]).await;
    assert_eq!((read(here("tree/a")), read(here("tree/sub/link"))), ("first".into(), "first".into()));
    let mode = fs::metadata(here("tree/sub/run.sh")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    bus.says(&["cp", &there("/tmp/tree"), &here("other")]).await;
    assert_eq!(read(here("other/sub/run.sh")), read(path(&from, "tree/sub/run.sh")));
    bus.says(&["cp", &there("/tmp/tree/."), &here("other/sub")]).await;
    assert_eq!(read(here("other/sub/a")), "first");
    bus.says(&["cp", &there("/tmp/a"), &here("single")]).await;
    assert_eq!(read(here("single")), "first");

    // Archives through pipes.
    let mut out = bus.command(&["cp", &there("/tmp/tree"), "-"]);
    let archive = out.stderr(Stdio::inherit()).output().expect("it runs").stdout;
    fs::write(here("archive.tar"), archive).expect("written");
    inside(&["mkdir", "/piped"]);
    let mut into = bus.command(&["cp", "-", &there("/piped")]);
    into.stdin(fs::File::open(here("archive.tar")).expect("it is there"));
    let status = tokio::task::spawn_blocking(move || into.status().expect("it runs")).await.expect("no panic");
    assert!(status.success());
    assert_eq!(inside(&["cat", "/piped/tree/a"]), "first");

    bus.complains(&["cp", &there("/no/such"), &here("x")], 1, &["/no/such"]).await;
    bus.complains(&["cp", &here("nothing"), &there("/tmp")], 1, &["nothing", "cannot be read"]).await;
    bus.complains(&["cp", &here("single"), &there("/no/such/")], 1, &["/no/such/"]).await;
    bus.complains(&["cp", &here("single"), &there("/no/such/file")], 1, &["/no/such"]).await;
    bus.complains(&["cp", &there("/tmp/a"), &here("no/such")], 1, &["no folder"]).await;
    bus.complains(&["cp", "a", "b"], 1, &["in a container"]).await;
    bus.complains(&["cp", &here("single"), "nobody-here:/tmp"], 1, &["nobody-here", "deblox ps -a"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_built_from_a_folder_a_dockerfile_or_an_archive() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await);
    bus.registered(2).await;
    let context = folder();
    let image = Image(1, format!("{}:1", unique("built")));
    let dockerfile = "FROM busybox\nARG WHAT=nothing\nCOPY . /context/\nRUN echo $WHAT > /made\n";
    fs::write(path(&context, "Dockerfile"), dockerfile).expect("written");
    fs::write(path(&context, ".dockerignore"), "big\ntree/sub/*\n!tree/sub/run.sh\n").expect("written");
    let here = path(&context, "");
    bus.complains(&["build", &here], 1, &["--dock"]).await;
    let told = bus.says(&["build", "-t", &image.1, "--build-arg", "WHAT=well", "--dock", "d1.test", &here]).await;
    assert!(told.contains("Step 1/4 : FROM busybox") && told.contains("Successfully built"), "{told}");
    let looked = ["sh", "-c", "cat /made; cd /context; find . -type f | sort"];
    let made = docker(1, &[&["run", "--rm", &image.1], &looked[..]].concat());
    assert_eq!(made, "well\n./.dockerignore\n./Dockerfile\n./tree/a\n./tree/sub/run.sh");

    let other = path(&context, "other.docker");
    fs::write(&other, "FROM busybox\nRUN echo other > /made\n").expect("written");
    let id = bus.says(&["build", "-q", "-f", &other, "--dock", "d1.test", &here]).await;
    assert_eq!(docker(1, &["run", "--rm", &id, "cat", "/made"]), "other");
    let _other = Image(1, id);
    let alone = Image(1, unique("alone"));
    let mut build = bus.command(&["build", "-t", &alone.1, "--dock", "d1.test", "-"]);
    build.stdin(fs::File::open(&other).expect("it is there"));
    let built = tokio::task::spawn_blocking(move || build.output().expect("it runs")).await.expect("no panic");
    assert!(built.status.success(), "{built:?}");
    assert_eq!(docker(1, &["run", "--rm", &alone.1, "cat", "/made"]), "other");

    fs::write(&other, "FROM busybox\nRUN exit 3\n").expect("written");
    let failed = bus.deblox(&["build", "-f", &other, "--dock", "d1.test", &here]).await;
    assert!(failed.code == 1 && failed.err.contains("non-zero code: 3"), "{failed:?}");
    bus.complains(&["build", "/no/such"], 1, &["/no/such"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_go_from_dock_to_dock_as_archives() {
    let bus = Bus::new().await;
    let _workers = (bus.worker(1, "d1.test").await, bus.worker(2, "d2.test").await);
    bus.registered(2).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = path(&folder, "image.tar");
    let name = unique("moved");
    let (first, second) = (Image(1, format!("{name}:1")), Image(2, format!("{name}:1")));
    docker(1, &["tag", "busybox", &first.1]);
    bus.says(&["save", "-o", &file, "--dock", "d1.test", &first.1]).await;
    let loaded = bus.says(&["load", "-i", &file, "--dock", "d2.test"]).await;
    assert!(loaded.contains(&second.1), "{loaded}");
    docker(2, &["image", "inspect", &second.1]);

    let container = unique("exported");
    let _scrub = run(1, &container, &["busybox", "sh", "-c", "echo here > /made; sleep 3600"]);
    let files = path(&folder, "files.tar");
    bus.says(&["export", "-o", &files, &container]).await;
    let imported = Image(2, format!("{name}:imported"));
    let told = bus.says(&["import", &files, &imported.1, "--dock", "d2.test"]).await;
    assert!(told.starts_with("sha256:"), "{told}");
    assert_eq!(docker(2, &["run", "--rm", &imported.1, "cat", "/made"]), "here");

    bus.complains(&["save", "-o", &path(&folder, "none.tar"), "--dock", "d1.test", "no-such-image"], 1, &["no-such"])
        .await;
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").flatten().map(|file| file.file_name()).collect();
    assert_eq!(left.len(), 2, "what failed leaves nothing: {left:?}");
    bus.complains(&["load", "-i", "/no/such.tar", "--dock", "d2.test"], 1, &["/no/such.tar"]).await;
}
