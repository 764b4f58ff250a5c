//! The frames that tell the standard output from the standard error (Docker Engine API, "Stream format").

use bytes::{Bytes, BytesMut};

use crate::protocol::Channel;
use crate::protocol::limits::CHUNK_BYTES;

/// The head of a frame: stream, three zeros, length of the payload.
pub(super) const HEAD: usize = 8;

/// The frames of a multiplexed stream that is whole; none if these are no frames.
pub(super) fn frames(bytes: &[u8]) -> Option<Vec<(Channel, &[u8])>> {
    let mut frames = Vec::new();
    let mut rest = bytes;
    while let Some((head, tail)) = rest.split_first_chunk::<HEAD>() {
        let length = length(*head);
        if head[0] > 2 || head[1..4] != [0, 0, 0] || length > tail.len() {
            return None;
        }
        frames.push((channel(head[0]), &tail[..length]));
        rest = &tail[length..];
    }
    rest.is_empty().then_some(frames)
}

/// Takes the next frame off, or a piece of a large one, of which the head is then put before the rest.
pub(super) fn take_frame(frames: &mut BytesMut) -> Option<(Channel, Bytes)> {
    loop {
        let head: [u8; HEAD] = *frames.first_chunk()?;
        let length = length(head);
        let here = length.min(CHUNK_BYTES);
        if frames.len() < HEAD + here {
            return None;
        }
        let mut payload = frames.split_to(HEAD + here).split_off(HEAD);
        if here < length {
            let left = u32::try_from(length - here).unwrap_or_default().to_be_bytes();
            let mut rest = BytesMut::with_capacity(HEAD + frames.len());
            rest.extend_from_slice(&head[..4]);
            rest.extend_from_slice(&left);
            rest.extend_from_slice(frames);
            *frames = rest;
        }
        if !payload.is_empty() {
            return Some((channel(head[0]), payload.split().freeze()));
        }
    }
}

fn length(head: [u8; HEAD]) -> usize {
    u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize
}

pub(super) fn channel(stream: u8) -> Channel {
    if stream == 2 { Channel::Stderr } else { Channel::Stdout }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0][..], &length, payload].concat()
    }

    #[test]
    fn frames_come_out_whole_however_they_arrive_and_large_ones_in_pieces() {
        let large = vec![7; 2 * CHUNK_BYTES + 5];
        let sent = [frame(1, b"out"), frame(2, b""), frame(2, b"err\n"), frame(1, &large)].concat();
        for step in [1, 3, 8, 1000, sent.len()] {
            let (mut frames, mut taken) = (BytesMut::new(), Vec::<(Channel, Vec<u8>)>::new());
            for piece in sent.chunks(step) {
                frames.extend_from_slice(piece);
                while let Some((channel, bytes)) = take_frame(&mut frames) {
                    assert!(bytes.len() <= CHUNK_BYTES);
                    taken.push((channel, bytes.to_vec()));
                }
            }
            assert_eq!(taken[0], (Channel::Stdout, b"out".to_vec()));
            assert_eq!(taken[1], (Channel::Stderr, b"err\n".to_vec()));
            assert_eq!(taken[2..].iter().flat_map(|(_, bytes)| bytes).copied().collect::<Vec<_>>(), large);
            assert!(frames.is_empty());
        }
    }
}
