//! How much each user, or each address, may have of something at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A limit that holds for each key apart. It remembers only the keys that have something.
#[derive(Debug)]
pub(super) struct KeyedLimit<K: Hash + Eq> {
    most: usize,
    held: Mutex<HashMap<K, usize>>,
}

/// One of what a key may have; dropping it gives it back.
#[derive(Debug)]
pub(super) struct KeyedPermit<K: Hash + Eq> {
    limit: Arc<KeyedLimit<K>>,
    key: Option<K>,
}

impl<K: Hash + Eq + Clone> KeyedLimit<K> {
    /// Each key may have `most`.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// One more for `key`, unless it has as many as it may.
    pub(super) fn take(self: &Arc<Self>, key: K) -> Option<KeyedPermit<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.get(&key).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        held.insert(key.clone(), count + 1);
        drop(held);
        Some(KeyedPermit { limit: Arc::clone(self), key: Some(key) })
    }
}

impl<K: Hash + Eq> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut held = self.limit.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = held.remove(&key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_and_gives_it_back() {
        let limit = KeyedLimit::new(2);
        let (a, b) = (limit.take("ada").unwrap(), limit.take("ada").unwrap());
        assert!(limit.take("ada").is_none());
        let other = limit.take("bob").unwrap();
        drop(a);
        let again = limit.take("ada").unwrap();
        assert!(limit.take("ada").is_none());
        drop((b, again, other));
        assert!(limit.held.lock().unwrap().is_empty(), "nothing is remembered of who has nothing");
    }
}
