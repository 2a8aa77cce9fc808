//! Which jobs the calls became that an operator has signed, as the operator's own machine noted it: only with that can a job
//! be run again by a new signature, since an overlord could bring up another signed call in the place of the one that is meant.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use wire::identity::write_private;
use wire::message::job::JobId;
use wire::signing::mandate::Nonce;

use crate::folder::Folder;

impl Folder {
    /// Notes the job that a signed call became.
    ///
    /// # Errors
    /// Where the file cannot be written: then the job cannot be run again by a new signature.
    pub(crate) fn note_signed_job(&self, job: JobId, nonce: Nonce) -> io::Result<()> {
        let path = self.signed_jobs();
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        // In one write, since several commands may note something at once.
        file.write_all(format!("{job} {nonce}\n").as_bytes())?;
        if file.metadata()?.len() > MOST {
            let lines = std::fs::read_to_string(&path)?;
            let half = lines.len() / 2;
            let kept = lines[half..].split_once('\n').map_or("", |(_, kept)| kept);
            write_private(&path, kept.as_bytes()).map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// The job whose id begins so that a signed call of this operator became, with the nonce of what was signed; `None` where
    /// none is noted, or more than one.
    pub(crate) fn signed_job(&self, beginning: &str) -> Option<(JobId, Nonce)> {
        if beginning.is_empty() {
            return None;
        }
        let mut found = None;
        for line in BufReader::new(File::open(self.signed_jobs()).ok()?).lines().map_while(Result::ok) {
            let Some((job, nonce)) = line.split_once(' ') else { continue };
            let begins =
                job.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning));
            let (true, Ok(job), Ok(nonce)) = (begins, job.parse(), nonce.parse()) else { continue };
            // An overlord that gives two calls one id gets a signature for neither.
            if found.replace((job, nonce)).is_some_and(|other| other != (job, nonce)) {
                return None;
            }
        }
        found
    }

    fn signed_jobs(&self) -> PathBuf {
        self.dir().join("calls.signed")
    }
}

/// How large the file gets, in bytes, before the older half of it is let go of: some twenty thousand jobs.
const MOST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u8) -> JobId {
        JobId::from_bytes([number; 16])
    }

    fn nonce(number: u8) -> Nonce {
        Nonce::new([number; 16])
    }

    #[test]
    fn a_job_is_found_by_a_beginning_of_its_id_that_is_no_others() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path());
        assert_eq!(folder.signed_job("0"), None);
        for number in [1, 2] {
            folder.note_signed_job(job(number), nonce(number)).expect("noted");
        }
        let id = job(1).to_string();
        for beginning in [id.as_str(), &id[..8], &id[..8].to_lowercase()] {
            assert_eq!(folder.signed_job(beginning), Some((job(1), nonce(1))), "{beginning}");
        }
        for beginning in ["", "0", "7", &format!("{id}0"), "é"] {
            assert_eq!(folder.signed_job(beginning), None, "{beginning}");
        }
    }

    #[test]
    fn of_two_calls_that_were_given_one_id_neither_is_known() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path());
        for number in [1, 1, 2] {
            assert!(number == 1 || folder.signed_job(&job(1).to_string()).is_some());
            folder.note_signed_job(job(1), nonce(number)).expect("noted");
        }
        assert_eq!(folder.signed_job(&job(1).to_string()), None);
    }

    #[test]
    fn the_newest_are_kept_where_there_are_many() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path());
        let line = format!("{} {}\n", job(1), nonce(1));
        let many = line.repeat(MOST as usize / line.len() + 1);
        std::fs::write(folder.signed_jobs(), many).expect("written");
        folder.note_signed_job(job(2), nonce(2)).expect("noted");
        let kept = std::fs::metadata(folder.signed_jobs()).expect("there").len();
        assert!(kept <= MOST / 2 + line.len() as u64, "{kept}");
        assert_eq!(folder.signed_job(&job(2).to_string()), Some((job(2), nonce(2))));
    }
}
