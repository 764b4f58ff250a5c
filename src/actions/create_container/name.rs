//! Names for instances that were given none: the same request always gives the same name.

use uuid::Uuid;

use crate::protocol::RequestId;

const FIRST: [&str; 32] = [
    "able", "amber", "blue", "bold", "brave", "bright", "calm", "clear", "crisp", "deep", "fair", "fast", "fine",
    "firm", "fond", "free", "fresh", "gentle", "glad", "gold", "green", "keen", "kind", "light", "merry", "mild",
    "neat", "quick", "quiet", "sunny", "warm", "wise",
];

const SECOND: [&str; 32] = [
    "ant", "bear", "bee", "crab", "crane", "deer", "dove", "duck", "eagle", "finch", "fox", "frog", "gull", "hare",
    "hawk", "heron", "horse", "ibis", "lark", "lynx", "mole", "moth", "otter", "owl", "robin", "seal", "stork", "swan",
    "tern", "toad", "trout", "wren",
];

/// The name for the instance of the request `id`, such as `calm-heron-1b3f09`.
pub(super) fn of(id: &RequestId) -> String {
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_str().as_bytes()).into_bytes();
    let word = |words: &[&'static str; 32], byte: u8| words[usize::from(byte % 32)];
    let [first, second, tail @ ..] = hash;
    format!("{}-{}-{:02x}{:02x}{:02x}", word(&FIRST, first), word(&SECOND, second), tail[0], tail[1], tail[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_for_the_same_request_and_docker_takes_it() {
        let name = |id: &str| of(&RequestId::new(id).unwrap());
        assert_eq!(name("a"), name("a"));
        assert_ne!(name("a"), name("b"));
        assert!(
            name("x:y").chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            name("x:y")
        );
    }
}
