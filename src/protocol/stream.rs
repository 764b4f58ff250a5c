//! What goes through the streams of one request, beside its one reply: chunks of output, and what the reader says.
//!
//! `deblox.output.<id>` has entries with the fields `seq`, `channel` and `data`; `deblox.input.<id>` has entries with any of
//! the fields of [`Input`]. Both are easy to read and to write with redis-cli.

use super::Fields;

/// What a chunk is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A JSON object about the stream: first with `dockerInstance`; then, when the daemon has begun, with its `statusCode`
    /// and `Content-Type`.
    Head,
    /// What the daemon sends, as it comes: an archive, JSON lines, what a terminal shows.
    Data,
    /// What a process writes to its standard output.
    Stdout,
    /// What a process writes to its standard error.
    Stderr,
}

impl Channel {
    const ALL: [Self; 4] = [Self::Head, Self::Data, Self::Stdout, Self::Stderr];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Data => "data",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Counted from 1, without a gap. One that comes a second time is dropped by the reader.
    pub seq: u64,
    /// What it is part of.
    pub channel: Channel,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Chunk {
    /// The one field of an entry that is no chunk, but says up to which number all have been written.
    pub const SIGN: &str = "sign";

    /// Reads such an entry.
    pub fn sign(fields: &Fields) -> Option<u64> {
        fields.iter().find(|(name, _)| name == Self::SIGN.as_bytes()).and_then(|(_, value)| number(value))
    }

    /// The fields of its entry.
    pub fn fields(&self) -> [(&'static str, &[u8]); 2] {
        [("channel", self.channel.as_str().as_bytes()), ("data", &self.data)]
    }

    /// Reads an entry; nothing where it is none.
    pub fn read(fields: Fields) -> Option<Self> {
        let (mut seq, mut channel, mut data) = (None, None, None);
        for (name, value) in fields {
            match name.as_slice() {
                b"seq" => seq = number(&value),
                b"channel" => channel = Channel::ALL.into_iter().find(|known| known.as_str().as_bytes() == value),
                b"data" => data = Some(value),
                _ => {}
            }
        }
        Some(Self { seq: seq?, channel: channel?, data: data? })
    }
}

/// What the reader of a stream says; each part may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The number of `data`, counted from 1 by each writer: the same number again is dropped. Without one nothing is.
    pub seq: Option<u64>,
    /// Whose number that is, where several write one after the other.
    pub writer: Option<String>,
    /// Bytes for the daemon: standard input, or an archive.
    pub data: Option<Vec<u8>>,
    /// No more data follows.
    pub close: bool,
    /// The terminal has so many rows and columns now.
    pub size: Option<(u16, u16)>,
    /// All chunks up to that number are read; further ones may be sent. Also the sign that the reader is there.
    pub ack: Option<u64>,
    /// The reader wants no more: the stream ends.
    pub cancel: bool,
}

impl Input {
    /// The fields of its entry.
    pub fn fields(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut fields = Vec::new();
        let mut number = |name, number: Option<u64>| {
            fields.extend(number.map(|number| (name, number.to_string().into_bytes())));
        };
        number("ack", self.ack);
        number("seq", self.seq);
        number("rows", self.size.map(|(rows, _)| rows.into()));
        number("cols", self.size.map(|(_, cols)| cols.into()));
        fields.extend(self.writer.clone().map(|writer| ("writer", writer.into_bytes())));
        fields.extend(self.data.clone().map(|data| ("data", data)));
        fields.extend([("close", self.close), ("cancel", self.cancel)].into_iter().filter(|(_, is)| *is).map(yes));
        fields
    }

    /// Reads an entry. What it does not know, or what is no number, it leaves out.
    pub fn read(fields: Fields) -> Self {
        let mut input = Self::default();
        let (mut rows, mut cols) = (None, None);
        for (name, value) in fields {
            match name.as_slice() {
                b"ack" => input.ack = number(&value),
                b"seq" => input.seq = number(&value),
                b"rows" => rows = number(&value).and_then(|rows| rows.try_into().ok()),
                b"cols" => cols = number(&value).and_then(|cols| cols.try_into().ok()),
                b"writer" => input.writer = String::from_utf8(value).ok(),
                b"data" => input.data = Some(value),
                b"close" => input.close = true,
                b"cancel" => input.cancel = true,
                _ => {}
            }
        }
        input.size = rows.zip(cols);
        input
    }
}

fn yes((name, _): (&'static str, bool)) -> (&'static str, Vec<u8>) {
    (name, b"1".to_vec())
}

fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let own = |fields: Vec<(&str, Vec<u8>)>| -> Fields {
            fields.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).collect()
        };
        let inputs = [
            Input { ack: Some(7), ..Input::default() },
            Input { seq: Some(1), writer: Some("a".into()), data: Some(vec![0, 255, 10]), ..Input::default() },
            Input { size: Some((24, 80)), ..Input::default() },
            Input { close: true, cancel: true, ..Input::default() },
        ];
        for input in inputs {
            assert_eq!(Input::read(own(input.fields())), input);
        }
        let chunk = Chunk { seq: 3, channel: Channel::Stderr, data: vec![0, 159] };
        let mut fields = own(chunk.fields().map(|(name, value)| (name, value.to_vec())).to_vec());
        assert_eq!(Chunk::read(fields.clone()), None, "it has no number");
        fields.push((b"seq".to_vec(), b"3".to_vec()));
        assert_eq!(Chunk::read(fields), Some(chunk));
    }
}
