//! What comes with a release: the bill of materials, and the signature of all files.

use std::collections::BTreeSet;
use std::fs::write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn script(name: &str, words: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name);
    Command::new(script).args(words).output().expect("it runs")
}

#[test]
fn the_bill_of_materials_names_what_the_program_is_made_of() {
    let made = script("sbom.sh", &[]);
    assert!(made.status.success(), "{made:?}");
    assert_eq!(script("sbom.sh", &[]).stdout, made.stdout, "it is the same each time");
    let bill: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert_eq!(bill["metadata"]["component"]["version"], env!("CARGO_PKG_VERSION"));
    let parts = bill["components"].as_array().expect("components");
    let names: BTreeSet<&str> = parts.iter().filter_map(|part| part["purl"].as_str()).collect();
    assert_eq!(names.len(), parts.len(), "each has a name of its own");
    let is_there = |name: &str| names.iter().any(|found| found.starts_with(name));
    for name in ["cargo/redis", "cargo/axum", "cargo/bollard", "cargo/rustls", "npm/react", "npm/%40mantine/core"] {
        assert!(is_there(&format!("pkg:{name}@")), "{name}: {names:?}");
    }
    // What only tests or builds need is not in the program.
    for name in ["cargo/proptest", "cargo/testcontainers", "cargo/deblox", "npm/vite", "npm/typescript"] {
        assert!(!is_there(&format!("pkg:{name}@")), "{name}");
    }
    for part in parts {
        let is_crate = part["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:cargo/"));
        assert!(!is_crate || part["hashes"][0]["content"].as_str().is_some_and(|hash| hash.len() == 64), "{part}");
        assert!(part["licenses"][0]["expression"].is_string(), "{part}");
    }
}

#[test]
fn a_release_is_signed_and_a_file_that_was_changed_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    let named = |name: &str| folder.path().join(name).display().to_string();
    for key in ["own", "other"] {
        let made = Command::new("minisign")
            .args(["-G", "-W", "-p", &named(&format!("{key}.pub")), "-s", &named(key)])
            .output();
        assert!(made.expect("minisign is there: `scripts/setup.sh test` installs it").status.success());
    }
    write(files.join("deblox.deb"), "a package").expect("written");
    write(files.join("deblox.cdx.json"), "{}").expect("written");
    let place = files.display().to_string();
    let signed = script("release.sh", &["sign", &place, &named("own")]);
    assert!(signed.status.success(), "{signed:?}");
    let verify = |key: &str| {
        let checked = script("release.sh", &["verify", &place, key]);
        (checked.status.success(), String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned())
    };
    let line = std::fs::read_to_string(named("own.pub")).expect("a key");
    for key in [&named("own.pub"), line.lines().last().expect("the key itself")] {
        let (is_good, said) = verify(key);
        assert!(is_good && said.contains(&format!("good: deblox {}", env!("CARGO_PKG_VERSION"))), "{said}");
    }
    let is_refused = |key: &str, part: &str| {
        let (is_good, said) = verify(&named(key));
        assert!(!is_good && said.contains(part), "{part}: {said}");
    };
    is_refused("other.pub", "not by that key");
    write(files.join("more"), "x").expect("written");
    is_refused("own.pub", "holds files that were not signed");
    std::fs::remove_file(files.join("more")).expect("removed");
    write(files.join("deblox.deb"), "another").expect("written");
    is_refused("own.pub", "not the one that was signed");
    let list = files.join("SHA256SUMS");
    let sums = std::fs::read_to_string(&list).expect("a list").replace("deblox.deb", "deblox.exe");
    write(&list, sums).expect("written");
    is_refused("own.pub", "not by that key");
}
