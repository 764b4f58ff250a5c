//! Names that a person would take for each other. `bus/scripts/auth_names.lua` holds the same rule.

/// Whether two different names differ by case alone, or look alike (Unicode Technical Standard 39, for the characters
/// that an account's name can have).
pub fn looks_like(a: &str, b: &str) -> bool {
    a != b && (a.eq_ignore_ascii_case(b) || skeleton(a) == skeleton(b))
}

/// What a name looks like: `I` and `1` are read as `l`, `0` as `o`, `rn` as `m` and `vv` as `w`.
fn skeleton(name: &str) -> String {
    let read = |c| match c {
        'I' | '1' => 'l',
        '0' => 'o',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(read).collect::<String>().replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_person_would_confuse_are_alike() {
        for (a, b) in
            [("Bob", "bob"), ("b0b", "bob"), ("B0B", "bOb"), ("Ida", "lda"), ("ada1", "adal"), ("rnia", "mia")]
        {
            assert!(looks_like(a, b) && looks_like(b, a), "{a} {b}");
        }
        for (a, b) in [("bob", "bob"), ("ida", "lda"), ("a.b", "a-b"), ("u1", "u2"), ("ada", "adam"), ("eve", "ewe")] {
            assert!(!looks_like(a, b), "{a} {b}");
        }
    }
}
