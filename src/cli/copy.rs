//! `deblox cp`: files into a container, or out of it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use tar::{Archive, Builder, EntryType};

use super::cluster::{Cluster, about};
use super::progress::with_progress;
use super::streams::{Broken, Incoming};
use super::transfer::{Source, download, save, upload};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "One of both is in a container. As with docker, a folder that is there gets what is copied into \
                        it; SOURCE/. stands for what is in the folder SOURCE; - is a tar archive on standard input \
                        or output."
)]
pub(super) struct Args {
    /// What is copied: PATH, [DOCK/]CONTAINER:PATH, or -
    source: String,
    /// Where to: PATH, [DOCK/]CONTAINER:PATH, or -
    target: String,
    /// Follow a link that SOURCE is
    #[arg(short = 'L', long)]
    follow_link: bool,
    /// Into a container: with owner and group
    #[arg(short, long)]
    archive: bool,
}

/// One side of a copy.
#[derive(Debug, PartialEq, Eq)]
enum Side<'a> {
    Pipe,
    Here(&'a str),
    There(&'a str, &'a str),
}

impl<'a> Side<'a> {
    /// Reads it as docker does: what begins like a path is one.
    fn of(text: &'a str) -> Self {
        match text.split_once(':') {
            _ if text == "-" => Self::Pipe,
            Some((container, path)) if !text.starts_with(['/', '.']) => Self::There(container, path),
            _ => Self::Here(text),
        }
    }
}

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    match (Side::of(&args.source), Side::of(&args.target)) {
        (Side::There(name, path), Side::Pipe) => {
            save(cluster, about("copy-from-container", name)?.with("path", path).json(), None).await
        }
        (Side::There(name, path), Side::Here(target)) => out(cluster, name, path, Path::new(target)).await,
        (Side::Pipe, Side::There(name, path)) => into(cluster, args, name, path.to_owned(), Source::file(None)?).await,
        (Side::Here(source), Side::There(name, path)) => from_here(cluster, args, source, name, path).await,
        _ => bail!("one of both must be in a container, such as web:/etc/hosts, and the other one here"),
    }
}

/// Unpacks the archive `source` in the folder `path`.
async fn into(cluster: &Cluster, args: &Args, name: &str, path: String, source: Source) -> anyhow::Result<u8> {
    let request = about("copy-to-container", name)?.with("path", path).with("no-overwrite", true);
    upload(cluster, request.flag("copy-owner", args.archive).json(), source, async |_, _| Ok(true)).await?;
    Ok(0)
}

async fn from_here(cluster: &Cluster, args: &Args, source: &str, name: &str, path: &str) -> anyhow::Result<u8> {
    let from = PathBuf::from(source);
    let kind = if args.follow_link { from.metadata() } else { from.symlink_metadata() };
    let kind = kind.with_context(|| format!("{source} cannot be read"))?;
    let within = source == "." || source.ends_with("/.");
    let own = from.file_name().map(OsStr::to_owned);
    let is_folder = Box::pin(is_folder(cluster, name, path)).await?;
    // Where it goes, and what it is called there.
    let (folder, called) = match own {
        _ if is_folder && within => (path.to_owned(), OsString::from(".")),
        Some(own) if is_folder => (path.to_owned(), own),
        _ if path.ends_with('/') && !kind.is_dir() => bail!("there is no folder {path} in {name}"),
        _ => {
            let whole = Path::new("/").join(path);
            let parent = whole.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
            (parent, whole.file_name().unwrap_or(OsStr::new(".")).to_owned())
        }
    };
    let follow = args.follow_link;
    let archive = Source::made(move |out| {
        let mut archive = Builder::new(out);
        archive.follow_symlinks(false);
        if kind.is_dir() {
            archive.append_dir_all(&called, &from)?;
        } else if follow {
            archive.append_path_with_name(from.canonicalize()?, &called)?;
        } else {
            archive.append_path_with_name(&from, &called)?;
        }
        archive.into_inner().map(drop)
    })?;
    into(cluster, args, name, folder, archive).await
}

/// Whether there is a folder at `path` in a container, which the beginning of its archive shows.
async fn is_folder(cluster: &Cluster, name: &str, path: &str) -> anyhow::Result<bool> {
    let look = about("copy-from-container", name)?.with("path", format!("{}/.", path.trim_end_matches('/')));
    let mut incoming = Incoming::begin(cluster, look.json())?;
    match with_progress(incoming.begun()).await {
        Ok(()) => Ok(true),
        Err(Broken::Refused(refused)) if ["not-found", "bad-parameter"].contains(&refused.code.as_str()) => Ok(false),
        Err(Broken::Refused(refused)) if refused.code.starts_with("docker") => Ok(false),
        Err(broken) => Err(broken.explained(cluster).await),
    }
}

async fn out(cluster: &Cluster, name: &str, path: &str, target: &Path) -> anyhow::Result<u8> {
    let within = path == "." || path.ends_with("/.");
    let own = Path::new(path).file_name().filter(|_| !within);
    let as_folder = target.as_os_str().to_string_lossy().ends_with('/');
    let root = match own {
        Some(own) if target.is_dir() => target.join(own),
        _ => target.to_owned(),
    };
    let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        bail!("there is no folder {}", parent.display());
    }
    let request = about("copy-from-container", name)?.with("path", path);
    download(cluster, request.json(), move |from| unpack(from, &root, as_folder)).await?;
    Ok(0)
}

/// Unpacks an archive of one file or folder as `root`, and nothing anywhere else.
fn unpack(from: &mut dyn Read, root: &Path, as_folder: bool) -> io::Result<()> {
    let refuse = |path: &Path| io::Error::other(format!("{} in the archive leads elsewhere", path.display()));
    let mut archive = Archive::new(from);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let below = below(&path).ok_or_else(|| refuse(&path))?;
        let target = root.join(&below);
        if below.as_os_str().is_empty() {
            let is_folder = entry.header().entry_type() == EntryType::Directory;
            if as_folder && !is_folder && !root.is_dir() {
                return Err(io::Error::other(format!("there is no folder {}", root.display())));
            }
            if is_folder {
                std::fs::create_dir_all(root)?;
                continue;
            }
            entry.unpack(root)?;
            continue;
        }
        // A link that came before must not lead out of it.
        let inside = |path: &Path| -> io::Result<bool> {
            let folder = path.parent().unwrap_or(root).canonicalize()?;
            Ok(folder.starts_with(root.canonicalize()?))
        };
        if !inside(&target)? {
            return Err(refuse(&path));
        }
        if entry.header().entry_type() == EntryType::Link {
            let first = entry.link_name()?.and_then(|link| self::below(&link)).ok_or_else(|| refuse(&path))?;
            let first = root.join(first);
            if !inside(&first)? {
                return Err(refuse(&path));
            }
            std::fs::hard_link(first, target)?;
            continue;
        }
        entry.unpack(target)?;
    }
    Ok(())
}

/// A path in an archive without its first part; none where it goes up.
fn below(path: &Path) -> Option<PathBuf> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    // What is in `.` has no first part.
    let first = usize::from(!path.starts_with("."));
    Some(parts.into_iter().skip(first).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_read_as_docker_reads_them() {
        assert_eq!(Side::of("-"), Side::Pipe);
        assert_eq!(Side::of("web:/a:b"), Side::There("web", "/a:b"));
        assert_eq!(Side::of("a.test/web:x"), Side::There("a.test/web", "x"));
        for here in ["/a:b", "./a:b", "../a", "a"] {
            assert_eq!(Side::of(here), Side::Here(here));
        }
    }

    #[test]
    fn an_archive_is_unpacked_in_its_place_only() {
        let folder = tempfile::tempdir().unwrap();
        let archive = |make: &dyn Fn(&mut Builder<Vec<u8>>)| {
            let mut archive = Builder::new(Vec::new());
            make(&mut archive);
            archive.into_inner().unwrap()
        };
        let file = |archive: &mut Builder<Vec<u8>>, name: &str| {
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, &b"hi"[..]).unwrap();
        };
        let link = |archive: &mut Builder<Vec<u8>>, name: &str, to: &Path| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, name, to).unwrap();
        };
        let dir = |archive: &mut Builder<Vec<u8>>, name: &str| archive.append_dir(name, folder.path()).unwrap();
        let good = archive(&|archive| {
            dir(archive, "a");
            dir(archive, "a/b");
            file(archive, "a/b/c");
        });
        let root = folder.path().join("root");
        unpack(&mut good.as_slice(), &root, false).unwrap();
        assert_eq!(std::fs::read_to_string(root.join("b/c")).unwrap(), "hi");
        let elsewhere = tempfile::tempdir().unwrap();
        let bad = archive(&|archive| {
            dir(archive, "a");
            link(archive, "a/out", elsewhere.path());
            file(archive, "a/out/c");
        });
        let error = unpack(&mut bad.as_slice(), &root, false).unwrap_err();
        assert!(error.to_string().contains("elsewhere"), "{error}");
        assert!(!elsewhere.path().join("c").exists());
        assert_eq!(below(Path::new("a/../../b")), None);
        assert_eq!(below(Path::new("./b/c")), Some("b/c".into()));
    }
}
