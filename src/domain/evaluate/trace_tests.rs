use super::*;

fn thought(key: u128, word: TraceWord, text: &str) -> Trace {
    Trace { fingerprint: Fingerprint(key), key: None, word, text: text.to_owned() }
}

fn written(news: &[Trace]) -> Vec<String> {
    news.iter().map(|trace| format!("{} {}", trace.fingerprint.0, trace.word.as_str())).collect()
}

/// What each of these polls writes, and which lines it ends; the lines are numbered from 1.
fn story(polls: &[Vec<Trace>]) -> Vec<(Vec<String>, Vec<i64>)> {
    let (mut thoughts, mut last) = (Thoughts::default(), 0);
    let mut one = |poll: &Vec<Trace>| {
        let changes = thoughts.next(poll, &HashSet::new(), true);
        let ids: Vec<i64> = (last + 1..).take(changes.news.len()).collect();
        last += ids.len() as i64;
        let told = (written(&changes.news), changes.over.clone());
        thoughts = changes.written(&ids);
        told
    };
    polls.iter().map(&mut one).collect()
}

fn poll(news: &[&str], over: &[i64]) -> (Vec<String>, Vec<i64>) {
    (news.iter().map(|line| (*line).to_owned()).collect(), over.to_vec())
}

#[test]
fn what_lasts_is_written_once_and_again_when_its_words_change() {
    let not = |text: &str| vec![thought(1, TraceWord::Unmatched, text)];
    let polls = [not("stock is 120"), not("stock is 120"), not("stock is 119"), not("stock is 120")];
    assert_eq!(story(&polls), [poll(&["1 unmatched"], &[]), poll(&[], &[]), poll(&["1 unmatched"], &[1]), poll(&["1 unmatched"], &[2])]);
}

#[test]
fn a_key_may_have_two_thoughts_that_last() {
    let both = || vec![thought(1, TraceWord::Held, "held"), thought(1, TraceWord::NotRepeated, "acknowledged")];
    assert_eq!(story(&[both(), both()]), [poll(&["1 held", "1 not_repeated"], &[]), poll(&[], &[])]);
    let rows = || vec![thought(1, TraceWord::Unmatched, "v is 1"), thought(1, TraceWord::Unmatched, "v is 2")];
    assert_eq!(story(&[rows(), rows()]), [poll(&["1 unmatched", "1 unmatched"], &[]), poll(&[], &[])]);
}

#[test]
fn a_row_that_did_not_count_and_is_gone_is_told_once() {
    let not = || vec![thought(1, TraceWord::Unmatched, "stock is 120")];
    let told = [poll(&["1 unmatched"], &[]), poll(&["1 absent"], &[1]), poll(&[], &[2]), poll(&["1 unmatched"], &[])];
    assert_eq!(story(&[not(), vec![], vec![], not()]), told);
}

#[test]
fn a_row_that_counts_now_or_was_not_looked_for_is_not_gone() {
    let thoughts = Thoughts::default().next(&[thought(1, TraceWord::Unmatched, "x")], &HashSet::new(), true).written(&[1]);
    assert!(thoughts.next(&[], &HashSet::from([Fingerprint(1)]), true).news.is_empty());
    assert!(thoughts.next(&[], &HashSet::new(), false).news.is_empty());
}

#[test]
fn what_is_read_back_from_the_trace_lasts() {
    let thoughts = Thoughts::new([(7, Fingerprint(1), TraceWord::Unmatched, "x")].into_iter());
    let changes = thoughts.next(&[thought(1, TraceWord::Unmatched, "x"), thought(2, TraceWord::Unmatched, "y")], &HashSet::new(), true);
    assert_eq!((written(&changes.news), changes.over), (vec!["2 unmatched".to_owned()], vec![]));
}

#[test]
fn what_is_too_much_for_one_poll_is_written_by_the_next_ones() {
    let many: Vec<Trace> = (0..10_000).map(|key| thought(key, TraceWord::NotRepeated, "acknowledged")).collect();
    let polls: Vec<Vec<Trace>> = (0..25).map(|_| many.clone()).collect();
    let sizes: Vec<usize> = story(&polls).iter().map(|(news, _)| news.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 10_000);
    assert_eq!((sizes[0], sizes[19], sizes[20], sizes[24]), (MOST_WRITTEN, MOST_WRITTEN, 0, 0));
}

#[test]
fn of_many_reasons_the_same_are_kept_whatever_their_order() {
    let kept = |keys: &mut dyn Iterator<Item = u128>| {
        let mut reasons = Reasons::default();
        for key in keys {
            let word = if key == 9_999 { TraceWord::Held } else { TraceWord::Unmatched };
            if reasons.wants(word, Fingerprint(key), Digest(key)) {
                reasons.keep(thought(key, word, "x"), Digest(key));
            }
        }
        let (lines, is_whole) = reasons.finish();
        (written(&lines.collect::<Vec<_>>()), is_whole)
    };
    let (forwards, is_whole) = kept(&mut (0..10_000));
    assert_eq!(forwards.len(), UNMATCHED_TRACED);
    assert_eq!((forwards[0].as_str(), is_whole), ("9999 held", false));
    assert_eq!(kept(&mut (0..10_000).rev()), (forwards, false));
    assert!(kept(&mut (0..UNMATCHED_TRACED as u128)).1);
}
