//! Commands about images: `images`, `pull`, `push`, `tag`, `rmi`, `commit`.

use std::cell::RefCell;
use std::collections::HashMap;

use anyhow::{Context, bail};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cluster::{Cluster, Request, about, each, split};
use super::listing::{ListArgs, Listed, Placed, listed};
use super::output::{self, Cell, Format, Row, Shown};
use super::places::{Chosen, DocksArgs, Named, everywhere, none};
use super::progress::with_progress;
use super::progress_bars::{Layers, Message};
use super::registry::credentials;
use super::streams::{Incoming, Lines};
use super::transfer::read;
use crate::actions::Glob;
use crate::protocol::{Fqdn, ImageRecord};

/// How many images are fetched at the same time.
const AT_ONCE: usize = 32;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List images
    Images {
        /// Only those of this name, with a tag or without; * stands for anything
        #[arg(value_name = "NAME[:TAG]")]
        name: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Fetch images to docks, with what `docker login` has kept
    Pull {
        /// The images
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
        #[command(flatten)]
        docks: DocksArgs,
        #[command(flatten)]
        show: MoveArgs,
    },
    /// Send an image of a dock to its registry, with what `docker login` has kept
    Push {
        /// The image
        image: String,
        /// The dock whose image it is [default: any, if all have the same]
        #[arg(long, value_name = "FQDN")]
        dock: Option<Fqdn>,
        #[command(flatten)]
        show: MoveArgs,
    },
    /// Give an image a further name, on the docks that have it
    Tag {
        /// The image
        image: String,
        /// The further name, with a tag or without
        #[arg(value_name = "NAME[:TAG]")]
        name: String,
        #[command(flatten)]
        docks: DocksArgs,
    },
    /// Remove images from the docks that have them
    Rmi {
        /// The images
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
        /// Even if a stopped container uses it
        #[arg(short, long)]
        force: bool,
        /// Keep its untagged parents
        #[arg(long)]
        no_prune: bool,
        #[command(flatten)]
        docks: DocksArgs,
    },
    /// Make an image of a container
    Commit {
        /// The container: NAME, DOCK/NAME, or the beginning of its id
        container: String,
        /// The image's name
        #[arg(value_name = "NAME[:TAG]")]
        image: Option<String>,
        /// A comment
        #[arg(short, long)]
        message: Option<String>,
        /// The author
        #[arg(short, long)]
        author: Option<String>,
        /// Do not pause it meanwhile
        #[arg(long)]
        no_pause: bool,
    },
}

impl Row for Placed<ImageRecord> {
    const HEADS: &'static [&'static str] = &["REPOSITORY", "TAG", "IMAGE ID", "DOCK", "CREATED", "SIZE"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let one = &self.record;
        let (repository, tag) = match (one.tags.first(), one.digests.first()) {
            (Some(name), _) => name_and_tag(name),
            (None, Some(digest)) => (digest.split('@').next().unwrap_or_default(), None),
            (None, None) => ("<none>", None),
        };
        let created = shown.ago(u64::try_from(one.created).unwrap_or_default());
        let dock = match &self.last_seen {
            Some(time) => Cell::styled(output::FAINT, format!("{} (last seen {})", self.dock, shown.since(time))),
            None => self.dock.as_str().into(),
        };
        vec![
            repository.into(),
            tag.unwrap_or("<none>").into(),
            shown.id(&one.id).into(),
            dock,
            created.into(),
            output::size(u64::try_from(one.size).unwrap_or_default()).into(),
        ]
    }

    fn name(&self, shown: &Shown) -> String {
        shown.id(&self.record.id).to_owned()
    }
}

impl Named for ImageRecord {
    const LIST: &'static str = "images";
    const KIND: &'static str = "image";

    fn label(&self) -> String {
        self.tags.first().unwrap_or(&self.id).clone()
    }

    fn filters(name: &str) -> Vec<Vec<(String, String)>> {
        let by_name = vec![("reference".to_owned(), name.to_owned())];
        // An id is no reference: all have to be looked at.
        if bare_id(name).is_some() { vec![by_name, Vec::new()] } else { vec![by_name] }
    }

    fn is_called(&self, name: &str) -> bool {
        let latest = format!("{name}:latest");
        let named = self.tags.iter().any(|tag| tag == name || *tag == latest);
        let by_id = bare_id(name).is_some_and(|id| self.id.trim_start_matches("sha256:").starts_with(id));
        named || self.digests.iter().any(|digest| digest == name) || by_id
    }
}

fn bare_id(name: &str) -> Option<&str> {
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    (!id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit())).then_some(id)
}

/// An image's name and its tag; the colon of a port has a slash behind it.
pub(super) fn name_and_tag(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

/// What is told of images that are fetched or sent.
#[derive(Debug, clap::Args)]
pub(super) struct MoveArgs {
    /// Only the images' names, one a line, when they are there
    #[arg(short, long)]
    quiet: bool,
    /// Progress and text, or JSON with an object for each image on each dock
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

/// What came of an image that was fetched or sent.
#[derive(Serialize)]
struct Moved {
    dock: String,
    image: String,
    /// The last that the daemon said.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

/// What the daemon says of each part of what it removes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Removed {
    untagged: Option<String>,
    deleted: Option<String>,
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Images { name, mut list } => {
            list.filters.extend(name.clone().map(|name| ("reference".to_owned(), name)));
            let mut listed: Listed<ImageRecord> = listed(cluster, "images", &list).await?;
            listed.rows = listed.rows.into_iter().flat_map(by_tag).collect();
            // The same image may have other names too.
            if let Some(pattern) = name.filter(|name| !name.contains('@')).as_deref().and_then(Glob::new) {
                let is_meant = |tag: &String| pattern.fits(tag) || pattern.fits(name_and_tag(tag).0);
                listed.rows.retain(|row| row.record.tags.iter().any(is_meant));
            }
            listed.show(&list.show)
        }
        Command::Pull { images, docks, show } => pull(&images, &docks, &show, cluster).await,
        Command::Push { image, dock, show } => push(&image, dock.as_ref(), &show, cluster).await,
        Command::Tag { image, name, docks } => {
            let names = on_docks(cluster, &image, &docks).await?;
            let (repo, tag) = name_and_tag(&name);
            each(&names, async |name| {
                let request = on("tag-image", name)?.with("repo", repo).maybe("tag", tag);
                cluster.ask(request.json()).await.map(|_| String::new())
            })
            .await
        }
        Command::Rmi { images, force, no_prune, docks } => {
            let mut names = Vec::new();
            let mut code = 0;
            for image in &images {
                match on_docks(cluster, image, &docks).await {
                    Ok(found) => names.extend(found),
                    Err(error) => {
                        output::complain(&error);
                        code = super::cluster::FAILED;
                    }
                }
            }
            let removed = each(&names, async |name| {
                let request = on("remove-image", name)?.flag("force", force).flag("noprune", no_prune);
                let removed: Vec<Removed> = cluster.ask(request.json()).await?.body()?;
                // Of several docks, each line says whose it is.
                let dock = split(name)?.0.filter(|_| names.len() > images.len());
                let prefix = dock.map(|dock| format!("{dock}: ")).unwrap_or_default();
                Ok(removed.iter().map(|part| prefix.clone() + &tell(part)).collect::<Vec<_>>().join("\n"))
            })
            .await?;
            Ok(code.max(removed))
        }
        Command::Commit { container, image, message, author, no_pause } => {
            let (repo, tag) = image.as_deref().map(name_and_tag).unzip();
            let request = about("commit-container", &container)?
                .maybe("repo", repo)
                .maybe("tag", tag.flatten())
                .maybe("comment", message)
                .maybe("author", author)
                .maybe("pause", no_pause.then_some(false));
            let reply: Value = with_progress(cluster.ask(request.json())).await?.body()?;
            output::line(reply["Id"].as_str().unwrap_or_default())?;
            Ok(0)
        }
    }
}

/// An image once for each of its tags, as docker lists it.
fn by_tag(row: Placed<ImageRecord>) -> Vec<Placed<ImageRecord>> {
    if row.record.tags.len() < 2 {
        return vec![row];
    }
    let tags = row.record.tags.iter();
    tags.map(|tag| {
        let mut one = row.clone();
        one.record.tags = vec![tag.clone()];
        one
    })
    .collect()
}

fn tell(part: &Removed) -> String {
    match (&part.untagged, &part.deleted) {
        (Some(name), _) => format!("Untagged: {name}"),
        (None, Some(id)) => format!("Deleted: {id}"),
        (None, None) => String::new(),
    }
}

async fn pull(images: &[String], docks: &DocksArgs, show: &MoveArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let chosen = with_progress(docks.choose(cluster)).await?;
    let names: Vec<String> = images.iter().flat_map(|image| chosen.with(image)).collect();
    let layers = show.layers();
    let fetch = async |name: &String| {
        let (dock, image) = split(name)?;
        let request = on("pull-image", name)?.maybe("credentials", credentials(image));
        let dock = dock.as_ref().map_or("", Fqdn::as_str);
        let moved = watched(cluster, request, (dock, image), &layers, images.len() > 1).await;
        show.tell(&moved.with_context(|| format!("image `{image}` could not be fetched to {dock}"))?)
    };
    let fetched: Vec<anyhow::Result<String>> = stream::iter(names.iter().map(fetch)).buffered(AT_ONCE).collect().await;
    // What came of each is told when no bar is in its way.
    layers.done();
    let fetched: RefCell<HashMap<&str, _>> = RefCell::new(names.iter().map(String::as_str).zip(fetched).collect());
    let code = each(&names, async |name| fetched.borrow_mut().remove(name).unwrap_or(Ok(String::new()))).await?;
    Ok(chosen.verdict(code))
}

async fn push(image: &str, dock: Option<&Fqdn>, show: &MoveArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let dock = any(cluster, image, dock).await?;
    let request = Request::new("push-image").with("image", image).on(&dock).maybe("credentials", credentials(image));
    let layers = show.layers();
    let moved = watched(cluster, request, (dock.as_str(), image), &layers, false).await;
    layers.done();
    let moved = moved.with_context(|| format!("image `{image}` could not be sent from {dock}"))?;
    output::line(&show.tell(&moved)?)?;
    Ok(0)
}

impl MoveArgs {
    /// Where progress is shown: nowhere if only what came of it is wanted.
    fn layers(&self) -> Layers {
        if self.quiet || self.format == Format::Json { Layers::hidden() } else { Layers::new() }
    }

    fn tell(&self, moved: &Moved) -> anyhow::Result<String> {
        Ok(match self.format {
            _ if self.quiet => moved.image.clone(),
            Format::Json => output::json(moved)?,
            Format::Table => format!("{}: {}: {}", moved.dock, moved.image, moved.status),
        })
    }
}

/// Shows how far the layers are that a dock fetches or sends. Returns what came of it.
async fn watched(
    cluster: &Cluster,
    request: Request,
    (dock, image): (&str, &str),
    layers: &Layers,
    several: bool,
) -> anyhow::Result<Moved> {
    let mut incoming = Incoming::begin(cluster, request.with("stream", true).json())?;
    let (mut lines, mut status) = (Lines::default(), String::new());
    let bar = if several { format!("{dock} {image}") } else { dock.to_owned() };
    let reply = read(cluster, &mut incoming, async |_, bytes: Vec<u8>| {
        for line in lines.add(&bytes) {
            let Ok(message) = serde_json::from_slice::<Message>(&line) else { continue };
            if message.id.is_some() {
                if let Some(line) = layers.show(&bar, &message) {
                    output::line(&format!("{dock}: {image}: {line}"))?;
                }
            } else if let Some(said) = message.status {
                said.trim_start_matches("Status: ").clone_into(&mut status);
            }
        }
        Ok(true)
    })
    .await?;
    let body: Value = reply.map(|reply| reply.body()).transpose()?.unwrap_or_default();
    let digest = body["digest"].as_str().map(str::to_owned);
    Ok(Moved { dock: dock.to_owned(), image: image.to_owned(), status, digest })
}

/// A request about DOCK/IMAGE.
fn on(action: &str, name: &str) -> anyhow::Result<Request> {
    let (dock, image) = split(name)?;
    Ok(Request::new(action).with("image", image).maybe("dock", dock.map(String::from)))
}

/// DOCK/IMAGE for each dock that is meant: those that are named, or else the only one that has it.
async fn on_docks(cluster: &Cluster, image: &str, docks: &DocksArgs) -> anyhow::Result<Vec<String>> {
    if !docks.docks.is_empty() {
        return Ok(Chosen::named(&docks.docks).with(image));
    }
    let found = with_progress(everywhere::<ImageRecord>(cluster, image, &[])).await?;
    let mut found: Vec<Fqdn> = found.into_iter().map(|(dock, _)| dock).collect();
    found.dedup();
    match found.as_slice() {
        [] => Err(none::<ImageRecord>(image)),
        [_] => Ok(Chosen::named(&found).with(image)),
        _ if docks.all_docks => Ok(Chosen::named(&found).with(image)),
        several => {
            let names: Vec<&str> = several.iter().map(Fqdn::as_str).collect();
            bail!("`{image}` is on {}: say where with --dock, or --all-docks", names.join(", "));
        }
    }
}

/// A dock that has the image, where all of them have the same.
pub(super) async fn any(cluster: &Cluster, image: &str, dock: Option<&Fqdn>) -> anyhow::Result<Fqdn> {
    if let Some(dock) = dock {
        return Ok(dock.clone());
    }
    let found = with_progress(everywhere::<ImageRecord>(cluster, image, &[])).await?;
    let Some((dock, first)) = found.first() else { return Err(none::<ImageRecord>(image)) };
    if let Some((other, _)) = found.iter().find(|(_, other)| other.id != first.id) {
        bail!("`{image}` is not the same on {dock} and on {other}: say whose with --dock");
    }
    Ok(dock.clone())
}

/// Everything the daemon knows about an image.
pub(super) async fn inspect(cluster: &Cluster, image: &str, dock: Option<&Fqdn>) -> anyhow::Result<Value> {
    let dock = any(cluster, image, dock).await?;
    Ok(cluster.ask(Request::new("inspect-image").with("image", image).on(&dock).json()).await?.body()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_by_its_names_and_the_beginning_of_its_id() {
        let image = ImageRecord {
            id: "sha256:cc6d93eae24b".into(),
            tags: vec!["busybox:latest".into(), "r.test:5000/a:1".into()],
            digests: vec!["busybox@sha256:9ae9".into()],
            size: 1,
            created: 1,
            labels: [].into(),
        };
        for name in ["busybox", "busybox:latest", "r.test:5000/a:1", "cc6d", "sha256:cc6d93", "busybox@sha256:9ae9"] {
            assert!(image.is_called(name), "{name}");
        }
        for name in ["busy", "busybox:1", "r.test:5000/a", "d93", ""] {
            assert!(!image.is_called(name), "{name}");
        }
        assert_eq!(name_and_tag("r.test:5000/a"), ("r.test:5000/a", None));
        assert_eq!(name_and_tag("r.test:5000/a:1"), ("r.test:5000/a", Some("1")));
    }
}
