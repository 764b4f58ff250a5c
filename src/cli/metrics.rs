//! The listener for Prometheus beside a worker or an HTTP node: its option, its start and its end.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bus::{Bus, RedisOptions};
use crate::metrics::Metrics;
use crate::protocol::Fqdn;
use crate::web::{MetricsServer, Scrape};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Metrics")]
pub(super) struct MetricsArgs {
    /// Serve `GET /metrics` for Prometheus, and `GET /healthz`, at this address; nowhere unless it is given. Whoever reaches
    /// it can read it
    #[arg(long, env = "DEBLOX_METRICS", value_name = "IP:PORT")]
    metrics: Option<SocketAddr>,
}

/// A listener that serves, if one was asked for.
pub(super) struct Serving {
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl MetricsArgs {
    /// Serves what `metrics` have counted: with the queues if a worker for `dock` runs in this process, and with the states
    /// of all `docks` if a node does.
    pub(super) async fn begin(
        &self,
        metrics: &Metrics,
        redis: &RedisOptions,
        worker: Option<Fqdn>,
        docks: bool,
    ) -> anyhow::Result<Serving> {
        let stop = CancellationToken::new();
        let Some(address) = self.metrics else {
            return Ok(Serving { stop, task: None });
        };
        let scrape = Scrape { metrics: metrics.clone(), bus: Bus::new(redis)?, worker, docks };
        let server = MetricsServer::bind(address, scrape).await;
        let server =
            server.with_context(|| format!("cannot serve metrics at {address}: choose another with --metrics"))?;
        let task = Some(tokio::spawn(server.run(stop.clone())));
        Ok(Serving { stop, task })
    }
}

impl Serving {
    /// Ends it. What it stood beside has ended: until then it could be read.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        match self.task {
            Some(task) => Ok(task.await?),
            None => Ok(()),
        }
    }
}
