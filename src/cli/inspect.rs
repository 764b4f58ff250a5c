//! Looking at one thing closely: `inspect`, `top`, `diff`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cluster::{Cluster, FAILED, about};
use super::output::{self, Cell, complain};
use super::progress::with_progress;
use super::{images, networks, volumes};
use crate::protocol::Fqdn;
use crate::protocol::text::plain;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Type {
    /// A container.
    Container,
    /// An image.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

/// The form of what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON list, indented.
    Pretty,
    /// JSON, an object a line.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The containers: NAME, DOCK/NAME, or the beginning of an id; or what --type says
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// What they are
    #[arg(long, value_name = "TYPE", default_value = "container", hide_possible_values = true)]
    r#type: Type,
    #[command(flatten)]
    form: Form,
    /// With the size of a container's files
    #[arg(short, long)]
    size: bool,
    /// The dock whose image it is [default: any that has it]
    #[arg(long, value_name = "FQDN")]
    dock: Option<Fqdn>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Form {
    /// One indented list (pretty), or an object a line (json)
    #[arg(short, long, value_name = "FORMAT", default_value = "pretty", hide_possible_values = true)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct TopArgs {
    /// The container: NAME, DOCK/NAME, or the beginning of its id
    container: String,
    /// A table, or JSON with an object a line; stands before CONTAINER
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: output::Format,
    /// Only the numbers of the processes, one a line; stands before CONTAINER
    #[arg(short, long)]
    quiet: bool,
    /// Options of ps, such as aux [default: -ef]
    #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// The container: NAME, DOCK/NAME, or the beginning of its id
    container: String,
    /// A line of text for each, or JSON with an object a line
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: output::Format,
    /// Only the paths, one a line
    #[arg(short, long)]
    quiet: bool,
}

pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let Args { names, r#type, size, dock, form } = args;
    show(names, form, async |name| match r#type {
        Type::Container => {
            Ok(cluster.ask(about("inspect-container", name)?.flag("size", *size).json()).await?.body()?)
        }
        Type::Image => Box::pin(images::inspect(cluster, name, dock.as_ref())).await,
        Type::Network => Box::pin(networks::inspect(cluster, name)).await,
        Type::Volume => Box::pin(volumes::inspect(cluster, name)).await,
    })
    .await
}

/// Shows what `look` finds under each name, as docker does: what is found in one list, and each that is not with its
/// error.
pub(super) async fn show(
    names: &[String],
    form: &Form,
    look: impl AsyncFn(&str) -> anyhow::Result<Value>,
) -> anyhow::Result<u8> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for name in names {
        match with_progress(look(name)).await {
            Ok(value) => found.push(value),
            Err(error) => errors.push(error),
        }
    }
    match form.format {
        Format::Pretty => output::json_text(&pretty(&Value::Array(found))?)?,
        Format::Json => found.iter().try_for_each(|value| output::json_text(&value.to_string()))?,
    }
    errors.iter().for_each(complain);
    Ok(if errors.is_empty() { 0 } else { FAILED })
}

/// JSON with docker's indentation.
pub(super) fn pretty(value: &Value) -> anyhow::Result<String> {
    let mut out = Vec::new();
    let indented = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, indented))?;
    Ok(String::from_utf8(out)?)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Processes {
    titles: Vec<String>,
    processes: Option<Vec<Vec<String>>>,
}

pub(super) async fn top(args: &TopArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let options = (!args.options.is_empty()).then(|| args.options.join(" "));
    let request = about("top-container", &args.container)?.maybe("ps-args", options);
    let found: Processes = with_progress(cluster.ask(request.json())).await?.body()?;
    let heads: Vec<&str> = found.titles.iter().map(String::as_str).collect();
    let rows = found.processes.into_iter().flatten();
    match args.format {
        _ if args.quiet => {
            // Without that column docker finds nothing.
            let column = heads.iter().position(|head| *head == "PID");
            rows.filter_map(|row| row.into_iter().nth(column?)).try_for_each(|pid| output::line(&pid))?;
        }
        output::Format::Table => {
            output::print(&output::table(&heads, rows.map(|row| row.into_iter().map(Cell::from).collect()))?)?;
        }
        output::Format::Json => {
            for row in rows {
                let process: Map<String, Value> =
                    heads.iter().map(|head| (*head).to_owned()).zip(row.into_iter().map(Value::from)).collect();
                output::json_text(&Value::Object(process).to_string())?;
            }
        }
    }
    Ok(0)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    kind: u8,
    path: String,
}

pub(super) async fn diff(args: &DiffArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let reply = with_progress(cluster.ask(about("diff-container", &args.container)?.json())).await?;
    // Docker says null where nothing has changed.
    for change in reply.body::<Option<Vec<Change>>>()?.unwrap_or_default() {
        let letter = match change.kind {
            0 => 'C',
            1 => 'A',
            _ => 'D',
        };
        output::line(&match args.format {
            _ if args.quiet => plain(&change.path).into_owned(),
            output::Format::Table => plain(&format!("{letter} {}", change.path)).into_owned(),
            output::Format::Json => output::json(&json!({"kind": letter, "path": change.path}))?,
        })?;
    }
    Ok(0)
}
