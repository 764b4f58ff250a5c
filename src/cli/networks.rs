//! `deblox network`: the networks of docks.

use serde_json::{Value, json};

use super::cluster::{Cluster, Request, about, each, pair, split};
use super::inspect::{self, Form};
use super::listing::{ListArgs, Listed, Placed, listed};
use super::output::{Cell, Row, Shown};
use super::places::{DocksArgs, Named, confirm, find};
use super::progress::with_progress;
use super::volumes::Prune;
use crate::protocol::NetworkRecord;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List networks
    #[command(visible_alias = "list")]
    Ls(ListArgs),
    /// Show everything about networks
    Inspect {
        /// The networks: NAME, DOCK/NAME, or the beginning of an id
        #[arg(value_name = "NETWORK", required = true)]
        networks: Vec<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Make a network on docks
    Create(Create),
    /// Remove networks
    #[command(visible_alias = "remove")]
    Rm {
        /// The networks: NAME, DOCK/NAME, or the beginning of an id
        #[arg(value_name = "NETWORK", required = true)]
        networks: Vec<String>,
    },
    /// Remove the networks of docks that no container uses
    Prune(Prune),
    /// Join a container to a network of its dock
    Connect {
        /// The network: name or id
        network: String,
        /// The container: NAME, DOCK/NAME, or the beginning of its id
        container: String,
        /// A further name for it there; may be given several times
        #[arg(long = "alias", value_name = "NAME")]
        aliases: Vec<String>,
        /// Its address there
        #[arg(long, value_name = "IP")]
        ip: Option<String>,
    },
    /// Take a container off a network
    Disconnect {
        /// The network: name or id
        network: String,
        /// The container: NAME, DOCK/NAME, or the beginning of its id
        container: String,
        /// Whatever it does there
        #[arg(short, long)]
        force: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// Its name
    name: String,
    /// Its driver [default: bridge]
    #[arg(short, long)]
    driver: Option<String>,
    /// An option of the driver; may be given several times
    #[arg(short, long = "opt", value_name = "NAME=VALUE", value_parser = pair)]
    options: Vec<(String, String)>,
    /// A label; may be given several times
    #[arg(long = "label", value_name = "NAME[=VALUE]")]
    labels: Vec<String>,
    /// Its addresses, such as 10.1.0.0/24
    #[arg(long, value_name = "CIDR")]
    subnet: Option<String>,
    /// The address of its way out
    #[arg(long, value_name = "IP", requires = "subnet")]
    gateway: Option<String>,
    /// Without a way out
    #[arg(long)]
    internal: bool,
    /// Containers may join it by hand
    #[arg(long)]
    attachable: bool,
    /// With IPv6
    #[arg(long)]
    ipv6: bool,
    #[command(flatten)]
    docks: DocksArgs,
}

impl Row for Placed<NetworkRecord> {
    const HEADS: &'static [&'static str] = &["NETWORK ID", "DOCK", "NAME", "DRIVER", "SCOPE"];

    fn cells(&self, shown: &Shown) -> Vec<Cell> {
        let one = &self.record;
        vec![
            shown.id(&one.id).into(),
            self.dock.as_str().into(),
            one.name.as_str().into(),
            one.driver.as_str().into(),
            one.scope.as_str().into(),
        ]
    }

    fn name(&self, shown: &Shown) -> String {
        shown.id(&self.record.id).to_owned()
    }
}

impl Named for NetworkRecord {
    const LIST: &'static str = "networks";
    const KIND: &'static str = "network";

    fn label(&self) -> String {
        self.name.clone()
    }

    fn filters(name: &str) -> Vec<Vec<(String, String)>> {
        ["name", "id"].map(|filter| vec![(filter.to_owned(), name.to_owned())]).into()
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || (!name.is_empty() && self.id.starts_with(name))
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Ls(list) => {
            let listed: Listed<NetworkRecord> = listed(cluster, "networks", &list).await?;
            listed.show(&list.show)
        }
        Command::Inspect { networks, form } => {
            inspect::show(&networks, &form, async |name| inspect(cluster, name).await).await
        }
        Command::Create(args) => create(&args, cluster).await,
        Command::Rm { networks } => {
            each(&networks, async |name| {
                let (dock, id) = find::<NetworkRecord>(cluster, name).await?;
                cluster.ask(Request::new("remove-network").with("network", id).on(&dock).json()).await?;
                Ok(name.to_owned())
            })
            .await
        }
        Command::Prune(args) => {
            if !confirm("this removes all networks that no container uses", args.force)? {
                return Ok(0);
            }
            args.run("prune-networks", "NetworksDeleted", cluster).await
        }
        Command::Connect { network, container, aliases, ip } => {
            let mut endpoint = json!({});
            if !aliases.is_empty() {
                endpoint["Aliases"] = json!(aliases);
            }
            if let Some(ip) = ip {
                endpoint["IPAMConfig"] = json!({"IPv4Address": ip});
            }
            let some = endpoint.as_object().is_some_and(|endpoint| !endpoint.is_empty());
            let request = about("connect-network", &container)?.with("network", network);
            with_progress(cluster.ask(request.maybe("endpoint", some.then_some(endpoint)).json())).await?;
            Ok(0)
        }
        Command::Disconnect { network, container, force } => {
            let request = about("disconnect-network", &container)?.with("network", network).flag("force", force);
            with_progress(cluster.ask(request.json())).await?;
            Ok(0)
        }
    }
}

async fn create(args: &Create, cluster: &Cluster) -> anyhow::Result<u8> {
    let options: Vec<String> = args.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let subnet = args.subnet.as_ref().map(|subnet| {
        let mut config = json!({"Subnet": subnet});
        if let Some(gateway) = &args.gateway {
            config["Gateway"] = json!(gateway);
        }
        json!({"Config": [config]})
    });
    let chosen = with_progress(args.docks.choose(cluster)).await?;
    let code = each(&chosen.with(&args.name), async |name| {
        let (dock, name) = split(name)?;
        let request = Request::new("create-network")
            .with("name", name)
            .maybe("dock", dock.map(String::from))
            .maybe("driver", args.driver.clone())
            .list("options", &options)
            .list("labels", &args.labels)
            .maybe("ipam", subnet.clone())
            .flag("internal", args.internal)
            .flag("attachable", args.attachable)
            .flag("ipv6", args.ipv6);
        let reply: Value = cluster.ask(request.json()).await?.body()?;
        Ok(reply["Id"].as_str().unwrap_or_default().to_owned())
    })
    .await?;
    Ok(chosen.verdict(code))
}

/// Everything the daemon knows about a network.
pub(super) async fn inspect(cluster: &Cluster, name: &str) -> anyhow::Result<Value> {
    let (dock, id) = find::<NetworkRecord>(cluster, name).await?;
    Ok(cluster.ask(Request::new("inspect-network").with("network", id).on(&dock).json()).await?.body()?)
}
