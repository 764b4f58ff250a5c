//! Patterns of names as Go's `path.Match` has them (<https://pkg.go.dev/path#Match>), which Docker uses for images.

/// A pattern, understood.
pub(crate) struct Glob(Vec<Part>);

enum Part {
    /// Any characters but slashes.
    Star,
    /// One character but a slash.
    Any,
    /// This character.
    One(char),
    /// A character that lies in one of these ranges; or, if the flag is set, in none.
    Class(bool, Vec<(char, char)>),
}

impl Glob {
    /// Reads a pattern; none if it is malformed.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(next) = rest.next() {
            parts.push(match next {
                '*' => Part::Star,
                '?' => Part::Any,
                '\\' => Part::One(rest.next()?),
                '[' => {
                    let negated = rest.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    while ranges.is_empty() || rest.next_if_eq(&']').is_none() {
                        let low = bound(&mut rest)?;
                        let high = if rest.next_if_eq(&'-').is_some() { bound(&mut rest)? } else { low };
                        ranges.push((low, high));
                    }
                    Part::Class(negated, ranges)
                }
                other => Part::One(other),
            });
        }
        Some(Self(parts))
    }

    /// Whether all of `text` fits.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut part, mut at) = (0, 0);
        // Where to go on if what follows the last star does not fit: with one character more in it.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(part), text.get(at)) {
                (None, None) => return true,
                (Some(Part::Star), _) => {
                    part += 1;
                    retry = Some((part, at));
                    continue;
                }
                (Some(one), Some(&c)) if one.takes(c) => {
                    (part, at) = (part + 1, at + 1);
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((behind, taken)) if text.get(taken).is_some_and(|c| *c != '/') => {
                    (part, at) = (behind, taken + 1);
                    retry = Some((behind, at));
                }
                _ => return false,
            }
        }
    }
}

impl Part {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => c != '/',
            Self::One(one) => *one == c,
            Self::Class(negated, ranges) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        }
    }
}

/// One end of a range inside brackets.
fn bound(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_fit_as_go_has_them() {
        // Cases of https://go.dev/src/path/match_test.go, and what names of images bring.
        let cases = [
            ("abc", "abc", Some(true)),
            ("*c", "abc", Some(true)),
            ("a*", "a", Some(true)),
            ("a*", "ab/c", Some(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Some(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Some(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
            ("ab[c]", "abc", Some(true)),
            ("ab[b-d]", "abc", Some(true)),
            ("ab[e-g]", "abc", Some(false)),
            ("ab[^c]", "abc", Some(false)),
            ("ab[^e-g]", "abc", Some(true)),
            ("a\\*b", "a*b", Some(true)),
            ("a\\*b", "ab", Some(false)),
            ("a???b", "aßßßb", Some(true)),
            ("[a-ζ]*", "α", Some(true)),
            ("a?b", "a/b", Some(false)),
            ("a*b", "a/b", Some(false)),
            ("[\\]a]", "]", Some(true)),
            ("[\\-x]", "-", Some(true)),
            ("[]a]", "]", None),
            ("[-]", "-", None),
            ("[x-]", "x", None),
            ("[a-b-c]", "a", None),
            ("[", "a", None),
            ("[^bc", "a", None),
            ("\\", "a", None),
            ("*x", "xxx", Some(true)),
            ("", "", Some(true)),
            ("", "a", Some(false)),
            ("**", "abc", Some(true)),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Glob::new(pattern).map(|glob| glob.fits(text)), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_fits_itself_escaped_and_the_stars_of_its_depth(text in "[a-z0-9.:/*?\\[\\]-]{0,30}") {
            let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert!(Glob::new(&escaped).is_some_and(|glob| glob.fits(&text)));
            let stars: String = text.split('/').map(|_| "*").collect::<Vec<_>>().join("/");
            prop_assert!(Glob::new(&stars).is_some_and(|glob| glob.fits(&text)));
        }

        #[test]
        fn no_pattern_is_too_much(pattern in ".{0,20}", text in ".{0,20}") {
            let _ = Glob::new(&pattern).map(|glob| glob.fits(&text));
        }
    }
}
