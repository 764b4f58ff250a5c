//! `deblox build`: an image of a folder with a Dockerfile, on a dock.

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde_json::{Map, Value};
use tar::{Builder, Header};

use super::archives::one;
use super::cluster::{Cluster, Request};
use super::output;
use super::progress_bars::Message;
use super::streams::{Lines, stdout, write};
use super::transfer::{Source, upload};
use crate::protocol::Fqdn;

/// What names the files that are not sent.
const IGNORE: &str = ".dockerignore";

/// So many bytes tell an archive from a Dockerfile.
const MAGIC: usize = 262;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder that is sent, without what its .dockerignore names; or - for a tar archive or a Dockerfile on standard
    /// input
    path: String,
    /// A name for the image; may be given several times
    #[arg(short, long = "tag", value_name = "NAME[:TAG]")]
    tags: Vec<String>,
    /// The Dockerfile, in the folder [default: PATH/Dockerfile]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A value for ARG; NAME alone takes it from here
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,
    /// A label of the image
    #[arg(long = "label", value_name = "NAME[=VALUE]")]
    labels: Vec<String>,
    /// The stage to build
    #[arg(long)]
    target: Option<String>,
    /// The platform, such as linux/arm64
    #[arg(long)]
    platform: Option<String>,
    /// Build each step anew
    #[arg(long)]
    no_cache: bool,
    /// Fetch the images that it is built from, even where there are some
    #[arg(long)]
    pull: bool,
    /// Print only the id of the image
    #[arg(short, long)]
    quiet: bool,
    /// The dock that builds it [default: the only one]
    #[arg(long, value_name = "FQDN")]
    dock: Option<Fqdn>,
}

pub(super) async fn run(args: Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let (source, dockerfile) = context(&args)?;
    let dock = one(cluster, args.dock).await?;
    let values: Map<String, Value> = super::run::environment(&[], &args.build_args)?
        .iter()
        .filter_map(|entry| entry.split_once('='))
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    let request = Request::new("build-image")
        .on(&dock)
        .list("tags", &args.tags)
        .maybe("dockerfile", dockerfile)
        .maybe("build-args", (!values.is_empty()).then_some(values))
        .list("labels", &args.labels)
        .maybe("target", args.target)
        .maybe("platform", args.platform)
        .flag("no-cache", args.no_cache)
        .flag("pull", args.pull);
    let (mut out, mut lines) = (stdout(), Lines::default());
    let reply = upload(cluster, request.json(), source, async |_, bytes: Vec<u8>| {
        for line in lines.add(&bytes) {
            let Ok(message) = serde_json::from_slice::<Message>(&line) else { continue };
            let text = message.stream.clone().or_else(|| message.line().map(|line| line + "\n"));
            if let Some(text) = text.filter(|_| !args.quiet)
                && !write(&mut out, &anstream::adapter::strip_str(&text).to_string()).await?
            {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await?;
    if let (true, Some(reply)) = (args.quiet, reply) {
        let body: Value = reply.body()?;
        output::line(body["aux"]["ID"].as_str().unwrap_or_default())?;
    }
    Ok(0)
}

/// The archive that is sent, and the path of the Dockerfile in it.
fn context(args: &Args) -> anyhow::Result<(Source, Option<String>)> {
    if args.path == "-" {
        if io::stdin().is_terminal() {
            bail!("standard input is a terminal: pipe in a tar archive or a Dockerfile, or name a folder");
        }
        let dockerfile = args.file.as_ref().map(|file| file.to_string_lossy().into_owned());
        return Ok((Source::made(|out| pass(&mut io::stdin().lock(), out))?, dockerfile));
    }
    let folder = Path::new(&args.path);
    let root = folder.canonicalize().with_context(|| format!("{} cannot be read", folder.display()))?;
    if !root.is_dir() {
        bail!("{} is no folder: a Dockerfile elsewhere is named with -f", folder.display());
    }
    let file = args.file.clone().unwrap_or_else(|| folder.join("Dockerfile"));
    // As docker has it, the name may also be meant within the folder.
    let found = file.canonicalize().or_else(|_| root.join(&file).canonicalize());
    let found = found.with_context(|| format!("{} cannot be read", file.display()))?;
    let Ok(dockerfile) = found.strip_prefix(&root) else {
        bail!("{} is not in the folder {}: only what is in it is sent", file.display(), folder.display());
    };
    let dockerfile = dockerfile.to_path_buf();
    let ignored = ignored(&root)?;
    let name = dockerfile.to_string_lossy().into_owned();
    let source = Source::made(move |out| {
        let mut archive = Builder::new(out);
        archive.follow_symlinks(false);
        pack(&mut archive, &root, Path::new(""), &ignored, &dockerfile)?;
        archive.into_inner().map(drop)
    })?;
    Ok((source, Some(name)))
}

/// The patterns of `.dockerignore`, which are those of git with all paths from the root.
fn ignored(root: &Path) -> anyhow::Result<Gitignore> {
    let mut patterns = GitignoreBuilder::new(root);
    let file = root.join(IGNORE);
    if file.is_file() {
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (not, pattern) = line.strip_prefix('!').map_or(("", line), |pattern| ("!", pattern.trim()));
            let pattern = pattern.trim_start_matches("./").trim_matches('/');
            patterns.add_line(None, &format!("{not}/{pattern}"))?;
        }
    }
    Ok(patterns.build()?)
}

/// Adds what is in the folder `below` of `root`. A folder that is ignored may have something in it that is not.
fn pack(
    archive: &mut Builder<&mut dyn Write>,
    root: &Path,
    below: &Path,
    ignored: &Gitignore,
    dockerfile: &Path,
) -> io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(root.join(below))?.collect::<io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (below.join(entry.file_name()), entry.file_type()?);
        let left_out = ignored.matched_path_or_any_parents(&path, kind.is_dir()).is_ignore();
        // The daemon reads these.
        let needed = path == dockerfile || path == Path::new(IGNORE);
        if kind.is_dir() {
            if !left_out {
                archive.append_dir(&path, entry.path())?;
            }
            if !left_out || ignored.num_whitelists() > 0 || dockerfile.starts_with(&path) {
                pack(archive, root, &path, ignored, dockerfile)?;
            }
        } else if (!left_out || needed) && (kind.is_file() || kind.is_symlink()) {
            archive.append_path_with_name(entry.path(), &path)?;
        }
    }
    Ok(())
}

/// Passes on an archive, or makes one of a Dockerfile.
fn pass(input: &mut dyn Read, out: &mut dyn Write) -> io::Result<()> {
    let mut first = Vec::new();
    input.take(MAGIC as u64).read_to_end(&mut first)?;
    let compressed: [&[u8]; 4] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"];
    let is_archive = first.get(257..262) == Some(b"ustar") || compressed.iter().any(|magic| first.starts_with(magic));
    if is_archive {
        out.write_all(&first)?;
        return io::copy(input, out).map(drop);
    }
    input.read_to_end(&mut first)?;
    let mut archive = Builder::new(out);
    let mut header = Header::new_gnu();
    header.set_size(first.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "Dockerfile", first.as_slice())?;
    archive.into_inner().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap();
        entries.map(|entry| entry.unwrap().path().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_dockerignore_names_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["Dockerfile", "a.log", "sub/a.log", "sub/deep/b.log", "big/x", "big/keep", "src/main.c"] {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), "x").unwrap();
        }
        std::fs::write(root.join(IGNORE), "# not these\n*.log\n**/b.log\n/big\n!big/keep\nDockerfile\n").unwrap();
        let mut bytes = Vec::new();
        let mut archive = Builder::new(&mut bytes as &mut dyn Write);
        pack(&mut archive, root, Path::new(""), &ignored(root).unwrap(), Path::new("Dockerfile")).unwrap();
        archive.finish().unwrap();
        drop(archive);
        let all = names(&bytes);
        let files: Vec<&str> = all.iter().map(String::as_str).filter(|name| root.join(name).is_file()).collect();
        assert_eq!(files, [IGNORE, "Dockerfile", "big/keep", "src/main.c", "sub/a.log"]);
    }

    #[test]
    fn a_dockerfile_alone_becomes_an_archive_and_an_archive_stays_one() {
        let (mut made, mut passed) = (Vec::new(), Vec::new());
        pass(&mut &b"FROM busybox\n"[..], &mut made).unwrap();
        assert_eq!(names(&made), ["Dockerfile"]);
        pass(&mut made.as_slice(), &mut passed).unwrap();
        assert_eq!(made, passed);
    }
}
