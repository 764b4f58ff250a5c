//! The data of the model in Redis: seen as a whole, kept, and brought back.

use deblox::protocol::GROUP;

use crate::support::Bus;

/// The streams: the shared one, and those of the two docks.
pub const STREAMS: [&str; 3] = ["docker", "docker.a.test", "docker.b.test"];

/// Nothing is left but what readers make again at once.
const FORGET: &str = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end
for i = 2, 4 do redis.call('XGROUP', 'CREATE', KEYS[i], ARGV[2], '0', 'MKSTREAM') end
return 1";

/// Keeps what is in Redis.
const KEEP: &str = "local kept = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  kept[#kept + 1] = {key, redis.call('DUMP', key), math.max(0, redis.call('PTTL', key))}
end
redis.call('HSET', KEYS[1], ARGV[2], cmsgpack.pack(kept))
return 1";

/// Goes back to what was kept.
const GO_BACK: &str = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end
for _, kept in ipairs(cmsgpack.unpack(redis.call('HGET', KEYS[1], ARGV[2]))) do
  redis.call('RESTORE', kept[1], kept[3], kept[2])
end
return 1";

/// What each stream holds: how many entries that nobody has had, and who has the others; and all that is in Redis as text.
/// Time passes only where the model says so: no lease runs out by itself.
const LOOK: &str = "local function held(stream)
  local held, pending = {}, redis.pcall('XPENDING', stream, ARGV[2], '-', '+', 100)
  for _, entry in ipairs(pending.err and {} or pending) do held[#held + 1] = {entry[1], entry[2]} end
  return held
end
local function sorted(list)
  table.sort(list)
  return list
end
local seen, text = {}, {}
for i, stream in ipairs(KEYS) do
  local held = held(stream)
  local sent = 0
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
    for _, field in ipairs(entry[2]) do sent = field == 'sent' and 1 or sent end
  end
  seen[i] = {redis.call('XLEN', stream) - #held, held, sent}
end
for _, key in ipairs(sorted(redis.call('KEYS', ARGV[1]))) do
  if string.find(key, '.worker.', 1, true) then redis.call('PERSIST', key) end
  local kind, is = redis.call('TYPE', key).ok, nil
  if kind == 'string' then is = redis.call('GET', key) end
  if kind == 'hash' then
    is = {}
    for _, field in ipairs(sorted(redis.call('HKEYS', key))) do
      -- when it was sent is told to people, and decides nothing
      if field ~= 'since' then is[#is + 1] = {field, redis.call('HGET', key, field)} end
    end
  end
  if kind == 'list' then is = redis.call('LRANGE', key, 0, -1) end
  if kind == 'set' then is = sorted(redis.call('SMEMBERS', key)) end
  if kind == 'zset' then is = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if kind == 'stream' then is = {redis.call('XRANGE', key, '-', '+'), held(key)} end
  -- how often something has changed is for those who look at it, and decides nothing
  if not string.find(key, '.revisions', 1, true) then text[#text + 1] = {key, is} end
end
return {seen, cjson.encode(text)}";

/// What is there to see in Redis.
pub struct Sight {
    /// What each stream holds.
    pub streams: [Stream; 3],
    /// All of it as text.
    pub text: String,
}

/// The entries of one stream.
pub struct Stream {
    pub new: usize,
    /// The others, with the consumers that have them.
    pub held: Vec<(String, String)>,
    /// Whether any was passed on from the shared stream.
    pub sent: bool,
}

/// A namespace of which nothing is hidden.
pub struct Data(pub Bus);

impl Data {
    pub async fn new() -> Self {
        Self(Bus::new().await)
    }

    /// The name of a key.
    pub fn key(&self, name: &str) -> String {
        self.0.key(name)
    }

    /// Loses everything.
    pub async fn forget(&self) {
        self.run(FORGET, &[GROUP]).await;
    }

    /// Keeps all of it, as what has that number.
    pub async fn keep(&self, number: &str) {
        self.run(KEEP, &[number]).await;
    }

    /// Goes back to what was kept.
    pub async fn go_back(&self, number: &str) {
        self.run(GO_BACK, &[number]).await;
    }

    async fn run(&self, script: &str, arguments: &[&str]) {
        let [shared, a, b] = STREAMS.map(|name| self.key(name));
        let (all, kept) = (self.key("*"), &self.0.namespace);
        let words = ["EVAL", script, "4", kept, &shared, &a, &b, &all];
        self.0.redis::<()>(&[&words[..], arguments].concat()).await;
    }

    pub async fn look(&self) -> Sight {
        type Seen = ([(usize, Vec<(String, String)>, bool); 3], String);
        let [shared, a, b] = STREAMS.map(|name| self.key(name));
        let (streams, text): Seen = self.0.redis(&["EVAL", LOOK, "3", &shared, &a, &b, &self.key("*"), GROUP]).await;
        Sight { streams: streams.map(|(new, held, sent)| Stream { new, held, sent }), text }
    }
}

/// The same text with numbers for the ids of entries, and without times: so it is the same for the same state.
pub fn without_times(text: &str) -> String {
    let (mut known, mut plain) = (Vec::new(), String::new());
    for word in text.split_inclusive(|c: char| !c.is_ascii_digit() && c != '-') {
        let (number, end) = word.split_at(word.len() - 1);
        match number.split_once('-') {
            Some((millis, _)) if millis.len() == 13 => {
                let at = known.iter().position(|other| *other == number).unwrap_or(known.len());
                if at == known.len() {
                    known.push(number);
                }
                plain.extend(["#", &at.to_string(), end]);
            }
            None if number.len() == 13 => plain += end,
            _ => plain += word,
        }
    }
    plain
}
