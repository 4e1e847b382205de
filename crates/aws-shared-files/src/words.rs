//! Splits a header into words.

/// Returns the words of a text as Python's `shlex.split` finds them, with which the AWS CLI reads headers. A `#` begins no comment. `None` if a
/// quote is not closed.
pub(crate) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\\' => word.push(chars.next()?),
            '\'' | '"' => loop {
                match chars.next()? {
                    end if end == c => break,
                    '\\' if c == '"' => match chars.next()? {
                        escaped @ ('"' | '\\') => word.push(escaped),
                        other => word.extend(['\\', other]),
                    },
                    inner => word.push(inner),
                }
            },
            _ => word.push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_as_python_splits_them() {
        for (text, expected) in [
            ("profile work", Some(vec!["profile", "work"])),
            (" profile\t 'a b' ", Some(vec!["profile", "a b"])),
            ("profile work #old", Some(vec!["profile", "work", "#old"])),
            ("profile a'b c'\"d\"", Some(vec!["profile", "ab cd"])),
            ("profile ''", Some(vec!["profile", ""])),
            (r"profile a\ b\'", Some(vec!["profile", "a b'"])),
            (r#"profile "a\$b\"\\""#, Some(vec!["profile", r#"a\$b"\"#])),
            (r"profile 'a\'", Some(vec!["profile", r"a\"])),
            ("profile\u{a0}a", Some(vec!["profile\u{a0}a"])),
            ("", Some(vec![])),
            ("profile it's", None),
            ("profile \"a", None),
            (r"profile a\", None),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
