//! What a worker can do: one table of all actions, and a file for each that has behaviour of its own.

mod attach_container;
mod bounds;
mod classification;
mod container_logs;
mod context;
mod create_container;
mod create_instances;
mod demand;
mod dock_stats;
mod docks;
mod events;
mod exec_container;
mod fields;
mod glob;
mod list_cluster;
mod list_containers;
mod list_docks;
mod list_filters;
mod list_images;
mod list_networks;
mod list_volumes;
mod masked;
mod ownership;
mod ping;
mod ps;
mod pull_image;
mod push_image;
mod quota;
mod raw_docker;
mod recreate_container;
mod references;
mod registration;
mod registries;
mod schema;
mod sight;
mod sizes;
mod streaming;
mod table;
mod templates;
mod update_container;
mod verdict;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use bounds::{Bounds, Folder};
pub use classification::Audience;
pub use context::Context;
pub use create_container::user_create;
pub use demand::{Demand, On};
pub use events::is_for;
pub use fields::{Arguments, Field, Kind, Place};
pub(crate) use glob::Glob;
pub(crate) use raw_docker::containers as named_containers;
pub use registries::Registry;
pub use schema::{field_schemas, schema};
pub use streaming::{Streaming, Streams, Subject};
pub use table::GROUPS;

use serde_json::value::RawValue;

use crate::docker::{Method, Way};
pub use crate::protocol::Access;
use crate::protocol::{Answer, COMMON_FIELDS, ErrorCode, Failure, Request, Resource, quoted};

/// One thing that a worker can do.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the table, and most rows set none")]
pub struct Action {
    /// Its name in requests.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it does, in a sentence.
    pub about: &'static str,
    /// The right that it needs.
    pub access: Access,
    /// What decides where it is done.
    pub target: Target,
    /// How long it may take where the request does not say.
    pub timeout: Duration,
    /// Whether it has no reply when it succeeds, as the specification has it.
    pub silent: bool,
    /// Whether it only waits for something: then it does not hold up the requests behind it, one of which may be
    /// what it waits for.
    pub passive: bool,
    /// What of its effect is to be in the shared records before it is answered, so that whoever has the reply can
    /// name the instance to any worker, and finds in the cluster's lists what has changed.
    pub recorded: Option<Recorded>,
    /// Whether it has several steps, of which an earlier attempt may have left some done: then only the dock's own
    /// workers take it up again, which find out from the daemon how far it came.
    pub resumes: bool,
    /// What a later attempt may do where an earlier one was lost, and may have taken effect.
    pub again: Again,
    /// Whether its flag `all` asks for the whole cluster, as the shared records have it.
    pub widens: bool,
    /// Whether its answer shows other instances than the one it is about, so that it is for those who see all.
    pub reveals: bool,
    /// Whether it serves creating, so that whoever may create may do it.
    pub serves_creates: bool,
    /// Whether its field `instances` makes several requests of it.
    pub spreads: bool,
    /// Which of its requests stream.
    pub streams: Streams,
    /// The fields it takes beside the common ones.
    pub fields: &'static [Field],
    /// How it is done.
    pub run: Run,
}

/// Whether something may be done again of which it is not known whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Yes: doing it twice is as good as doing it once, or it finds what the first attempt did.
    Yes,
    /// Yes; and if the daemon answers with this status then, the first attempt had done it.
    DoneIf(u16),
    /// No: the caller is told that it is not known.
    No,
}

/// What an action changes in the shared records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The instance that it is about.
    Instance,
    /// What the dock has of that kind.
    Resource(Resource),
}

/// What decides where an action is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// It is about the shared records: any worker.
    Cluster,
    /// It is about one daemon, whichever: the worker that has the request, unless a `dock` is named.
    Daemon,
    /// It changes one daemon, and which one must be said: by `dock`, or by the dock's own stream.
    NamedDaemon,
    /// The dock that has the instance.
    Instance,
    /// The fittest dock.
    NewInstance,
}

/// How an action is done.
#[derive(Debug)]
pub enum Run {
    /// One call to the daemon, whose answer is the reply.
    Plain(Plain),
    /// A function of its own.
    Own(OwnFn),
}

/// A call to the daemon; each field of the action says where in the call it goes.
#[derive(Debug)]
pub struct Plain {
    /// The HTTP method.
    pub method: Method,
    /// The path of the Docker Engine API, with `{}` for the instance or the image.
    pub path: &'static str,
    /// Query parameters that are always sent.
    pub query: &'static [(&'static str, &'static str)],
    /// Where the instance's id goes: the path, if nothing else is said.
    pub instance: Place,
    /// Which way bytes go where it streams.
    pub way: Way,
    /// Whether its stream is of messages, one of which may say that it has failed; then that is this error.
    pub fails_as: Option<ErrorCode>,
}

/// An action with behaviour of its own.
pub type OwnFn = for<'a> fn(&'a Context<'a>) -> Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send + 'a>>;

/// What an action brought about.
pub enum Outcome {
    /// An answer.
    Answer(Answer),
    /// A new instance, with the answer and its id.
    Created(Answer, String),
    /// Several new instances, or what became of them: a whole reply for each.
    Several(Vec<Box<RawValue>>, Option<Failure>),
    /// A new instance in the place of an old one, which is gone.
    Replaced {
        /// The answer that created it.
        answer: Answer,
        /// Its id.
        new: String,
        /// The id of the old one.
        old: String,
    },
    /// A stream, which the worker passes on until it ends.
    Streams(Box<Streaming>),
    /// Nothing to reply.
    Silent,
}

impl Outcome {
    /// That of a request that streams.
    pub(crate) fn streams(streaming: Streaming) -> Self {
        Self::Streams(Box::new(streaming))
    }
}

impl Action {
    /// Every action, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = &'static Self> + Clone {
        GROUPS.iter().flat_map(|(_, actions)| actions.iter())
    }

    /// Finds an action by its name or another name for it.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownAction`], with the nearest name.
    pub fn find(name: &str) -> Result<&'static Self, Failure> {
        let known = |action: &&Self| action.name == name || action.aliases.contains(&name);
        Self::all().find(known).ok_or_else(|| {
            let hint = match nearest(name, Self::all().flat_map(Self::names)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`deblox actions` lists those that are".to_owned(),
            };
            Failure::new(ErrorCode::UnknownAction, format!("no such action is supported: `{}`; {hint}", quoted(name)))
        })
    }

    /// Checks the fields of `request` against what this action takes.
    ///
    /// # Errors
    /// A [`Failure`] that names the field.
    pub fn check(&self, request: &Request) -> Result<Arguments, Failure> {
        match (self.target, &request.instance) {
            (Target::Instance, None) => {
                let message = format!("`{}` needs the field `id`: an instance's id or name", self.name);
                return Err(Failure::new(ErrorCode::MissingField, message));
            }
            (Target::Instance, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                let message = format!("`{}` has no field `id`: it is not about one instance", self.name);
                return Err(Failure::new(ErrorCode::UnknownField, message));
            }
        }
        let mut arguments = Arguments::default();
        for (name, value) in &request.arguments {
            let field = self.fields.iter().find(|field| field.answers_to(name)).ok_or_else(|| self.unknown(name))?;
            let value = field.kind.read(value, request.flat).map_err(|expected| {
                let message = format!("field `{name}` of `{}` is not valid: it must be {expected}", self.name);
                Failure::new(ErrorCode::BadField, message)
            })?;
            if arguments.insert(field.name, value).is_some() {
                let message = format!("field `{name}` of `{}` is there under two names", self.name);
                return Err(Failure::new(ErrorCode::BadField, message));
            }
        }
        references::check_name(self, &arguments)?;
        let missing = |field: &&Field| {
            field.required && !arguments.has(field.name) && !field.unless.is_some_and(|other| arguments.has(other))
        };
        match self.fields.iter().find(missing) {
            Some(field) => {
                let message = format!("`{}` needs the field `{}`: {}", self.name, field.name, field.about);
                Err(Failure::new(ErrorCode::MissingField, message))
            }
            None => Ok(arguments),
        }
    }

    /// How long it may take where the request does not say. `time` are the seconds that a stop gives the container:
    /// one that waits an hour is given the hour.
    pub fn default_timeout(&self, time: Option<u64>) -> Duration {
        self.timeout.saturating_add(Duration::from_secs(time.unwrap_or_default()))
    }

    /// The name and the other names for it.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The common field that it cannot do without, if there is one.
    pub fn needs(&self) -> Option<&'static str> {
        match self.target {
            Target::Instance => Some("id"),
            Target::NamedDaemon => Some("dock"),
            Target::Cluster | Target::Daemon | Target::NewInstance => None,
        }
    }

    /// What decides where it is done, for a request with these fields.
    pub fn target_of(&self, arguments: &Arguments) -> Target {
        let widened = self.widens && arguments.flag("all");
        if widened || self.is_spread(arguments) { Target::Cluster } else { self.target }
    }

    /// Whether it makes several requests of this one, and waits for them.
    pub fn is_spread(&self, arguments: &Arguments) -> bool {
        self.spreads && arguments.has("instances")
    }

    /// Whether it only waits, for a request with these fields.
    pub fn is_passive(&self, arguments: &Arguments) -> bool {
        self.passive || self.is_spread(arguments)
    }

    /// Whether a request with these fields streams.
    pub fn streams(&self, arguments: &Arguments) -> bool {
        self.streams_if(|flag| arguments.flag(flag))
    }

    /// Whether a request streams in which those flags are set of which `is_set` says so.
    pub fn streams_if(&self, is_set: impl Fn(&str) -> bool) -> bool {
        match self.streams {
            Streams::Never => false,
            Streams::Asked(flags) => flags.iter().any(|flag| is_set(flag)),
            Streams::Always => true,
        }
    }

    /// Whether a request with these fields may be done again after an attempt that was lost, and may have taken effect.
    pub fn may_be_repeated(&self, arguments: &Arguments) -> bool {
        let only_looks = self.access == Access::View || raw_docker::only_looks(self, arguments);
        only_looks || self.again != Again::No
    }

    /// Whether this `failure` of a later attempt means that an earlier one had done it.
    pub fn is_done_by(&self, failure: &Failure) -> bool {
        self.again == Again::DoneIf(failure.status()) && failure.code != ErrorCode::UnknownDock
    }

    /// The actions that this one may overtake, each name between two spaces: those that only wait, and if this one only
    /// looks, those that only look.
    pub fn need_not_wait_for(&self) -> String {
        let harmless = |other: &&Self| other.passive || (self.access == Access::View && other.access == Access::View);
        Self::all().filter(harmless).flat_map(Self::names).fold(String::from(" "), |list, name| list + name + " ")
    }

    /// Does it.
    ///
    /// # Errors
    /// A [`Failure`] for the reply.
    pub async fn run(&self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let in_path = (self.name == "docker").then(|| raw_docker::network(context.arguments)).flatten();
        if let Some(network) = in_path.as_deref().or(context.arguments.text("network")) {
            references::check_network(context, network).await?;
        }
        bounds::check(context).await?;
        self.perform(context).await.map(|outcome| masked::outcome(context, outcome))
    }

    async fn perform(&self, context: &Context<'_>) -> Result<Outcome, Failure> {
        match &self.run {
            Run::Own(run) => run(context).await,
            Run::Plain(plain) if self.streams(context.arguments) => {
                let parts = plain.parts(self, context);
                let streaming = Streaming::begin(context, &parts, plain.way, plain.subject()).await?;
                Ok(Outcome::streams(streaming))
            }
            Run::Plain(plain) => {
                let answer = plain.call(self, context).await?;
                verdict::judge(answer, self.target).map(Outcome::Answer)
            }
        }
    }

    /// What the daemon's refusal of a call of this action means.
    ///
    /// # Errors
    /// A [`Failure`] where it is one.
    pub fn judge(&self, answer: Answer) -> Result<Answer, Failure> {
        verdict::judge(answer, self.target)
    }

    fn unknown(&self, name: &str) -> Failure {
        let own = self.fields.iter().map(|field| field.name);
        let names = own.chain(COMMON_FIELDS.iter().copied().filter(|name| *name != "id"));
        let hint = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it takes {}", names.collect::<Vec<_>>().join(", ")),
        };
        Failure::new(ErrorCode::UnknownField, format!("`{}` has no field `{}`; {hint}", self.name, quoted(name)))
    }
}

/// The name that is most like `name`, if one is like it at all.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.7;
    // Comparing takes time and memory in proportion to the length, and no name of ours comes near this one.
    if name.len() > 100 {
        return None;
    }
    names
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EntryId, decode};

    fn check(json: &str) -> Result<Arguments, Failure> {
        let entry = EntryId { millis: 1, sequence: 0 };
        let request = decode(entry, None, &vec![(b"json".to_vec(), json.as_bytes().to_vec())]).unwrap();
        Action::find(&request.action)?.check(&request)
    }

    #[test]
    fn a_misspelt_action_is_told_the_nearest() {
        let failure = Action::find("creat-container").unwrap_err();
        assert_eq!(failure.code, ErrorCode::UnknownAction);
        assert!(failure.message.contains("did you mean `create-container`?"), "{failure}");
        assert!(Action::find("remove-container").is_ok_and(|action| action.name == "delete-container"));
    }

    #[test]
    fn faults_in_fields_name_the_field() {
        let cases = [
            (r#"{"action":"create-container","imag":"x"}"#, ErrorCode::UnknownField, "did you mean `image`?"),
            (r#"{"action":"create-container"}"#, ErrorCode::MissingField, "`image`"),
            (r#"{"action":"create-container","image":7}"#, ErrorCode::BadField, "`image`"),
            (r#"{"action":"create-container","image":"x","env":"A=b"}"#, ErrorCode::BadField, "`env`"),
            (r#"{"action":"stop-container"}"#, ErrorCode::MissingField, "`id`"),
            (r#"{"action":"list-docks","id":"x"}"#, ErrorCode::UnknownField, "`id`"),
            (r#"{"action":"stop-container","id":"x","time":-1}"#, ErrorCode::BadField, "`time`"),
        ];
        for (json, code, part) in cases {
            let failure = check(json).unwrap_err();
            assert_eq!(failure.code, code, "{json}");
            assert!(failure.message.contains(part), "{json}: {}", failure.message);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Action::all().flat_map(|a| a.aliases.iter().chain([&a.name])).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
