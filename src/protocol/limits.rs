//! Every bound of the system that is not an option, each with its reason.

use std::time::Duration;

/// The largest request, all stream fields together. A create with a long environment is a few
/// kilobytes; larger data (build contexts, archives) travels as a stream.
pub const REQUEST_BYTES: usize = 1024 * 1024;

/// What may stand beside a request's `json` on its stream, all fields together.
pub const ENVELOPE_BYTES: usize = 1024;

/// The longest message of an error: what it quotes of a request may be as long as that.
pub const MESSAGE_BYTES: usize = 4096;

/// The largest body that the daemon may send for one reply: an inventory of several thousand
/// containers fits.
pub const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// What is kept of a daemon's list: ids, names and clipped labels of all that one host can have.
pub const LIST_BYTES: usize = 128 * 1024 * 1024;

/// A row of a list up to this size is passed on as it came.
pub const ROW_WHOLE_BYTES: usize = 16 * 1024;

/// What is kept of each field of a larger row; what is missing, the row says.
pub const ROW_FIELD_BYTES: usize = 16 * 1024;

/// What is kept of each text in it.
pub const ROW_TEXT_BYTES: usize = 4096;

/// The largest row that is read at all; of a larger one id and name are shown.
pub const ROW_READ_BYTES: usize = 32 * 1024 * 1024;

/// The labels that a request may set: they stand in every list and record, where larger ones are clipped.
pub const LABELS: usize = 256;

/// The names and values of all of them together.
pub const LABELS_BYTES: usize = 16 * 1024;

/// The longest name of a label, and the longest value.
pub const LABEL_BYTES: (usize, usize) = (256, 4096);

/// The environment of a container, and the words of its command and its entrypoint, each together.
pub const WORDS_BYTES: usize = 256 * 1024;

/// How much of a page of the cluster's lists is filled; the rest is on the next.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The longest `requestId`, so that a key name stays short.
pub const REQUEST_ID_BYTES: usize = 128;

/// The longest `traceparent`: of the version that there is 55 bytes, of a later one perhaps more. A longer one is ignored.
pub const TRACE_PARENT_BYTES: usize = 128;

/// The longest `tracestate`, which W3C Trace Context asks everybody to pass on. A longer one is ignored.
pub const TRACE_STATE_BYTES: usize = 512;

/// The longest host name, RFC 1035 section 2.3.4.
pub const FQDN_BYTES: usize = 253;

/// The longest name of a client; with what makes its requests' ids unique it fits into one.
pub const CLIENT_NAME_BYTES: usize = 64;

/// The longest reference to an instance: Docker's names have no limit of their own.
pub const INSTANCE_BYTES: usize = 255;

/// How long a request may wait and run where it does not say so itself.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for what may have to fetch an image first.
pub const PULL_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The longest `timeout` that a request may ask for.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a single Docker call inside a longer request (a create that may pull) is waited for.
pub const DAEMON_CALL: Duration = Duration::from_secs(60);

/// How long a reply, and the record by which a repeated request is recognised, is kept.
pub const REPLY_KEPT: Duration = Duration::from_secs(10 * 60);

/// The replies that wait in Redis for one user to read them, and apart from them those that are remembered for a repeated
/// `requestId`: several of the largest. Where nobody is asked who it is, `maxmemory` is the bound.
pub const STORED_BYTES: usize = 64 * 1024 * 1024;

/// How many of either: 160 requests a second for as long as a reply is kept.
pub const STORED_REPLIES: usize = 100_000;

/// How many requests may wait in one stream before further ones are refused as `busy`.
pub const QUEUE_LENGTH: usize = 10_000;

/// How often a request is tried that kills its worker each time.
pub const ATTEMPTS: u32 = 5;

/// How many requests of one lost dock may be given to others before further ones are answered instead.
pub const REPLACED: usize = 10_000;

/// About how many events the stream of events keeps.
pub const EVENTS: usize = 10_000;

/// About how many records the audit keeps by default: 50 MB in Redis.
pub const AUDIT_RECORDS: u64 = 100_000;

/// For how long the audit keeps a record by default.
pub const AUDIT_AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// For how long refusals and looks are counted before their number is recorded.
pub const AUDIT_WINDOW: Duration = Duration::from_secs(10 * 60);

/// How many refusals of one caller are recorded one by one in an [`AUDIT_WINDOW`]: a caller that is refused all the time
/// needs a month to push out what the audit keeps by default.
pub const AUDIT_REFUSALS: u32 = 20;

/// How many refusals of one kind are recorded one by one in an [`AUDIT_WINDOW`] of all callers together that are not known.
pub const AUDIT_STRANGERS: u32 = 50;

/// How many different looks of one caller are recorded one by one in an [`AUDIT_WINDOW`].
pub const AUDIT_LOOKS: u32 = 100;

/// How long a stream may go on until the audit has it that it has begun; of a shorter one it has the end alone.
pub const AUDIT_STREAM: Duration = Duration::from_secs(5);

/// How often a worker looks whether Redis still has the records that it has confirmed.
pub const AUDIT_CHECK: Duration = Duration::from_secs(5);

/// How many instances one request may create.
pub const INSTANCES_AT_ONCE: u64 = 1000;

/// How many requests that only wait for something a worker has in hand beside the others: each is a task and its request.
pub const WAITING: usize = 1000;

/// How many calls may wait for their replies at one HTTP node; further ones are refused as `busy`.
pub const CALLS: usize = 10_000;

/// How many connections an HTTP node serves at the same time; further ones wait to be accepted.
pub const CONNECTIONS: usize = 12_000;

/// About how many entries the list of dead requests keeps.
pub const DEAD_LETTERS: usize = 10_000;

/// How many processes and threads a container of a user may have where the worker is not told: a fork bomb ends there, and
/// the largest servers need fewer. Kubernetes distributions have the same default.
pub const PIDS_LIMIT: u64 = 4096;

/// The largest number of them that can be a limit: the kernel has no more process ids.
pub const PIDS_LARGEST: u64 = 4_194_304;

/// How many names of secrets a template declares at most: they become one label of each container that is made from it.
pub const TEMPLATE_SECRETS: usize = 100;

/// The longest of them.
pub const TEMPLATE_SECRET_BYTES: usize = 255;

/// Candidates named in the error for an ambiguous instance.
pub const CANDIDATES: usize = 10;

/// Lines of a log that are returned at most, and when the request does not say.
pub const LOG_LINES: u64 = 10_000;

/// See [`LOG_LINES`].
pub const LOG_LINES_DEFAULT: u64 = 100;

/// The most bytes in one chunk of a stream, or in one entry of its input.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// How many chunks of a stream its reader may not have read yet: with chunks of the largest size, 4 MiB in Redis.
pub const CHUNKS_AHEAD: u64 = 64;

/// About how many chunks of a stream are kept, so that a reader that was away goes on where it was.
pub const CHUNKS_KEPT: usize = 128;

/// How many chunks of input the daemon may not have taken yet; a reader that sends more is cut off.
pub const INPUT_AHEAD: usize = 64;

/// How long an upload may bring nothing: it holds up what is sent for the same instance after it.
pub const UPLOAD_SILENCE: Duration = Duration::from_secs(60);

/// How often the reader of a stream says that it is there, and the worker that it still streams.
pub const STREAM_SIGN: Duration = Duration::from_secs(3);

/// How long either may be silent before the other takes it for gone.
pub const STREAM_SILENCE: Duration = Duration::from_secs(15);

/// How long the streams of a request are kept after the last sign.
pub const STREAM_KEPT: Duration = Duration::from_secs(60);

/// How many streams a worker has open: each has a connection of its own to Redis.
pub const STREAMS: usize = 128;

/// How many connections to one HTTP node one address may have, unless it is a trusted proxy. It is a third of all.
pub const CONNECTIONS_PER_ADDRESS: usize = CONNECTIONS / 3;

/// How many calls of one address may wait for their replies at one HTTP node.
pub const CALLS_PER_ADDRESS: usize = CALLS / 3;

/// How many actions of one user may be under way at one HTTP node. A caller need not wait for them, so they outlive its
/// connection.
pub const ACTIONS_PER_USER: usize = 1000;

/// How many password checks one address may have under way at one HTTP node: each takes an auth manager a core for a moment.
pub const LOGINS_PER_ADDRESS: usize = 8;

/// How many streams of server-sent events an HTTP node serves at the same time.
pub const LIVE_STREAMS: usize = 4000;

/// How many of them one user may have: one for each open tab of its browsers.
pub const LIVE_STREAMS_PER_USER: usize = 32;

/// How many of them one address may have: a whole office may come from one.
pub const LIVE_STREAMS_PER_ADDRESS: usize = 500;

/// How many websockets one user may have open at one HTTP node.
pub const SOCKETS_PER_USER: usize = 32;

/// How many websockets one address may have open at one HTTP node.
pub const SOCKETS_PER_ADDRESS: usize = 500;

/// How many streams one user may have open on all its websockets of one HTTP node.
pub const NODE_STREAMS_PER_USER: usize = 200;

/// How many searches of logs one user may have running at one HTTP node: each reads 16 logs at a time.
pub const SEARCHES_PER_USER: usize = 4;

/// How many streams one websocket of an HTTP node has open: a browser's tab shows a few.
pub const SOCKET_STREAMS: usize = 64;

/// How many all websockets of a node have open together: each has a connection of its own to Redis, which takes 10,000.
pub const NODE_STREAMS: usize = 2000;

/// How many websockets a node serves at the same time.
pub const SOCKETS: usize = 2000;

/// How often it is told what the containers of a dock use.
pub const SAMPLE: Duration = Duration::from_secs(2);

/// How many containers of a dock are sampled at the same time: each is a connection to its daemon, which measures once a
/// second for it.
pub const SAMPLED: usize = 200;

/// Time between two heartbeats of a worker.
pub const BEAT: Duration = Duration::from_secs(1);

/// How long a heartbeat counts: a dock whose last one is older is lost.
pub const LEASE: Duration = Duration::from_secs(3);

/// How often a worker tells Redis that it still works on what it has in hand.
pub const HOLD: Duration = Duration::from_secs(5);

/// How long a request may lie with a silent worker before another takes it over; three holds.
pub const TAKE_OVER: Duration = Duration::from_secs(15);

/// How often a worker looks for requests to take over.
pub const SWEEP: Duration = Duration::from_secs(2);

/// How often a dock's records are compared with its daemon as a whole.
pub const RECONCILE: Duration = Duration::from_secs(60);

/// How often the daemon is asked whether it still answers, and how long it may take.
pub const DAEMON_PING: Duration = Duration::from_secs(5);

/// First pause before a lost server is tried again; it doubles up to [`RETRY_MAX`].
pub const RETRY_MIN: Duration = Duration::from_millis(100);

/// See [`RETRY_MIN`].
pub const RETRY_MAX: Duration = Duration::from_secs(2);

/// The longest name of a user, a group or a token.
pub const ACCOUNT_NAME_BYTES: usize = 64;

/// The longest password: enough for any sentence, and hashing takes no longer for it.
pub const PASSWORD_BYTES: usize = 1024;

/// The shortest password where no option says otherwise.
pub const PASSWORD_MIN: usize = 12;

/// The shortest password that the option can allow, and of a program in Redis, NIST SP 800-63B section 3.1.1.2.
pub const PASSWORD_LEAST: usize = 8;

/// The longest minimum that the option can ask for.
pub const PASSWORD_MIN_MOST: usize = 128;

/// How many sessions one user can have. One more ends the session that was not used for the longest time.
pub const SESSIONS: usize = 100;

/// The longest name of a browser or program that is kept with a session: most are shorter than 200 bytes.
pub const AGENT_BYTES: usize = 200;

/// From how many addresses an account's last logins are remembered, so that attempts from elsewhere do not lock it there.
pub const KNOWN_ADDRESSES: usize = 20;

/// How long they are remembered.
pub const KNOWN_ADDRESS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The longest user name, session or token that a message to the auth manager may hold, whether there is such a one
/// or not.
pub const AUTH_FIELD_BYTES: usize = 256;

/// The longest address that a node may say somebody logs in from: one of IPv6 with its zone.
pub const ADDRESS_BYTES: usize = 64;

/// How long a message to the auth manager may wait where it does not say so itself.
pub const AUTH_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest `timeout` of one: a password should not lie in Redis for longer.
pub const AUTH_LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// When a message to the auth manager is deleted that none has answered: an auth manager that comes back tells of
/// lateness for a while, and a password does not wait for one that never comes.
pub const AUTH_UNREAD_KEPT: Duration = Duration::from_secs(2 * 60);

/// How long an answer of the auth manager is kept, which may be a session id.
pub const AUTH_REPLY_KEPT: Duration = Duration::from_secs(60);

/// How long an auth manager may be silent about a message before another takes it over. A password is checked in
/// less, and checking it twice does no harm.
pub const AUTH_TAKE_OVER: Duration = Duration::from_secs(5);

/// How many logins one auth manager has in hand.
pub const LOGINS: usize = 16;

/// How many other messages.
pub const LOOKS: usize = 64;

/// How many passwords are hashed at the same time; each takes 19 MiB of memory and a core.
pub const HASHING: usize = 2;

/// How many API tokens one user can have.
pub const TOKENS: usize = 100;

/// How long a login at an OpenID Connect provider may take, from leaving deblox to coming back.
pub const BEGUN_LOGIN_KEPT: Duration = Duration::from_secs(10 * 60);

/// How many logins at the provider may be begun in a minute, at all HTTP nodes together. Anybody can begin one, and
/// each is kept in Redis for as long as [`BEGUN_LOGIN_KEPT`]: 50 MB at most.
pub const BEGUN_LOGINS: u64 = 5000;

/// How many of them one address may begin in a minute: many people may come from one. Of IPv6, a /64 is one address.
pub const BEGUN_LOGINS_PER_ADDRESS: u64 = 300;

/// How long the provider may take for each of its answers.
pub const PROVIDER_ANSWER: Duration = Duration::from_secs(10);

/// The largest of its answers.
pub const PROVIDER_ANSWER_BYTES: usize = 1024 * 1024;

/// When what the provider says about itself, and its keys, are asked for again.
pub const PROVIDER_KNOWN: Duration = Duration::from_secs(60 * 60);

/// How long a provider that cannot be reached is not asked again, and its keys at the soonest.
pub const PROVIDER_PAUSE: Duration = Duration::from_secs(2);

/// How many groups of the provider a user can be in.
pub const GROUPS: usize = 500;
