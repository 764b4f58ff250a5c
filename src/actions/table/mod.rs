//! The table of all actions: a plain one is a row here and nothing else. Dispatch, validation, the README and the
//! JSON Schema are made from it.

mod cluster;
mod containers;
mod images;
mod resources;

use super::Kind::{Flag, Image, Text, Whole};
use super::{Access, Action, Again, Field, Kind, OwnFn, Place, Plain, Recorded, Run, Streams, Target};
use crate::docker::{Method, Way};
use crate::protocol::ErrorCode;
use crate::protocol::limits::REQUEST_TIMEOUT;

/// The groups of actions, in the order of the documentation.
pub static GROUPS: &[(&str, &[Action])] = &[
    ("Docks", cluster::DOCKS),
    ("Containers", containers::CONTAINERS),
    ("Images", images::IMAGES),
    ("Networks", resources::NETWORKS),
    ("Volumes", resources::VOLUMES),
    ("Templates", cluster::TEMPLATES),
    ("The daemon", resources::DAEMON),
];

const IMAGE: Field = Field::new("image", Image, "an image: name, name:tag or id")
    .required()
    .path()
    .safe("a reference has no characters of another path; where it is fetched, its registry is checked");
const CREDENTIALS: Field = Field::new(
    "credentials",
    Kind::Object,
    "for the registry: {\"username\", \"password\"} or {\"identitytoken\"}; not kept",
)
.safe("its fields are checked, and `serveraddress` like any other registry");
const FILTERS: Field = Field::new("filters", Kind::Filters, "Docker's filters, such as {\"label\": [\"team=x\"]}")
    .query("filters")
    .safe("filters only leave out of what the action shows anyway");

/// The fields of a list that can be of the whole cluster, where the daemon's own has no `limit`.
const ALL: Field = Field::new("all", Flag, "those of the whole cluster, from the shared records")
    .safe("what the caller may not see is left out");
const LIMIT: Field = Field::new("limit", PAGE, "with `all`: so many a page (1000)").safe("it bounds the answer");
const CURSOR: Field =
    text("cursor", "with `all`: where the last page ended").safe("it is a place in a list that is filtered again");

/// How many rows a page may have: with records of a kilobyte, it is one reply of ten megabytes.
const PAGE: Kind = Whole(1, 10_000);

const STREAM: Field =
    Field::new("stream", Flag, "as a stream, in `deblox.output.<id>`").safe("it changes the form of the answer");

/// Seconds since the epoch, to the end of the year 9999.
const TIMESTAMP: Kind = Whole(0, 253_402_300_799);

impl Action {
    /// One call to the daemon.
    const fn plain(
        name: &'static str,
        access: Access,
        target: Target,
        method: Method,
        path: &'static str,
        about: &'static str,
    ) -> Self {
        Self::new(
            name,
            access,
            target,
            about,
            Run::Plain(Plain { method, path, query: &[], instance: Place::Path, way: Way::Down, fails_as: None }),
        )
    }

    /// A function of its own.
    const fn own(name: &'static str, access: Access, target: Target, about: &'static str, run: OwnFn) -> Self {
        Self::new(name, access, target, about, Run::Own(run))
    }

    const fn new(name: &'static str, access: Access, target: Target, about: &'static str, run: Run) -> Self {
        Self {
            name,
            aliases: &[],
            about,
            access,
            target,
            timeout: REQUEST_TIMEOUT,
            silent: false,
            passive: false,
            recorded: None,
            resumes: false,
            again: Again::No,
            widens: false,
            reveals: false,
            serves_creates: false,
            spreads: false,
            streams: Streams::Never,
            fields: &[],
            run,
        }
    }

    const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn within(mut self, timeout: std::time::Duration) -> Self {
        self.timeout = timeout;
        self
    }

    const fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    const fn passive(mut self) -> Self {
        self.passive = true;
        self
    }

    const fn recorded(mut self, what: Recorded) -> Self {
        self.recorded = Some(what);
        self
    }

    const fn resumes(mut self) -> Self {
        self.resumes = true;
        self.again()
    }

    /// May be done again where it is not known whether it was done.
    const fn again(mut self) -> Self {
        self.again = Again::Yes;
        self
    }

    /// The same for what is gone when it is done.
    const fn gone_when_done(mut self) -> Self {
        self.again = Again::DoneIf(404);
        self
    }

    const fn widens(mut self) -> Self {
        self.widens = true;
        self
    }

    const fn reveals(mut self) -> Self {
        self.reveals = true;
        self
    }

    const fn serves_creates(mut self) -> Self {
        self.serves_creates = true;
        self
    }

    const fn spreads(mut self) -> Self {
        self.spreads = true;
        self
    }

    /// Streams: which of its requests do.
    const fn streaming(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// Takes a stream as the body of its call.
    const fn up(mut self) -> Self {
        if let Run::Plain(plain) = &mut self.run {
            plain.way = Way::Up;
        }
        self.streaming(Streams::Always)
    }

    /// Its stream is of messages, one of which may say that it has failed: that is this error.
    const fn messages(mut self, code: ErrorCode) -> Self {
        if let Run::Plain(plain) = &mut self.run {
            plain.fails_as = Some(code);
        }
        self
    }

    /// Query parameters that are always sent.
    const fn always(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        if let Run::Plain(plain) = &mut self.run {
            plain.query = query;
        }
        self
    }

    /// Where the instance's id goes, if not into the path.
    const fn instance_in(mut self, place: Place) -> Self {
        if let Run::Plain(plain) = &mut self.run {
            plain.instance = place;
        }
        self
    }
}

const fn text(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Text, about)
}
