//! What a dock that was lost brings back too many: instances of requests that another dock was given meanwhile. They are
//! stopped and marked, and never removed, because of what may be in their volumes.

use std::sync::Arc;

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::Worker;
use crate::docker::{DockerError, Method, RequestParts};
use crate::protocol::limits::DAEMON_PING;
use crate::protocol::{Answer, Event, Summary};

/// Looks for them as long as the worker lives.
pub(super) async fn run(worker: Arc<Worker>) {
    let mut looks = interval(DAEMON_PING);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(error) = look(&worker).await {
            tracing::debug!(%error, "looking for instances that are too many");
        }
    }
}

async fn look(worker: &Worker) -> anyhow::Result<()> {
    let (bus, dock) = (&worker.bus, worker.dock());
    let requests = bus.replaced(dock).await?;
    if requests.is_empty() || !worker.inventory.is_up() {
        return Ok(());
    }
    for request in &requests {
        for instance in worker.inventory.made_by(request) {
            set_aside(worker, &instance, request).await?;
            bus.forget_replaced(dock, request).await?;
        }
    }
    // The daemon has been looked at since: what has made nothing by now will make nothing.
    if let Some(now) = worker.now() {
        bus.forget_old_replaced(dock, now).await?;
    }
    Ok(())
}

/// Stops and marks one, and tells.
async fn set_aside(worker: &Worker, instance: &Summary, request: &str) -> anyhow::Result<()> {
    let id = instance.id.as_str();
    let mark = format!("-extra-{}", &id[..id.len().min(12)]);
    if !instance.name.ends_with(&mark) {
        let name = format!("{}{mark}", instance.name);
        let removes_itself = {
            let inspected = ask(worker, RequestParts::new(Method::GET, "/containers/{}/json").segment(id)).await?;
            inspected.read_json().is_some_and(|instance| instance["HostConfig"]["AutoRemove"] == true)
        };
        if removes_itself {
            ask(worker, RequestParts::new(Method::POST, "/containers/{}/pause").segment(id)).await?;
        } else {
            // Else the daemon would start it again with itself.
            let never = json!({"RestartPolicy": {"Name": "no"}});
            ask(worker, RequestParts::new(Method::POST, "/containers/{}/update").segment(id).json(never)).await?;
            ask(worker, RequestParts::new(Method::POST, "/containers/{}/stop").segment(id)).await?;
        }
        let rename = RequestParts::new(Method::POST, "/containers/{}/rename").segment(id);
        ask(worker, rename.query([("name", name.as_str())])).await?;
        worker.inventory.refresh(id).await;
        let (dock, request_id) = (worker.dock().clone(), request.to_owned());
        tracing::warn!(id, name, request, "stopped an instance whose request was done on another dock meanwhile");
        worker.bus.tell(&Event::InstanceExtra { dock, id: id.to_owned(), name, request_id }).await?;
    }
    Ok(())
}

/// One call; what the daemon refuses is said, and does not keep the next step from being done.
async fn ask(worker: &Worker, parts: RequestParts) -> Result<Answer, DockerError> {
    let answer = worker.docker.call(&parts).await?;
    if answer.status >= 400 {
        tracing::warn!(path = %parts.path, status = answer.status, message = answer.text_field("message"), "refused");
    }
    Ok(answer)
}
