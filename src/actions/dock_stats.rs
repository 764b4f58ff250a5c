//! `dock-stats`: what the running containers of a dock use, for as long as somebody wants to know.

use bytes::Bytes;
use futures_util::stream::unfold;

use super::sight::Sight;
use super::{Context, Outcome, Streaming, Subject};
use crate::bus::Bus;
use crate::docker::{Flow, Samples, Way};
use crate::protocol::{DockStats, Failure, Session};

pub(super) async fn run(context: &Context<'_>) -> Result<Outcome, Failure> {
    context.docker.sign_of_life().await?;
    let told = Told { samples: context.sampler.samples(), bus: context.bus.clone(), caller: context.caller.cloned() };
    let lines = unfold(told, async |mut told: Told| {
        let mut line = serde_json::to_string(&told.next().await?).expect("records serialise");
        line.push('\n');
        Some((Bytes::from(line), told))
    });
    let flow = Flow::of(Box::pin(lines));
    Ok(Outcome::streams(Streaming { flow, way: Way::Down, framed: false, subject: Subject::Nothing }))
}

/// The samples, and for whom they are.
struct Told {
    samples: Samples,
    bus: Bus,
    caller: Option<Session>,
}

impl Told {
    /// What the containers use that the caller sees, when that is next known.
    async fn next(&mut self) -> Option<DockStats> {
        loop {
            let sampled = self.samples.next().await?;
            let ids = sampled.containers.keys().chain(sampled.left_out.keys()).map(String::as_str);
            // Whose they are may have changed since the last time.
            let sight = match Sight::among(&self.bus, self.caller.as_ref(), ids).await {
                Ok(sight) => sight,
                Err(error) => {
                    tracing::debug!(%error, "whose the containers are is not known yet");
                    continue;
                }
            };
            let containers = sampled.containers.iter().filter(|(id, (owner, _))| sight.sees(id, owner.as_deref()));
            let left_out = sampled.left_out.iter().filter(|(id, owner)| sight.sees(id, owner.as_deref())).count();
            let containers = containers.map(|(id, (_, sample))| (id.clone(), sample.clone())).collect();
            return Some(DockStats { at: sampled.at, containers, left_out });
        }
    }
}
