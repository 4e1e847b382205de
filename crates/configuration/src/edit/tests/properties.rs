//! Documents built from pieces: the edit does what it says, nothing else changes, and it can be taken back.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const MATCHES: [&str; 6] = [
    HOST,
    "public.ecr.aws",
    "222233334444.dkr.ecr.us-east-1.amazonaws.com",
    "'*.dkr.ecr.eu-*.amazonaws.com'",
    "\"1*.dkr.ecr.*.amazonaws.com\"",
    "'*.dkr.ecr.*.amazonaws.com'",
];

const KEYS: [&str; 10] = [
    "",
    "profile: ci",
    "role-arn: 'ci-push' # who",
    "audience: x",
    "role-arn: a\n# both\nchain:\n  - b\n  - c",
    "role-arn: a\nchain: [b, 'c']   # two",
    "role-arn: |-\n  ab\nduration: 900",
    "source: chain",
    "profile: \"a #b\"\n\naudience: y",
    "profile: z\n\n# about y\n\naudience: y # why",
];

const BETWEEN: [&str; 5] = [
    "",
    "\n",
    "# a comment\n",
    "      # deep: comment\n",
    "\n# - match: x\n\n",
];

/// One rule at the column of its dash, its keys in any place around `match`.
fn item(matched: &str, keys: &str, is_before: bool, optional: bool, column: usize, gap: usize) -> String {
    let mut lines = vec![format!("match: {matched} # m")];
    lines.extend(optional.then(|| "optional: true".to_owned()));
    let keys = keys.lines().map(str::to_owned);
    match is_before && !lines.is_empty() {
        true => lines.splice(0..0, keys).for_each(drop),
        false => lines.extend(keys),
    }
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = " ".repeat(column + 1 + gap);
        match at {
            0 => out += &format!("{:column$}-{:gap$}{line}\n", "", ""),
            _ if line.is_empty() => out.push('\n'),
            _ => out += &format!("{indent}{line}\n"),
        }
    }
    out
}

type Piece = (usize, &'static str, bool, bool, &'static str);

fn documents() -> impl Strategy<Value = String> {
    let piece = (0usize..6, select(&KEYS), any::<bool>(), any::<bool>(), select(&BETWEEN));
    let defaults = select(vec![
        "",
        "defaults:\n  profile: d # all\n",
        "defaults: {audience: a}\n\n",
    ]);
    let heads = select(vec!["", "# head\n", "---\n", "\u{feff}# head\n", "\n"]);
    (
        prop::collection::vec(piece, 0..4),
        (defaults, any::<bool>(), heads),
        (0usize..5, 1usize..4),
        (any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(pieces, (defaults, is_first, head), (column, gap), (is_windows, is_cut))| {
                let list = list(&pieces, column, gap);
                let body = if is_first {
                    [defaults, &list].concat()
                } else {
                    [&list, defaults].concat()
                };
                let mut text = format!("{head}{body}");
                if is_cut {
                    text.truncate(text.trim_end().len());
                }
                if is_windows { text.replace('\n', "\r\n") } else { text }
            },
        )
}

fn list(pieces: &[Piece], column: usize, gap: usize) -> String {
    let mut out = String::from("registries: # the list\n");
    let mut seen = Vec::new();
    for (matched, keys, is_before, optional, between) in pieces {
        if !seen.contains(matched) {
            seen.push(*matched);
            out += &item(MATCHES[*matched], keys, *is_before, *optional, column, gap);
            out += between;
        }
    }
    out
}

fn edits() -> impl Strategy<Value = RuleEdit> {
    let matched = select(vec![
        HOST,
        "public.ecr.aws",
        "222233334444.dkr.ecr.us-east-1.amazonaws.com",
        "333344445555.dkr.ecr.eu-west-1.amazonaws.com",
    ]);
    let keys = select(vec![
        vec![("profile", text("new"))],
        vec![("role-arn", text(ROLE))],
        vec![
            ("role-arn", text("n")),
            ("chain", Value::List(vec!["o".into(), "p".into()])),
            ("duration", Value::Number(1000)),
        ],
        vec![("audience", text("yes")), ("optional", Value::Switch(false))],
        vec![],
    ]);
    (matched, keys).prop_map(|(matched, keys)| rule(matched, &keys))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_edit_is_all_that_changes(before in documents(), edit in edits()) {
        let config = Config::parse(&before, Path::new("x")).unwrap();
        let written = match write(Some(&before), std::slice::from_ref(&edit)) {
            Ok(written) => written,
            Err(error) => {
                // Never for the shape alone: a comment would be lost, or the rule stands where it can't hold.
                let known = ["comment stands", "after a glob"].iter().any(|cause| error.cause().contains(cause));
                prop_assert!(known, "{error:?}\n{before}");
                return Ok(());
            }
        };
        let after = Config::parse(&written.text, Path::new("x")).unwrap();
        let pattern = HostPattern::parse(&edit.match_).unwrap();
        let others = |config: &Config| -> Vec<_> { config.rules.iter().filter(|rule| rule.pattern != pattern).cloned().collect() };
        prop_assert_eq!(others(&config), others(&after));
        prop_assert_eq!(&config.defaults, &after.defaults);
        let target = after.target(&edit.match_).unwrap();
        let is = |key: &str, found: Option<&str>| {
            let wanted = edit.keys.iter().find(|(name, _)| *name == key);
            wanted.is_none_or(|(_, value)| found.is_some_and(|found| *value == text(found)))
        };
        prop_assert!(is("profile", target.profile()) && is("role-arn", target.role().role_arn.as_deref()), "{}", written.text);

        // No line of the others is touched, no comment is lost.
        let new: Vec<&str> = written.text.lines().collect();
        for line in before.lines().filter(|line| line.contains("# ")) {
            let comment = line.rsplit("# ").next().unwrap();
            prop_assert!(new.iter().any(|line| line.contains(comment)), "{line:?} lost in\n{}", written.text);
        }
        prop_assert_eq!(before.is_empty() || before.ends_with('\n'), written.text.ends_with('\n'));
        prop_assert_eq!(before.contains("\r\n"), written.text.contains("\r\n"));

        let again = write(Some(&written.text), std::slice::from_ref(&edit)).unwrap();
        prop_assert_eq!(&again.text, &written.text);
        prop_assert_eq!(restored(&written).text, before);
    }

    /// Many edits make the file, and what is noted of it, that they would make one after the other.
    #[test]
    fn together_is_as_one_by_one(before in documents(), edits in prop::collection::vec(edits(), 2..5)) {
        let together = write(Some(&before), &edits);
        let mut alone = Written { text: before.clone(), ..Written::default() };
        for edit in &edits {
            match write_rule(&mut alone, edit, Path::new("/etc/ecr-auth.yml")) {
                Ok(()) => {}
                Err(error) => {
                    prop_assert_eq!(together.map(|_| ()), Err(error));
                    return Ok(());
                }
            }
        }
        // An edit may take the quotes away that the next one would have gone by.
        let plain = |text: &str| text.replace('"', "'");
        let said = |written: &Written| {
            let rules = written.rules.iter();
            let rules: Vec<_> = rules.map(|(name, rule)| (name.clone(), rule.previous.clone(), plain(&rule.written))).collect();
            (plain(&written.text), rules, written.list.clone(), written.has_header)
        };
        prop_assert_eq!(said(&together.unwrap()), said(&alone));
    }

    /// Two edits, taken back one by one in either order.
    #[test]
    fn edits_are_taken_back_one_by_one(before in documents(), one in edits(), other in edits(), is_first: bool) {
        if one.match_ == other.match_ { return Ok(()) }
        let Ok(written) = write(Some(&before), &[one.clone(), other.clone()]) else { return Ok(()) };
        let hosts = if is_first { [one.match_, other.match_] } else { [other.match_, one.match_] };
        let mut text = written.text.clone();
        for host in hosts {
            text = take_back(&text, Path::new("x"), &|name| name == host, noted(&written)).unwrap().text;
        }
        prop_assert_eq!(text, before);
    }

    /// Many edits, taken back at once, leave what they would one after the other, those that somebody has changed since too.
    #[test]
    fn taken_back_together_is_as_one_by_one(before in documents(), edits in prop::collection::vec(edits(), 2..5), stays in edits(), is_changed: bool) {
        let Ok(written) = write(Some(&before), &edits) else { return Ok(()) };
        let mut alone = written.text.clone();
        if is_changed {
            alone = alone.replacen("profile: new", "profile: theirs", 1);
        }
        let is_meant = |name: &str| name != stays.match_;
        let together = take_back(&alone, Path::new("x"), &is_meant, noted(&written)).unwrap();
        let mut names = Vec::new();
        for host in written.rules.keys().filter(|name| is_meant(name)) {
            let taken = take_back(&alone, Path::new("x"), &|name| name == host, noted(&written)).unwrap();
            alone = taken.text;
            names.extend(taken.names);
        }
        prop_assert_eq!((together.text, together.names), (alone, names));
    }

    /// A sign-in to Cognito and a rule that uses it: all else stays, and they are taken back together.
    #[test]
    fn a_block_is_all_that_changes(before in documents(), block in select(&super::block::BLOCKS), is_first: bool, matched in select(&MATCHES[..3])) {
        let block = if before.contains("\r\n") { block.replace('\n', "\r\n") } else { block.to_owned() };
        let before = match is_first {
            // Behind a mark of the byte order, or the beginning of a document, there is something before it.
            true if before.starts_with(['\u{feff}', '-']) => before,
            true => format!("{block}{before}"),
            false if before.ends_with('\n') => format!("{before}{block}"),
            false => before,
        };
        let edit = rule(matched, &[("source", text("cognito"))]);
        let written = match super::block::write(Some(&before), std::slice::from_ref(&edit)) {
            Ok(written) => written,
            Err(error) => {
                let known = ["comment stands", "after a glob"].iter().any(|cause| error.cause().contains(cause));
                prop_assert!(known, "{error:?}\n{before}");
                return Ok(());
            }
        };
        let after = Config::parse(&written.text, Path::new("x")).unwrap();
        let target = after.target(matched).unwrap();
        let settings = Box::new(super::block::settings());
        prop_assert_eq!(target.identity().choice(None), Ok(settings::IdentityChoice::Cognito(settings)));
        let again = super::block::write(Some(&written.text), std::slice::from_ref(&edit)).unwrap();
        prop_assert!(again.is_nothing() && again.text == written.text, "{}", again.text);
        prop_assert_eq!(restored(&written).text, before);
    }

    /// Whatever stands in the file: it is refused, or the result is a configuration.
    #[test]
    fn any_text_is_survived(before in any::<String>(), line in select(&["\t- match: *", "registries: &a [", "? x", "<<: *a", "'"]), at in 0usize..9, document in documents()) {
        let _ = write(Some(&before), &[role()]);
        let mut lines: Vec<&str> = document.lines().collect();
        lines.insert(at.min(lines.len()), line);
        let text = lines.join("\n");
        if let Ok(written) = write(Some(&text), &[role()]) {
            prop_assert!(Config::parse(&written.text, Path::new("x")).is_ok());
        }
    }
}
