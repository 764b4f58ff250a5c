//! Commands that read and write archives: `export`, `import`, `save`, `load`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::Value;

use super::cluster::{Cluster, Request, about};
use super::images::{any, name_and_tag};
use super::places::DocksArgs;
use super::progress::with_progress;
use super::progress_bars::Message;
use super::streams::{Lines, stdout, write};
use super::transfer::{Source, save, upload};
use crate::protocol::Fqdn;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write all files of a container as a tar archive
    Export {
        /// The container: NAME, DOCK/NAME, or the beginning of its id
        container: String,
        /// The file [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make an image on a dock of the files in a tar archive
    Import {
        /// The archive; - is standard input
        file: PathBuf,
        /// The image's name
        #[arg(value_name = "NAME[:TAG]")]
        image: Option<String>,
        /// A comment
        #[arg(short, long)]
        message: Option<String>,
        /// The dock [default: the only one]
        #[arg(long, value_name = "FQDN")]
        dock: Option<Fqdn>,
    },
    /// Write images of a dock as a tar archive
    Save {
        /// The images
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
        /// The file [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The dock whose images they are [default: any, if all have the same]
        #[arg(long, value_name = "FQDN")]
        dock: Option<Fqdn>,
    },
    /// Bring images to a dock from an archive that `save` has written
    Load {
        /// The archive [default: standard input]
        #[arg(short, long, value_name = "FILE")]
        input: Option<PathBuf>,
        /// The dock [default: the only one]
        #[arg(long, value_name = "FQDN")]
        dock: Option<Fqdn>,
    },
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Export { container, output } => {
            save(cluster, about("export-container", &container)?.json(), output.as_ref()).await
        }
        Command::Import { file, image, message, dock } => {
            let source = Source::file(Some(file.as_path()))?;
            let (repo, tag) = image.as_deref().map(name_and_tag).unzip();
            let request = Request::new("import-image").on(&one(cluster, dock).await?);
            let request = request.maybe("repo", repo).maybe("tag", tag.flatten()).maybe("message", message);
            load(cluster, request.json(), source).await
        }
        Command::Save { images, output, dock } => {
            let first = images.first().map_or("", String::as_str);
            let dock = any(cluster, first, dock.as_ref()).await?;
            let request = Request::new("save-images").on(&dock).list("images", &images);
            save(cluster, request.json(), output.as_ref()).await
        }
        Command::Load { input, dock } => {
            let source = Source::file(input.as_deref().map(Path::new))?;
            let request = Request::new("load-images").on(&one(cluster, dock).await?);
            load(cluster, request.json(), source).await
        }
    }
}

/// The dock that is meant: the one that is named, or the only one.
pub(super) async fn one(cluster: &Cluster, dock: Option<Fqdn>) -> anyhow::Result<Fqdn> {
    let docks = DocksArgs { docks: dock.into_iter().collect(), all_docks: false };
    let chosen = with_progress(docks.choose(cluster)).await?;
    match chosen.docks.into_iter().next() {
        Some(dock) => Ok(dock),
        None => bail!("no dock can be asked: `deblox docks` shows how each stands"),
    }
}

/// Sends an archive, and prints what the daemon says it has made of it.
async fn load(cluster: &Cluster, request: Value, source: Source) -> anyhow::Result<u8> {
    let (mut out, mut lines) = (stdout(), Lines::default());
    upload(cluster, request, source, async |_, bytes: Vec<u8>| {
        for line in lines.add(&bytes) {
            let Ok(message) = serde_json::from_slice::<Message>(&line) else { continue };
            let text = message.stream.clone().or_else(|| message.line().map(|line| line + "\n"));
            if let Some(text) = text
                && !write(&mut out, &anstream::adapter::strip_str(&text).to_string()).await?
            {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await?;
    Ok(0)
}
