//! Keys, made so that their bytes sort as their parts do.
//!
//! Ids and times are big-endian and of fixed length. A name of variable length is either last in its key or
//! followed by a zero byte, which no name contains.

use std::ops::Bound;

use wire::message::job::JobId;

/// The length of a job id in a key, in bytes.
const JOB: usize = 16;

/// A key that starts with a job: `rest` is the minion, the number of a transition, or nothing.
pub(crate) fn of_job(job: JobId, rest: &[u8]) -> Vec<u8> {
    [&job.to_bytes(), rest].concat()
}

/// A key of an index by name: the jobs of one name lie together, oldest first.
pub(crate) fn by_name(name: &str, job: JobId) -> Vec<u8> {
    [&name_prefix(name), job.to_bytes().as_slice()].concat()
}

/// The beginning of all keys that have this name in an index.
pub(crate) fn name_prefix(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

/// A key of an index by time.
pub(crate) fn by_time(at: u64, job: JobId) -> Vec<u8> {
    [at.to_be_bytes().as_slice(), &job.to_bytes()].concat()
}

/// The time and the job of a key of an index by time.
pub(crate) fn time_and_job(key: &[u8]) -> Option<(u64, JobId)> {
    let (at, job) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*at), JobId::from_bytes(job.try_into().ok()?)))
}

/// The job at the beginning of a key, and what follows it.
pub(crate) fn split_job(key: &[u8]) -> Option<(JobId, &[u8])> {
    let (job, rest) = key.split_first_chunk::<JOB>()?;
    Some((JobId::from_bytes(*job), rest))
}

/// The job at the end of a key.
pub(crate) fn last_job(key: &[u8]) -> Option<JobId> {
    key.last_chunk::<JOB>().map(|job| JobId::from_bytes(*job))
}

/// A span of keys.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The first key.
    pub(crate) start: Vec<u8>,
    /// The end of the span.
    pub(crate) end: Bound<Vec<u8>>,
}

impl Span {
    /// Every key.
    pub(crate) fn all() -> Self {
        Self::prefix(&[])
    }

    /// All keys that begin with `prefix`.
    pub(crate) fn prefix(prefix: &[u8]) -> Self {
        let mut end = prefix.to_vec();
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                return Self { start: prefix.to_vec(), end: Bound::Excluded(end) };
            }
        }
        Self { start: prefix.to_vec(), end: Bound::Unbounded }
    }

    /// The keys of this span from `start` on.
    pub(crate) fn starting_at(self, start: Vec<u8>) -> Self {
        Self { start, ..self }
    }

    /// The keys from one to another, both among them; no key where the first lies behind the last.
    pub(crate) fn from_to(first: Vec<u8>, last: Vec<u8>) -> Self {
        if first > last {
            // A span whose end lies before its start is an error to some stores.
            return Self { start: last.clone(), end: Bound::Excluded(last) };
        }
        Self { start: first, end: Bound::Included(last) }
    }

    /// The ends of the span, as range functions take them.
    pub(crate) fn bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Included(self.start.clone()), self.end.clone())
    }
}

/// The span of job ids whose text begins with `prefix`, in either case; `None` where no id can.
pub(crate) fn ids_beginning_with(prefix: &str) -> Option<Span> {
    const DIGITS: usize = 26;
    let prefix = prefix.to_ascii_uppercase();
    // The first digit of an id carries three bits only, so nothing above 7 can begin one.
    let fits =
        prefix.len() <= DIGITS && prefix.bytes().next().is_none_or(|first| (b'0'..=b'7').contains(&first));
    if !fits {
        return None;
    }
    let filled = |first: &str, rest: &str| {
        let start = if prefix.is_empty() { first } else { &prefix };
        format!("{start}{}", rest.repeat(DIGITS - start.len())).parse::<JobId>().ok()
    };
    let (start, end) = (filled("0", "0")?, filled("7", "Z")?);
    Some(Span { start: start.to_bytes().to_vec(), end: Bound::Included(end.to_bytes().to_vec()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(span: &Span, key: &[u8]) -> bool {
        use std::ops::RangeBounds;
        span.bounds().contains(&key.to_vec())
    }

    #[test]
    fn a_prefix_span_ends_where_the_prefix_does() {
        let span = Span::prefix(&[1, 0xff]);
        assert!(contains(&span, &[1, 0xff]) && contains(&span, &[1, 0xff, 0xff, 9]));
        assert!(!contains(&span, &[2]) && !contains(&span, &[1, 0xfe, 0xff]));
        assert!(contains(&Span::prefix(&[0xff, 0xff]), &[0xff, 0xff, 0xff]));
        assert!(contains(&Span::all(), &[]));
    }

    #[test]
    fn a_span_from_one_key_to_another_has_both() {
        let span = Span::from_to(vec![1], vec![3]);
        assert!([1, 2, 3].iter().all(|key| contains(&span, &[*key])) && !contains(&span, &[3, 0]));
        assert!(contains(&Span::from_to(vec![1], vec![1]), &[1]));
        let backwards = Span::from_to(vec![3], vec![1]);
        assert!(!(0..=4).any(|key| contains(&backwards, &[key])));
    }

    #[test]
    fn names_that_begin_alike_keep_apart() {
        let job = JobId::new();
        assert!(contains(&Span::prefix(&name_prefix("web")), &by_name("web", job)));
        assert!(!contains(&Span::prefix(&name_prefix("web")), &by_name("web1", job)));
    }

    #[test]
    fn a_shortened_id_finds_its_job_in_either_case() {
        let job = JobId::new();
        let text = job.to_string();
        for length in 0..=26 {
            let span = ids_beginning_with(&text[..length].to_lowercase()).expect("a beginning");
            assert!(contains(&span, &job.to_bytes()), "{length} digits");
        }
        for nonsense in ["8", "Z0", "0!", &format!("{text}0")] {
            assert!(ids_beginning_with(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn keys_by_time_sort_by_time_before_they_sort_by_job() {
        let (early, late) = (JobId::from_bytes([9; 16]), JobId::from_bytes([1; 16]));
        assert!(by_time(255, early) < by_time(256, late));
        assert_eq!(time_and_job(&by_time(256, late)), Some((256, late)));
    }
}
